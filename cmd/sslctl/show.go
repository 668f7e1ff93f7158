package main

import (
	"bytes"
	"runtime/debug"

	"github.com/sslctl/sslctl/core/report"
	runfolder "github.com/sslctl/sslctl/core/run"
)

// reportFile is the page that a run ends with.
const reportFile = "report.html"

// writeReport renders the page of a finished run into its folder.
func writeReport(folder *runfolder.Run) error {
	r, err := report.Load(folder.Dir())
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := report.Render(&page, []report.Run{r}); err != nil {
		return err
	}
	return folder.WriteFile(reportFile, page.Bytes())
}

// show prints the result: a summary for people, or the object of result.json with the folder's path.
func (a *app) show(result runfolder.Result, folder *runfolder.Folder) error {
	if a.json {
		return a.printJSON(struct {
			Run string `json:"run"`
			runfolder.Result
		}{folder.Dir(), result})
	}
	r, err := report.Load(folder.Dir())
	if err != nil {
		return err
	}
	r.Result = &result
	return report.Summary(a.stdout, r, report.SummaryOptions{Colour: a.colour})
}

// version is the program's: the module's version, or "devel".
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}
