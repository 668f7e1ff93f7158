package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"github.com/sourcegraph/conc"
	"go.uber.org/zap"
)

// process runs the executable for go-plugin in place of its own runner, which hands the host's standard input down,
// waits for grandchildren that hold a pipe, and crashes the host over a log line of odd JSON.
type process struct {
	path    string
	sha256  []byte
	env     []string
	inherit []*os.File // become files 3, 4, ... of the process; the first is closed by release
	sockets string
	memory  uint64 // bound, in bytes
	logger  *zap.Logger

	stdout, stderr *os.File // our ends
	greeting       prefix   // how standard output began
	words          tail     // the last lines of standard error
	reading        conc.WaitGroup
	reaping        conc.WaitGroup
	watching       conc.WaitGroup

	mu     sync.Mutex
	cmd    *exec.Cmd // nil until started
	reaped bool
	killed bool
	reason error // for which it was killed; nil for none
	ended  error // how, once reaped
	exit   *os.ProcessState
	gone   chan struct{} // closed when reaped
	done   chan struct{} // closed when reaped and its last words are read
}

var _ runner.Runner = (*process)(nil)

// configure checks the executable and takes the environment that the handshake needs.
func (p *process) configure(env []string) error {
	p.env = env
	if p.sha256 == nil {
		return nil
	}
	same, err := (&plugin.SecureConfig{Checksum: p.sha256, Hash: sha256.New()}).Check(p.path)
	if err == nil && !same {
		err = ErrChecksum
	}
	return err
}

// Start starts the process in a group of its own, which no Ctrl-C reaches and which can be killed as a whole.
func (p *process) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return errors.New("killed before it was started")
	}
	stdout, outEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	stderr, errEnd, err := os.Pipe()
	if err != nil {
		return errors.Join(err, stdout.Close(), outEnd.Close())
	}
	defer outEnd.Close()
	defer errEnd.Close()
	cmd, err := p.startBusy(ctx, outEnd, errEnd)
	if err != nil {
		return errors.Join(err, stdout.Close(), stderr.Close())
	}
	p.cmd, p.stdout, p.stderr = cmd, stdout, stderr
	if err := confine(cmd.Process.Pid, p.memory); err != nil {
		p.logger.Debug("the plugin runs without limits", zap.Error(err))
	}
	p.reading.Go(func() { readLog(stderr, p.logger, &p.words) })
	p.reaping.Go(p.reap)
	p.watching.Go(p.watch)
	return nil
}

// startBusy tries again while the executable counts as being written: a fork elsewhere in the host may hold the file
// open for a moment after it was installed.
func (p *process) startBusy(ctx context.Context, stdout, stderr *os.File) (*exec.Cmd, error) {
	for wait := time.Millisecond; ; wait *= 2 {
		cmd := exec.Command(p.path)
		cmd.Env = p.env
		cmd.Stdout, cmd.Stderr = stdout, stderr
		cmd.ExtraFiles = p.inherit
		ownGroup(cmd)
		err := cmd.Start()
		if !errors.Is(err, syscall.ETXTBSY) || wait > time.Second {
			return cmd, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// reap waits for the end of the process, kills what it left running and reads its last words, for which a child that
// escaped its group is not waited for. It does so by itself: go-plugin waits for the pipes first, which a child may hold.
func (p *process) reap() {
	p.ended = p.cmd.Wait()
	p.mu.Lock()
	p.reaped, p.exit = true, p.cmd.ProcessState
	killGroup(p.cmd.Process)
	p.hurry()
	p.mu.Unlock()
	close(p.gone)
	sweep(p.sockets)
	p.reading.Wait()
	_ = p.stderr.Close()
	close(p.done)
}

// Wait waits until the process is reaped. go-plugin has read standard output by then.
func (p *process) Wait(context.Context) error {
	p.reaping.Wait()
	_ = p.stdout.Close()
	return p.ended
}

// Kill kills the process and its children.
func (p *process) Kill(context.Context) error {
	p.kill()
	return nil
}

// drain is how long a dead process's last output is read where someone who escaped the group still holds the pipe.
const drain = 300 * time.Millisecond

func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	if p.cmd == nil || p.reaped {
		return
	}
	killGroup(p.cmd.Process)
	p.hurry()
}

// hurry ends the reading of pipes that someone else may hold.
func (p *process) hurry() {
	deadline := time.Now().Add(drain)
	_ = p.stdout.SetReadDeadline(deadline)
	_ = p.stderr.SetReadDeadline(deadline)
}

// release ends the process where it still runs, and closes the inherited file, which no further start can need.
func (p *process) release() {
	p.kill()
	p.reaping.Wait()
	p.watching.Wait()
	_ = p.inherit[0].Close()
}

// Stdout carries the handshake.
func (p *process) Stdout() io.ReadCloser { return watched{p.stdout, &p.greeting} }

// Stderr is empty: the process reads its log itself.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name is the executable's path.
func (p *process) Name() string { return p.path }

// ID is the number of the process, "" until it was started.
func (p *process) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return ""
	}
	return strconv.Itoa(p.cmd.Process.Pid)
}

// Diagnose is empty: explain says more, when the process has ended.
func (p *process) Diagnose(context.Context) string { return "" }

// PluginToHost accepts the addresses that a plugin can have: a socket in the folder made for it, or the machine itself.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	switch {
	case network == "unix" && strings.HasPrefix(filepath.Clean(address), p.sockets+string(filepath.Separator)):
	case network == "tcp" && strings.HasPrefix(address, "127.0.0.1:"):
	default:
		return "", "", fmt.Errorf("it listens on %s %s, which is neither in %s nor this machine's loopback", network, address, p.sockets)
	}
	return network, address, nil
}

// HostToPlugin changes nothing: both run in one place.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
