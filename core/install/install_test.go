//go:build unix

package install_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/core/host/lockfile"
	"github.com/sslctl/sslctl/core/install"
	"github.com/sslctl/sslctl/plugins"
)

// TestMain makes this binary serve what is shipped, so that a script that starts it is a plugin.
func TestMain(m *testing.M) {
	if plugins.ServeRequested() {
		return
	}
	os.Exit(m.Run())
}

// script is an executable that serves a shipped method.
func script(t *testing.T, method string) []byte {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []byte("#!/bin/sh\nSSLCTL_SERVE=method/" + method + " exec '" + self + "'\n")
}

func newHost(t *testing.T) *host.Host {
	h := host.New(host.Options{})
	t.Cleanup(h.Close)
	return h
}

func sum(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

// TestDownload installs from a server, over TLS without a sum and in plain with one.
func TestDownload(t *testing.T) {
	first, second := script(t, "byol"), append(script(t, "byol"), "# newer\n"...)
	serve := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/second":
			_, _ = w.Write(second)
		case "/cut":
			w.Header().Set("Content-Length", "1000000")
			_, _ = w.Write(first)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/huge":
			w.Header().Set("Content-Length", "99999999999")
		case "/html":
			_, _ = w.Write([]byte("<html>not found</html>"))
		default:
			_, _ = w.Write(first)
		}
	}
	encrypted, plain := httptest.NewTLSServer(http.HandlerFunc(serve)), httptest.NewServer(http.HandlerFunc(serve))
	defer encrypted.Close()
	defer plain.Close()
	down := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer down.Close()
	h, dir := newHost(t), filepath.Join(t.TempDir(), "deep", "plugins")
	for _, tc := range []struct {
		address, sum string
		code         fault.Code
		want         string
	}{
		{plain.URL + "/second", "", fault.Usage, "not encrypted"},
		{down.URL, "", fault.Usage, "not encrypted"},
		{plain.URL + "/second", sum(first), fault.Data, "expected " + sum(first)},
		{encrypted.URL + "/cut", "", fault.Data, "unexpected EOF"},
		{encrypted.URL + "/huge", "", fault.Data, "more than 512"},
		{encrypted.URL + "/html", "", fault.Plugin, "html"},
		{plain.URL + "/second", strings.ToUpper(sum(second)), fault.OK, ""},
		{encrypted.URL + "/second", "", fault.OK, ""},
	} {
		p, err := install.Install(t.Context(), h, tc.address, install.Options{Dir: dir, SHA256: tc.sum, Client: encrypted.Client()})
		if fault.CodeOf(err) != tc.code {
			t.Errorf("%s: code %d, want %d: %v", tc.address, fault.CodeOf(err), tc.code, err)
			continue
		}
		if err != nil {
			if !strings.Contains(err.Error(), tc.want) && tc.code != fault.Plugin {
				t.Errorf("%s: %v, want %q", tc.address, err, tc.want)
			}
			if left := names(t, dir); left != "" && !strings.HasPrefix(left, ".plugins.lock") {
				t.Errorf("%s leaves %s", tc.address, left)
			}
			continue
		}
		pins, err := lockfile.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		want := lockfile.Pin{SHA256: sum(second), Source: tc.address, Version: "1.0.0"}
		if pins["sslctl-method-byol"] != want || p.SHA256 != want.SHA256 {
			t.Errorf("%s: pinned %+v, want %+v", tc.address, pins, want)
		}
	}
	if got, want := names(t, dir), ".plugins.lock plugins.lock sslctl-method-byol"; got != want {
		t.Errorf("left %s, want %s", got, want)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	dir := t.TempDir()
	_, err := install.Install(ctx, newHost(t), server.URL, install.Options{Dir: dir, SHA256: "00"})
	if !errors.Is(err, context.Canceled) || fault.CodeOf(err) != fault.Internal || names(t, dir) != "" {
		t.Errorf("cancelled: %v; left %q", err, names(t, dir))
	}
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(t.TempDir(), "any-name")
	if err := os.WriteFile(path, script(t, "vicreg"), 0o644); err != nil { // executable or not: it becomes so
		t.Fatal(err)
	}
	h := newHost(t)
	p, err := install.Install(t.Context(), h, path, install.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ref := host.Ref{Kind: p.Kind, Name: p.Name, Path: p.Path}
	for range 2 { // also where the file is gone
		if err := install.Remove(t.Context(), ref); err != nil {
			t.Error(err)
		}
	}
	if pins, err := lockfile.Read(dir); err != nil || len(pins) > 0 || names(t, dir) != ".plugins.lock plugins.lock" {
		t.Errorf("left %v and %s (%v)", pins, names(t, dir), err)
	}
	if err := install.Remove(t.Context(), host.Ref{Kind: p.Kind, Name: p.Name}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("what is shipped: %v", err)
	}
}
