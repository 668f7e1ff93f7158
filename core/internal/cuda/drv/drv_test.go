package drv_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/devicetest"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
)

// rig is a context on the fake, current on the test's thread, with a stream.
type rig struct {
	*drv.Context
	fake   *fake.Fake
	stream *drv.Stream
}

func newRig(t *testing.T) rig {
	t.Helper()
	d := devicetest.OpenFake(t)
	return rig{d.Context, d.Fake, d.Stream}
}

func (r rig) alloc(t *testing.T, floats int) drv.Ptr {
	t.Helper()
	p, err := r.Alloc(4 * floats)
	must(t, err)
	t.Cleanup(func() { must(t, r.Free(p)) })
	return p
}

// host is page-locked memory.
func (r rig) host(t *testing.T, floats int) []float32 {
	t.Helper()
	b, err := r.AllocHost(4 * floats)
	must(t, err)
	t.Cleanup(func() { must(t, r.FreeHost(b)) })
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), floats)
}

// kernel compiles a source and finds a kernel in it.
func (r rig) kernel(t *testing.T, source, name string) *drv.Function {
	t.Helper()
	m, err := r.Load(compile(t, source))
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	f, err := m.Function(name)
	must(t, err)
	return f
}

// compiler is the fake's.
func compiler(t *testing.T) *nvrtc.Compiler {
	t.Helper()
	c, err := nvrtc.Open(dl.In(fake.Folder(t)), nvrtc.Newest)
	must(t, err)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// raw is a slice's memory.
func raw(s []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), 4*len(s))
}

func isNaN(s []float32) bool {
	return !slices.ContainsFunc(s, func(v float32) bool { return !math.IsNaN(float64(v)) })
}

const source = `
// scale multiplies and adds, with an argument of each kind.
extern "C" __global__ void __launch_bounds__(256) scale(float* y, const float* x, float a, int shift, long long n) {
	for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) y[i] = a * x[i] + shift;
}

// rows sums rows: a warp's shuffle, then the block's through shared memory.
extern "C" __global__ void rows(float* out, const float* in, int columns) {
	extern __shared__ float part[];
	float sum = 0;
	for (int i = threadIdx.x; i < columns; i += blockDim.x) sum += in[blockIdx.x * columns + i];
	for (int d = 16; d > 0; d >>= 1) sum += __shfl_down_sync(0xffffffffu, sum, d);
	if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
	__syncthreads();
	if (threadIdx.x == 0) {
		for (int w = 1; w < blockDim.x / 32; w++) sum += part[w];
		out[blockIdx.x] = sum;
	}
}
`

func TestDevices(t *testing.T) {
	f := fake.Start(t)
	d, err := drv.Open(f.Search())
	must(t, err)
	if major, minor := d.Version(); major != 13 || minor != 0 {
		t.Errorf("version %d.%d, want 13.0", major, minor)
	}
	devices, err := d.Devices()
	must(t, err)
	want := drv.Info{Name: "Fake GPU", Major: 9, Memory: 4 << 30, SMs: 4, PCI: "0000:01:00.0", Driver: "13.0"}
	if len(devices) != 1 || devices[0] != want || devices[0].Arch() != 90 {
		t.Errorf("devices %+v, want %+v", devices, want)
	}
	if got := want.String(); got != "Fake GPU, compute capability 9.0, driver for CUDA 13.0" {
		t.Errorf("in words: %q", got)
	}
	if _, err := d.Context(1); !errors.Is(err, drv.ErrInvalidDevice) {
		t.Errorf("device 1: error %v, want an invalid device", err)
	}
}

func TestNoDevice(t *testing.T) {
	t.Setenv("FAKE_CUDA_DEVICES", "0")
	f := fake.Start(t)
	if _, err := drv.Open(f.Search()); !errors.Is(err, drv.ErrNoDevice) {
		t.Errorf("error %v, want that there is no device", err)
	}
}

