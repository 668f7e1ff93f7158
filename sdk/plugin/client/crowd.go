package client

import (
	"fmt"
	"time"
)

// MaxProcesses is how many processes a plugin may be, itself among them, where the system shows them (Linux). They are counted
// now and then, since no limit of the system's is a plugin's own: RLIMIT_NPROC counts all that a user runs, and control groups
// are rarely a user's to make. Between two counts a plugin can be more, and its whole group dies at once.
const MaxProcesses = 64

// The first count comes when a usual question is long answered; a plugin that stays is looked at less and less often.
const (
	firstCount = 100 * time.Millisecond
	lastCount  = 5 * time.Second
)

// watch counts the plugin's processes until it has ended, and kills it where they are too many.
func (p *process) watch() {
	c := census{group: p.cmd.Process.Pid, sockets: p.sockets, strangers: map[string]bool{}}
	wait := time.NewTimer(firstCount)
	defer wait.Stop()
	for next := 2 * firstCount; ; next = min(2*next, lastCount) {
		select {
		case <-p.gone:
			return
		case <-wait.C:
		}
		if n := c.count(); n > MaxProcesses {
			p.condemn(fmt.Errorf("it was %d processes; at most %d", n, MaxProcesses))
			return
		}
		wait.Reset(next)
	}
}

// condemn kills the process for a reason.
func (p *process) condemn(reason error) {
	p.mu.Lock()
	if p.reason == nil && !p.reaped {
		p.reason = reason
	}
	p.mu.Unlock()
	p.kill()
}

// why is the reason for which it was killed; nil for none.
func (p *process) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason
}
