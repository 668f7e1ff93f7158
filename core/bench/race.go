package bench

import (
	"bytes"
	"context"
	_ "embed" // the peer's script
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sslctl/sslctl/core/fault"
)

//go:embed peer/step.py
var peerScript []byte

// Setting is a way to run the peer.
type Setting struct {
	Format string `json:"format"` // "contiguous" or "channels_last"
	Mode   string `json:"mode"`   // "eager", "compile" by torch.compile, or on a GPU "graphs": compiled, with CUDA graphs
	Malloc string `json:"malloc"` // "usual", or "keep": one that gives no memory back, PyTorch's advice for CPUs
}

// String is the setting as ParseSetting reads it: "channels_last,eager,keep".
func (s Setting) String() string { return strings.Join([]string{s.Format, s.Mode, s.Malloc}, ",") }

// Settings are all ways in which the peer is tried on a device: "cpu", or "cuda", where malloc counts for nothing.
func Settings(device string) []Setting {
	mallocs, modes := []string{"keep", "usual"}, []string{"eager", "compile"}
	if device == "cuda" {
		mallocs, modes = []string{"usual"}, []string{"eager", "compile", "graphs"}
	}
	var out []Setting
	for _, malloc := range mallocs {
		for _, mode := range modes {
			for _, format := range []string{"channels_last", "contiguous"} {
				out = append(out, Setting{format, mode, malloc})
			}
		}
	}
	return out
}

// ParseSetting is one of a device's Settings by its String.
func ParseSetting(device, text string) (Setting, error) {
	all := Settings(device)
	i := slices.IndexFunc(all, func(s Setting) bool { return s.String() == text })
	if i < 0 {
		return Setting{}, fault.New(fault.Usage, "name format, mode and malloc, such as "+all[0].String(), "no such setting of the peer on %s: %q", device, text)
	}
	return all[i], nil
}

// env is what the setting asks of glibc's malloc.
func (s Setting) env() []string {
	if s.Malloc == "keep" {
		return []string{"MALLOC_TRIM_THRESHOLD_=-1", "MALLOC_MMAP_THRESHOLD_=4294967296"}
	}
	return nil
}

// Lap is one process's timing of some steps: the keys that both sides print.
type Lap struct {
	Median     float64 `json:"median_ms"`
	Min        float64 `json:"min_ms"`
	Memory     int     `json:"memory_bytes"` // largest resident size of the process, or memory taken from the GPU; 0 where nobody tells
	Parameters int     `json:"parameters"`
	Batch      int     `json:"batch"`
	Threads    int     `json:"threads"`
	Torch      string  `json:"torch,omitempty"` // the peer's version
}

// RaceOptions say who races over what.
type RaceOptions struct {
	Net            string
	Device         string   // of both sides: cpu or cuda
	Precision      string   // fp32, or bf16: activations stored in bfloat16, all arithmetic in float32
	PeerPrecision  string   // fp32, bf16 by the peer's autocast, or on a GPU tf32
	Batch, Threads int      // 0 for the network's own, and for one a core
	Ours           []string // command of this program's step, to which flags are added: sslctl bench step --json
	Python         []string // command that runs a Python script with PyTorch
	Setting        Setting  // of the peer; the zero value tries all and takes the best
	Rounds         int
	Steps, Warmup  int          // in each process
	Tell           func(string) // after each process; may be nil
}

// Trial is a setting of the peer that was tried.
type Trial struct {
	Setting Setting `json:"setting"`
	Lap     Lap     `json:"lap"`
}

// Round is one lap of each side, ours first.
type Round struct {
	Ours  Lap     `json:"ours"`
	Peer  Lap     `json:"peer"`
	Ratio float64 `json:"ratio"` // the peer's time over ours
}

// RaceResult is a race of one network.
type RaceResult struct {
	Net           string  `json:"net"`
	Device        string  `json:"device"`
	Batch         int     `json:"batch"`
	Threads       int     `json:"threads"`
	Precision     string  `json:"precision"` // ours
	PeerPrecision string  `json:"peer_precision"`
	Torch         string  `json:"torch"`
	Setting       Setting `json:"setting"` // of the peer in the race
	Trials        []Trial `json:"trials,omitempty"`
	Rounds        []Round `json:"rounds"`
	Ours          float64 `json:"ours_ms"` // median over the rounds' medians
	Peer          float64 `json:"peer_ms"`
	Ratio         float64 `json:"ratio"` // Peer / Ours
	RatioLow      float64 `json:"ratio_low"`
	RatioHigh     float64 `json:"ratio_high"` // over the rounds
	OursMemory    int     `json:"ours_memory_bytes"`
	PeerMemory    int     `json:"peer_memory_bytes"` // largest over the rounds
}

