package run

import (
	"fmt"
	"strings"

	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/fault"
)

// Status is the state of a run.
type Status string

// The states. A run whose process was killed still says running in its file; [Folder.Status] reports it as
// interrupted, since nobody holds its lock.
const (
	Running     Status = "running"
	Done        Status = "done"
	Failed      Status = "failed"
	Interrupted Status = "interrupted"
	Diverged    Status = "diverged" // the loss was not finite, or the embeddings collapsed where that ends a run
)

// Status is the state of the run and the reason for it, which may be empty.
func (f *Folder) Status() (Status, string, error) {
	b, err := f.read(statusFile)
	if err != nil {
		return "", "", err
	}
	word, reason, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	switch s := Status(word); s {
	case Done, Failed, Interrupted, Diverged:
		return s, reason, nil
	case Running:
		held, err := f.held()
		if err != nil {
			return "", "", err
		}
		if !held {
			return Interrupted, "the process was killed", nil
		}
		return Running, reason, nil
	}
	return "", "", fault.New(fault.Data, "the file was changed or damaged", "run %s: unknown status %q", f.ID(), word)
}

// setStatus replaces the status file: the word, then the reason on a second line.
func (r *Run) setStatus(s Status, reason string) error {
	text := string(s) + "\n"
	if reason != "" {
		text += strings.ReplaceAll(strings.TrimSpace(reason), "\n", " ") + "\n"
	}
	if err := durable.WriteFile(r.path(statusFile), []byte(text)); err != nil {
		return fmt.Errorf("set status: %w", err)
	}
	return nil
}
