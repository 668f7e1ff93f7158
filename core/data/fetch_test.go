package data

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/sslctl/sslctl/core/fault"
)

func hexSum(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

// noise is n bytes that do not compress.
func noise(n, seed int) []byte {
	var b []byte
	for i := 0; len(b) < n; i++ {
		s := sha256.Sum256([]byte{byte(seed), byte(i), byte(i >> 8)})
		b = append(b, s[:]...)
	}
	return b[:n]
}

// published is a dataset of one file under gzip, and that file.
func published(t testing.TB) (entry, []byte) {
	t.Helper()
	content := noise(200_000, 1)
	z := gzipped(t, content)
	return entry{info: Info{Name: "toy"}, folders: []string{"toy"}, artefacts: []artefact{
		{"images.gz", int64(len(z)), hexSum(z), []member{{"images", int64(len(content)), hexSum(content)}}},
	}}, z
}

// site is a web site of one file that notes what it is asked for.
type site struct {
	*httptest.Server
	mu     sync.Mutex
	ranges []string // the Range header of every request
	paths  []string
}

// serve starts a site; answer gets the number of the request, from 0.
func serve(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		n := len(s.ranges)
		s.ranges, s.paths = append(s.ranges, r.Header.Get("Range")), append(s.paths, r.URL.Path)
		s.mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// asked is the Range header of all requests so far.
func (s *site) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.ranges...)
}

// whole answers with a file as a good server does.
func whole(file []byte) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "file", time.Time{}, bytes.NewReader(file))
	}
}

