package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/cuda/inventory"
	"github.com/sslctl/sslctl/core/experiment"
	runfolder "github.com/sslctl/sslctl/core/run"
)

// deviceJSON is a device that --device takes here.
type deviceJSON struct {
	Device  string `json:"device"` // "cpu", "cuda:0"
	Name    string `json:"name"`
	Details string `json:"details"`
	Memory  int    `json:"memory,omitempty"` // of a GPU, in bytes
}

// libraryJSON is one of NVIDIA's libraries, found or not.
type libraryJSON struct {
	Name    string `json:"name"`
	Purpose string `json:"purpose"`
	Needed  bool   `json:"needed"` // without it no GPU is used
	Version string `json:"version,omitempty"`
	Path    string `json:"path,omitempty"`
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// devicesJSON is what sslctl device tells programs.
type devicesJSON struct {
	Devices   []deviceJSON  `json:"devices"`
	Auto      string        `json:"auto"`              // what --device auto takes
	WhyNot    string        `json:"why_not,omitempty"` // auto takes no GPU
	Libraries []libraryJSON `json:"libraries"`
}

func (a *app) deviceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "device",
		Short: "List devices, NVIDIA's libraries, and what is missing for a GPU",
		Long: "Lists what --device can name on this machine, and NVIDIA's libraries with version and file. They are looked for in the folders\n" +
			"of $" + inventory.Variable + ", where the system's loader looks, in /usr/local/cuda*, and in Python's site-packages. What is missing\n" +
			"is listed with the way to get it; docs/cuda.md has more.",
		Example: "  sslctl device\n  sslctl device --json\n  " + inventory.Variable + "=/opt/cuda/lib64 sslctl device",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			d := devices(inventory.Take())
			if a.json {
				return a.printJSON(d)
			}
			return a.print(d.text())
		},
	}
}

// devices puts an inventory into words.
func devices(i inventory.Inventory) devicesJSON {
	var isa []string
	for _, k := range kernel.ISAs() {
		isa = append(isa, k.String())
	}
	out := devicesJSON{
		Devices: []deviceJSON{{Device: "cpu", Name: runfolder.Observe(version(), time.Time{}).Machine.CPU, Details: fmt.Sprintf("%d threads; %s", runtime.GOMAXPROCS(0), strings.Join(isa, ", "))}},
		Auto:    "cpu",
	}
	for _, g := range i.GPUs {
		out.Devices = append(out.Devices, deviceJSON{Device: g.Device, Name: g.Name, Memory: g.Memory,
			Details: fmt.Sprintf("%.1f GiB, compute capability %s, %d multiprocessors", float64(g.Memory)/(1<<30), g.Compute, g.SMs)})
	}
	if why := i.Usable(); why != nil {
		out.WhyNot = oneLine(why.Error())
	} else {
		out.Auto = i.GPUs[0].Device
	}
	for _, l := range i.Libraries {
		j := libraryJSON{Name: l.Name, Purpose: l.Purpose, Needed: l.Needed, Version: l.Version, Path: l.Path, Hint: l.Hint}
		if l.Err != nil {
			j.Error = oneLine(l.Err.Error())
		}
		out.Libraries = append(out.Libraries, j)
	}
	return out
}

// text is the listing for people: devices, libraries, and what to do about those that are missing.
func (d devicesJSON) text() string {
	t := left(newTable("device", "name", "details"), 3)
	for _, v := range d.Devices {
		t.AppendRow(table.Row{v.Device, v.Name, v.Details})
	}
	l := left(newTable("library", "version", "for", "file"), 4)
	var missing strings.Builder
	for _, v := range d.Libraries {
		file := v.Path
		switch {
		case v.Error != "" && file == "":
			file = "missing"
		case v.Error != "":
			file += " cannot be used"
		}
		if v.Error != "" {
			fmt.Fprintf(&missing, "\n%s\n    %s\n", v.Error, v.Hint)
		}
		l.AppendRow(table.Row{v.Name, v.Version, v.Purpose, file})
	}
	auto := "--device auto takes " + d.Auto
	if d.WhyNot != "" {
		auto += ", because no GPU can be used"
	}
	return render(t) + "\n" + render(l) + missing.String() + "\n" + auto + "\n"
}

// chooser settles what of a configuration depends on the machine, and says each choice once.
type chooser struct {
	log  *zap.Logger
	told []string
}

func (d *chooser) choose(c config.Config) config.Config {
	c, why := experiment.Choose(c)
	for _, choice := range []string{why.Device, why.Precision} {
		if choice != "" && !slices.Contains(d.told, choice) {
			d.told = append(d.told, choice)
			d.log.Info(choice)
		}
	}
	return c
}
