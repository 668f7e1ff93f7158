package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sslctl/sslctl/core/fault"
)

// group makes a command that has only commands below it: alone it shows its help, with a word that names none of them it
// suggests the nearest.
func group(c *cobra.Command, below ...*cobra.Command) *cobra.Command {
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		var names []string
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		hint := "there are " + strings.Join(names, ", ")
		if near := nearest(args[0], names); near != "" {
			hint = fmt.Sprintf("did you mean %s %s? %s --help shows all", c.CommandPath(), near, c.CommandPath())
		}
		return fault.New(fault.Usage, hint, "unknown command %q for %s", args[0], c.CommandPath())
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(below...)
	return c
}

// flagError gives what pflag complains of a hint; an unknown flag, the nearest that there is.
func flagError(c *cobra.Command, err error) error {
	hint := c.CommandPath() + " --help shows the flags"
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := nearest(unknown.GetSpecifiedName(), names); near != "" {
			hint = fmt.Sprintf("did you mean --%s? %s", near, hint)
		}
	}
	return fault.New(fault.Usage, hint, "%w", err)
}

// nearest is the name with the fewest edits, at most two, or two in five of its letters; "" where none is near.
func nearest(word string, names []string) string {
	best, edits := "", 0
	for _, n := range names {
		d := levenshtein.ComputeDistance(word, n)
		if d <= max(2, 2*len(n)/5) && (best == "" || d < edits) {
			best, edits = n, d
		}
	}
	return best
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fault.New(fault.Usage, c.CommandPath()+" --help shows how it is called", "unexpected argument %q", args[0])
	}
	return nil
}

// oneArg demands one argument; what says which, as in "a run folder, such as runs/latest".
func oneArg(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fault.New(fault.Usage, "name "+what, "%s takes one argument, got %d", c.CommandPath(), len(args))
		}
		return nil
	}
}
