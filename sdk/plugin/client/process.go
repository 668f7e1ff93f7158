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
	logger  *zap.Logger

	stdout, stderr *os.File // our ends
	greeting       prefix   // how standard output began
	words          tail     // the last lines of standard error
	reading        conc.WaitGroup

	mu     sync.Mutex
	cmd    *exec.Cmd // nil until started
	reaped bool
	killed bool
	done   chan struct{} // closed when reaped
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
	p.reading.Go(func() { readLog(stderr, p.logger, &p.words) })
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

// Wait waits for the end of the process, when its output has been read, and kills what it left running.
func (p *process) Wait(context.Context) error {
	p.reading.Wait()
	err := p.cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		p.reaped = true
		killGroup(p.cmd.Process)
		_ = p.stdout.Close()
		_ = p.stderr.Close()
		close(p.done)
	}
	return err
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
	deadline := time.Now().Add(drain)
	_ = p.stdout.SetReadDeadline(deadline)
	_ = p.stderr.SetReadDeadline(deadline)
}

// release closes the inherited file once no further start can need it.
func (p *process) release() { _ = p.inherit[0].Close() }

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
