package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/safetensors"
)

// goldenFlags are the settings that a golden file was made with, before a "+var+cov"; files without an entry have the
// method's defaults.
func goldenFlags(name string) []string {
	base, added, _ := strings.Cut(name, "+")
	flags := map[string][]string{
		"vicreg-inv":           {"lambda=1", "mu=0", "nu=0"},
		"vicreg-inv-var":       {"lambda=1", "mu=1", "nu=0"},
		"vicreg-paper":         {"var_reduction=paper"},
		"vicreg-predictor":     {"predictor=true"},
		"barlowtwins-paper":    {"scale=0.1", "std=paper"},
		"simsiam-no-predictor": {"predictor=false"},
		"simsiam-no-stop":      {"stop_gradient=false"},
		"byol-no-predictor":    {"predictor=false"},
	}
	var args []string
	for _, set := range flags[base] {
		args = append(args, "--set", set)
	}
	if added == "var+cov" {
		args = append(args, "--add-reg", "var=1,cov=0.01")
	}
	return args
}

// goldenFiles are those of methods/testdata, which a script beside them made with PyTorch, and of the folder in SSLCTL_GOLDEN.
func goldenFiles(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, dir := range []string{"../../methods/testdata", os.Getenv("SSLCTL_GOLDEN")} {
		if dir == "" {
			continue
		}
		found, err := filepath.Glob(filepath.Join(dir, "objective-*.safetensors"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no golden file in %s (%v)", dir, err)
		}
		all = append(all, found...)
	}
	return all
}

// TestObjectiveGolden computes every golden file by the command itself, with the plugins as processes, on both devices: loss
// and terms to 1e-5 relative, gradients to 1e-5 of their largest element.
func TestObjectiveGolden(t *testing.T) {
	for _, path := range goldenFiles(t) {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "objective-"), ".safetensors")
		want, _, err := safetensors.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, device := range []string{"cpu", "tapemachine"} {
			t.Run(name+"/"+device, func(t *testing.T) {
				t.Parallel()
				out := filepath.Join(t.TempDir(), "out.safetensors")
				method, _, _ := strings.Cut(strings.ReplaceAll(name, "+", "-"), "-")
				args := append([]string{"objective", method, "--json", "--in", path, "--out", out, "--device", device}, goldenFlags(name)...)
				printed := objectiveOf(t, args)
				got, _, err := safetensors.Load(out)
				if err != nil {
					t.Fatal(err)
				}
				for key, w := range want {
					if key == "loss" || strings.HasPrefix(key, "term.") || strings.HasPrefix(key, "grad.") {
						agree(t, key, got[key], w)
					}
				}
				if loss := got["loss"].F32[0]; printed.Loss != loss {
					t.Errorf("printed the loss %v, wrote %v", printed.Loss, loss)
				}
				for key := range got {
					if _, known := want[key]; !known {
						t.Errorf("%s is not in the golden file", key)
					}
				}
			})
		}
	}
}

// objectiveOf runs sslctl in this process; the plugins are processes all the same.
func objectiveOf(t *testing.T, args []string) objectiveJSON {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := newApp()
	a.stdout, a.stderr, a.logs = &stdout, &stderr, &screen{out: &stderr}
	if code := run(args, a); code != fault.OK {
		t.Fatalf("sslctl %s: %d\n%s", strings.Join(args, " "), code, &stderr)
	}
	var j objectiveJSON
	if err := json.Unmarshal(stdout.Bytes(), &j); err != nil {
		t.Fatalf("stdout is no JSON: %v\n%s", err, &stdout)
	}
	return j
}

func agree(t *testing.T, what string, got, want safetensors.Tensor) {
	t.Helper()
	if fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) || len(got.F32) != len(want.F32) {
		t.Fatalf("%s has the shape %v, want %v", what, got.Shape, want.Shape)
	}
	var off, largest float64
	for i, w := range want.F32 {
		off = max(off, math.Abs(float64(got.F32[i])-float64(w)))
		largest = max(largest, math.Abs(float64(w)))
	}
	if !(off <= 1e-5*largest) {
		t.Errorf("%s is off by %g of %g", what, off, largest)
	}
}
