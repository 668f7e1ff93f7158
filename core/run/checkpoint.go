package run

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/safetensors"
)

// keepLast is how many of the newest checkpoints stay; the best stays besides. Two, so that one is left when the
// newest turns out to be damaged.
const keepLast = 2

// Metadata keys that a checkpoint adds to the caller's.
const (
	stepMeta   = "step"
	digestMeta = "sha256" // of metadata and tensors, see digest
)

const (
	checkpointPrefix = "step-"
	checkpointSuffix = ".safetensors"
	lastLink         = "last" + checkpointSuffix
	bestLink         = "best" + checkpointSuffix
)

// ErrNoCheckpoint says that a run has not saved a checkpoint, as opposed to having damaged ones only.
var ErrNoCheckpoint = errors.New("run has no checkpoint")

// Checkpoint is the state of a run after a step.
type Checkpoint struct {
	Step    int
	Path    string
	Tensors map[string]safetensors.Tensor
	Meta    map[string]string
	Skipped []error // why newer checkpoints could not be used; worth a warning
}

// SaveCheckpoint writes checkpoints/step-N.safetensors, points last.safetensors to it and removes what is older
// than the two newest and not the best. Metrics written before are made durable first. On error the earlier
// checkpoints are untouched. The keys "step" and "sha256" of meta are reserved.
func (r *Run) SaveCheckpoint(step int, tensors map[string]safetensors.Tensor, meta map[string]string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	what := fmt.Sprintf("save checkpoint step-%d", step)
	if err := r.metrics.sync(); err != nil {
		return r.explain(what, err)
	}
	full := map[string]string{stepMeta: strconv.Itoa(step)}
	for k, v := range meta {
		if k == stepMeta || k == digestMeta {
			return fmt.Errorf("%s: metadata key %q is reserved", what, k)
		}
		full[k] = v
	}
	full[digestMeta] = digest(tensors, full)
	if err := safetensors.Write(r.checkpointPath(step), tensors, full); err != nil {
		return r.explain(what, err)
	}
	if err := durable.Symlink(checkpointName(step), r.path(filepath.Join(checkpointsDir, lastLink))); err != nil {
		return r.explain(what, err)
	}
	return r.explain(what, r.prune())
}

// MarkBest points best.safetensors to the checkpoint of step, which is then kept.
func (r *Run) MarkBest(step int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := os.Stat(r.checkpointPath(step)); err != nil {
		return fmt.Errorf("mark best checkpoint: %w", err)
	}
	if err := durable.Symlink(checkpointName(step), r.path(filepath.Join(checkpointsDir, bestLink))); err != nil {
		return r.explain("mark best checkpoint", err)
	}
	return r.prune()
}

// LoadLast reads the newest intact checkpoint. Damaged ones are passed over and reported in Skipped. Without any
// checkpoint the error is ErrNoCheckpoint; it and damage everywhere are faults of code Data.
func (f *Folder) LoadLast() (*Checkpoint, error) {
	steps, err := f.checkpointSteps()
	if err != nil {
		return nil, err
	}
	var skipped []error
	for _, step := range slices.Backward(steps) {
		c, err := loadCheckpoint(f.checkpointPath(step), step)
		if err == nil {
			c.Skipped = skipped
			return c, nil
		}
		skipped = append(skipped, err)
	}
	if len(skipped) > 0 {
		return nil, fault.New(fault.Data, "the run cannot be resumed; start it again", "run %s has no intact checkpoint: %w",
			f.ID(), errors.Join(skipped...))
	}
	return nil, fault.New(fault.Data, "the run stopped before its first checkpoint; start it again", "%s: %w", f.ID(), ErrNoCheckpoint)
}

// LoadBest reads the checkpoint that was marked as the best, or the newest where none was.
func (f *Folder) LoadBest() (*Checkpoint, error) {
	step, ok, err := f.best()
	if err != nil {
		return nil, err
	}
	if !ok {
		return f.LoadLast()
	}
	return loadCheckpoint(f.checkpointPath(step), step)
}

