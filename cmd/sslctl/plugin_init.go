package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/scaffold"
	"github.com/sslctl/sslctl/sdk/wire"
)

func (a *app) pluginInitCommand() *cobra.Command {
	var p scaffold.Project
	var kind, language string
	c := &cobra.Command{
		Use:   "init NAME",
		Short: "Begin a method, regulariser or backbone of your own, in Go or Python",
		Long: "Writes a project that builds, passes its test and trains as it is: an objective or network of few lines to change, its test, README,\n" +
			"Makefile and CI file. One in Go is completed by `go mod tidy`; one in Python makes its virtual environment by `make`.",
		Example: "  sslctl plugin init my-method --sdk ~/sslctl            # against a checkout of sslctl\n" +
			"  sslctl plugin init my-term --kind regulariser --dir terms/my-term\n" +
			"  sslctl plugin init my-net --kind backbone --sdk ~/sslctl\n" +
			"  sslctl plugin init my-method --lang python",
		Args: oneArg("the new plugin, such as my-method"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Name, p.Kind, p.Language, p.Version = args[0], wire.Kind(kind), scaffold.Language(language), version()
			if p.Dir == "" {
				p.Dir = p.Name
			}
			return a.initPlugin(cmd.Context(), p)
		},
	}
	f := c.Flags()
	f.StringVar(&kind, "kind", string(wire.Method), "`KIND` of the plugin: method, regulariser, backbone")
	f.StringVar(&language, "lang", string(scaffold.Go), "`LANGUAGE`: go, python")
	f.StringVar(&p.Dir, "dir", "", "`FOLDER` to make (default the name)")
	f.StringVar(&p.SDK, "sdk", "", "`FOLDER` of a checkout of sslctl to build against (default the published version)")
	completeKinds(c)
	complete(c, "lang", cobra.FixedCompletions([]cobra.Completion{string(scaffold.Go), string(scaffold.Python)}, cobra.ShellCompDirectiveNoFileComp))
	complete(c, "dir", completeFolders)
	complete(c, "sdk", completeFolders)
	return c
}

func (a *app) initPlugin(ctx context.Context, p scaffold.Project) error {
	files, err := scaffold.Write(p)
	if err != nil {
		return err
	}
	if p.Language == scaffold.Go {
		if err := scaffold.Tidy(ctx, p.Dir); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(map[string]any{"kind": p.Kind, "name": p.Name, "language": p.Language, "dir": p.Dir, "files": files})
	}
	return a.print(fmt.Sprintf("the %s %s is in %s: %s\n\n    cd %s\n    make             # tests it\n    make check       # lets sslctl prove it right\n    make install\n",
		p.Kind, p.Name, p.Dir, strings.Join(files, ", "), p.Dir))
}
