package lockfile_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sourcegraph/conc"

	"github.com/sslctl/sslctl/core/host/lockfile"
)

var sum = strings.Repeat("0123456789abcdef", 4)

func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	if pins, err := lockfile.Read(dir); err != nil || len(pins) != 0 {
		t.Errorf("without a file: %v, %v", pins, err)
	}
	want := lockfile.Pins{"sslctl-method-a": {SHA256: sum, Source: "https://example.org/?a=1&b=2", Version: "1.0.0"}}
	err := lockfile.Update(t.Context(), dir, func(p lockfile.Pins) error {
		p["sslctl-method-a"] = want["sslctl-method-a"]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := lockfile.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read after write (-want +got):\n%s", diff)
	}
	text, err := os.ReadFile(filepath.Join(dir, lockfile.Name))
	if err != nil || !strings.Contains(string(text), "?a=1&b=2") {
		t.Errorf("addresses cannot be read: %s (%v)", text, err)
	}

	boom := errors.New("boom")
	err = lockfile.Update(t.Context(), dir, func(p lockfile.Pins) error {
		delete(p, "sslctl-method-a")
		return boom
	})
	if after, _ := lockfile.Read(dir); !errors.Is(err, boom) || len(after) != 1 {
		t.Errorf("a failed change: %v, then %v", err, after)
	}
}

// TestUpdatesTakeTurns adds many lines at once: none is lost.
func TestUpdatesTakeTurns(t *testing.T) {
	dir := t.TempDir()
	var group conc.WaitGroup
	for i := range 8 {
		group.Go(func() {
			err := lockfile.Update(context.Background(), dir, func(p lockfile.Pins) error {
				p[fmt.Sprintf("sslctl-method-m%d", i)] = lockfile.Pin{SHA256: sum}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if pins, err := lockfile.Read(dir); err != nil || len(pins) != 8 {
		t.Errorf("%d lines, want 8 (%v)", len(pins), err)
	}
	held := make(chan struct{})
	group.Go(func() {
		err := lockfile.Update(context.Background(), dir, func(lockfile.Pins) error {
			close(held)
			time.Sleep(200 * time.Millisecond)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := lockfile.Update(ctx, dir, func(lockfile.Pins) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another changes it: %v", err)
	}
	group.Wait()
}

func TestReadRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"cut off":       {`{"version": 1, "plu`, "unexpected end"},
		"empty":         {``, "unexpected end"},
		"newer":         {`{"version": 2, "plugins": {}}`, "version is 2"},
		"no version":    {`{"plugins": {}}`, "version is 0"},
		"no sum":        {`{"version": 1, "plugins": {"a": {}}}`, `line of "a"`},
		"upper case":    {`{"version": 1, "plugins": {"a": {"sha256": "` + strings.ToUpper(sum) + `"}}}`, `line of "a"`},
		"path":          {`{"version": 1, "plugins": {"../a": {"sha256": "` + sum + `"}}}`, `line of "../a"`},
		"far too large": {strings.Repeat(" ", 1<<20+1), "more than 1048576 bytes"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, lockfile.Name), []byte(tc.text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := lockfile.Read(dir)
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), lockfile.Name) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		if err := lockfile.Update(t.Context(), dir, func(lockfile.Pins) error { return nil }); err == nil {
			t.Errorf("%s: Update overwrites what it cannot read", name)
		}
	}
}
