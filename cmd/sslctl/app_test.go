package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/fault"
)

// TestCrash: a panic is an internal error, whose stack stands in a file that the hint names.
func TestCrash(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	err := crashed("index out of range", []byte("goroutine 1 [running]"))
	if fault.CodeOf(err) != fault.Internal || err.Error() != "index out of range" {
		t.Errorf("code %d, error %q", fault.CodeOf(err), err)
	}
	path := regexp.MustCompile(`\S+\.txt`).FindString(fault.HintOf(err))
	text, readErr := os.ReadFile(path)
	if readErr != nil || !strings.Contains(string(text), "goroutine 1 [running]") || !strings.Contains(string(text), "index out of range") {
		t.Errorf("hint %q; the file holds %q (%v)", fault.HintOf(err), text, readErr)
	}
}

// TestFail: one line each for error and hint, whatever lines they have; with --json one object.
func TestFail(t *testing.T) {
	err := errors.Join(fault.New(fault.Data, "fetch\nit", "read\n  file"), errors.New("close it"))
	for _, tc := range []struct {
		err  error
		json bool
		want string
	}{
		{err, false, "error: read file close it\nhint: fetch it\n"},
		{fault.New(fault.Device, "", "no memory"), false, "error: no memory\n"},
		{errors.New("boom"), false, "error: internal: boom\nhint: this is a bug or something that nobody foresaw; report it with the command line and --log-level debug\n"},
		{err, true, `{"error":{"code":4,"hint":"fetch it","summary":"read file close it"}}` + "\n"},
	} {
		var stdout, stderr bytes.Buffer
		a := &app{stdout: &stdout, stderr: &stderr, json: tc.json}
		a.fail(tc.err)
		if stderr.String() != tc.want || stdout.Len() > 0 {
			t.Errorf("stderr %q, want %q; stdout %q", &stderr, tc.want, &stdout)
		}
		if tc.json && !json.Valid(stderr.Bytes()) {
			t.Errorf("%q is no JSON", &stderr)
		}
	}
}

// TestEnded: what a signal does to an error's code.
func TestEnded(t *testing.T) {
	stopped := fault.New(fault.Interrupted, "resume", "interrupted after step 3")
	for name, tc := range map[string]struct {
		err   error
		batch bool
		want  fault.Code
		hint  string
	}{
		"Ctrl-C in training":       {stopped, false, fault.Interrupted, "resume"},
		"SIGTERM in training":      {stopped, true, fault.Requeue, "resume"},
		"Ctrl-C before it":         {context.Canceled, false, fault.Interrupted, "nothing was begun that could be continued; start it again"},
		"SIGTERM before it":        {context.Canceled, true, fault.Requeue, "nothing was begun that could be continued; start it again"},
		"an error of its own kind": {fault.New(fault.Data, "space", "the disk is full"), true, fault.Data, "space"},
	} {
		err := ended(tc.err, tc.batch)
		if fault.CodeOf(err) != tc.want || fault.HintOf(err) != tc.hint {
			t.Errorf("%s: code %d and hint %q, want %d and %q", name, fault.CodeOf(err), fault.HintOf(err), tc.want, tc.hint)
		}
	}
}

// TestEveryCommandHasHelp: what it does, at length, and examples that are commands of this program.
func TestEveryCommandHasHelp(t *testing.T) {
	root := newApp().root()
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s has no short help or no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			for _, words := range regexp.MustCompile(`sslctl((?: [a-z]+)+)`).FindAllStringSubmatch(line, -1) {
				found, _, err := root.Find(strings.Fields(words[1]))
				if err != nil || found == root {
					t.Errorf("%s: example %q names no command", c.CommandPath(), strings.TrimSpace(line))
				}
			}
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "help" {
				visit(sub)
			}
		}
	}
	visit(root)
}

func TestNearest(t *testing.T) {
	names := []string{"run", "eval", "objective", "completion"}
	for word, want := range map[string]string{"rnu": "run", "evla": "eval", "objectives": "objective", "complete": "completion", "frobnicate": ""} {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		text    string
		columns int
		want    string
	}{{"loss 1", 6, "loss 1"}, {"√d |corr|", 4, "√d …"}, {"loss", 1, "…"}, {"loss", -5, ""}, {"", 0, ""}} {
		if got := cut(tc.text, tc.columns); got != tc.want {
			t.Errorf("cut(%q, %d) is %q, want %q", tc.text, tc.columns, got, tc.want)
		}
	}
}

func TestBracket(t *testing.T) {
	want := []string{"a ───┐", "bcd ─┼→ loss", "e ───┤", "f ───┘"}
	for i, line := range bracket([]string{"a", "bcd", "e", "f"}, "loss") {
		if line != want[i] {
			t.Errorf("line %d is %q, want %q", i, line, want[i])
		}
	}
	if got := bracket([]string{"a"}, "loss")[0]; got != "a ──→ loss" {
		t.Errorf("one line is %q", got)
	}
}

func TestAmount(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1 kB", 30878645: "30.9 MB", 170052171: "170 MB"} {
		if got := amount(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
}
