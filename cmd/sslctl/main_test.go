package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sslctl/sslctl/plugins"
)

// TestMain lets the test binary play three parts: sslctl, by the name under which a script starts it; the plugins that this
// sslctl starts, by the variable that it sets; and the tests.
func TestMain(m *testing.M) {
	if plugins.ServeRequested() {
		return
	}
	testscript.Main(m, map[string]func(){"sslctl": main})
}

// TestScripts runs testdata/script/*.txtar against the real program with real plugin processes.
func TestScripts(t *testing.T) {
	empty := httptest.NewServer(http.NotFoundHandler()) // a mirror that has nothing
	t.Cleanup(empty.Close)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_DATA_HOME", filepath.Join(e.WorkDir, "xdg"))
			repo, err := filepath.Abs("../..")
			if err != nil {
				return err
			}
			e.Setenv("REPO", repo)
			// Scripts that build plugins share Go's caches, and need no network where the modules are there.
			caches, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
			if err != nil {
				return fmt.Errorf("go env: %w", err)
			}
			for i, key := range []string{"GOCACHE", "GOMODCACHE"} {
				e.Setenv(key, strings.Split(string(caches), "\n")[i])
			}
			e.Setenv("SSLCTL_CUDA_PATH", "only") // whatever GPU this machine has
			golden, err := filepath.Abs("../../methods/testdata")
			e.Setenv("GOLDEN", golden)
			e.Setenv("EMPTY_MIRROR", empty.URL)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": code, "json": jsonPath, "idx": idx, "photos": photos, "cut": cutFile, "same": same, "metrics": metrics, "probes": probes,
			"signal": signalRun, "fakes": fakes,
		},
	})
}

// code runs sslctl and demands its exit code: `code 2 run --lr x`.
func code(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: code N arguments...")
	}
	if got := exitCode(ts.Exec("sslctl", args[1:]...)); got != want {
		ts.Fatalf("sslctl %s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// jsonPath reads a file, or stdout or stderr of the last command, as exactly one JSON value and demands a value in it:
// `json stdout terms.0.name invariance`. Without a value it demands that the path is there.
func jsonPath(ts *testscript.TestScript, neg bool, args []string) {
	var doc any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(d.Decode(&doc))
	if d.More() {
		ts.Fatalf("%s holds more than one JSON value", args[0])
	}
	at := doc
	for _, name := range strings.Split(args[1], ".") {
		switch v := at.(type) {
		case map[string]any:
			x, ok := v[name]
			if !ok {
				ts.Fatalf("%s: %s is not there; there are %v", args[1], name, slices.Sorted(maps.Keys(v)))
			}
			at = x
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(v) {
				ts.Fatalf("%s: no element %s among %d", args[1], name, len(v))
			}
			at = v[i]
		default:
			ts.Fatalf("%s: nothing is below %v", args[1], v)
		}
	}
	if len(args) == 3 && (fmt.Sprint(at) == args[2]) == neg {
		ts.Fatalf("%s is %v, want %s (negated: %v)", args[1], at, args[2], neg)
	}
}

// fakes builds the fakes of NVIDIA's libraries and lets sslctl find them and nothing else.
func fakes(ts *testscript.TestScript, _ bool, _ []string) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", "run", "./core/internal/cuda/fake/build")
	cmd.Dir, cmd.Stderr = filepath.Join("..", ".."), &stderr
	folder, err := cmd.Output()
	if err != nil {
		ts.Fatalf("%v: %v\n%s", cmd.Args, err, &stderr)
	}
	ts.Setenv("SSLCTL_CUDA_PATH", strings.TrimSpace(string(folder))+":only")
}

// idx writes a data set in MNIST's form into a folder: `idx DIR TRAIN TEST`. An image is a bright bar whose place depends on
// its class, on a texture of its own.
func idx(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	for i, prefix := range []string{"train", "t10k"} {
		n, err := strconv.Atoi(args[1+i])
		ts.Check(err)
		images := binary.BigEndian.AppendUint32(nil, 2051)
		for _, v := range []int{n, 28, 28} {
			images = binary.BigEndian.AppendUint32(images, uint32(v))
		}
		labels := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 2049), uint32(n))
		for k := range n {
			images = append(images, picture(k+1000*i)...)
			labels = append(labels, byte(k%10))
		}
		ts.Check(os.WriteFile(filepath.Join(dir, prefix+"-images-idx3-ubyte"), images, 0o644))
		ts.Check(os.WriteFile(filepath.Join(dir, prefix+"-labels-idx1-ubyte"), labels, 0o644))
	}
}

