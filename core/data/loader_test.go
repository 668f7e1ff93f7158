package data

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/fault"
)

// sum is the SHA-256 of all that a batch holds.
func sum(b *Batch) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintln(h, b.Epoch, b.Step, b.Valid, b.Index, b.Labels)
	words(h, b.Pixels)
	return [sha256.Size]byte(h.Sum(nil))
}

func words(w io.Writer, x []float32) {
	buf := make([]byte, 0, 4*len(x))
	for _, v := range x {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
	}
	_, _ = w.Write(buf) // a hash takes all
}

// take sums the next n batches of a loader and releases them.
func take(t *testing.T, l *Loader, n int) [][sha256.Size]byte {
	t.Helper()
	var sums [][sha256.Size]byte
	for range n {
		b, err := l.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum(b))
		b.Release()
	}
	return sums
}

// TestBatchesDependOnNothingElse: for any number of workers, any prefetch, and after any seek, batches are the same
// to the bit.
func TestBatchesDependOnNothingElse(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, pictures(t, append(series("a/%d.png", 9), series("b/%d.png", 8)...)...))
	sets := map[string]Dataset{"gray": toy(23, 9, 1, 4), "color": toy(23, 9, 3, 4), "folder": open(t, Options{Name: dir}).Train}
	for name, ds := range sets {
		views := []*augment.Pipeline{strong(t, 7, ds.Channels()), strong(t, 7, ds.Channels())}
		run := func(o LoaderOptions) *Loader {
			o.Batch, o.Seed = 4, 11
			l := NewLoader(ds, views, o)
			t.Cleanup(l.Close)
			return l
		}
		const steps = 17
		want := take(t, run(LoaderOptions{Workers: 1, Prefetch: 1}), steps)
		if len(unique(want)) != steps {
			t.Errorf("%s: batches repeat", name)
		}
		for _, o := range []LoaderOptions{{}, {Workers: 2, Prefetch: 3}, {Workers: 7, Prefetch: 1}, {Workers: 3, Prefetch: 40}} {
			if got := take(t, run(o), steps); !slices.Equal(got, want) {
				t.Errorf("%s: batches depend on %+v", name, o)
			}
		}
		l := run(LoaderOptions{Workers: 3})
		for _, step := range []int{9, 0, 16, 5, 5} {
			l.Seek(step)
			if got := take(t, l, 1); got[0] != want[step] {
				t.Errorf("%s: batch %d differs after a seek", name, step)
			}
		}
		l.Seek(12)
		if got := take(t, l, 5); !slices.Equal(got, want[12:]) {
			t.Errorf("%s: batches after a seek differ", name)
		}
	}
}

func unique[T comparable](all []T) map[T]bool {
	set := map[T]bool{}
	for _, v := range all {
		set[v] = true
	}
	return set
}

// TestEpochs: every epoch takes each image at most once, in an order of its own, and drops the short batch.
func TestEpochs(t *testing.T) {
	const n, batch = 23, 4
	ds := toy(n, 5, 1, 3)
	order := func(seed uint64) [][]int {
		l := NewLoader(ds, []*augment.Pipeline{strong(t, 5, 1)}, LoaderOptions{Batch: batch, Seed: seed})
		defer l.Close()
		if l.StepsPerEpoch() != 5 {
			t.Fatalf("%d steps an epoch, want 5", l.StepsPerEpoch())
		}
		epochs := make([][]int, 3)
		for step := range 15 {
			b, err := l.Next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if b.Step != step || b.Epoch != step/5 || b.Valid != batch {
				t.Fatalf("batch %d of epoch %d (%d valid), want %d of %d", b.Step, b.Epoch, b.Valid, step, step/5)
			}
			epochs[b.Epoch] = append(epochs[b.Epoch], b.Index...)
			for j, i := range b.Index {
				if b.Labels[j] != ds.Label(i) {
					t.Fatalf("image %d has label %d, want %d", i, b.Labels[j], ds.Label(i))
				}
			}
			b.Release()
		}
		return epochs
	}
	a, b := order(1), order(2)
	for e := range 3 {
		if len(unique(a[e])) != 20 {
			t.Errorf("epoch %d repeats images: %v", e, a[e])
		}
		if slices.Equal(a[e], b[e]) {
			t.Errorf("epoch %d does not depend on the seed", e)
		}
	}
	if slices.Equal(a[0], a[1]) || slices.Equal(a[1], a[2]) {
		t.Error("two epochs have the same order")
	}
	// A run that is resumed with a later version must see the same order (computed apart, with PCG-DXSM in Python).
	if want := []int{7, 1, 3, 19}; !slices.Equal(a[0][:4], want) {
		t.Errorf("seed 1, epoch 0 begins with %v, want %v", a[0][:4], want)
	}
}