// Race times this program's step and PyTorch's in turns, a process each, and gives the ratio of the medians with the
// lowest and highest ratio of a round. Where no setting of the peer is named, every one is tried once, and the quickest
// races. A peer whose network has another number of parameters is refused.
func Race(ctx context.Context, o RaceOptions) (RaceResult, error) {
	r := RaceResult{Net: o.Net, Device: o.Device, Precision: o.Precision, PeerPrecision: o.PeerPrecision, Setting: o.Setting}
	if o.Rounds < 1 {
		return r, fault.New(fault.Usage, "race at least one round", "a race of %d rounds", o.Rounds)
	}
	dir, err := os.MkdirTemp("", "sslctl-peer-*")
	if err != nil {
		return r, fmt.Errorf("folder for the peer's script: %w", err)
	}
	defer os.RemoveAll(dir)
	script := filepath.Join(dir, "step.py")
	if err := os.WriteFile(script, peerScript, 0o600); err != nil {
		return r, fmt.Errorf("write the peer's script: %w", err)
	}
	if o.Setting == (Setting{}) {
		if err := r.tryAll(ctx, o, script); err != nil {
			return r, err
		}
	}
	for n := range o.Rounds {
		if err := r.round(ctx, o, script, n); err != nil {
			return r, err
		}
	}
	r.sum()
	return r, nil
}

// tryAll times every setting of the peer and takes the quickest.
func (r *RaceResult) tryAll(ctx context.Context, o RaceOptions, script string) error {
	for _, s := range Settings(o.Device) {
		lap, err := o.peer(ctx, script, s)
		if err != nil {
			return err
		}
		o.tell("%s, PyTorch %s %s: %.1f ms", o.Net, o.PeerPrecision, s, lap.Median)
		r.Trials = append(r.Trials, Trial{s, lap})
	}
	r.Setting = slices.MinFunc(r.Trials, func(a, b Trial) int {
		if a.Lap.Median < b.Lap.Median {
			return -1
		}
		return 1
	}).Setting
	return nil
}

// round lets both sides run once.
func (r *RaceResult) round(ctx context.Context, o RaceOptions, script string, n int) error {
	ours, err := o.ours(ctx)
	if err != nil {
		return err
	}
	peer, err := o.peer(ctx, script, r.Setting)
	if err != nil {
		return err
	}
	if ours.Parameters != peer.Parameters || ours.Batch != peer.Batch || ours.Threads != peer.Threads {
		return fmt.Errorf("the sides of the race differ: %d and %d parameters, batches of %d and %d, %d and %d threads",
			ours.Parameters, peer.Parameters, ours.Batch, peer.Batch, ours.Threads, peer.Threads)
	}
	o.tell("%s, round %d: ours %s %.1f ms, PyTorch %s %.1f ms, ratio %.2f", o.Net, n+1, o.Precision, ours.Median, o.PeerPrecision, peer.Median, peer.Median/ours.Median)
	r.Rounds = append(r.Rounds, Round{ours, peer, peer.Median / ours.Median})
	r.Batch, r.Threads, r.Torch = ours.Batch, ours.Threads, peer.Torch
	return nil
}

// sum fills in what follows from the rounds.
func (r *RaceResult) sum() {
	var ours, peer, ratios []float64
	for _, round := range r.Rounds {
		ours, peer, ratios = append(ours, round.Ours.Median), append(peer, round.Peer.Median), append(ratios, round.Ratio)
		r.OursMemory, r.PeerMemory = max(r.OursMemory, round.Ours.Memory), max(r.PeerMemory, round.Peer.Memory)
	}
	r.Ours, r.Peer = middle(ours), middle(peer)
	r.Ratio, r.RatioLow, r.RatioHigh = r.Peer/r.Ours, slices.Min(ratios), slices.Max(ratios)
}

// middle is the median.
func middle(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func (o RaceOptions) tell(format string, args ...any) {
	if o.Tell != nil {
		o.Tell(fmt.Sprintf(format, args...))
	}
}

// flags are those that both sides take.
func (o RaceOptions) flags() []string {
	return []string{"--device", o.Device, "--net", o.Net, "--batch", strconv.Itoa(o.Batch), "--threads", strconv.Itoa(o.Threads), "--steps", strconv.Itoa(o.Steps),
		"--warmup", strconv.Itoa(o.Warmup)}
}

func (o RaceOptions) ours(ctx context.Context) (Lap, error) {
	return lap(ctx, slices.Concat(o.Ours, o.flags(), []string{"--precision", o.Precision}), nil)
}

func (o RaceOptions) peer(ctx context.Context, script string, s Setting) (Lap, error) {
	l, err := lap(ctx, slices.Concat(o.Python, []string{script}, o.flags(), []string{"--precision", o.PeerPrecision, "--format", s.Format, "--mode", s.Mode}), s.env())
	if err != nil && ctx.Err() == nil {
		return l, fault.New(fault.Usage, "name a Python that has PyTorch by --python; make bench-peer installs one, and setting "+s.String()+" can be left out by --setting", "the peer: %w", err)
	}
	return l, err
}

// stragglers is how long a process that was told to end is waited for, with torch.compile's workers, which hold its output.
const stragglers = 5 * time.Second

// errorTail is how much of a failed process's last words an error repeats.
const errorTail = 400

// lap runs a command that prints its timing as JSON.
func lap(ctx context.Context, command, env []string) (Lap, error) {
	var l Lap
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env, cmd.WaitDelay = append(os.Environ(), env...), stragglers
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return l, fmt.Errorf("race: %w", context.Cause(ctx))
		}
		last := strings.TrimSpace(stderr.String())
		return l, fmt.Errorf("run %s: %w: %s", command[0], err, last[max(0, len(last)-errorTail):])
	}
	if err := json.Unmarshal(stdout.Bytes(), &l); err != nil {
		return l, fmt.Errorf("output of %s: %w", command[0], err)
	}
	if l.Median <= 0 {
		return l, fmt.Errorf("output of %s has no time", command[0])
	}
	return l, nil
}