// cut announces all of a file, sends n bytes and hangs up.
func cut(w http.ResponseWriter, file []byte, n int) {
	w.Header().Set("Content-Length", fmt.Sprint(len(file)))
	_, _ = w.Write(file[:n])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// from is a fetcher that is as impatient as tests are.
func from(s *site, system string) *fetcher {
	f := newFetcher(FetchOptions{Mirror: s.URL + "/pub/", Client: s.Client(), Stall: 5 * time.Second}, system)
	f.pause = time.Millisecond
	return f
}

// left lists the files of a folder.
func left(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestFetch(t *testing.T) {
	e, file := published(t)
	half := len(file) / 2
	var other bytes.Buffer // the same content, compressed otherwise
	z, err := gzip.NewWriterLevel(&other, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(noise(200_000, 1)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	good := whole(file)
	rest := fmt.Sprintf("bytes=%d-", half)

	for name, c := range map[string]struct {
		part   []byte // what an earlier call left
		answer func(n int, w http.ResponseWriter, r *http.Request)
		ranges []string // of the requests
		fails  string   // part of the error; "" for success
	}{
		"right":    {answer: good, ranges: []string{""}},
		"resumes":  {part: file[:half], answer: good, ranges: []string{rest}},
		"complete": {part: file, answer: good},
		"connection cut": {
			answer: func(n int, w http.ResponseWriter, r *http.Request) {
				if n == 0 {
					cut(w, file, half)
				}
				good(n, w, r)
			}, ranges: []string{"", rest}},
		"cut, and no ranges": {
			answer: func(n int, w http.ResponseWriter, _ *http.Request) {
				if n == 0 {
					cut(w, file, half)
				}
				_, _ = w.Write(file)
			}, ranges: []string{"", rest}},
		"always cut at once": {
			answer: func(_ int, w http.ResponseWriter, _ *http.Request) { cut(w, file, 0) },
			ranges: []string{"", "", "", ""}, fails: "EOF"},
		"remains of another file": {part: bytes.Repeat([]byte("x"), half), answer: good, ranges: []string{rest, ""}},
		"remains longer than the file": {
			part: bytes.Repeat([]byte("x"), len(file)+5), answer: good,
			ranges: []string{fmt.Sprintf("bytes=%d-", len(file)+5), ""}},
		"remains complete but wrong": {part: bytes.Repeat([]byte("x"), len(file)), answer: good, ranges: []string{""}},
		"wrong range": {part: file[:half],
			answer: func(n int, w http.ResponseWriter, r *http.Request) {
				if n == 0 {
					w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(file)-1, len(file)))
					w.WriteHeader(http.StatusPartialContent)
				}
				good(n, w, r)
			}, ranges: []string{rest, ""}},
		"overloaded for a while": {
			answer: func(n int, w http.ResponseWriter, r *http.Request) {
				if n < 2 {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				good(n, w, r)
			}, ranges: []string{"", "", ""}},
		"overloaded": {
			answer: func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
			ranges: []string{"", "", "", ""}, fails: "429"},
		"not there": {
			answer: func(_ int, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
			ranges: []string{""}, fails: "404"},
		"login page": {
			answer: func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>log in</html>")) },
			ranges: []string{""}, fails: "SHA-256"},
		"wrong content": {answer: whole(flip(file, half)), ranges: []string{""}, fails: "SHA-256"},
		"truncated at the source": {
			answer: whole(file[:half]), ranges: []string{""}, fails: "unexpected EOF"},
		"compressed otherwise": {answer: whole(other.Bytes()), ranges: []string{""}},
		"endless": {
			answer: func(_ int, w http.ResponseWriter, _ *http.Request) {
				for {
					if _, err := w.Write(make([]byte, 1<<16)); err != nil {
						return
					}
				}
			}, ranges: []string{""}, fails: "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.answer)
			target := filepath.Join(t.TempDir(), "toy")
			if c.part != nil {
				write(t, target, map[string][]byte{".images.gz.part": c.part})
			}
			info, err := from(s, "").fetch(context.Background(), e, target)
			if got := s.asked(); strings.Join(got, "|") != strings.Join(c.ranges, "|") {
				t.Errorf("asked for %q, want %q", got, c.ranges)
			}
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || fault.CodeOf(err) != fault.Data || !strings.Contains(fault.HintOf(err), EnvMirror) {
					t.Errorf("error %v (hint %q), want one with %q", err, fault.HintOf(err), c.fails)
				}
				if strings.Contains(" "+left(t, target), " images") {
					t.Errorf("what is wrong came under the final name: %s", left(t, target))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := left(t, target); got != "images.gz" {
				t.Errorf("the folder holds %s", got)
			}
			if err := checkContent(context.Background(), filepath.Join(target, "images.gz"), e.artefacts[0].members[0]); err != nil {
				t.Error(err)
			}
			if !info.Present || info.Dir != target || !info.Official {
				t.Errorf("described as %+v", info)
			}
			if _, err := from(s, "").fetch(context.Background(), e, target); err != nil || len(s.asked()) != len(c.ranges) {
				t.Errorf("a second call asks %d times more (error %v)", len(s.asked())-len(c.ranges), err)
			}
		})
	}
}

// TestFetchProgress: bytes never go back within an attempt, and end at the size.
func TestFetchProgress(t *testing.T) {
	e, file := published(t)
	s := serve(t, whole(file))
	f := from(s, "")
	var last, calls int64
	f.Progress = func(name string, done, total int64) {
		if name != "images.gz" || done < last || total != int64(len(file)) {
			t.Errorf("progress %s %d of %d after %d", name, done, total, last)
		}
		last, calls = done, calls+1
	}
	if _, err := f.fetch(context.Background(), e, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if last != int64(len(file)) || calls < 2 {
		t.Errorf("ended at %d of %d after %d calls", last, len(file), calls)
	}
	if want := "/pub/toy/images.gz"; s.paths[0] != want {
		t.Errorf("asked for %s, want %s", s.paths[0], want)
	}
}

// TestFetchStalledConnection: a connection without bytes is given up and the download goes on with a new one.
func TestFetchStalledConnection(t *testing.T) {
	e, file := published(t)
	half := len(file) / 2
	done := make(chan struct{})
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			w.Header().Set("Content-Length", fmt.Sprint(len(file)))
			_, _ = w.Write(file[:half])
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-done:
			}
			return
		}
		whole(file)(n, w, r)
	})
	defer close(done)
	f := from(s, "")
	f.Stall = 100 * time.Millisecond
	if _, err := f.fetch(context.Background(), e, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if got := s.asked(); len(got) != 2 || got[1] == "" {
		t.Errorf("asked for %q, want the rest after the stall", got)
	}
}

// TestFetchCancelled: a call ends with its context, and the next one goes on where it ended.
func TestFetchCancelled(t *testing.T) {
	e, file := published(t)
	half := len(file) / 2
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			w.Header().Set("Content-Length", fmt.Sprint(len(file)))
			_, _ = w.Write(file[:half])
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-done:
			}
			return
		}
		whole(file)(n, w, r)
	})
	defer close(done)
	target := t.TempDir()
	f := from(s, "")
	f.Progress = func(_ string, have, _ int64) {
		if have == int64(half) {
			cancel()
		}
	}
	_, err := f.fetch(ctx, e, target)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want that of the context", err)
	}
	if got := left(t, target); got != ".images.gz.part" {
		t.Fatalf("the folder holds %q", got)
	}
	if _, err := from(s, "").fetch(context.Background(), e, target); err != nil {
		t.Fatal(err)
	}
	if got := s.asked(); len(got) != 2 || got[1] != fmt.Sprintf("bytes=%d-", half) {
		t.Errorf("asked for %q, want the rest", got)
	}
}

