//go:build unix

package experiment_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/experiment"
	"github.com/sslctl/sslctl/sdk/method"
)

// edited is a method whose author doubles its objective: where the stage is mended.
type edited struct{ author }

func (edited) Objective(e method.Embeddings, _ method.Values) method.Loss {
	weight := 1.0
	if _, err := os.Stat(filepath.Join(os.TempDir(), mendedFile)); err == nil {
		weight = 2
	}
	return method.Sum(method.Term("distance", weight, e.Z(0).Sub(e.Z(1)).Square().Mean()))
}

// again asks for a configuration's result, and reports whether it was there.
func (s stage) again(t *testing.T, c config.Config) (dir string, reused bool) {
	t.Helper()
	o, done := s.options()
	defer done()
	_, folder, reused, err := experiment.Once(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return folder.Dir(), reused
}

// TestEditedMethodTrainsAnew: a finished run counts for as long as its plugin gives the same program, and again when it gives
// that once more.
func TestEditedMethodTrainsAnew(t *testing.T) {
	s := newStage(t)
	s.add(t, "method-edited")
	c := s.small("edited")
	first, _ := s.again(t, c)
	if dir, reused := s.again(t, c); !reused || dir != first {
		t.Errorf("with the same program %s was computed", dir)
	}
	s.mend(t, true)
	second, reused := s.again(t, c)
	if reused || second == first {
		t.Errorf("with another objective %s counts", second)
	}
	if dir, reused := s.again(t, c); !reused || dir != second {
		t.Errorf("with the other objective once more, %s (reused: %v), want %s", dir, reused, second)
	}
	s.mend(t, false)
	if dir, reused := s.again(t, c); !reused || dir != first {
		t.Errorf("with the first objective once more, %s (reused: %v), want %s", dir, reused, first)
	}
}

// TestRebuiltOpTrainsAnew: a program names its custom ops, whose code may have changed with the executable.
func TestRebuiltOpTrainsAnew(t *testing.T) {
	s := newStage(t)
	s.add(t, "method-good")
	c := s.small("good")
	s.again(t, c)
	if dir, reused := s.again(t, c); !reused {
		t.Errorf("with the same executable %s was computed", dir)
	}
	path := filepath.Join(s.plugins, "sslctl-method-good")
	executable, err := os.ReadFile(path)
	if err == nil {
		err = os.Remove(path)
	}
	if err == nil {
		err = os.WriteFile(path, append(executable, 0), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	if dir, reused := s.again(t, c); reused {
		t.Errorf("with another executable %s counts", dir)
	}
}
