package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	runfolder "github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/sdk/wire"
)

func (a *app) completionCommand() *cobra.Command {
	shells := map[string]func(root *cobra.Command) error{
		"bash":       func(r *cobra.Command) error { return r.GenBashCompletionV2(a.stdout, true) },
		"zsh":        func(r *cobra.Command) error { return r.GenZshCompletion(a.stdout) },
		"fish":       func(r *cobra.Command) error { return r.GenFishCompletion(a.stdout, true) },
		"powershell": func(r *cobra.Command) error { return r.GenPowerShellCompletionWithDesc(a.stdout) },
	}
	names := []cobra.Completion{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script that completes commands, flags, methods, data sets and runs",
		Long: "Prints a script for the shell that completes commands and flags and, by asking sslctl itself, methods, presets, data sets,\n" +
			"backbones and run folders.",
		Example: "  source <(sslctl completion bash)                                        # this shell\n" +
			"  sslctl completion bash > ~/.local/share/bash-completion/completions/sslctl\n" +
			"  sslctl completion zsh > \"${fpath[1]}/_sslctl\"\n" +
			"  sslctl completion fish > ~/.config/fish/completions/sslctl.fish\n" +
			"  sslctl completion powershell | Out-String | Invoke-Expression",
		Args:              oneArg("a shell: bash, zsh, fish or powershell"),
		ValidArgsFunction: cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			script, ok := shells[args[0]]
			if !ok {
				return fault.New(fault.Usage, "choose bash, zsh, fish or powershell", "there is no completion for the shell %q", args[0])
			}
			return script(cmd.Root())
		},
	}
}

// complete attaches a completion to a flag. Its only error is a flag that does not exist, a mistake of ours.
func complete(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic("sslctl: " + err.Error())
	}
}

// first completes the first argument only.
func first(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(c, args, word)
	}
}

// completeLayers attaches completions to the flags of configuration that the command has.
func (a *app) completeLayers(c *cobra.Command) {
	for flag, f := range map[string]cobra.CompletionFunc{
		"method": a.completeMethods, "preset": a.completePresets, "data": completeData, "backbone": a.completeBackbones,
		"data-dir": completeFolders, "add-reg": a.completeRegularisers,
		"device":     cobra.FixedCompletions([]cobra.Completion{"auto", "cpu", "cuda", "tapemachine"}, cobra.ShellCompDirectiveNoFileComp),
		"optimizer":  cobra.FixedCompletions([]cobra.Completion{"sgd", "lars", "adamw"}, cobra.ShellCompDirectiveNoFileComp),
		"on-corrupt": cobra.FixedCompletions([]cobra.Completion{"fail", "skip"}, cobra.ShellCompDirectiveNoFileComp),
	} {
		if c.Flags().Lookup(flag) != nil {
			complete(c, flag, f)
		}
	}
}

func (a *app) completeMethods(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.plugins(c.Context(), wire.Method), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeRegularisers(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.plugins(c.Context(), wire.Regulariser), cobra.ShellCompDirectiveNoFileComp
}

// plugins lists what can be named, with titles. What cannot be asked is left out.
func (a *app) plugins(ctx context.Context, kind wire.Kind) []cobra.Completion {
	var names []cobra.Completion
	a.ask(func(h *host.Host) {
		all, _ := h.List(ctx) // its only error is that the context ended
		for _, p := range all {
			if p.Ref.Kind == kind && p.Err == nil {
				names = append(names, cobra.CompletionWithDesc(p.Ref.Name, p.Description.Title))
			}
		}
	})
	return names
}

// ask gives a question a host of its own.
func (a *app) ask(question func(*host.Host)) {
	s, closeSession := a.session(a.logger())
	defer closeSession()
	question(s.Host)
}

// completePresets lists those of the method that --method or the first argument names.
func (a *app) completePresets(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	name := ""
	if f := c.Flags().Lookup("method"); f != nil {
		name = f.Value.String()
	} else if len(args) > 0 {
		name = args[0]
	}
	var presets []cobra.Completion
	a.ask(func(h *host.Host) {
		ref, err := h.Find(wire.Method, name)
		if err != nil {
			return
		}
		d, err := h.Describe(c.Context(), ref)
		if err != nil {
			return
		}
		for _, p := range d.Presets {
			presets = append(presets, cobra.CompletionWithDesc(p.Name, p.Source))
		}
	})
	return presets, cobra.ShellCompDirectiveNoFileComp
}

// completeData lists data sets by name; the shell adds folders.
func completeData(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, d := range data.List("") {
		names = append(names, cobra.CompletionWithDesc(d.Name, d.Title))
	}
	return names, cobra.ShellCompDirectiveDefault
}

// completeKinds completes --kind.
func completeKinds(c *cobra.Command) {
	var kinds []cobra.Completion
	for _, k := range wire.Kinds() {
		kinds = append(kinds, cobra.Completion(k))
	}
	complete(c, "kind", cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp))
}

func completeFolders(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// completeRuns lists the runs below ./runs with their states; the shell adds files for runs elsewhere.
func (a *app) completeRuns(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const root = "runs"
	entries, _ := os.ReadDir(root) // a folder that is not there holds nothing
	var names []cobra.Completion
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		f, err := runfolder.Open(dir)
		if err != nil {
			continue
		}
		if status, _, err := f.Status(); err == nil {
			names = append(names, cobra.CompletionWithDesc(dir, string(status)))
		}
	}
	return names, cobra.ShellCompDirectiveDefault
}
