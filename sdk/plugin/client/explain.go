package client

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// explain says why a plugin did not become ready. It is asked when the process has ended.
func (p *process) explain(err error, late bool, timeout time.Duration, ended error) error {
	greeting, words := p.greeting.String(), p.words.String()
	switch {
	case ended != nil:
		return ended
	case p.why() != nil:
		return fmt.Errorf("%w%s", p.why(), lastWords(words))
	case errors.Is(err, ErrChecksum):
		return err
	case late:
		return fmt.Errorf("it was not ready within %v%s", timeout, lastWords(words))
	case p.state() == nil: // never started
		return fmt.Errorf("start: %w", err)
	case greeting == "":
		return fmt.Errorf("it ended before it was ready (%v)%s", p.state(), lastWords(words))
	case !strings.HasPrefix(greeting, "1|"):
		return fmt.Errorf("it printed %q where the handshake belongs; is it a plugin?%s", greeting, lastWords(words))
	}
	return fmt.Errorf("%s%s", clip(err.Error(), maxWords), lastWords(words))
}

func (p *process) state() *os.ProcessState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

func lastWords(words string) string {
	if words == "" {
		return ""
	}
	return "; its last words:\n" + words
}

// maxWords bounds what is quoted of a plugin.
const maxWords = 4096

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "..."
}

// tail keeps the last lines that were added to it, at most maxWords bytes, and before them the line by which Go says why a
// process dies, where the stacks that follow it push it out.
type tail struct {
	mu    sync.Mutex
	cause string
	lines []string
	size  int
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line = clip(line, 512)
	if t.cause == "" && (strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")) {
		t.cause = line
	}
	t.lines = append(t.lines, line)
	t.size += len(line) + 1
	for t.size > maxWords-len(t.cause)-len(cut) {
		t.size -= len(t.lines[0]) + 1
		t.lines = t.lines[1:]
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cause != "" && !slices.Contains(t.lines, t.cause) {
		return t.cause + cut + strings.Join(t.lines, "\n")
	}
	return strings.Join(t.lines, "\n")
}

// cut stands for lines that are not shown.
const cut = "\n...\n"

// prefix keeps the first line, at most 200 bytes, of what passes.
type prefix struct {
	mu   sync.Mutex
	kept []byte
	full bool
}

func (p *prefix) add(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range b {
		if p.full = p.full || c == '\n' || len(p.kept) == 200; p.full {
			return
		}
		p.kept = append(p.kept, c)
	}
}

func (p *prefix) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.ToValidUTF8(string(p.kept), "\uFFFD")
}

// watched shows a prefix what is read from a file.
type watched struct {
	*os.File
	seen *prefix
}

func (w watched) Read(b []byte) (int, error) {
	n, err := w.File.Read(b)
	w.seen.add(b[:n])
	return n, err
}
