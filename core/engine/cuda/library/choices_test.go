package library

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/cudnn"
	"github.com/sslctl/sslctl/core/internal/cuda/devicetest"
)

// TestChoices: algorithms are measured once and then come from the file; a file that makes no sense, or names what must not be
// taken, is replaced; one that cannot be written is a note.
func TestChoices(t *testing.T) {
	d := devicetest.OpenFake(t)
	calls := func() int {
		return d.Fake.Calls("cudnnFindConvolutionForwardAlgorithmEx") + d.Fake.Calls("cudnnFindConvolutionBackwardDataAlgorithmEx") +
			d.Fake.Calls("cudnnFindConvolutionBackwardFilterAlgorithmEx")
	}
	p := compile(t, convolutions)
	dir := t.TempDir()
	path := filepath.Join(dir, "cache", "algorithms.json")
	prepare := func(gpu, path string) (measured int, l *Libraries) {
		before := calls()
		l = open(t, d, nil, Options{GPU: gpu, Cache: path})
		r := load(t, d, l, p)
		d.Check(r.computed.Prepare(r))
		return calls() - before, l
	}
	steps := []struct {
		name, gpu string
		change    func()
		measured  int
	}{
		{"no file", "one", nil, 3},
		{"the file", "one", nil, 0},
		{"another GPU", "another", nil, 3},
		{"the first GPU again", "one", nil, 0},
		{"a file that is none", "one", func() { d.Check(os.WriteFile(path, []byte("{\"one"), 0o644)) }, 3},
		{"a file of something else", "one", func() { d.Check(os.WriteFile(path, []byte("null"), 0o644)) }, 3},
		{"an algorithm that is none", "one", func() { replace(t, path, `"algorithm": 1`, `"algorithm": 7`) }, 3},
		{"the file that replaced it", "one", nil, 0},
		{"an algorithm of no fixed order", "one", func() { replace(t, path, `"algorithm": 1`, `"algorithm": 0`) }, 2}, // forward's 0 has one
	}
	for _, s := range steps {
		if s.change != nil {
			s.change()
		}
		if got, _ := prepare(s.gpu, path); got != s.measured {
			t.Errorf("%s: measured %d times, want %d", s.name, got, s.measured)
		}
	}
	file := filepath.Join(dir, "file")
	d.Check(os.WriteFile(file, nil, 0o644))
	measured, l := prepare("one", filepath.Join(file, "algorithms.json"))
	if measured != 3 || len(l.Notes()) != 1 || !strings.Contains(l.Notes()[0].Error(), "measured again next time") {
		t.Errorf("a place that cannot be written: measured %d times, notes %v", measured, l.Notes())
	}
}

func replace(t *testing.T, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestPrefer: the suggestion stays unless another algorithm is clearly quicker.
func TestPrefer(t *testing.T) {
	suggested := cudnn.Algorithm{ID: 1, Math: cudnn.TF32}
	for _, test := range []struct {
		own, best float32
		want      int
	}{{1, 1, 1}, {1.04, 1, 1}, {1.06, 1, 2}, {3, 1, 2}} {
		measured := []cudnn.Algorithm{{ID: 2, Math: cudnn.TF32, Milliseconds: test.best}, {ID: 1, Math: cudnn.TensorOp, Milliseconds: test.best},
			{ID: 1, Math: cudnn.TF32, Milliseconds: test.own}}
		if got := prefer(suggested, measured, measured[0]); got.ID != test.want {
			t.Errorf("%g beside %g ms: algorithm %d, want %d", test.own, test.best, got.ID, test.want)
		}
	}
}
