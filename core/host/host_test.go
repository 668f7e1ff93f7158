//go:build unix

package host_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/core/host/lockfile"
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/plugins"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

var shapes = method.Shapes{Batch: 16, Views: 2}

// stage is a host with a folder of foreign plugins and one for sockets, both checked when the test ends.
type stage struct {
	*host.Host
	dir  string // of plugins
	logs *observer.ObservedLogs
}

func newStage(t *testing.T, foreign ...string) stage {
	t.Helper()
	return newStageWith(t, host.Options{}, foreign...)
}

func newStageWith(t *testing.T, o host.Options, foreign ...string) stage {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := stage{dir: t.TempDir()}
	for _, name := range foreign {
		if err := os.Symlink(self, filepath.Join(s.dir, "sslctl-method-"+name)); err != nil {
			t.Fatal(err)
		}
	}
	isolate(t)
	core, logs := observer.New(zapcore.DebugLevel)
	s.logs = logs
	o.Logger, o.PluginDirs, o.Self, o.Shipped = zap.New(core), []string{s.dir}, self, plugins.Shipped()
	s.Host = host.New(o)
	t.Cleanup(func() {
		s.Close()
		noneLeft(t, s.dir)
	})
	return s
}

// isolate keeps the developer's plugins out and gives sockets a folder that must be empty in the end.
func isolate(t *testing.T) {
	t.Helper()
	sockets, err := os.MkdirTemp("/tmp", "h")
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"XDG_RUNTIME_DIR": sockets, "XDG_DATA_HOME": t.TempDir(), "TMPDIR": t.TempDir(), host.PathKey: "",
	} {
		t.Setenv(key, value)
	}
	t.Cleanup(func() {
		if err := os.Remove(sockets); err != nil {
			t.Errorf("sockets are left: %v", err)
		}
	})
}

func (s stage) trace(t *testing.T, name string) (*method.Traced, host.Provenance, error) {
	t.Helper()
	ref, err := s.Find(wire.Method, name)
	if err != nil {
		t.Fatal(err)
	}
	return s.Trace(t.Context(), ref, nil, shapes)
}

// equal compares programs by meaning: an empty list is an absent one.
func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("over the wire (-want +got):\n%s", diff)
	}
}

func TestShippedMethodIsTheSameOverTheWire(t *testing.T) {
	s := newStage(t)
	params := map[string]any{"nu": 4, "var_reduction": "paper", "projector": "64-32"}
	want, err := method.Trace(vicreg.Method{}, params, shapes)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := s.Find(wire.Method, "vicreg")
	if err != nil {
		t.Fatal(err)
	}
	got, provenance, err := s.Trace(t.Context(), ref, params, shapes)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
	if wire.Digest(got.Program) != wire.Digest(want.Program) {
		t.Error("digests differ")
	}
	equal(t, provenance, host.Provenance{Kind: wire.Method, Name: "vicreg", Version: "1.0.0", Protocol: 1})
	d, err := s.Describe(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, d, vicreg.Method{}.Describe())
}

func TestShippedRegulariserIsTheSameOverTheWire(t *testing.T) {
	s := newStage(t)
	shapes := method.Shapes{Batch: 16, Views: 2, Embedding: 9}
	for _, unit := range []bool{false, true} {
		want, err := method.TraceRegulariser(reg.Var{}, nil, shapes, unit)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := s.Find(wire.Regulariser, "var")
		if err != nil {
			t.Fatal(err)
		}
		got, provenance, err := s.TraceRegulariser(t.Context(), ref, nil, shapes, unit)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, got, want)
		if provenance.Name != "var" {
			t.Errorf("provenance %+v", provenance)
		}
	}
}

