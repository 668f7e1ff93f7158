package dl

import (
	"fmt"
	"strings"
)

// MissingLibrary says that a library could not be opened.
type MissingLibrary struct {
	Name     string
	Files    []string // looked for
	Searched []string // where, each with the reason if there was more to say than that it is not there
	Hint     string   // how to get it
}

func (e *MissingLibrary) Error() string {
	return fmt.Sprintf("%s is missing: no %s in %s", e.Name, strings.Join(e.Files, " or "), strings.Join(e.Searched, ", "))
}

// MissingSymbol says that a library lacks a function, most often because it is older than the function.
type MissingSymbol struct {
	Library, Path, Symbol string
}

func (e *MissingSymbol) Error() string {
	return fmt.Sprintf("%s (%s) has no function %s", e.Library, e.Path, e.Symbol)
}

// TooOld says that a library's version is below what is needed.
type TooOld struct {
	Library, Path   string
	Version, Needed string
}

func (e *TooOld) Error() string {
	return fmt.Sprintf("%s (%s) has version %s; %s or newer is needed", e.Library, e.Path, e.Version, e.Needed)
}
