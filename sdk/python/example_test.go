//go:build unix

package python_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/sslctl/sslctl/core/data/datatest"
	"github.com/sslctl/sslctl/core/safetensors"
	"github.com/sslctl/sslctl/sdk/wire"
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

// TestProgram lets the program itself, built once, compute and train.
func TestProgram(t *testing.T) {
	python(t)
	path := filepath.Join(t.TempDir(), "sslctl")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/sslctl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("example", func(t *testing.T) { testExample(t, path) })
	t.Run("custom op", func(t *testing.T) { testCustomOp(t, path) })
	t.Run("backbone", func(t *testing.T) { testBackbone(t, path) })
}

// testBackbone trains a shipped method with a backbone in Python, and evaluates the run without it.
func testBackbone(t *testing.T, path string) {
	p := program{path, filepath.Dir(launcher(t, wire.Backbone, "resnet", filepath.Join(here(t), "tests", "plugins"))), t.TempDir()}
	p.train(t, "vicreg", "--backbone", "resnet", "--set", "projector=32-32")
	p.plugins = t.TempDir()
	p.run(t, "eval", "run")
}

// testExample: the example's loss and gradients are PyTorch's.
func testExample(t *testing.T, path string) {
	p := program{path, filepath.Dir(launcher(t, wire.Method, "tico", filepath.Join(here(t), example))), t.TempDir()}
	golden, err := filepath.Abs(filepath.Join(example, "testdata", "tico.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	p.run(t, "objective", "tico", "--in", golden, "--out", "out.safetensors")
	compareFiles(t, filepath.Join(p.dir, "out.safetensors"), golden)
	p.train(t, "tico", small...)
}

// testCustomOp: the gradient of a custom op is -(2/n) z C^-1 for the volume and 2z for the length.
func testCustomOp(t *testing.T, sslctl string) {
	p := program{sslctl, filepath.Dir(launcher(t, wire.Method, "spectral", filepath.Join(here(t), "tests", "plugins"))), t.TempDir()}
	const golden = "../../methods/testdata/objective-vicreg.safetensors"
	in, _, err := safetensors.Load(golden)
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(golden)
	if err != nil {
		t.Fatal(err)
	}
	p.run(t, "objective", "spectral", "--in", path, "--out", "out.safetensors")
	out, _, err := safetensors.Load(filepath.Join(p.dir, "out.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	n, d := in["z0"].Shape[0], in["z0"].Shape[1]
	z := mat.NewDense(n, d, nil)
	for i, v := range in["z0"].F32 {
		z.Set(i/d, i%d, float64(v))
	}
	var c, inverse, volume mat.Dense
	c.Mul(z.T(), z)
	c.Scale(1/float64(n), &c)
	for i := range d {
		c.Set(i, i, c.At(i, i)+1e-2)
	}
	if err := inverse.Inverse(&c); err != nil {
		t.Fatal(err)
	}
	volume.Mul(z, &inverse)
	for i, got := range out["grad.z0"].F32 {
		distance := 2 / float64(n*d) * (z.At(i/d, i%d) - float64(in["z1"].F32[i]))
		want := distance - 0.5*2/float64(n)*volume.At(i/d, i%d) + 0.25*2*z.At(i/d, i%d)
		if !(math.Abs(float64(got)-want) < 1e-5) {
			t.Errorf("grad.z0[%d] is %g, want %g", i, got, want)
		}
	}
	p.train(t, "spectral", small...)
}

// program is sslctl with the folder of a plugin and a folder to work in.
type program struct{ path, plugins, dir string }

func (p program) run(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.path, append(args, "--plugin-dir", p.plugins, "--json")...)
	cmd.Dir = p.dir
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, words.String())
	}
	return out
}

// small is a shipped backbone that is quick.
var small = []string{"--backbone", "resnet-tiny", "--set", "backbone.widths=8-8-8"}

// train trains a method for a few steps on a few small images.
func (p program) train(t *testing.T, method string, with ...string) {
	t.Helper()
	datatest.Bars(t, filepath.Join(p.dir, "data"), 200, 60)
	out := p.run(t, append([]string{"run", "--method", method, "--data", "mnist", "--set", "data.dir=data",
		"--set", "train.batch=32", "--set", "train.steps=6", "--out", "run"}, with...)...)
	var result struct {
		Method string `json:"method"`
		Steps  int    `json:"steps"`
	}
	if err := json.Unmarshal(out, &result); err != nil || result.Method != method || result.Steps != 6 {
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

// python is the python to test with; without one TestMain runs no test.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("SDK_PYTHON")
	if path == "" {
		t.Fatal("SDK_PYTHON is not set")
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
func launcher(t *testing.T, kind wire.Kind, name, dir string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sslctl-"+string(kind)+"-"+name)
	script := fmt.Sprintf("#!%s -B\nimport sys\nsys.path[:0] = [%q, %q]\nfrom %s import main\nmain()\n",
		python(t), here(t), dir, name)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
