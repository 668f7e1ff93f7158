package main

import (
	"bytes"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/report"
	runfolder "github.com/sslctl/sslctl/core/run"
)

// finished is a result with the folder of its run.
type finished struct {
	result runfolder.Result
	folder *runfolder.Folder
}

// show prints a result: a summary for people, or the object of result.json with the folder's path.
func (a *app) show(f finished) error {
	if a.json {
		f.result.SchemaVersion = runfolder.ResultSchema
		return a.printJSON(struct {
			Run string `json:"run"`
			runfolder.Result
		}{f.folder.Dir(), f.result})
	}
	r, err := report.Load(f.folder.Dir())
	if err != nil {
		return err
	}
	r.Result = &f.result
	return report.Summary(a.stdout, r, report.SummaryOptions{Colour: a.colour})
}

// print writes text to stdout.
func (a *app) print(text string) error {
	_, err := io.WriteString(a.stdout, text)
	return err
}

func (a *app) reportCommand() *cobra.Command {
	out := experimentReport
	c := &cobra.Command{
		Use:   "report RUN...",
		Short: "Write a page about one run, or several side by side",
		Long: "Renders one self-contained HTML page: accuracies beside the baselines, the verdict on collapse, spectrum and map of the\n" +
			"embeddings, losses, configuration and provenance. Several runs share its charts and tables. It works offline and needs no plugin.",
		Example: "  sslctl report runs/latest\n" +
			"  sslctl report runs/20261124-*-vicreg-* runs/20261124-*-byol-* --out comparison.html",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fault.New(fault.Usage, "name one run folder or several, such as runs/latest", "report of no run")
			}
			return nil
		},
		ValidArgsFunction: a.completeRuns,
		RunE:              func(_ *cobra.Command, args []string) error { return a.report(args, out) },
	}
	c.Flags().StringVar(&out, "out", out, "`FILE` to write; - for stdout")
	return c
}

// experimentReport is the name of the page where --out names no other.
const experimentReport = "report.html"

func (a *app) report(dirs []string, out string) error {
	runs := make([]report.Run, len(dirs))
	for i, dir := range dirs {
		var err error
		if runs[i], err = report.Load(dir); err != nil {
			return err
		}
	}
	var page bytes.Buffer
	if err := report.Render(&page, runs); err != nil {
		return err
	}
	if out == "-" {
		return a.print(page.String())
	}
	if err := durable.WriteFile(out, page.Bytes()); err != nil {
		return fault.New(fault.Data, "choose a folder that exists and can be written by --out", "write the report: %w", err)
	}
	if a.json {
		return a.printJSON(map[string]any{"report": out, "runs": dirs})
	}
	return a.print("report of " + strings.Join(dirs, ", ") + " written to " + out + "\n")
}