func picture(k int) []byte {
	out := make([]byte, 28*28)
	for y := range 28 {
		for x := range 28 {
			v := (x*(3+k%7) + y*(5+k%11) + k*13) % 60
			if x/3 == k%10 || y/3 == k%10 {
				v += 150 + k%40
			}
			out[28*y+x] = byte(v)
		}
	}
	return out
}

// photos writes JPEGs into DIR/CLASS: `photos DIR N CLASS...`; without a class into DIR itself.
func photos(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	classes := args[2:]
	if len(classes) == 0 {
		classes = []string{""}
	}
	for c, class := range classes {
		dir := filepath.Join(ts.MkAbs(args[0]), class)
		ts.Check(os.MkdirAll(dir, 0o755))
		for k := range n {
			img := image.NewRGBA(image.Rect(0, 0, 40, 32))
			for y := range 32 {
				for x := range 40 {
					img.Set(x, y, color.RGBA{uint8(x * (k + 2)), uint8(y * (c + 3)), uint8(90*c + k), 255})
				}
			}
			var b bytes.Buffer
			ts.Check(jpeg.Encode(&b, img, nil))
			ts.Check(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.jpg", k)), b.Bytes(), 0o644))
		}
	}
}

// cutFile shortens a file: `cut FILE BYTES`.
func cutFile(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// same demands that two files have the same bytes, or others with `! same`.
func same(ts *testscript.TestScript, neg bool, args []string) {
	a, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	b, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	if bytes.Equal(a, b) == neg {
		ts.Fatalf("%s (%d bytes) and %s (%d bytes): same is %v", args[0], len(a), args[1], len(b), !neg)
	}
}

// metrics demands that two files of metrics have the same records, but for times.
func metrics(ts *testscript.TestScript, _ bool, args []string) {
	if diff := cmp.Diff(records(ts, args[0]), records(ts, args[1])); diff != "" {
		ts.Fatalf("metrics differ:\n%s", diff)
	}
}

func records(ts *testscript.TestScript, path string) (out []map[string]any) {
	lines := bufio.NewScanner(strings.NewReader(ts.ReadFile(path)))
	for lines.Scan() {
		var r map[string]any
		ts.Check(json.Unmarshal(lines.Bytes(), &r))
		delete(r, "time")
		out = append(out, r)
	}
	if len(out) == 0 {
		ts.Fatalf("%s has no records", path)
	}
	return out
}

// probes demands that two results have the same probes and the same verdict.
func probes(ts *testscript.TestScript, _ bool, args []string) {
	var results [2]map[string]any
	for i, path := range args {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(path)), &results[i]))
	}
	for _, key := range []string{"probes", "collapse"} {
		if results[0][key] == nil {
			ts.Fatalf("%s has no %s", args[0], key)
		}
		if diff := cmp.Diff(results[0][key], results[1][key]); diff != "" {
			ts.Fatalf("%s differ:\n%s", key, diff)
		}
	}
}

// signalRun starts sslctl, waits until a file has content, sends a signal and demands the exit code:
// `signal INT 130 FILE arguments...`. What it wrote on stderr goes to signal.stderr.
func signalRun(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	path, err := exec.LookPath("sslctl")
	ts.Check(err)
	c := exec.Command(path, args[3:]...)
	c.Dir = ts.Getenv("WORK")
	c.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "XDG_DATA_HOME="+ts.Getenv("XDG_DATA_HOME"))
	var stderr bytes.Buffer
	c.Stderr = &stderr
	ts.Check(c.Start())
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if info, err := os.Stat(ts.MkAbs(args[2])); err == nil && info.Size() > 0 {
			break
		}
		if time.Since(begun) > 30*time.Second {
			_ = c.Process.Kill()
			ts.Fatalf("%s is not there after 30 s; stderr:\n%s", args[2], &stderr)
		}
	}
	ts.Check(c.Process.Signal(signals[args[0]]))
	err = c.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("signal.stderr"), stderr.Bytes(), 0o644))
	if got := exitCode(err); got != want {
		ts.Fatalf("ended with %d, want %d; stderr:\n%s", got, want, &stderr)
	}
}