func TestOldDriver(t *testing.T) {
	t.Setenv("FAKE_CUDA_DRIVER", "11080")
	f := fake.Start(t)
	_, err := drv.Open(f.Search())
	var old *dl.TooOld
	if !errors.As(err, &old) || old.Version != "CUDA 11.8" || old.Needed != "CUDA 12.0" {
		t.Errorf("error %v, want *dl.TooOld", err)
	}
}

func TestCopies(t *testing.T) {
	r := newRig(t)
	const n = 777
	in, out := r.host(t, n), r.host(t, n)
	for i := range in {
		in[i] = float32(i)
	}
	a, b := r.alloc(t, n), r.alloc(t, n)
	must(t, r.stream.CopyIn(a, raw(in)))
	must(t, r.stream.Copy(b, a, 4*n))
	must(t, r.stream.Zero(b, 4*3))
	must(t, r.stream.CopyOut(raw(out), b))
	must(t, r.stream.Synchronize())
	want := slices.Clone(in)
	clear(want[:3])
	if !slices.Equal(out, want) {
		t.Errorf("copied %v", out[:8])
	}
}

// TestUnsynchronisedReadIsPoisoned shows that the fake finds the mistake that a GPU hides most of the time.
func TestUnsynchronisedReadIsPoisoned(t *testing.T) {
	r := newRig(t)
	in, out := r.host(t, 4), r.host(t, 4)
	copy(in, []float32{1, 2, 3, 4})
	p := r.alloc(t, 4)
	must(t, r.stream.CopyIn(p, raw(in)))
	must(t, r.stream.CopyOut(raw(out), p))
	if !isNaN(out) {
		t.Errorf("before waiting, the destination reads %v, want NaN", out)
	}
	must(t, r.stream.Synchronize())
	if !slices.Equal(out, in) {
		t.Errorf("after waiting, the destination reads %v", out)
	}
}

// TestSourceIsReadLate shows the same for memory that is written too early.
func TestSourceIsReadLate(t *testing.T) {
	r := newRig(t)
	in, out := r.host(t, 1), r.host(t, 1)
	p := r.alloc(t, 1)
	in[0] = 1
	must(t, r.stream.CopyIn(p, raw(in)))
	in[0] = 2
	must(t, r.stream.CopyOut(raw(out), p))
	must(t, r.stream.Synchronize())
	if out[0] != 2 {
		t.Errorf("the copy read %v, want what stood there when it happened", out[0])
	}
}

// TestPageableMemoryIsSynchronous holds for memory that CUDA does not know.
func TestPageableMemoryIsSynchronous(t *testing.T) {
	r := newRig(t)
	p := r.alloc(t, 1)
	in, out := []float32{1}, []float32{0}
	must(t, r.stream.CopyIn(p, raw(in)))
	in[0] = 2
	must(t, r.stream.CopyOut(raw(out), p))
	if out[0] != 1 {
		t.Errorf("copied %v, want 1 at once", out[0])
	}
}

func TestRegisteredMemoryIsPageLocked(t *testing.T) {
	r := newRig(t)
	p := r.alloc(t, 1)
	memory := make([]float32, 1)
	must(t, r.RegisterHost(raw(memory)))
	if err := r.RegisterHost(raw(memory)); err == nil {
		t.Error("registered twice")
	}
	must(t, r.stream.CopyOut(raw(memory), p))
	if !isNaN(memory) {
		t.Error("a copy into registered memory happened at once")
	}
	must(t, r.UnregisterHost(raw(memory)))
	if err := r.UnregisterHost(raw(memory)); err == nil {
		t.Error("unregistered twice")
	}
}