// loadCheckpoint reads a checkpoint and compares its digest.
func loadCheckpoint(path string, step int) (*Checkpoint, error) {
	tensors, meta, err := safetensors.Load(path)
	if err != nil {
		return nil, err
	}
	want := meta[digestMeta]
	delete(meta, digestMeta)
	if digest(tensors, meta) != want || meta[stepMeta] != strconv.Itoa(step) {
		return nil, fault.New(fault.Data, "the checkpoint is damaged; an older one may be whole", "%s: contents do not match their checksum", path)
	}
	return &Checkpoint{Step: step, Path: path, Tensors: tensors, Meta: meta}, nil
}

// prune removes all checkpoints but the newest and the best.
func (r *Run) prune() error {
	steps, err := r.checkpointSteps()
	if err != nil {
		return err
	}
	best, hasBest, err := r.best()
	if err != nil {
		return err
	}
	for _, step := range steps[:max(0, len(steps)-keepLast)] {
		if hasBest && step == best {
			continue
		}
		if err := os.Remove(r.checkpointPath(step)); err != nil {
			return fmt.Errorf("remove old checkpoint: %w", err)
		}
	}
	return nil
}

// dropCheckpointsAfter removes the checkpoints of steps that are to be done again, and links to them.
func (r *Run) dropCheckpointsAfter(step int) error {
	steps, err := r.checkpointSteps()
	if err != nil {
		return err
	}
	best, hasBest, err := r.best()
	if err != nil {
		return err
	}
	last := -1
	for _, s := range steps {
		if s <= step {
			last = s
			continue
		}
		if err := os.Remove(r.checkpointPath(s)); err != nil {
			return fmt.Errorf("remove checkpoint: %w", err)
		}
	}
	if hasBest && best > step {
		if err := os.Remove(r.path(filepath.Join(checkpointsDir, bestLink))); err != nil {
			return fmt.Errorf("remove link: %w", err)
		}
	}
	link := r.path(filepath.Join(checkpointsDir, lastLink))
	if last >= 0 {
		return durable.Symlink(checkpointName(last), link)
	}
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove link: %w", err)
	}
	return nil
}

// checkpointSteps lists the steps of the checkpoints, ascending.
func (f *Folder) checkpointSteps() ([]int, error) {
	entries, err := os.ReadDir(f.path(checkpointsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	var steps []int
	for _, e := range entries {
		if s, ok := stepOf(e.Name()); ok {
			steps = append(steps, s)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// best is the step that best.safetensors points to; ok is false where there is no such link.
func (f *Folder) best() (step int, ok bool, err error) {
	target, err := os.Readlink(f.path(filepath.Join(checkpointsDir, bestLink)))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("find best checkpoint: %w", err)
	}
	step, ok = stepOf(target)
	return step, ok, nil
}

func (f *Folder) checkpointPath(step int) string {
	return f.path(filepath.Join(checkpointsDir, checkpointName(step)))
}

func checkpointName(step int) string { return checkpointPrefix + strconv.Itoa(step) + checkpointSuffix }

func stepOf(name string) (int, bool) {
	s, ok := strings.CutPrefix(name, checkpointPrefix)
	if s, ok = cutSuffix(s, ok); !ok {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func cutSuffix(s string, ok bool) (string, bool) {
	s, found := strings.CutSuffix(s, checkpointSuffix)
	return s, ok && found
}

// digest is the SHA-256, in hexadecimal, of metadata and tensors in the order of their names, each with its length
// before it. It does not depend on how the file lays them out.
func digest(tensors map[string]safetensors.Tensor, meta map[string]string) string {
	h := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		hashStrings(h, k, meta[k])
	}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		t := tensors[name]
		hashStrings(h, name, fmt.Sprint(len(t.F32), len(t.I64), len(t.U64), t.Shape))
		hashElements(h, t.F32, func(b []byte, v float32) []byte { return binary.LittleEndian.AppendUint32(b, math.Float32bits(v)) })
		hashElements(h, t.I64, func(b []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(v)) })
		hashElements(h, t.U64, binary.LittleEndian.AppendUint64)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hashStrings feeds strings with their lengths, so that no two lists give the same bytes.
func hashStrings(h hash.Hash, parts ...string) {
	for _, s := range parts {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
}

func hashElements[T any](h hash.Hash, vs []T, appendTo func([]byte, T) []byte) {
	var buf []byte
	for part := range slices.Chunk(vs, 4096) {
		buf = buf[:0]
		for _, v := range part {
			buf = appendTo(buf, v)
		}
		h.Write(buf)
	}
}
