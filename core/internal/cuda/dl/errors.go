package dl

import (
	"fmt"
	"strings"
)

// MissingLibrary says that a library could not be opened.
type MissingLibrary struct {
	Name     string
	Files    []string // looked for
	Searched []string // where
	Broken   []error  // why files that are there could not be opened
	Hint     string   // how to get it
}

func (e *MissingLibrary) Error() string {
	if !Supported {
		return e.Name + " is missing: this binary was built without CUDA"
	}
	where := strings.Join(e.Searched, ", ")
	if where == "" {
		where = "the folders of " + Variable + ", which are none"
	}
	text := fmt.Sprintf("%s is missing: no %s in %s", e.Name, strings.Join(e.Files, " or "), where)
	for _, err := range e.Broken {
		text += fmt.Sprintf("; %v", err)
	}
	return text
}

// Unwrap gives the reasons of files that could not be opened.
func (e *MissingLibrary) Unwrap() []error { return e.Broken }

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