func TestLaunch(t *testing.T) {
	r := newRig(t)
	scale := r.kernel(t, source, "scale")
	const n = 1000
	x, out := r.host(t, n), r.host(t, n)
	for i := range x {
		x[i] = float32(i)
	}
	a, b := r.alloc(t, n), r.alloc(t, n)
	must(t, r.stream.CopyIn(a, raw(x)))
	args := []drv.Arg{drv.Pointer(b), drv.Pointer(a), drv.Float32(0.5), drv.Int32(-3), drv.Int64(n)}
	must(t, r.stream.Launch(scale, drv.Launch{Grid: [3]uint32{3, 1, 1}, Block: [3]uint32{100, 1, 1}, Args: args}))
	clear(args) // were read
	must(t, r.stream.CopyOut(raw(out), b))
	must(t, r.stream.Synchronize())
	for i, v := range out {
		if want := 0.5*float32(i) - 3; v != want {
			t.Fatalf("element %d is %v, want %v", i, v, want)
		}
	}
}

func TestSharedMemoryAndShuffles(t *testing.T) {
	r := newRig(t)
	rows := r.kernel(t, source, "rows")
	const n, columns = 5, 777
	x, out := r.host(t, n*columns), r.host(t, n)
	want := make([]float32, n)
	for i := range x {
		x[i] = float32(i%11) - 5
		want[i/columns] += x[i]
	}
	in, sums := r.alloc(t, len(x)), r.alloc(t, n)
	must(t, r.stream.CopyIn(in, raw(x)))
	must(t, r.stream.Launch(rows, drv.Launch{Grid: [3]uint32{n, 1, 1}, Block: [3]uint32{256, 1, 1}, Shared: 8 * 4,
		Args: []drv.Arg{drv.Pointer(sums), drv.Pointer(in), drv.Int32(columns)}}))
	must(t, r.stream.CopyOut(raw(out), sums))
	must(t, r.stream.Synchronize())
	if !slices.Equal(out, want) {
		t.Errorf("sums %v, want %v", out, want)
	}
}

// TestModulesAreApart loads two at once whose kernels have the same name.
func TestModulesAreApart(t *testing.T) {
	r := newRig(t)
	p, out := r.alloc(t, 1), r.host(t, 1)
	one := [3]uint32{1, 1, 1}
	kernels := map[float32]*drv.Function{
		1: r.kernel(t, `extern "C" __global__ void set(float* p) { *p = 1; }`, "set"),
		2: r.kernel(t, `extern "C" __global__ void set(float* p) { *p = 2; }`, "set"),
	}
	for want, kernel := range kernels {
		must(t, r.stream.Launch(kernel, drv.Launch{Grid: one, Block: one, Args: []drv.Arg{drv.Pointer(p)}}))
		must(t, r.stream.CopyOut(raw(out), p))
		must(t, r.stream.Synchronize())
		if out[0] != want {
			t.Errorf("set %v, want %v", out[0], want)
		}
	}
}

// TestSharedMemoryIsPoisoned shows that a kernel which reads shared memory before it was written does not get away with it.
func TestSharedMemoryIsPoisoned(t *testing.T) {
	for name, body := range map[string]string{
		"never written":          `out[at] = s[t];`,
		"dynamic, never written": `extern __shared__ float d[]; out[at] = d[t];`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			const n = 2 * 64
			p, out := r.alloc(t, n), r.host(t, n)
			f := r.kernel(t, `extern "C" __global__ void reads(float* out) {
				__shared__ float s[64];
				int t = threadIdx.x, at = blockIdx.x * 64 + t;
				`+body+`
			}`, "reads")
			must(t, r.stream.Launch(f, drv.Launch{Grid: [3]uint32{2, 1, 1}, Block: [3]uint32{64, 1, 1}, Shared: 4 * 64, Args: []drv.Arg{drv.Pointer(p)}}))
			must(t, r.stream.CopyOut(raw(out), p))
			must(t, r.stream.Synchronize())
			if !slices.ContainsFunc(out, func(v float32) bool { return math.IsNaN(float64(v)) }) {
				t.Errorf("no number is NaN: %v", out)
			}
		})
	}
}
