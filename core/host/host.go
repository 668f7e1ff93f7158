package host

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/sdk/wire"
)

// Options says where plugins are and how long they may take.
type Options struct {
	Logger     *zap.Logger            // receives what plugins log; nil: nothing is logged
	PluginDirs []string               // folders that are searched first (--plugin-dir)
	Self       string                 // path of the running binary, which serves what it ships; "": nothing is shipped
	Shipped    map[wire.Kind][]string // what it ships, by name
	Taken      map[wire.Kind][]string // names of what needs no plugin, which no plugin may have

	StartTimeout, DescribeTimeout, TraceTimeout time.Duration // 0: 10 s, 10 s, 30 s
	Memory                                      uint64        // bytes that a plugin may have for itself, where the system can bound it; 0: 8 GiB
	CallTimeout                                 time.Duration // of a custom op, forward or backward; 0: 60 s
}

// Host owns every plugin process of this program. It is safe for concurrent use.
type Host struct {
	options Options
	logger  *zap.Logger

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	noticed map[string]bool // paths of which the user was told
	running sync.WaitGroup  // questions and connections

	connections map[*Connection]bool
}

// New makes a host. It starts nothing yet.
func New(o Options) *Host {
	set := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	set(&o.StartTimeout, 10*time.Second)
	set(&o.DescribeTimeout, 10*time.Second)
	set(&o.TraceTimeout, 30*time.Second)
	set(&o.CallTimeout, 60*time.Second)
	h := &Host{options: o, logger: o.Logger, connections: map[*Connection]bool{}, noticed: map[string]bool{}}
	if h.logger == nil {
		h.logger = zap.NewNop()
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// errClosed is the answer after Close.
var errClosed = errors.New("the plugin host is closed")

// Close ends every plugin, waits until it is gone and lets no other start.
func (h *Host) Close() {
	h.mu.Lock()
	h.closed = true
	open := slices.Collect(maps.Keys(h.connections))
	h.mu.Unlock()
	h.cancel()
	for _, c := range open {
		c.Close()
	}
	h.running.Wait()
}

// enter opens a question: its context ends with the caller's and with the host. leave must be called.
func (h *Host) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, nil, errClosed
	}
	h.running.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	unlink := context.AfterFunc(h.ctx, func() { cancel(errClosed) })
	return ctx, func() { unlink(); cancel(nil); h.running.Done() }, nil
}

// passed is the part of the environment that a plugin sees: where programs and temporary files are, the language, and
// what Go's own runtime reads. Secrets that stand in a user's environment are none of its business.
var passed = []string{
	"PATH", "HOME", "TMPDIR", "TEMP", "TMP", "USER", "LANG", "LC_ALL", "TZ", "SYSTEMROOT",
	"GOCOVERDIR", "GODEBUG", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK",
}

func environment() []string {
	var env []string
	for _, key := range passed {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	return env
}
