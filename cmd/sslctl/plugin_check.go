package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/conform"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/sdk/sdktest"
	"github.com/sslctl/sslctl/sdk/wire"
)

func (a *app) pluginTestCommand() *cobra.Command {
	var kind, data, dir string
	var steps int
	c := &cobra.Command{
		Use:   "test NAME|PATH",
		Short: "Prove a plugin right: shapes, gradients, determinism, odd inputs, and a short training",
		Long: "Starts the plugin as a run does and checks what it answers: description, hyper-parameters and their limits, shapes, gradients\n" +
			"against finite differences, determinism, the order and number of images, very long, constant and NaN embeddings, the time\n" +
			"of a trace; then trains it for some steps on real images and gives the verdict on collapse. A warning names what may be\n" +
			"intended. A failed check ends with exit code 3.",
		Example: "  sslctl plugin test vicreg\n  sslctl plugin test ./sslctl-method-mine --data ./photos\n  sslctl plugin test var --kind regulariser --steps 0 --json",
		Args:    oneArg("a plugin, or the path of its executable, such as ./sslctl-method-mine"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, k, err := a.locate(args[0], kind)
			if err != nil {
				return err
			}
			return a.testPlugin(cmd.Context(), name, k, conform.Options{Data: data, Dir: dir, Steps: steps})
		},
	}
	f := c.Flags()
	f.StringVar(&kind, "kind", string(wire.Method), "what the plugin is, where it is given by name: method, regulariser, backbone")
	f.StringVar(&data, "data", "fashion-mnist", "`NAME` of the data set, or folder of images, of the training")
	f.StringVar(&dir, "data-dir", "", "`FOLDER` of the data set's files")
	f.IntVar(&steps, "steps", 30, "`STEPS` of the training; 0 for none")
	completeKinds(c)
	complete(c, "data-dir", completeFolders)
	return c
}

// locate reads NAME, or PATH, whose file name says kind and name and whose folder is searched first.
func (a *app) locate(arg, kind string) (name string, k wire.Kind, err error) {
	if !strings.ContainsRune(arg, filepath.Separator) {
		if k = wire.Kind(kind); !k.Known() {
			return "", "", unknownKind(kind)
		}
		return arg, k, nil
	}
	file := strings.TrimSuffix(filepath.Base(arg), ".exe")
	for _, k := range wire.Kinds() {
		if name, ok := strings.CutPrefix(file, "sslctl-"+string(k)+"-"); ok {
			a.pluginDirs = append([]string{filepath.Dir(arg)}, a.pluginDirs...)
			return name, k, nil
		}
	}
	return "", "", fault.New(fault.Usage, "build it as sslctl-method-NAME, sslctl-regulariser-NAME or sslctl-backbone-NAME", "the file name %q does not say what kind of plugin it is", file)
}

// testJSON is the report for programs.
type testJSON struct {
	Kind   string           `json:"kind"`
	Name   string           `json:"name"`
	Source string           `json:"source"` // "shipped", or the path of the executable
	OK     bool             `json:"ok"`
	Checks []sdktest.Result `json:"checks"`
	Took   time.Duration    `json:"took_ns"`
}

func (a *app) testPlugin(ctx context.Context, name string, kind wire.Kind, o conform.Options) error {
	began := time.Now()
	o.Log = a.logger()
	s, closeSession := a.session(o.Log)
	defer closeSession()
	ref, err := s.Host.Find(kind, name)
	if err != nil {
		return err
	}
	o.Host = s.Host
	results, err := conform.Check(ctx, ref, o)
	if err != nil {
		return err
	}
	failed := 0
	for _, r := range results {
		if r.Status == sdktest.Failed {
			failed++
		}
	}
	report := testJSON{string(kind), name, listed(host.Listed{Ref: ref}).Source, failed == 0, results, time.Since(began)}
	if a.json {
		err = a.printJSON(report)
	} else {
		err = a.print(report.text())
	}
	if err == nil && failed > 0 {
		err = fault.New(fault.Plugin, "change what the report names; in a Go test sdktest.Run makes the same checks", "%s failed %d of %d checks", ref, failed, len(results))
	}
	return err
}

// text is the report for people, a line a check.
func (j testJSON) text() string {
	t := left(newTable("check", "", "finding", "took"), 4)
	for _, r := range j.Checks {
		says := oneLine(r.Says)
		if first, _, _ := strings.Cut(r.Detail, "\n"); !strings.HasPrefix(first, "goroutine ") { // no stacks
			says = oneLine(says + " " + first)
		}
		if r.Param != "" && !strings.Contains(says, r.Param) {
			says += " (hyper-parameter " + r.Param + ")"
		}
		if r.Source != "" && !strings.Contains(says, r.Source) {
			says = r.Source + ": " + says
		}
		t.AppendRow(table.Row{r.Check, string(r.Status), says, r.Took.Round(time.Millisecond).String()})
	}
	return fmt.Sprintf("%s %s (%s)\n\n%s\n%s in %v\n", j.Kind, j.Name, j.Source, render(t), j.summary(), j.Took.Round(100*time.Millisecond))
}

func (j testJSON) summary() string {
	counts := map[sdktest.Status]int{}
	for _, r := range j.Checks {
		counts[r.Status]++
	}
	return fmt.Sprintf("%d passed, %d warned, %d failed", counts[sdktest.Passed], counts[sdktest.Warned], counts[sdktest.Failed])
}