func TestFetchFromSystem(t *testing.T) {
	e, file := published(t)
	s := serve(t, whole(file))
	for name, c := range map[string]struct {
		content  []byte
		requests int
	}{"right": {file, 0}, "wrong": {flip(file, 5000), 1}} {
		before := len(s.asked())
		system, target := t.TempDir(), t.TempDir()
		write(t, system, map[string][]byte{"toy/images.gz": c.content})
		if _, err := from(s, system).fetch(context.Background(), e, target); err != nil {
			t.Fatal(err)
		}
		if n := len(s.asked()) - before; n != c.requests {
			t.Errorf("%s: %d requests, want %d", name, n, c.requests)
		}
		if got, err := os.ReadFile(filepath.Join(target, "images.gz")); err != nil || !bytes.Equal(got, file) {
			t.Errorf("%s: another file came (error %v)", name, err)
		}
	}
}

// TestFetchSecondAddress: where the first address gives something else, the second is asked.
func TestFetchSecondAddress(t *testing.T) {
	t.Setenv(EnvMirror, "")
	e, file := published(t)
	bad, good := serve(t, whole(flip(file, 77))), serve(t, whole(file))
	e.addresses = []string{bad.URL, good.URL}
	f := newFetcher(FetchOptions{}, "")
	defer f.Client.CloseIdleConnections()
	target := t.TempDir()
	if _, err := f.fetch(context.Background(), e, target); err != nil {
		t.Fatal(err)
	}
	if len(bad.asked()) != 1 || len(good.asked()) != 1 {
		t.Errorf("asked %d and %d times, want once each", len(bad.asked()), len(good.asked()))
	}
	t.Setenv(EnvMirror, good.URL+"/m")
	if got := newFetcher(FetchOptions{}, "").addresses(e, e.artefacts[0]); len(got) != 1 || got[0] != good.URL+"/m/toy/images.gz" {
		t.Errorf("with a mirror in the environment the addresses are %q", got)
	}
}