// TestPermuteIsUniform: over many seeds every number comes equally often to every place (chi-squared, 49 degrees of
// freedom, 99.9 % quantile 85.4).
func TestPermuteIsUniform(t *testing.T) {
	const n, seeds = 8, 40000
	var count [n][n]float64
	p := make([]int, n)
	for seed := range uint64(seeds) {
		permute(p, seed, streamEpoch, 3)
		for place, v := range p {
			count[place][v]++
		}
	}
	chi := 0.0
	for _, row := range count {
		for _, c := range row {
			chi += (c - seeds/n) * (c - seeds/n) / (seeds / n)
		}
	}
	if chi > 85.4 {
		t.Errorf("chi-squared of places is %.1f", chi)
	}
}

// TestViews: each view is what its pipeline makes of the image with the key, and lies in its part of the pixels.
func TestViews(t *testing.T) {
	ds := toy(10, 8, 3, 2)
	views := []*augment.Pipeline{strong(t, 6, 3), strong(t, 6, 3), strong(t, 6, 3)}
	l := NewLoader(ds, views, LoaderOptions{Batch: 3, Seed: 5})
	defer l.Close()
	l.Seek(4) // epoch 1
	b, err := l.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	const values = 6 * 6 * 3
	if len(b.Pixels) != 3*3*values || len(b.Views) != 3 {
		t.Fatalf("%d values in %d views", len(b.Pixels), len(b.Views))
	}
	want := make([]float32, values)
	var s augment.Scratch
	for v, p := range views {
		if &b.Views[v][0] != &b.Pixels[v*3*values] || len(b.Views[v]) != 3*values {
			t.Fatalf("view %d does not lie in the pixels", v)
		}
		for j, i := range b.Index {
			img, err := ds.Image(i)
			if err != nil {
				t.Fatal(err)
			}
			p.Apply(want, img, augment.Key{Seed: 5, Epoch: 1, Index: i, View: v}, &s)
			if !slices.Equal(b.Views[v][j*values:(j+1)*values], want) {
				t.Errorf("view %d of image %d differs from its pipeline's", v, i)
			}
		}
	}
}

func TestLoaderRefuses(t *testing.T) {
	gray, color := strong(t, 5, 1), strong(t, 5, 3)
	for name, c := range map[string]struct {
		views []*augment.Pipeline
		batch int
		want  string
	}{
		"no batch":      {[]*augment.Pipeline{gray}, 0, "batch size is 0"},
		"large batch":   {[]*augment.Pipeline{gray}, 11, "batch size 11 exceeds the 10 training images"},
		"no view":       {nil, 2, "at least one view"},
		"channels":      {[]*augment.Pipeline{gray, color}, 2, "view 1 is for 3 channels"},
		"several sizes": {[]*augment.Pipeline{gray, strong(t, 6, 1)}, 2, "views 0 and 1 differ in size"},
	} {
		l := NewLoader(toy(10, 5, 1, 2), c.views, LoaderOptions{Batch: c.batch})
		l.Seek(3)
		_, err := l.Next(context.Background())
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
		if l.StepsPerEpoch() != 0 || l.Wait() != 0 {
			t.Errorf("%s: a loader that cannot work says it does", name)
		}
		l.Close()
	}
}

