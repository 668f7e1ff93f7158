package report

import (
	"fmt"
	"html/template"

	"github.com/sslctl/sslctl/core/run"
)

// Style is the style sheet of the program's pages: light, dark and print.
func Style() (template.CSS, error) {
	b, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		return "", fmt.Errorf("read style of pages: %w", err)
	}
	return template.CSS(b), nil
}

// ProbeWord names a probe in a heading, as in the tables of this package: "linear", "1 % labels".
func ProbeWord(probe string, r run.Result) string { return probeWord(probe, []Run{{Result: &r}}) }

// ShellLine writes a command so that a shell reads it back.
func ShellLine(args []string) string { return shellLine(args) }