// archive makes a tar.gz.
func archive(t *testing.T, files ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range files {
		content := []byte(h.Linkname) // carries the content of regular files
		if h.Typeflag == tar.TypeReg {
			h.Linkname, h.Size = "", int64(len(content))
		}
		h.Mode = 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFetchArchive(t *testing.T) {
	one, two := string(noise(3000, 2)), string(noise(4000, 3))
	reg := func(name, content string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeReg, Linkname: content}
	}
	right := archive(t, tar.Header{Name: "set/", Typeflag: tar.TypeDir}, reg("set/a.bin", one), reg("set/readme.html", "hello"), reg("set/b.bin", two), reg("set/names.txt", "x\ny\n"))
	for name, c := range map[string]struct {
		archive []byte
		fails   string
		left    string
	}{
		"right":          {right, "", "a.bin b.bin names.txt"},
		"without names":  {archive(t, reg("a.bin", one), reg("b.bin", two)), "", "a.bin b.bin"},
		"names to climb": {archive(t, reg("../../a.bin", one), reg("/etc/b.bin", two)), "", "a.bin b.bin"},
		"missing member": {archive(t, reg("set/a.bin", one)), "b.bin is not in the archive", "a.bin"},
		"a link":         {archive(t, reg("a.bin", one), tar.Header{Name: "b.bin", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), "b.bin is not in the archive", "a.bin"},
		"wrong member":   {archive(t, reg("a.bin", one), reg("b.bin", one+one[:1000])), "b.bin: SHA-256 is", "a.bin"},
		"short member":   {archive(t, reg("a.bin", one[:99])), "a.bin: truncated, 99 bytes of 3000", ""},
		"large member":   {archive(t, reg("a.bin", one+"x")), "a.bin: more than 3000 bytes", ""},
		"large names":    {archive(t, reg("names.txt", strings.Repeat("x", 101))), "names.txt: more than 100 bytes", ""},
		"cut":            {right[:len(right)/2], "unexpected EOF", ""},
		"not an archive": {[]byte("<html>"), "unpack: ", ""},
	} {
		s := serve(t, whole(c.archive))
		e := entry{info: Info{Name: "toy"}, folders: []string{"toy"}, artefacts: []artefact{{"set.tar.gz", int64(len(right)), hexSum(right), []member{
			{"a.bin", 3000, hexSum([]byte(one))}, {"b.bin", 4000, hexSum([]byte(two))}, {"names.txt", 100, ""}}}}}
		target := t.TempDir()
		_, err := from(s, "").fetch(context.Background(), e, target)
		if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%s: error %v, want %q", name, err, c.fails)
		}
		if got := left(t, target); c.left != "" && got != c.left {
			t.Errorf("%s: the folder holds %s, want %s", name, got, c.left)
		}
		if c.fails != "" {
			continue
		}
		if _, err := from(s, "").fetch(context.Background(), e, target); err != nil || len(s.asked()) != 1 {
			t.Errorf("%s: a second call asks %d times in all (error %v)", name, len(s.asked()), err)
		}
	}
}

func TestFetchRefuses(t *testing.T) {
	if _, err := Fetch(context.Background(), "imagenet", "", FetchOptions{}); fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "cifar100") {
		t.Errorf("error %v (hint %q) for a dataset that is not known", err, fault.HintOf(err))
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, filepath.Dir(file), map[string][]byte{"file": nil})
	if _, err := Fetch(context.Background(), "mnist", file, FetchOptions{}); fault.CodeOf(err) != fault.Data {
		t.Errorf("error %v for a folder that is a file", err)
	}
}

// TestFetchTakesTurns: while one fetches into a folder, another waits, then finds everything there.
func TestFetchTakesTurns(t *testing.T) {
	e, file := published(t)
	s := serve(t, whole(file))
	target := t.TempDir()
	unlock, err := lockFolder(context.Background(), target)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockPoll/2)
	defer cancel()
	if _, err := from(s, "").fetch(ctx, e, target); !errors.Is(err, context.DeadlineExceeded) || len(s.asked()) != 0 {
		t.Errorf("error %v and %d requests while another fetches", err, len(s.asked()))
	}
	var group conc.WaitGroup
	group.Go(func() {
		if _, err := from(s, "").fetch(context.Background(), e, target); err != nil {
			t.Error(err)
		}
	})
	write(t, target, map[string][]byte{"images.gz": file})
	if err := unlock(); err != nil {
		t.Error(err)
	}
	group.Wait()
	if n := len(s.asked()); n != 0 {
		t.Errorf("%d requests for what another has fetched", n)
	}
}