// gate is a dataset whose images come when it lets them.
type gate struct {
	Dataset
	open chan struct{}
	once sync.Once
}

func (g *gate) Image(i int) (augment.Image, error) {
	<-g.open
	return g.Dataset.Image(i)
}

func (g *gate) release() { g.once.Do(func() { close(g.open) }) }

func TestNextIsCancelledPromptly(t *testing.T) {
	g := &gate{Dataset: toy(10, 5, 1, 2), open: make(chan struct{})}
	l := NewLoader(g, []*augment.Pipeline{strong(t, 5, 1)}, LoaderOptions{Batch: 3, Workers: 2})
	defer l.Close()
	defer g.release()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := l.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want that of the context", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("cancelled after %v", took)
	}
	if l.Wait() < 5*time.Millisecond {
		t.Errorf("waited for about 20ms, but notes %v", l.Wait())
	}
	g.release()
	b, err := l.Next(context.Background())
	if err != nil || b.Step != 0 {
		t.Errorf("after a cancelled call comes batch %v (error %v), want 0", b, err)
	}
}

// TestCloseInTheMiddle: with batches planned, ready and held.
func TestCloseInTheMiddle(t *testing.T) {
	for _, taken := range []int{0, 1, 5} {
		l := NewLoader(toy(40, 5, 1, 2), []*augment.Pipeline{strong(t, 5, 1)}, LoaderOptions{Batch: 3, Prefetch: 3})
		take(t, l, taken)
		if _, err := l.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
		l.Close()
		l.Close()
		if _, err := l.Next(context.Background()); err != ErrClosed {
			t.Errorf("error %v after Close", err)
		}
	}
}

// faulty is a dataset with an image that cannot be read, or whose reading panics.
type faulty struct {
	Dataset
	bad   int
	panic bool
}

func (f faulty) Image(i int) (augment.Image, error) {
	if i == f.bad {
		if f.panic {
			panic("index out of luck")
		}
		return augment.Image{}, fault.New(fault.Data, "replace it", "image %d is corrupt", i)
	}
	return f.Dataset.Image(i)
}

func TestErrorReachesNext(t *testing.T) {
	l := NewLoader(faulty{Dataset: toy(12, 5, 1, 2), bad: 7}, []*augment.Pipeline{strong(t, 5, 1)}, LoaderOptions{Batch: 4, Workers: 2})
	defer l.Close()
	failed, whole := 0, 0
	for range 6 { // two epochs
		b, err := l.Next(context.Background())
		if err != nil {
			if fault.CodeOf(err) != fault.Data || fault.HintOf(err) == "" || !strings.Contains(err.Error(), "image 7 is corrupt") {
				t.Errorf("error %v lost its meaning", err)
			}
			failed++
			continue
		}
		whole++
		b.Release()
	}
	if failed != 2 || whole != 4 {
		t.Errorf("%d batches failed and %d came, want 2 and 4", failed, whole)
	}
}

func TestPanicReachesNext(t *testing.T) {
	l := NewLoader(faulty{Dataset: toy(12, 5, 1, 2), bad: 7, panic: true}, []*augment.Pipeline{strong(t, 5, 1)}, LoaderOptions{Batch: 12, Workers: 2})
	defer l.Close()
	_, err := l.Next(context.Background())
	if err == nil || !strings.Contains(err.Error(), "index out of luck") || fault.CodeOf(err) != fault.Internal {
		t.Errorf("error %v after a panic in a worker", err)
	}
}

func TestReleaseTwice(t *testing.T) {
	l := NewLoader(toy(10, 5, 1, 2), []*augment.Pipeline{strong(t, 5, 1)}, LoaderOptions{Batch: 2})
	defer l.Close()
	b, err := l.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	b.Release()
	defer func() {
		if recover() == nil {
			t.Error("a second release goes unnoticed")
		}
	}()
	b.Release()
}

