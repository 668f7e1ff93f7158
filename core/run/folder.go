package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sslctl/sslctl/core/fault"
)

// Folder is a run folder open for reading; a run that is being written can be read too.
type Folder struct{ dir string }

// Open checks that dir is a run folder. A link, such as runs/latest, is followed.
func Open(dir string) (*Folder, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		dir = real
		_, err = os.Stat(filepath.Join(dir, statusFile))
	}
	if err != nil {
		return nil, fault.New(fault.Data, "name a folder that sslctl run made, such as runs/latest",
			"%s is not a run folder: %w", dir, err)
	}
	return &Folder{dir: dir}, nil
}

// Dir is the path of the folder.
func (f *Folder) Dir() string { return f.dir }

// ID is the name of the folder.
func (f *Folder) ID() string { return filepath.Base(f.dir) }

// Config is config.yaml.
func (f *Folder) Config() ([]byte, error) { return f.read(configFile) }

// Program is program.pb.
func (f *Folder) Program() ([]byte, error) { return f.read(programFile) }

// ProgramText is program.txt.
func (f *Folder) ProgramText() ([]byte, error) { return f.read(programTextFile) }

// Samples is samples.png.
func (f *Folder) Samples() ([]byte, error) { return f.read(SamplesFile) }

// Provenance is provenance.json.
func (f *Folder) Provenance() (Provenance, error) {
	var p Provenance
	return p, f.readJSON(provenanceFile, &p)
}

// Result is result.json. A run that has not finished has none: the error then is fs.ErrNotExist.
func (f *Folder) Result() (Result, error) {
	var r Result
	return r, f.readJSON(resultFile, &r)
}

// Metrics reads all records of metrics.jsonl. A torn last line, as a killed process leaves it, is left out.
func (f *Folder) Metrics() ([]Record, error) { return f.TailMetrics().Next() }

// TailMetrics follows metrics.jsonl from its beginning.
func (f *Folder) TailMetrics() *Tail { return &Tail{path: f.path(metricsFile)} }

func (f *Folder) path(name string) string { return filepath.Join(f.dir, name) }

// read reads a file of the folder; a missing one is a fault of code Data that still is fs.ErrNotExist.
func (f *Folder) read(name string) ([]byte, error) {
	b, err := os.ReadFile(f.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.Data, "the run did not get that far, or the file was removed", "run %s: %w", f.ID(), err)
	case err != nil:
		return nil, fmt.Errorf("run %s: %w", f.ID(), err)
	}
	return b, nil
}

func (f *Folder) readJSON(name string, v any) error {
	b, err := f.read(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fault.New(fault.Data, "the file was changed or damaged", "run %s: %s: %w", f.ID(), name, err)
	}
	return nil
}

// encodeJSON writes v for people: indented, in the order of the struct, with a newline at the end.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return b.Bytes(), nil
}
