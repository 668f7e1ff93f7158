//go:build unix

package python_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/safetensors"
)

const example = "../../docs/examples/plugins/tico"

// TestPython runs the tests that need no host, the SDK's and the example's.
func TestPython(t *testing.T) {
	for _, dir := range []string{".", example} {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), python(t), "-B", "-m", "unittest", "discover", "-t", ".")
			if dir == "." {
				cmd.Args = append(cmd.Args, "-s", "tests")
			}
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PYTHONPATH="+here(t))
			out, err := cmd.CombinedOutput()
			if err != nil || strings.Contains(string(out), "Ran 0 tests") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestExample lets the program itself compute and train the example: its loss and gradients are PyTorch's.
func TestExample(t *testing.T) {
	plugin := launcher(t, "tico", filepath.Join(here(t), example))
	sslctl := filepath.Join(t.TempDir(), "sslctl")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", sslctl, "../../cmd/sslctl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), sslctl, append(args, "--plugin-dir", filepath.Dir(plugin), "--json")...)
		cmd.Dir = dir
		var errors strings.Builder
		cmd.Stderr = &errors
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, errors.String())
		}
		return out
	}
	golden, err := filepath.Abs(filepath.Join(example, "testdata", "tico.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	run("objective", "tico", "--in", golden, "--out", "out.safetensors")
	compareFiles(t, filepath.Join(dir, "out.safetensors"), golden)

	writeBars(t, filepath.Join(dir, "data"))
	out := run("run", "--method", "tico", "--data", "mnist", "--set", "data.dir=data", "--backbone", "resnet-tiny",
		"--set", "backbone.widths=8-8-8", "--set", "params.projector=32-16", "--set", "train.batch=32", "--set", "train.steps=6",
		"--out", "run")
	var result struct {
		Method string `json:"method"`
		Steps  int    `json:"steps"`
	}
	if err := json.Unmarshal(out, &result); err != nil || result.Method != "tico" || result.Steps != 6 {
		t.Errorf("the run's result is %s (%v)", out, err)
	}
}

// compareFiles holds every tensor that both files have, loss, terms and gradients among them, to 1e-5 of its largest element.
func compareFiles(t *testing.T, got, want string) {
	t.Helper()
	ours, _, err := safetensors.Load(got)
	if err != nil {
		t.Fatal(err)
	}
	theirs, _, err := safetensors.Load(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"loss", "term.invariance", "term.covariance", "grad.z0", "grad.z1"} {
		a, b := ours[name].F32, theirs[name].F32
		if len(a) == 0 || len(a) != len(b) {
			t.Errorf("%s has %d elements, want %d", name, len(a), len(b))
			continue
		}
		var off, largest float64
		for i := range b {
			off = max(off, math.Abs(float64(a[i])-float64(b[i])))
			largest = max(largest, math.Abs(float64(b[i])))
		}
		if !(off <= 1e-5*largest) {
			t.Errorf("%s is off by %g of %g", name, off, largest)
		}
	}
}

// writeBars writes a small data set in MNIST's form: a bright bar whose place is the class.
func writeBars(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for prefix, n := range map[string]int{"train": 200, "t10k": 60} {
		var images, labels []byte
		for _, v := range []int{2051, n, 28, 28} {
			images = binary.BigEndian.AppendUint32(images, uint32(v))
		}
		labels = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(labels, 2049), uint32(n))
		for k := range n {
			for i := range 28 * 28 {
				v := (i*(3+k%7) + k*13) % 60
				if i%28/3 == k%9 {
					v += 150
				}
				images = append(images, byte(v))
			}
			labels = append(labels, byte(k%10))
		}
		for name, data := range map[string][]byte{"-images-idx3-ubyte": images, "-labels-idx1-ubyte": labels} {
			if err := os.WriteFile(filepath.Join(dir, prefix+name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// python is the python to test with.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("SDK_PYTHON")
	if path == "" {
		t.Skip("SDK_PYTHON is not set; make python runs this test")
	}
	return path
}

func here(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// launcher writes an executable that runs main of a module in a folder, as pip's launchers do for what is installed.
func launcher(t *testing.T, name, dir string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sslctl-method-"+name)
	script := fmt.Sprintf("#!%s -B\nimport sys\nsys.path[:0] = [%q, %q]\nfrom %s import main\nmain()\n",
		python(t), here(t), dir, name)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