// TestLoaderDoesNotAllocate: over three epochs, whose orders it makes anew.
func TestLoaderDoesNotAllocate(t *testing.T) {
	l := NewLoader(toy(60, 8, 3, 2), []*augment.Pipeline{strong(t, 8, 3), strong(t, 8, 3)}, LoaderOptions{Batch: 10, Workers: 2})
	defer l.Close()
	take(t, l, 30)
	ctx := context.Background()
	if n := testing.AllocsPerRun(18, func() {
		b, err := l.Next(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		b.Release()
	}); n > 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func BenchmarkLoader(b *testing.B) {
	ds := toy(5000, 32, 3, 10)
	views := []*augment.Pipeline{strong(b, 32, 3), strong(b, 32, 3)}
	l := NewLoader(ds, views, LoaderOptions{Batch: 256})
	defer l.Close()
	for b.Loop() {
		batch, err := l.Next(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		batch.Release()
	}
	b.ReportMetric(float64(b.N*256)/b.Elapsed().Seconds(), "images/s")
}

// BenchmarkDecode: Pillow's test picture is small; the cost lies in the pixels.
func BenchmarkDecode(b *testing.B) {
	for b.Loop() {
		if _, err := decodeFile(filepath.Join("testdata/images", "420.jpg"), 0); err != nil {
			b.Fatal(err)
		}
	}
}

// puts is a parcel that remembers what it was given.
type puts struct {
	mu    sync.Mutex
	keys  map[int]augment.Key
	first map[int]uint8 // byte of each image
}

func (p *puts) Put(j int, img augment.Image, k augment.Key) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if j == 2 && k.Epoch == 1 {
		return errors.New("too large")
	}
	p.keys[j], p.first[j] = k, img.Pix[0]
	return nil
}

// TestParcels: a loader for a device that makes the views hands out the same images under the same keys, and no pixels; what a
// parcel refuses is the batch's error.
func TestParcels(t *testing.T) {
	ds := toy(6, 8, 1, 2)
	p, err := augment.New(augment.Recipe{Size: 8, CropMin: 1, CropMax: 1, RatioMin: 1, RatioMax: 1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLoader(ds, []*augment.Pipeline{p, p}, LoaderOptions{Batch: 3, Seed: 9, Workers: 2,
		Parcel: func() Parcel { return &puts{keys: map[int]augment.Key{}, first: map[int]uint8{}} }})
	defer l.Close()
	for step := range 2 {
		b, err := l.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := b.Parcel.(*puts)
		for j, i := range b.Index {
			img, _ := ds.Image(i)
			if want := (augment.Key{Seed: 9, Index: i}); got.keys[j] != want || got.first[j] != img.Pix[0] {
				t.Errorf("step %d: image %d came as %d under the key %+v, want %+v", step, i, got.first[j], got.keys[j], want)
			}
		}
		if len(b.Pixels) != 0 || len(b.Labels) != 3 {
			t.Errorf("step %d: %d pixels and %d labels", step, len(b.Pixels), len(b.Labels))
		}
		b.Release()
	}
	if _, err := l.Next(t.Context()); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("the parcel's error: %v", err)
	}
}

// TestBounds: images in memory, parts of them and packs have known sizes, folders have not.
func TestBounds(t *testing.T) {
	ds := toy(6, 8, 1, 2)
	part, err := Limit(ds, LimitOptions{Total: 2})
	if err != nil {
		t.Fatal(err)
	}
	for what, tc := range map[string]struct {
		ds            Dataset
		height, width int
		known         bool
	}{"memory": {ds, 8, 8, true}, "part": {part, 8, 8, true}, "folder": {&folder{}, 0, 0, false},
		"pack": {&packed{images: []packImage{{h: 3, w: 9}, {h: 7, w: 2}}}, 7, 9, true}} {
		h, w, known := Bounds(tc.ds)
		if known != tc.known || h != tc.height || w != tc.width {
			t.Errorf("%s: %d x %d, known: %t", what, h, w, known)
		}
	}
}
