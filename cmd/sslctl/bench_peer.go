package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/bench"
	"github.com/sslctl/sslctl/core/fault"
)

func (a *app) benchPeerCommand() *cobra.Command {
	var o bench.RaceOptions
	var nets []string
	var python, setting string
	c := &cobra.Command{
		Use:   "peer",
		Short: "Race the training step against PyTorch's on this machine",
		Long: "Times this program's step and PyTorch's of the same networks in turns, a process each, and prints the ratio of their\n" +
			"medians with the lowest and highest ratio of a round, and the peak memory of both. PyTorch is first tried once in every\n" +
			"setting - memory format, eager or compiled, malloc that gives nothing back - and the quickest one races.\n" +
			"`make bench-peer` installs PyTorch into a virtual environment and calls this.",
		Example: "  sslctl bench peer --net r18 --rounds 5\n  sslctl bench peer --python ./venv/bin/python --setting channels_last,eager,keep --json\n" +
			"  sslctl bench peer --net r18 --precision bf16 --peer-precision bf16\n" +
			"  sslctl bench peer --device cuda --net resnet50 --batch 256 --precision bf16 --peer-precision bf16",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Device != "cpu" && o.Device != "cuda" {
				return fault.New(fault.Usage, "take cpu or cuda", "no race on the device %q", o.Device)
			}
			if setting != "" {
				var err error
				if o.Setting, err = bench.ParseSetting(o.Device, setting); err != nil {
					return err
				}
			}
			interpreter, err := peerPython(python)
			if err != nil {
				return err
			}
			o.Python, o.Ours = []string{interpreter}, []string{a.self, "bench", "step", "--json", "--quiet"}
			if !a.quiet {
				o.Tell = func(line string) { fmt.Fprintln(a.stderr, line) }
			}
			var results []bench.RaceResult
			for _, o.Net = range nets {
				r, err := bench.Race(cmd.Context(), o)
				if err != nil {
					return err
				}
				results = append(results, r)
			}
			if a.json {
				return a.printJSON(results)
			}
			a.printRaces(results)
			return nil
		},
	}
	f := c.Flags()
	f.StringSliceVar(&nets, "net", []string{"r18", "small", "resnet50"}, "networks to race over")
	f.StringVar(&o.Device, "device", "cpu", "cpu or cuda, of both sides")
	f.StringVar(&o.Precision, "precision", "fp32", "fp32, or bf16: activations stored in bfloat16")
	f.StringVar(&o.PeerPrecision, "peer-precision", "fp32", "fp32, bf16 by PyTorch's autocast, or on a GPU tf32")
	f.IntVar(&o.Batch, "batch", 0, "images in a view (default the network's own)")
	f.IntVar(&o.Threads, "threads", 0, "threads of both sides (default one a core)")
	f.IntVar(&o.Rounds, "rounds", 5, "rounds of one process a side")
	f.IntVar(&o.Steps, "steps", 5, "steps that count in a process")
	f.IntVar(&o.Warmup, "warmup", 2, "steps before them")
	f.StringVar(&setting, "setting", "", "race PyTorch in this `SETTING` instead of trying all: channels_last,eager,keep")
	f.StringVar(&python, "python", "", "`PROGRAM` with PyTorch (default $PEER_PYTHON, then the environment that make bench-peer makes)")
	return c
}

// peerPython is the Python that a flag names, the environment names, or make bench-peer made.
func peerPython(flag string) (string, error) {
	if flag == "" {
		flag = os.Getenv("PEER_PYTHON")
	}
	if flag != "" {
		return flag, nil
	}
	cache, err := os.UserCacheDir()
	if err == nil {
		made := filepath.Join(cache, "sslctl", "peer-venv", "bin", "python")
		if _, err = os.Stat(made); err == nil {
			return made, nil
		}
	}
	return "", fault.New(fault.Usage, "run make bench-peer, or name one by --python", "no Python with PyTorch: %w", err)
}

func (a *app) printRaces(results []bench.RaceResult) {
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.AppendHeader(table.Row{"net", "batch", "threads", "ours, PyTorch in", "ours, ms", "PyTorch, ms", "ratio", "lowest", "highest", "ours, MB", "PyTorch, MB", "PyTorch's setting"})
	for _, r := range results {
		t.AppendRow(table.Row{r.Net, fmt.Sprintf("%d x 2", r.Batch), r.Threads, r.Precision + ", " + r.PeerPrecision, fmt.Sprintf("%.1f", r.Ours), fmt.Sprintf("%.1f", r.Peer), fmt.Sprintf("%.2f", r.Ratio),
			fmt.Sprintf("%.2f", r.RatioLow), fmt.Sprintf("%.2f", r.RatioHigh), fmt.Sprintf("%.0f", float64(r.OursMemory)/1e6), fmt.Sprintf("%.0f", float64(r.PeerMemory)/1e6), r.Setting})
	}
	t.Render()
	for _, r := range results {
		if len(r.Trials) == 0 {
			continue
		}
		fmt.Fprintf(a.stdout, "PyTorch %s, %s %s, settings tried once, ms:", r.Torch, r.Net, r.PeerPrecision)
		for _, trial := range r.Trials {
			fmt.Fprintf(a.stdout, " %s %.1f;", trial.Setting, trial.Lap.Median)
		}
		fmt.Fprintln(a.stdout)
	}
}
