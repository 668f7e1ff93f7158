package run

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMapGoesWithTheResult: what was written comes back, and training on from a checkpoint removes it as it does the
// result.
func TestMapGoesWithTheResult(t *testing.T) {
	r := create(t, options(t.TempDir()))
	defer r.Close(Done, "")
	if _, err := r.Map(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("map of an unfinished run: %v", err)
	}
	want := Map{Points: [][2]float64{{1.25, -3}, {0, 0.5}}, Labels: []int{1, 0}, Classes: []string{"a", "b"}, AllClasses: 2, Split: "test", Images: 9, Dim: 512, Perplexity: 30, KL: 1.5}
	if err := r.WriteMap(want); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Map(); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("map: %v %s", err, cmp.Diff(want, got))
	}
	if err := r.Rewind(-1); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Map(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("map after going back to the start: %v", err)
	}
}
