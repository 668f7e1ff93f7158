//go:build unix

// Package python_test holds the Python SDK to Go's: plugins written in Python are started as the host starts them, and what
// they answer must be the same bytes. SDK_PYTHON names a python with the SDK's dependencies; `make python` makes one and
// runs these tests.
package python_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sslctl/sslctl/methods/barlowtwins"
	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/methods/simsiam"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin/client"
	"github.com/sslctl/sslctl/sdk/wire"
)

// executable is the plugin of tests/plugins/NAME.py.
func executable(t *testing.T, name string) string {
	t.Helper()
	return launcher(t, wire.Method, name, filepath.Join(here(t), "tests", "plugins"))
}

func start(t *testing.T, name string, logger *zap.Logger) *client.Client {
	t.Helper()
	return startKind(t, wire.Method, name, logger)
}

func startKind(t *testing.T, kind wire.Kind, name string, logger *zap.Logger) *client.Client {
	t.Helper()
	path := launcher(t, kind, name, filepath.Join(here(t), "tests", "plugins"))
	c, err := client.Start(t.Context(), client.Config{Path: path, Env: []string{"PATH=" + os.Getenv("PATH")}, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestMethodsTraceTheSameBytesAsGos(t *testing.T) {
	shapes := []method.Shapes{{Batch: 13, Views: 2, Embedding: 7}, {Batch: 8, Views: 3, Representation: 5}}
	for _, tc := range []struct {
		m     method.Method
		given []map[string]any
	}{
		{vicreg.Method{}, []map[string]any{
			nil, {"lambda": 1, "mu": 0.5, "nu": 0.0, "gamma": 2.5}, {"var_reduction": "paper", "predictor": true},
			{"projector": "64-32", "head_norm": false, "unshared": true}, {"projector": []int{16}},
		}},
		{byol.Method{}, []map[string]any{nil, {"predictor": false}, {"tau": 0.5, "tau_final": 0.75, "predictor_hidden": 3.0}}},
		{simsiam.Method{}, []map[string]any{nil, {"predictor": false, "head_norm": false}, {"stop_gradient": false}}},
		{barlowtwins.Method{}, []map[string]any{nil, {"std": "paper", "scale": 0.1}, {"lambda": 0.0051, "unshared": true}}},
	} {
		name := tc.m.Describe().Name
		t.Run(name, func(t *testing.T) {
			c := start(t, name, nil)
			for _, given := range tc.given {
				for _, s := range shapes {
					compareMethod(t, c, tc.m, given, s)
				}
			}
		})
	}
}

func compareMethod(t *testing.T, c *client.Client, m method.Method, given map[string]any, s method.Shapes) {
	t.Helper()
	want, err := method.Trace(m, given, s)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Trace(t.Context(), given, s)
	if err != nil {
		t.Fatalf("%v, %+v: %v", given, s, err)
	}
	wantBytes, err := wire.MarshalTraced(wire.Traced{Method: want})
	if err != nil {
		t.Fatal(err)
	}
	gotBytes, err := wire.MarshalTraced(wire.Traced{Method: got})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(gotBytes, wantBytes) {
		t.Errorf("%v, %+v: the programs differ\nwant %+v\n%sgot %+v\n%s", given, s, want.Recipe, want.Program, got.Recipe, got.Program)
	}
}

func TestRegularisersTraceTheSameBytesAsGos(t *testing.T) {
	c := start(t, "var", nil)
	for _, unit := range []bool{false, true} {
		s := method.Shapes{Batch: 13, Views: 3, Embedding: 7}
		want, err := method.TraceRegulariser(reg.Var{}, nil, s, unit)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.TraceRegulariser(t.Context(), nil, s, unit)
		if err != nil {
			t.Fatal(err)
		}
		if wire.Digest(got) != wire.Digest(want) {
			t.Errorf("unit %t: the programs differ\nwant\n%sgot\n%s", unit, want, got)
		}
	}
}

// TestEveryOpHasItsShape: a program with every op of the set, whose shapes Go infers again.
func TestEveryOpHasItsShape(t *testing.T) {
	c := start(t, "everything", nil)
	p, err := c.TraceRegulariser(t.Context(), nil, method.Shapes{Batch: 9, Views: 2, Embedding: 13}, false)
	if err != nil {
		t.Fatal(err)
	}
	b, inputs := expr.New(), map[string]expr.Tensor{}
	for _, port := range p.Inputs {
		inputs[port.Name] = b.Input(port.Name, port.Shape...)
	}
	if _, err := p.Build(b, inputs); err != nil {
		t.Fatal(err)
	}
	for _, kind := range expr.Kinds() {
		if !slices.ContainsFunc(p.Steps, func(s expr.Step) bool { return s.Kind == kind }) {
			t.Errorf("the program has no %s", kind)
		}
	}
}

func TestDescription(t *testing.T) {
	c := start(t, "byol", nil)
	kind, d, err := c.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if kind != wire.Method || d.Name != "byol" || d.Version != "1.0.0" {
		t.Errorf("%s %s %s", kind, d.Name, d.Version)
	}
	want := byol.Method{}.Describe().Params
	for i, p := range d.Params {
		if p.Name != want[i].Name || fmt.Sprint(p.Default) != fmt.Sprint(want[i].Default) || (p.Min == nil) != (want[i].Min == nil) || (p.Max == nil) != (want[i].Max == nil) {
			t.Errorf("hyper-parameter %d is %+v, want %+v", i, p, want[i])
		}
	}
	if len(d.Params) != len(want) {
		t.Errorf("%d hyper-parameters, want %d", len(d.Params), len(want))
	}
}

// TestMistakesNameTheLine: what goes wrong in an objective reaches the host as a diagnostic with the author's line, and the
// plugin still answers afterwards.
func TestMistakesNameTheLine(t *testing.T) {
	c := start(t, "faulty", nil)
	source, err := os.ReadFile("tests/plugins/faulty.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		fault string
		given map[string]any
		param string
		want  string
	}{
		{"shapes", nil, "", "matmul: inner axes differ: (4, 16)"},
		{"exception", nil, "", `AttributeError: the description lists no hyper-parameter "sigma"; there are fault, scale`},
		{"view", nil, "", "there is no z of view 2; the recipe gives 2"},
		{"branch", nil, "", "a tensor has no value"},
		{"constant", nil, "", "the constant inf is not finite"},
		{"exit", nil, "", "SystemExit: 3"},
		{"none", map[string]any{"scale": 11}, "scale", `hyper-parameter "scale": 11.0 is above 10`},
		{"none", map[string]any{"scale": "much"}, "scale", `hyper-parameter "scale": much is not a number`},
		{"none", map[string]any{"nu": 1}, "nu", `hyper-parameter "nu": unknown; there are fault, scale`},
	} {
		given := map[string]any{"fault": tc.fault}
		for key, v := range tc.given {
			given[key] = v
		}
		_, err := c.Trace(t.Context(), given, method.Shapes{Batch: 4, Views: 2})
		var refusal *client.Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%v: %v", given, err)
			continue
		}
		d := refusal.Diagnostics[0]
		if d.Param != tc.param || !strings.Contains(d.Summary, tc.want) {
			t.Errorf("%v: diagnostic %+v, want %q", given, d, tc.want)
		}
		if line := lineOf(source, "# line of: "+tc.fault); line > 0 && d.Source != fmt.Sprintf("faulty.py:%d", line) {
			t.Errorf("%v: points to %q, want line %d", given, d.Source, line)
		}
	}
	if _, err := c.Trace(t.Context(), nil, method.Shapes{Batch: 4, Views: 2}); err != nil {
		t.Errorf("after its mistakes: %v", err)
	}
}

// lineOf is the number of the line that holds a text; 0 where there is none.
func lineOf(source []byte, text string) int {
	before, _, found := bytes.Cut(source, []byte(text))
	if !found {
		return 0
	}
	return bytes.Count(before, []byte("\n")) + 1
}

func TestPrintsAndLogsReachTheHost(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	c := start(t, "faulty", zap.New(core))
	if _, err := c.Trace(t.Context(), map[string]any{"fault": "print"}, method.Shapes{Batch: 4, Views: 2}); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if logs.FilterMessage("printed while asked").Len() != 1 {
		t.Errorf("the print is not in the log: %v", logs.All())
	}
	warned := logs.FilterMessage("logged while asked").All()
	if len(warned) != 1 || warned[0].Level != zapcore.WarnLevel || warned[0].ContextMap()["n"] != 8.0 || warned[0].ContextMap()["module"] != "author" {
		t.Errorf("the log entry is %+v", warned)
	}
}

func TestClosesByItself(t *testing.T) {
	c := start(t, "faulty", nil)
	began := time.Now()
	c.Close()
	if took := time.Since(began); took > 900*time.Millisecond { // the host kills after a second
		t.Errorf("closing took %v", took)
	}
}

func TestStartedByHand(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), executable(t, "var")).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
	if want := "var 1.0.0 is a regulariser for sslctl, which starts it by itself:\n\n    sslctl run --add-reg var --plugin-dir DIR\n"; !bytes.HasPrefix(out, []byte(want)) {
		t.Errorf("it says %q", out)
	}
}

// TestEndsWithItsHost: when the host dies, by whatever, its end of the lifeline closes; the plugin ends and removes its
// socket.
func TestEndsWithItsHost(t *testing.T) {
	sockets, err := os.MkdirTemp("/tmp", "sslctl-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, executable(t, "var"))
	cmd.Env = []string{
		"SSLCTL_PLUGIN_COOKIE=7b1f0c2e5a6d4f3980e1c95b2d8a4471", "SSLCTL_PLUGIN_LIFELINE=3", "PLUGIN_UNIX_SOCKET_DIR=" + sockets,
	}
	cmd.ExtraFiles = []*os.File{read}
	greeting, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 256)
	n, err := greeting.Read(line)
	if err != nil || !strings.HasPrefix(string(line[:n]), "1|1|unix|"+sockets+"/plugin") {
		t.Errorf("it greets by %q (%v)", line[:n], err)
	}
	_ = write.Close()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
	if _, err := os.Stat(sockets); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of its sockets is left (%v)", err)
	}
}
