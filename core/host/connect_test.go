//go:build unix

package host_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// connected traces a plugin's program and connects the plugin to it.
func (s stage) connected(t testing.TB, ctx context.Context, name string) (*method.Traced, *host.Connection, error) {
	t.Helper()
	ref, err := s.Find(wire.Method, name)
	if err != nil {
		t.Fatal(err)
	}
	traced, _, err := s.Trace(ctx, ref, nil, shapes)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := s.Connect(ctx, ref, nil, shapes, traced)
	return traced, conn, err
}

// step computes the loss of a traced method and its gradient by z0, as a training step does.
func step(t testing.TB, traced *method.Traced) ([][]float32, error) {
	t.Helper()
	b := expr.New()
	inputs, values := map[string]expr.Tensor{}, map[string][]float32{}
	for i, name := range []string{"z0", "z1"} {
		inputs[name] = b.Input(name, 16, 4)
		values[name] = make([]float32, 64)
		for j := range values[name] {
			values[name][j] = float32(math.Sin(float64(j*(i+1)))) + 0.25
		}
	}
	out, err := traced.Program.Build(b, inputs)
	if err != nil {
		t.Fatal(err)
	}
	grads, err := b.Grad(out["loss"], inputs["z0"])
	if err != nil {
		t.Fatal(err)
	}
	return exprtest.Eval(values, out["loss"], grads[0])
}

// TestCustomOpIsTheSameInThePlugin: through shared memory and through messages the numbers are those of this process, again
// and again.
func TestCustomOpIsTheSameInThePlugin(t *testing.T) {
	here, err := method.Trace(withProduct{scale: 1}, nil, shapes)
	if err != nil {
		t.Fatal(err)
	}
	want, err := step(t, here)
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, "custom-good", "custom-inline")
	for _, name := range []string{"custom-good", "custom-inline"} {
		traced, conn, err := s.connected(t, t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			got, err := step(t, traced)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !slices.Equal(got[0], want[0]) || !slices.Equal(got[1], want[1]) {
				t.Errorf("%s: loss %v and gradient %v, want %v and %v", name, got[0], got[1][:3], want[0], want[1][:3])
			}
		}
		conn.Close()
		conn.Close()
		if _, err := step(t, traced); err == nil {
			t.Errorf("%s: computed after Close", name)
		}
	}
}

// TestConnectionEndsWithItsHost: other questions to the host do not disturb it, and the host's end is its end.
func TestConnectionEndsWithItsHost(t *testing.T) {
	s := newStage(t, "custom-good", "good")
	traced, _, err := s.connected(t, t.Context(), "custom-good")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.trace(t, "good"); err != nil {
		t.Fatal(err)
	}
	if _, err := step(t, traced); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := step(t, traced); err == nil {
		t.Error("computed after the host was closed")
	}
	ref, err := s.Find(wire.Method, "custom-good")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Connect(t.Context(), ref, nil, shapes, traced); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("connected to a closed host: %v", err)
	}
}

func TestConnectionEndsWithItsContext(t *testing.T) {
	s := newStage(t, "custom-hang")
	ctx, cancel := context.WithCancel(t.Context())
	traced, conn, err := s.connected(t, ctx, "custom-hang")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	time.AfterFunc(200*time.Millisecond, cancel)
	began := time.Now()
	if _, err = step(t, traced); !errors.Is(err, context.Canceled) || fault.CodeOf(err) != fault.Internal {
		t.Errorf("%v; the caller gave up, which is no fault of the plugin", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

// misbehaviour is what a plugin with a custom op does wrong, and what the error says.
type misbehaviour struct {
	name string
	want []string
}

func misbehaviours() []misbehaviour {
	return []misbehaviour{
		{"custom-error", []string{`custom op "product"`, "the matrix is singular"}},
		{"custom-panic", []string{"panicked: cannot compute", "foreign_custom_test.go"}},
		{"custom-die", []string{"crashed (exit status 9)", "out of luck"}},
		{"custom-killed", []string{"crashed (signal: killed)"}},
		{"custom-hang", []string{"did not answer"}},
		{"custom-deaf", nil}, // the connection breaks, or the deadline comes
		{"custom-escaped", []string{"crashed (exit status 8)"}},
		{"custom-children", []string{"crashed (exit status 7)"}},
		{"custom-short", []string{"answers with 3 bytes; 65 numbers were asked for"}},
		{"custom-empty", []string{"answers with 0 bytes"}},
		{"custom-huge", []string{"too large"}},
		{"custom-verbose", []string{"no no no"}},
	}
}

// breakStep connects to a plugin and lets it break a step; the error is the plugin's fault and names what happened.
func breakStep(t *testing.T, s stage, m misbehaviour) {
	t.Helper()
	traced, conn, err := s.connected(t, t.Context(), m.name)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	_, err = step(t, traced)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("%s: took %v", m.name, took)
	}
	if fault.CodeOf(err) != fault.Plugin || !strings.Contains(err.Error(), m.name) {
		t.Fatalf("%s: %v has code %d", m.name, err, fault.CodeOf(err))
	}
	for _, want := range m.want {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %q lacks %q", m.name, err, want)
		}
	}
	if len(err.Error()) > 10<<10 {
		t.Errorf("%s: an error of %d bytes", m.name, len(err.Error()))
	}
}

func TestMisbehavingCustomOps(t *testing.T) {
	for _, m := range misbehaviours() {
		t.Run(m.name, func(t *testing.T) {
			var o host.Options
			if m.name == "custom-hang" || m.name == "custom-deaf" { // that would take a minute
				o.CallTimeout = 400 * time.Millisecond
			}
			s := newStageWith(t, o, m.name)
			quiet(t)
			noFileStays(t)
			for range *chaos {
				breakStep(t, s, m)
			}
		})
	}
}

func TestPluginsThatCannotConnect(t *testing.T) {
	s := newStage(t, "custom-drift", "custom-unaware", "good")
	for name, want := range map[string]string{
		"custom-drift":   "traces another program than before",
		"custom-unaware": "does not know the question",
	} {
		_, conn, err := s.connected(t, t.Context(), name)
		if fault.CodeOf(err) != fault.Plugin || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		conn.Close()
	}
}

func TestSameAs(t *testing.T) {
	ref := host.Ref{Kind: wire.Method, Name: "m", Path: "/p/sslctl-method-m", SHA256: strings.Repeat("a", 64)}
	if err := ref.SameAs(ref.SHA256); err != nil {
		t.Error(err)
	}
	for began, want := range map[string]string{strings.Repeat("b", 64): "had the SHA-256 bbbbbbbbbbbb", "": "was the one shipped with sslctl"} {
		err := ref.SameAs(began)
		if fault.CodeOf(err) != fault.Plugin || !strings.Contains(err.Error(), want) || fault.HintOf(err) == "" {
			t.Errorf("%v, hint %q", err, fault.HintOf(err))
		}
	}
}