func TestList(t *testing.T) {
	s := newStage(t, "good", "crash-start", "other-name", "pinned")
	none := strings.Repeat("0", 64)
	ref, err := s.Find(wire.Method, "good")
	if err != nil {
		t.Fatal(err)
	}
	err = lockfile.Update(t.Context(), s.dir, func(p lockfile.Pins) error {
		p["sslctl-method-good"] = lockfile.Pin{SHA256: ref.SHA256, Source: "https://example.org/good"}
		p["sslctl-method-pinned"] = lockfile.Pin{SHA256: none}
		p["sslctl-regulariser-gone"] = lockfile.Pin{SHA256: none}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, l := range all {
		got[string(l.Ref.Kind)+" "+l.Ref.Name] = string(l.State()) + " " + l.Description.Version
		if l.Err == nil && l.Protocol == 0 {
			t.Errorf("%s has no protocol", l.Ref)
		}
	}
	want := map[string]string{
		"method good": "ok 1.2.3", "method crash-start": "broken ", "method other-name": "broken ",
		"method pinned": "changed ", "regulariser gone": "missing ",
	}
	for kind, names := range plugins.Shipped() {
		for _, name := range names {
			want[string(kind)+" "+name] = "ok 1.0.0"
		}
	}
	equal(t, got, want)
}

// TestIdentify asks an executable that is named as it likes.
func TestIdentify(t *testing.T) {
	s := newStage(t, "good", "crash-start")
	id, err := s.Identify(t.Context(), filepath.Join(s.dir, "sslctl-method-good"))
	if err != nil || id.Kind != wire.Method || id.Description.Name != "good" || len(id.SHA256) != 64 || id.Protocol == 0 {
		t.Errorf("%+v, %v", id, err)
	}
	for _, file := range []string{"sslctl-method-crash-start", "absent"} {
		if _, err := s.Identify(t.Context(), filepath.Join(s.dir, file)); fault.CodeOf(err) != fault.Plugin {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestNoticeOfWhatIsNotPinned(t *testing.T) {
	s := newStage(t, "good")
	for range 2 {
		if _, err := s.Find(wire.Method, "good"); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.logs.FilterMessageSnippet("not pinned").Len(); n != 1 {
		t.Errorf("%d notices, want one", n)
	}
}

func TestFind(t *testing.T) {
	s := newStage(t, "good", "vicreg")
	for _, tc := range []struct {
		name, wantErr, wantHint string
	}{
		{"good", "", ""},
		{"byol", "", ""},
		{"vicrag", `unknown method "vicrag"`, `did you mean "vicreg"? there are barlowtwins, byol, good, simsiam, vicreg`},
		{"zzz", `unknown method "zzz"`, "there are barlowtwins"},
		{"../good", "is not lower-case letters", "--plugin-dir"},
		{"..", "is not lower-case letters", "--plugin-dir"},
		{"/bin/sh", "is not lower-case letters", "--plugin-dir"},
		{"", "is not lower-case letters", "--plugin-dir"},
		{"GOOD", "is not lower-case letters", "--plugin-dir"},
	} {
		ref, err := s.Find(wire.Method, tc.name)
		if tc.wantErr == "" {
			if err != nil || ref.Name != tc.name {
				t.Errorf("%q: %v, %v", tc.name, ref, err)
			}
			continue
		}
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), tc.wantErr) || !strings.Contains(fault.HintOf(err), tc.wantHint) {
			t.Errorf("%q: error %v, hint %q, code %d", tc.name, err, fault.HintOf(err), fault.CodeOf(err))
		}
	}
	if ref, err := s.Find(wire.Method, "vicreg"); err != nil || ref.Shipped() {
		t.Errorf("a plugin does not replace what is shipped: %v, %v", ref, err)
	}
	if ref, err := s.Find(wire.Method, "byol"); err != nil || !ref.Shipped() {
		t.Errorf("what is shipped is not found: %v, %v", ref, err)
	}
}

func TestFindSearchesInOrder(t *testing.T) {
	s := newStage(t)
	work := t.TempDir()
	t.Chdir(work)
	path, data := t.TempDir(), os.Getenv("XDG_DATA_HOME")
	t.Setenv(host.PathKey, path)
	for _, dir := range []string{filepath.Join(data, "sslctl", "plugins"), filepath.Join(work, ".sslctl", "plugins"), path, s.dir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		want := filepath.Join(dir, "sslctl-regulariser-x")
		if err := os.WriteFile(want, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		ref, err := s.Find(wire.Regulariser, "x")
		if err != nil || ref.Path != want {
			t.Errorf("found %s (%v), want %s", ref.Path, err, want)
		}
	}
}

func TestUnusableFileIsNotPassedOver(t *testing.T) {
	s := newStage(t)
	path := filepath.Join(s.dir, "sslctl-method-byol")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := s.Find(wire.Method, "byol")
	if fault.CodeOf(err) != fault.Plugin || fault.HintOf(err) != "chmod +x "+path {
		t.Errorf("not executable: %v, hint %q", err, fault.HintOf(err))
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(wire.Method, "byol"); fault.CodeOf(err) != fault.Plugin {
		t.Errorf("a folder: %v", err)
	}
}

func TestChecksum(t *testing.T) {
	s := newStage(t, "good")
	ref, err := s.Find(wire.Method, "good")
	if err != nil {
		t.Fatal(err)
	}
	if ref.Pinned() {
		t.Error("pinned before it was installed")
	}
	pin := func(sum string) {
		t.Helper()
		err := lockfile.Update(t.Context(), s.dir, func(p lockfile.Pins) error {
			p["sslctl-method-good"] = lockfile.Pin{SHA256: sum}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pin(ref.SHA256)
	if ref, err := s.Find(wire.Method, "good"); err != nil || !ref.Pinned() {
		t.Errorf("with its checksum: %v, %v", ref, err)
	}
	pin(strings.Repeat("0", 64))
	_, err = s.Find(wire.Method, "good")
	if fault.CodeOf(err) != fault.Plugin || !errors.Is(err, host.ErrChanged) || !strings.Contains(fault.HintOf(err), "sslctl plugin install") {
		t.Errorf("with another's checksum: %v, hint %q", err, fault.HintOf(err))
	}
	if err := os.WriteFile(filepath.Join(s.dir, lockfile.Name), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Find(wire.Method, "good"); fault.CodeOf(err) != fault.Plugin || !strings.Contains(err.Error(), lockfile.Name) {
		t.Errorf("with a lock that cannot be read: %v", err)
	}
	if err := os.Remove(filepath.Join(s.dir, lockfile.Name)); err != nil {
		t.Fatal(err)
	}
	// The file changes between the search and the start.
	ref.SHA256 = strings.Repeat("0", 64)
	_, err = s.Describe(t.Context(), ref)
	if fault.CodeOf(err) != fault.Plugin || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("changed after it was found: %v", err)
	}
}

func TestHyperParameterIsTheUsersFault(t *testing.T) {
	s := newStage(t, "good")
	ref, err := s.Find(wire.Method, "good")
	if err != nil {
		t.Fatal(err)
	}
	for _, params := range []map[string]any{{"scale": -1.0}, {"scale": "much"}, {"scales": 1.0}} {
		_, _, err := s.Trace(t.Context(), ref, params, shapes)
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "sslctl method describe good") {
			t.Errorf("%v: %v, hint %q", params, err, fault.HintOf(err))
		}
	}
}

func TestEnvironmentIsFiltered(t *testing.T) {
	s := newStage(t, "environment")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
	ref, err := s.Find(wire.Method, "environment")
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Describe(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(d.Formula, "AWS_SECRET") || !strings.Contains(d.Formula, "PATH="+os.Getenv("PATH")) {
		t.Errorf("the plugin sees\n%s", d.Formula)
	}
}

func TestPrintsAndLogsArrive(t *testing.T) {
	s := newStage(t, "prints")
	if _, _, err := s.trace(t, "prints"); err != nil {
		t.Fatal(err)
	}
	for message, level := range map[string]zapcore.Level{
		"printed before the handshake": zapcore.DebugLevel,
		"printed while asked":          zapcore.DebugLevel,
		"logged while asked":           zapcore.WarnLevel,
	} {
		entries := s.logs.FilterMessage(message).All()
		if len(entries) != 1 || entries[0].Level != level {
			t.Errorf("%q: %v, want one at level %v", message, entries, level)
		}
	}
}

func TestOddLogDoesNoHarm(t *testing.T) {
	s := newStage(t, "odd-log")
	if _, _, err := s.trace(t, "odd-log"); err != nil {
		t.Fatal(err)
	}
}

func TestClose(t *testing.T) {
	s := newStage(t, "hang-trace")
	time.AfterFunc(500*time.Millisecond, s.Close)
	began := time.Now()
	if _, _, err := s.trace(t, "hang-trace"); err == nil || time.Since(began) > 1500*time.Millisecond {
		t.Errorf("Close does not end a question: %v after %v", err, time.Since(began))
	}
	if _, _, err := s.trace(t, "hang-trace"); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after Close: %v", err)
	}
}

func TestCancel(t *testing.T) {
	s := newStage(t, "hang-trace", "hang-start")
	for _, name := range []string{"hang-trace", "hang-start"} {
		ref, err := s.Find(wire.Method, name)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, _, err = s.Trace(ctx, ref, nil, shapes)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || fault.CodeOf(err) != fault.Internal {
			t.Errorf("%s: %v; the caller gave up, which is no fault of the plugin", name, err)
		}
	}
}

func BenchmarkShippedTrace(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	h := host.New(host.Options{Self: self, Shipped: plugins.Shipped()})
	defer h.Close()
	ref, err := h.Find(wire.Method, "vicreg")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := h.Trace(b.Context(), ref, nil, method.Shapes{Batch: 256, Views: 2}); err != nil {
			b.Fatal(err)
		}
	}
}
