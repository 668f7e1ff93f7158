package compare_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/compare"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/experiment"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/core/train"
	"github.com/sslctl/sslctl/plugins"
)

// TestMain lets this binary be the shipped plugins too, as sslctl itself is.
func TestMain(m *testing.M) {
	if plugins.ServeRequested() {
		return
	}
	goleak.VerifyTestMain(m)
}

// bench conducts studies with the real plugins on a small data set.
type bench struct {
	t        *testing.T
	session  *session.Session
	parallel int

	mu       sync.Mutex
	computed int                             // runs that were not reused
	observe  func(compare.Task, train.Event) // may be nil
}

func newBench(t *testing.T) *bench {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := host.New(host.Options{Self: self, Shipped: plugins.Shipped()})
	t.Cleanup(h.Close)
	return &bench{t: t, session: &session.Session{Host: h}, parallel: 2}
}

func (b *bench) resolve(ctx context.Context, l config.Layers) (config.Config, error) {
	r, err := b.session.Resolve(ctx, l)
	if err != nil {
		return config.Config{}, err
	}
	c, _ := experiment.Choose(r.Config())
	return c, nil
}

func (b *bench) run(ctx context.Context, task compare.Task) (compare.Finish, error) {
	o := experiment.Options{Session: b.session, Log: zap.NewNop(), Version: "test"}
	if b.observe != nil {
		o.Observe = func(e train.Event) { b.observe(task, e) }
	}
	result, folder, reused, err := experiment.Once(ctx, task.Config, o)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !reused {
		b.computed++
	}
	f := compare.Finish{Result: result, Reused: reused}
	if folder != nil {
		f.Dir = folder.Dir()
	}
	return f, err
}

// conduct conducts a study and gives the number of runs that were computed for it.
func (b *bench) conduct(ctx context.Context, s compare.Study) (outcomes []compare.Outcome, computed int, err error) {
	b.mu.Lock()
	before := b.computed
	b.mu.Unlock()
	outcomes, err = compare.Conduct(ctx, s, b.parallel, b.run, func(compare.Told) {})
	return outcomes, b.computed - before, err
}

// layers say: a few steps on the test's own images.
func layers(t *testing.T, out string, set ...string) config.Layers {
	t.Helper()
	return config.Layers{
		Flags: map[string]any{"data.name": "mnist", "data.dir": images(t), "train.batch": 16, "train.steps": 4, "out": out},
		Set:   append([]string{"widths=[8,8,8]", "projector=[16,16,16]", "probe.few=0", "probe.linear=false", "collapse.every=2"}, set...),
	}
}

// images writes a data set of the MNIST family: bars whose place is their class.
func images(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, n := range map[string]int{"train": 96, "t10k": 40} {
		pixels := header(0x803, n, 28, 28)
		labels := header(0x801, n)
		for i := range n {
			class := i % 10
			for j := range 28 * 28 {
				v := byte((i*31 + j*7) % 64)
				if j/28/3 == class%10 {
					v += 150
				}
				pixels = append(pixels, v)
			}
			labels = append(labels, byte(class))
		}
		write(t, filepath.Join(dir, name+"-images-idx3-ubyte"), pixels)
		write(t, filepath.Join(dir, name+"-labels-idx1-ubyte"), labels)
	}
	return dir
}

func header(magic uint32, dims ...int) []byte {
	b := binary.BigEndian.AppendUint32(nil, magic)
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
