package run

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/safetensors"
)

// state is what the test's training has after a step.
func state(step int) map[string]safetensors.Tensor {
	w := make([]float32, 300)
	for i := range w {
		w[i] = float32(step*1000 + i)
	}
	return map[string]safetensors.Tensor{
		"model.w":   safetensors.Floats(w, 3, 100),
		"optim.w":   safetensors.Floats(slices.Clone(w[:3]), 3),
		"rng.count": safetensors.Uints([]uint64{uint64(step)}, 1),
	}
}

func save(t *testing.T, r *Run, step int) {
	t.Helper()
	if err := r.SaveCheckpoint(step, state(step), map[string]string{"method": "vicreg"}); err != nil {
		t.Fatal(err)
	}
}

func TestCheckpointsComeBack(t *testing.T) {
	r := create(t, options(t.TempDir()))
	defer r.Close(Done, "")
	if _, err := r.LoadLast(); !errors.Is(err, ErrNoCheckpoint) || fault.CodeOf(err) != fault.Data {
		t.Errorf("without checkpoints: %v", err)
	}
	save(t, r, 10)
	c, err := r.LoadLast()
	if err != nil {
		t.Fatal(err)
	}
	if c.Step != 10 || len(c.Skipped) > 0 {
		t.Errorf("step %d, skipped %v", c.Step, c.Skipped)
	}
	if d := cmp.Diff(state(10), c.Tensors); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]string{"step": "10", "method": "vicreg"}, c.Meta); d != "" {
		t.Error(d)
	}
	if err := r.SaveCheckpoint(11, nil, map[string]string{"sha256": "x"}); err == nil {
		t.Error("a reserved key was taken")
	}
}

func TestRetention(t *testing.T) {
	r := create(t, options(t.TempDir()))
	defer r.Close(Done, "")
	for step := 10; step <= 60; step += 10 {
		save(t, r, step)
		if step == 20 {
			if err := r.MarkBest(step); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(want ...int) {
		t.Helper()
		got, err := r.checkpointSteps()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("checkpoints %v, %v, want %v", got, err, want)
		}
	}
	check(20, 50, 60)
	if c, err := r.LoadBest(); err != nil || c.Step != 20 {
		t.Errorf("best: %v", err)
	}
	// The links serve whoever reads the folder without this package.
	tensors, _, err := safetensors.Load(r.path("checkpoints/last.safetensors"))
	if err != nil || tensors["rng.count"].U64[0] != 60 {
		t.Errorf("last.safetensors: %v", err)
	}
	if err := r.MarkBest(50); err != nil {
		t.Fatal(err)
	}
	check(50, 60)
	if err := r.MarkBest(30); err == nil {
		t.Error("a removed checkpoint was marked")
	}
	if err := r.Rewind(55); err != nil {
		t.Fatal(err)
	}
	check(50)
	if err := r.Rewind(-1); err != nil {
		t.Fatal(err)
	}
	check()
	if left, _ := os.ReadDir(r.path(checkpointsDir)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDamagedCheckpointFallsBack(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
		"empty":     func([]byte) []byte { return nil },
		"data bit":  func(b []byte) []byte { b[len(b)-7] ^= 4; return b },
		"header": func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"method":"vicreg"`), []byte(`"method":"simreg"`), 1)
		},
		"of another step": nil,
	} {
		t.Run(name, func(t *testing.T) {
			r := create(t, options(t.TempDir()))
			defer r.Close(Done, "")
			save(t, r, 1)
			save(t, r, 2)
			source := r.checkpointPath(2)
			if damage == nil {
				source = r.checkpointPath(1)
			}
			b, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			if damage != nil {
				before := bytes.Clone(b)
				if b = damage(b); bytes.Equal(b, before) {
					t.Fatal("nothing was damaged")
				}
			}
			if err := os.WriteFile(r.checkpointPath(2), b, 0o644); err != nil {
				t.Fatal(err)
			}
			c, err := r.LoadLast()
			if err != nil {
				t.Fatal(err)
			}
			if c.Step != 1 || len(c.Skipped) != 1 || fault.CodeOf(c.Skipped[0]) != fault.Data {
				t.Errorf("step %d, skipped %v", c.Step, c.Skipped)
			}
			if err := os.Truncate(r.checkpointPath(1), 9); err != nil {
				t.Fatal(err)
			}
			if _, err := r.LoadLast(); fault.CodeOf(err) != fault.Data || errors.Is(err, ErrNoCheckpoint) {
				t.Errorf("all damaged: %v", err)
			}
		})
	}
}

// TestRewindGivesTheSameFolder: a run that went too far and was cut back holds the same files as one that stopped.
func TestRewindGivesTheSameFolder(t *testing.T) {
	run := func(steps, back int) map[string]string {
		r := create(t, options(t.TempDir()))
		for s := 1; s <= steps; s++ {
			rec, _ := line(t, s)
			if err := r.Append(rec); err != nil {
				t.Fatal(err)
			}
			if s%2 == 0 {
				save(t, r, s)
			}
		}
		if err := r.WriteResult(Result{Steps: steps}); err != nil {
			t.Fatal(err)
		}
		if back > 0 {
			if err := r.Rewind(back); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(Done, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Result(); (err == nil) != (back == 0) {
			t.Errorf("result after a rewind to %d: %v", back, err)
		}
		files := map[string]string{}
		for _, pattern := range []string{metricsFile, "checkpoints/step-4.safetensors", "checkpoints/last.safetensors"} {
			paths, err := filepath.Glob(r.path(pattern))
			if err != nil || len(paths) != 1 {
				t.Fatalf("%s: %v, %v", pattern, paths, err)
			}
			b, err := os.ReadFile(paths[0])
			if err != nil {
				t.Fatal(err)
			}
			files[pattern] = string(b)
		}
		return files
	}
	if d := cmp.Diff(run(4, 0), run(7, 4)); d != "" {
		t.Error(d)
	}
}
