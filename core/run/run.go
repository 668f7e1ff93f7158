// Package run keeps what a training run leaves behind: one self-contained folder with configuration, provenance,
// the traced program, metrics, TensorBoard events, checkpoints and the result.
//
//	runs/20261124-081500-vicreg-1f3a9c/
//	    config.yaml         resolved configuration
//	    provenance.json     who, where, with which program and data (Provenance)
//	    program.pb .txt     the traced objective
//	    status              running, done, failed, diverged or interrupted; a second line says why
//	    metrics.jsonl       one Record a line
//	    events/             the same for TensorBoard
//	    checkpoints/        step-N.safetensors; links last.safetensors and best.safetensors
//	    result.json         final figures (Result)
//	    samples.png         augmented views, for the report
//	    map.json            the embeddings in two dimensions, for the report (Map)
//	    run.log.jsonl       the log
//	    lock                held by the process that writes
//	runs/latest             link to the newest run
//
// A trainer needs [Create] or [Resume], then [Run.Append], [Run.SaveCheckpoint] and [Run.Close]; all others read
// through [Open].
//
// The folder survives kill -9 at any moment: single files are replaced atomically, metrics up to a checkpoint's
// step are on disk before the checkpoint appears, and [Run.Rewind] cuts all files back to a checkpoint, so that a
// resumed run ends with the same metrics.jsonl (apart from the "time" objects) as one that was never stopped.
// Two processes never write one run.
package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/fault"
)

// Names inside a run folder.
const (
	configFile      = "config.yaml"
	provenanceFile  = "provenance.json"
	programFile     = "program.pb"
	programTextFile = "program.txt"
	statusFile      = "status"
	metricsFile     = "metrics.jsonl"
	eventsDir       = "events"
	checkpointsDir  = "checkpoints"
	resultFile      = "result.json"
	logFile         = "run.log.jsonl"
	lockFile        = "lock"
	latestLink      = "latest"
)

// SamplesFile is the picture sheet of augmented views in a run folder, which the trainer draws and the report shows.
const SamplesFile = "samples.png"

// hashDigits is how much of the configuration's hash goes into a folder's name.
const hashDigits = 6

// Options says where a run goes and what is known of it at its start.
type Options struct {
	Root        string           // folder of runs, "runs"; the new folder's name is made from time, method and hash
	Dir         string           // exact folder instead (--out); it must be empty or missing
	Config      []byte           // config.yaml
	Program     []byte           // program.pb; nil for none
	ProgramText []byte           // program.txt; nil for none
	Provenance  Provenance       // its Started, Method.Name and ConfigHash make the folder's name
	Now         func() time.Time // clock of TensorBoard events; nil for time.Now
}

// Run is a run folder open for writing, under its lock. Its methods may be called from several goroutines.
type Run struct {
	*Folder
	lock *lock
	log  *os.File
	now  func() time.Time

	mu      sync.Mutex
	metrics *metricsWriter
	events  *eventsWriter // nil until the first record
	first   int           // step from which events are new
}

