package cuda

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
)

// shared is memory that a plugin sees too, page-locked for as long as the executable lives.
type shared struct {
	memory  []byte // none where it cannot be page-locked
	release func() // gives back what was lent
}

// share is the memory that a custom op works in, page-locked; none where the op has none. Ops of one plugin have the same. Where
// it cannot be page-locked - RLIMIT_MEMLOCK may forbid that, or an old kernel - copies go through memory that can, and a note says so.
func (e *Executable) share(op *expr.Op) []byte {
	lent, release := op.Share()
	if len(lent) == 0 {
		release()
		return nil
	}
	first := &lent[0]
	if known, ok := e.shared[first]; ok {
		release()
		return known.memory
	}
	s := shared{bytesOf(lent), release}
	if err := e.device.context.RegisterHost(s.memory); err != nil {
		e.device.notes = append(e.device.notes, fmt.Errorf("tensors of custom ops are copied once more on their way, since memory shared with the plugin cannot be page-locked (see ulimit -l): %w", err))
		s.memory = nil
	}
	e.shared[first] = s
	return s.memory
}

// unlock undoes the page-locking, before the memory may be unmapped.
func (e *Executable) unlock() {
	for _, s := range e.shared {
		if s.memory != nil {
			_ = e.device.context.UnregisterHost(s.memory)
		}
	}
}
