package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	runfolder "github.com/sslctl/sslctl/core/run"
)

// version is the program's: the module's version, or "devel".
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}

// versionJSON is what a bug report needs to know of a build and its machine.
type versionJSON struct {
	runfolder.Software
	OS  string   `json:"os"`
	CPU string   `json:"cpu"`
	ISA []string `json:"isa"` // instruction sets that the kernels can use here, the chosen one last
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show version, revision, Go and the CPU's instruction sets",
		Long:    "Shows what this binary was built from, and which of its kernels this CPU can run; the last one is used.",
		Example: "  sslctl version\n  sslctl version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			p := runfolder.Observe(version(), time.Time{})
			v := versionJSON{Software: p.Software, OS: runtime.GOOS + "/" + runtime.GOARCH, CPU: p.Machine.CPU}
			for _, isa := range kernel.ISAs() {
				v.ISA = append(v.ISA, isa.String())
			}
			if a.json {
				return a.printJSON(v)
			}
			revision := v.Revision
			if revision == "" {
				revision = "unknown"
			} else if v.Modified {
				revision += ", with changes"
			}
			return a.print(fmt.Sprintf("sslctl %s\nrevision  %s\ngo        %s %s\ncpu       %s\nkernels   %s\n",
				v.Version, revision, v.Go, v.OS, v.CPU, strings.Join(v.ISA, ", ")))
		},
	}
}
