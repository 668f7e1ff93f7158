//go:build unix

package client

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// TestMain lets this binary be a plugin too.
func TestMain(m *testing.M) {
	if serveRequested() {
		return
	}
	goleak.VerifyTestMain(m)
}

func TestLogKeepsLevelAndFields(t *testing.T) {
	long := strings.Repeat("x", maxLine+10)
	for _, tc := range []struct {
		name, line string
		message    string // logged
		level      zapcore.Level
		fields     map[string]any
		words      string // kept for an error
	}{
		{"plain", "hello", "hello", zapcore.DebugLevel, nil, "hello"},
		{"a panic", "panic: oh", "panic: oh", zapcore.DebugLevel, nil, "panic: oh"},
		{"hclog", `{"@message":"m","@level":"warn","@timestamp":"x","@module":"a.b","n":1}`, "m", zapcore.WarnLevel, map[string]any{"n": 1.0, "module": "a.b"}, ""},
		{"an error is kept", `{"@message":"m","@level":"error"}`, "m", zapcore.ErrorLevel, nil, "m"},
		{"a level that would end the host", `{"@message":"m","@level":"fatal"}`, "m", zapcore.ErrorLevel, nil, "m"},
		{"an unknown level", `{"@message":"m","@level":"loud"}`, "m", zapcore.DebugLevel, nil, ""},
		{"no message", `{"@level":"warn"}`, `{"@level":"warn"}`, zapcore.DebugLevel, nil, `{"@level":"warn"}`},
		{"a message that is no text", `{"@message":5}`, `{"@message":5}`, zapcore.DebugLevel, nil, `{"@message":5}`},
		{"broken JSON", `{"@message":`, `{"@message":`, zapcore.DebugLevel, nil, `{"@message":`},
		{"not text", "\xff", "\uFFFD", zapcore.DebugLevel, nil, "\uFFFD"},
		{"a long line is cut", long, long[:maxLine], zapcore.DebugLevel, nil, long[:512] + "..."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			core, logs := observer.New(zapcore.DebugLevel)
			var words tail
			readLog(strings.NewReader(tc.line+"\r\nlast"), zap.New(core), &words)
			all := logs.All()
			if len(all) != 2 || all[1].Message != "last" {
				t.Fatalf("%d entries", len(all))
			}
			if all[0].Message != tc.message || all[0].Level != tc.level {
				t.Errorf("logged %v %.80q, want %v %.80q", all[0].Level, all[0].Message, tc.level, tc.message)
			}
			for key, want := range tc.fields {
				if got := all[0].ContextMap()[key]; got != want {
					t.Errorf("field %s is %v, want %v", key, got, want)
				}
			}
			if got := strings.TrimPrefix(strings.TrimSuffix(words.String(), "last"), "\n"); strings.TrimSuffix(got, "\n") != tc.words {
				t.Errorf("kept %.80q, want %.80q", got, tc.words)
			}
		})
	}
}

func TestLogHonoursTheHostsLevel(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	var words tail
	readLog(strings.NewReader("plain\n{\"@message\":\"m\",\"@level\":\"info\"}\n"), zap.New(core), &words)
	if logs.Len() != 1 || logs.All()[0].Message != "m" {
		t.Errorf("logged %v", logs.All())
	}
}

func TestTailIsBounded(t *testing.T) {
	var words tail
	for range 1000 {
		words.add(strings.Repeat("y", 2000))
	}
	words.add("the end")
	if s := words.String(); len(s) > maxWords || !strings.HasSuffix(s, "\nthe end") {
		t.Errorf("%d bytes, ends in %q", len(s), s[len(s)-10:])
	}
}

func TestTailKeepsTheCause(t *testing.T) {
	var words tail
	words.add("fatal error: runtime: cannot allocate memory")
	if words.String() != "fatal error: runtime: cannot allocate memory" {
		t.Errorf("%q", words.String())
	}
	for range 1000 {
		words.add("goroutine 1 [running]: " + strings.Repeat("y", 100))
	}
	words.add("the end")
	if s := words.String(); len(s) > maxWords || !strings.HasPrefix(s, "fatal error: runtime: cannot allocate memory\n...\ngoroutine") || !strings.HasSuffix(s, "\nthe end") {
		t.Errorf("%d bytes: %.80q", len(s), s)
	}
}

func TestClipKeepsCharactersWhole(t *testing.T) {
	for _, tc := range []struct {
		in    string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc..."}, {"aé", 2, "a..."}, {"é", 1, "..."}} {
		if got := clip(tc.in, tc.limit); got != tc.want {
			t.Errorf("clip(%q, %d) is %q, want %q", tc.in, tc.limit, got, tc.want)
		}
	}
}

func TestGreetingIsTheFirstLine(t *testing.T) {
	var p prefix
	for _, part := range []string{"one", " line\nand ", "another"} {
		p.add([]byte(part))
	}
	if p.String() != "one line" {
		t.Errorf("%q", p.String())
	}
	var long prefix
	long.add([]byte(strings.Repeat("z", 1000)))
	if len(long.String()) != 200 {
		t.Errorf("%d bytes", len(long.String()))
	}
}

// TestAddresses keeps a plugin from sending its host to a stranger.
func TestAddresses(t *testing.T) {
	p := &process{sockets: "/tmp/sslctl-1"}
	for _, tc := range []struct {
		network, address string
		ok               bool
	}{
		{"unix", "/tmp/sslctl-1/plugin-dir2/plugin3", true},
		{"tcp", "127.0.0.1:10000", true},
		{"unix", "/var/run/docker.sock", false},
		{"unix", "/tmp/sslctl-1/../other", false},
		{"unix", "/tmp/sslctl-12/x", false},
		{"tcp", "192.0.2.1:80", false},
		{"udp", "127.0.0.1:1", false},
	} {
		if _, _, err := p.PluginToHost(tc.network, tc.address); (err == nil) != tc.ok {
			t.Errorf("%s %s: %v", tc.network, tc.address, err)
		}
	}
}

func TestSocketDir(t *testing.T) {
	short, err := os.MkdirTemp("/tmp", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	long := filepath.Join(t.TempDir(), strings.Repeat("n", 60))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", long)
	t.Setenv("TMPDIR", short)
	dir, err := socketDir("")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 || filepath.Dir(dir) != short {
		t.Errorf("%s, %v, %v", dir, info.Mode(), err)
	}
	if left, _ := os.ReadDir(long); len(left) > 0 {
		t.Errorf("left in the folder that is too long: %v", left)
	}
	if _, err := socketDir(long); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a long folder alone: %v", err)
	}
}

// TestWhatCannotStart leaves nothing, which TestMain and the folder check.
func TestWhatCannotStart(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "s")
	if err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("not a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	silent, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name, path string
		ctx        context.Context
		is         error
		says       string
	}{
		{"nothing there", "/nonexistent/plugin", t.Context(), os.ErrNotExist, "start"},
		{"no program", text, t.Context(), nil, "exec format error"},
		{"given up", text, ended, context.Canceled, ""},
		{"silent", silent, t.Context(), nil, "ended before it was ready (exit status 0)"},
	} {
		_, err := Start(tc.ctx, Config{Path: tc.path, TempDir: dir, StartTimeout: 10 * time.Second})
		if err == nil || tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if err := os.Remove(dir); err != nil {
		t.Errorf("something is left: %v", err)
	}
}