// Create makes a new run folder, takes its lock and sets its status to running.
func Create(o Options) (_ *Run, err error) {
	dir, err := makeDir(o)
	if err != nil {
		return nil, err
	}
	r, err := open(dir, o.Now)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err == nil {
			return
		}
		err = errors.Join(err, r.release())
		if o.Dir == "" { // nobody has seen the folder yet
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	provenance, err := encodeJSON(o.Provenance)
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{configFile, o.Config}, {provenanceFile, provenance}, {programFile, o.Program}, {programTextFile, o.ProgramText}} {
		if f.data == nil {
			continue
		}
		if err := r.WriteFile(f.name, f.data); err != nil {
			return nil, err
		}
	}
	if err := r.setStatus(Running, ""); err != nil {
		return nil, err
	}
	if o.Dir == "" {
		if err := durable.Symlink(filepath.Base(dir), filepath.Join(o.Root, latestLink)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Resume opens an existing run for writing and sets its status to running. The caller loads a checkpoint and then
// calls [Run.Rewind] with its step.
func Resume(dir string, now func() time.Time) (*Run, error) {
	if _, err := Open(dir); err != nil {
		return nil, err
	}
	r, err := open(dir, now)
	if err != nil {
		return nil, err
	}
	if err := r.setStatus(Running, ""); err != nil {
		return nil, errors.Join(err, r.release())
	}
	return r, nil
}

// open takes the lock of a folder, removes what a killed writer left and opens the files that grow.
func open(dir string, now func() time.Time) (_ *Run, err error) {
	if now == nil {
		now = time.Now
	}
	r := &Run{Folder: &Folder{dir: dir}, now: now}
	if r.lock, err = acquire(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.release())
		}
	}()
	for _, d := range []string{checkpointsDir, eventsDir} {
		if err := os.MkdirAll(r.path(d), 0o755); err != nil {
			return nil, fmt.Errorf("make run folder: %w", err)
		}
	}
	for _, d := range []string{dir, r.path(checkpointsDir)} {
		if err := durable.Sweep(d); err != nil {
			return nil, err
		}
	}
	if r.metrics, err = openMetrics(r.path(metricsFile)); err != nil {
		return nil, err
	}
	if r.log, err = os.OpenFile(r.path(logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return r, nil
}

// makeDir makes the folder of a new run.
func makeDir(o Options) (string, error) {
	if o.Dir != "" {
		return o.Dir, makeOut(o.Dir)
	}
	if err := os.MkdirAll(o.Root, 0o755); err != nil {
		return "", fault.New(fault.Data, "choose another folder by --out", "make folder of runs: %w", err)
	}
	base := filepath.Join(o.Root, Name(o.Provenance))
	// Two runs of one configuration within a second get a number.
	for dir, n := base, 2; ; dir, n = fmt.Sprintf("%s-%d", base, n), n+1 {
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fault.New(fault.Data, "choose another folder by --out", "make run folder: %w", err)
		}
	}
}

// makeOut makes the folder that the user named, which must not hold anything yet but the beginnings of a run that
// was killed while it was created: a lock, and no status.
func makeOut(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.New(fault.Data, "choose another folder by --out", "make run folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("make run folder: %w", err)
	}
	begun := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
	}
	if len(entries) > 0 && (!begun(lockFile) || begun(statusFile)) {
		return fault.New(fault.Usage, "name another folder by --out, or continue the run in it by sslctl run --resume "+dir,
			"folder %s is not empty", dir)
	}
	return nil
}

// Name is the name of a run's folder: YYYYMMDD-HHMMSS-METHOD-HASH, in local time.
func Name(p Provenance) string {
	hash := p.ConfigHash
	return fmt.Sprintf("%s-%s-%s", p.Started.Format("20060102-150405"), p.Method.Name, hash[:min(hashDigits, len(hash))])
}

// Append writes one record to metrics.jsonl and its values to the TensorBoard events. A record that was appended
// survives the death of the process; it survives a power cut once a checkpoint has been saved or the run closed.
func (r *Run) Append(rec Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.metrics.append(rec); err != nil {
		return r.explain("append metrics", err)
	}
	if r.events == nil {
		e, err := newEvents(r.path(eventsDir), r.now(), r.first)
		if err != nil {
			return r.explain("open events", err)
		}
		r.events = e
	}
	if err := r.events.append(rec, r.now()); err != nil {
		return r.explain("append events", err)
	}
	return nil
}

// Rewind makes the folder what it was when step had just been finished: later records and checkpoints go, and a
// result with its map. Events that TensorBoard has of later steps are marked as void. A step of -1 starts from nothing.
func (r *Run) Rewind(step int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.metrics.truncateAfter(step); err != nil {
		return err
	}
	if err := r.dropCheckpointsAfter(step); err != nil {
		return err
	}
	for _, name := range []string{resultFile, mapFile} {
		if err := os.Remove(r.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove result: %w", err)
		}
	}
	r.first = step + 1
	if r.events == nil {
		return nil
	}
	err := r.events.close()
	r.events = nil
	return err
}

// WriteFile replaces a file of the folder, such as report.html, atomically.
func (r *Run) WriteFile(name string, data []byte) error {
	return r.explain("write "+name, durable.WriteFile(r.path(name), data))
}

// Log is run.log.jsonl, open for appending; see [NewLogger]. It is closed with the run.
func (r *Run) Log() *os.File { return r.log }

// Close makes all durable, sets the final status with its reason (may be empty) and releases the lock.
func (r *Run) Close(s Status, reason string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	errs = append(errs, r.metrics.sync(), r.setStatus(s, reason), r.release())
	return r.explain("close run", errors.Join(errs...))
}

// release closes files and gives the lock back; the lock last.
func (r *Run) release() error {
	var errs []error
	if r.metrics != nil {
		errs = append(errs, r.metrics.close())
	}
	if r.events != nil {
		errs = append(errs, r.events.close())
	}
	if r.log != nil {
		errs = append(errs, r.log.Close())
	}
	return errors.Join(append(errs, r.lock.release())...)
}

// explain turns an error of a full disk into a fault that says what is kept and how to go on.
func (r *Run) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	if !durable.IsFull(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	kept := "no checkpoint was saved yet"
	if steps, listErr := r.checkpointSteps(); listErr == nil && len(steps) > 0 {
		kept = fmt.Sprintf("checkpoint step-%d is kept", steps[len(steps)-1])
	}
	return fault.New(fault.Data, fmt.Sprintf("free some space; %s; continue by sslctl run --resume %s", kept, r.dir),
		"%s: no space left: %w", what, err)
}
