package run

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sslctl/sslctl/core/fault"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childEnv); mode != "" {
		child(mode)
		return
	}
	goleak.VerifyTestMain(m)
}

// started is the start of the runs in these tests.
func started() time.Time { return time.Date(2026, 11, 24, 8, 15, 0, 0, time.UTC) }

func options(root string) Options {
	return Options{
		Root: root, Config: []byte("method: vicreg\n"), Program: []byte{1, 2}, ProgramText: []byte("loss = add(a, b)\n"),
		Provenance: Provenance{Started: started(), Method: Plugin{Name: "vicreg"}, ConfigHash: "1f3a9cdd00", Seed: 1 << 63},
		Now:        started,
	}
}

func create(t *testing.T, o Options) *Run {
	t.Helper()
	r, err := Create(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCreateLaysOutFolder(t *testing.T) {
	root := filepath.Join(t.TempDir(), "runs")
	o := options(root)
	r := create(t, o)
	if got, want := r.ID(), "20261124-081500-vicreg-1f3a9c"; got != want {
		t.Errorf("folder %s, want %s", got, want)
	}
	if s, _, err := r.Status(); s != Running || err != nil {
		t.Errorf("status %s, %v, want running", s, err)
	}
	if err := r.WriteResult(Result{Method: "vicreg", Loss: 1.5}); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(Done, ""); err != nil {
		t.Fatal(err)
	}

	f, err := Open(filepath.Join(root, "latest"))
	if err != nil {
		t.Fatal(err)
	}
	if f.ID() != r.ID() {
		t.Errorf("latest leads to %s", f.ID())
	}
	for what, c := range map[string]struct {
		read func() ([]byte, error)
		want []byte
	}{"config": {f.Config, o.Config}, "program": {f.Program, o.Program}, "text": {f.ProgramText, o.ProgramText}} {
		if got, err := c.read(); err != nil || string(got) != string(c.want) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	if got, err := f.Provenance(); err != nil || cmp.Diff(o.Provenance, got) != "" {
		t.Errorf("provenance: %v %s", err, cmp.Diff(o.Provenance, got))
	}
	if got, err := f.Result(); err != nil || got.SchemaVersion != ResultSchema || got.Loss != 1.5 {
		t.Errorf("result: %+v, %v", got, err)
	}
	if s, _, err := f.Status(); s != Done || err != nil {
		t.Errorf("status %s, %v, want done", s, err)
	}
}

func TestSecondRunOfTheSecondGetsANumber(t *testing.T) {
	root := t.TempDir()
	a, b := create(t, options(root)), create(t, options(root))
	if b.ID() != a.ID()+"-2" {
		t.Errorf("folders %s and %s", a.ID(), b.ID())
	}
	for _, r := range []*Run{a, b} {
		if err := r.Close(Interrupted, "by the user\nwith two lines"); err != nil {
			t.Error(err)
		}
		if s, why, err := r.Status(); s != Interrupted || why != "by the user with two lines" || err != nil {
			t.Errorf("status %s, %q, %v", s, why, err)
		}
	}
}

func TestOutFolder(t *testing.T) {
	o := options("")
	o.Dir = filepath.Join(t.TempDir(), "my", "run")
	r := create(t, o)
	if r.Dir() != o.Dir {
		t.Errorf("folder %s, want %s", r.Dir(), o.Dir)
	}
	if err := r.Close(Done, ""); err != nil {
		t.Fatal(err)
	}
	_, err := Create(o)
	if fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "sslctl run --resume "+o.Dir) {
		t.Errorf("a folder that is not empty: %v, hint %q", err, fault.HintOf(err))
	}
	// A process that was killed while it made the folder leaves no status. The folder can be used again.
	if err := os.Remove(r.path(statusFile)); err != nil {
		t.Fatal(err)
	}
	again := create(t, o)
	if err := again.Close(Done, ""); err != nil {
		t.Fatal(err)
	}
}

func TestOneWriter(t *testing.T) {
	r := create(t, options(t.TempDir()))
	_, err := Resume(r.Dir(), started)
	if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "is being written by process ") {
		t.Errorf("a second writer: %v", err)
	}
	if err := r.Close(Failed, "loss is NaN"); err != nil {
		t.Fatal(err)
	}
	again, err := Resume(r.Dir(), started)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.RecordResume(7, Provenance{Started: started(), Command: []string{"sslctl", "resume"}}); err != nil {
		t.Fatal(err)
	}
	if err := again.Close(Done, ""); err != nil {
		t.Fatal(err)
	}
	p, err := again.Provenance()
	if err != nil || len(p.Resumed) != 1 || p.Resumed[0].Step != 7 || p.Method.Name != "vicreg" {
		t.Errorf("provenance after a resume: %+v, %v", p, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	empty := t.TempDir()
	for _, dir := range []string{empty, filepath.Join(empty, "none")} {
		if _, err := Open(dir); fault.CodeOf(err) != fault.Data || fault.HintOf(err) == "" {
			t.Errorf("Open(%s): %v", dir, err)
		}
		if _, err := Resume(dir, nil); fault.CodeOf(err) != fault.Data {
			t.Errorf("Resume(%s): %v", dir, err)
		}
	}
	r := create(t, options(empty))
	defer r.Close(Done, "")
	if _, err := r.Result(); !errors.Is(err, fs.ErrNotExist) || fault.CodeOf(err) != fault.Data {
		t.Errorf("result of an unfinished run: %v", err)
	}
	if err := r.WriteFile(provenanceFile, []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Provenance(); fault.CodeOf(err) != fault.Data {
		t.Errorf("damaged provenance: %v", err)
	}
}

func TestObserve(t *testing.T) {
	p := Observe("1.2.3", started())
	if p.Software.Version != "1.2.3" || !strings.HasPrefix(p.Software.Go, "go") || p.Machine.Cores < 1 || len(p.Command) == 0 {
		t.Errorf("%+v", p)
	}
	if got, want := Hash([]byte("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want { // FIPS 180-2, B.1
		t.Errorf("hash %s, want %s", got, want)
	}
}
