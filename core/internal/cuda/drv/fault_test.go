package drv_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
)

// everything calls every function of the driver once, in an order that makes sense, and returns the first error.
func everything(f *fake.Fake, cubin []byte) (err error) {
	try := func(e error) {
		if err == nil {
			err = e
		}
	}
	d, e := drv.Open(f.Search())
	if e != nil {
		return e
	}
	_, e = d.Devices()
	try(e)
	c, e := d.Context(0)
	if e != nil {
		return e
	}
	defer func() { try(c.Close()) }()
	if e := c.Attach(); e != nil {
		return e
	}
	defer c.Detach()
	_, _, e = c.MemInfo()
	try(e)
	p, e := c.Alloc(8)
	if e != nil {
		return e
	}
	defer func() { try(c.Free(p)) }()
	host, e := c.AllocHost(4)
	if e != nil {
		return e
	}
	defer func() { try(c.FreeHost(host)) }()
	memory := make([]byte, 4)
	if e := c.RegisterHost(memory); e != nil {
		return e
	}
	defer func() { try(c.UnregisterHost(memory)) }()
	s, e := c.NewStream()
	if e != nil {
		return e
	}
	defer func() { try(s.Close()) }()
	event, e := c.NewEvent()
	if e != nil {
		return e
	}
	defer func() { try(event.Close()) }()
	m, e := c.Load(cubin)
	if e != nil {
		return e
	}
	defer func() { try(m.Close()) }()
	kernel, e := m.Function("touch")
	if e != nil {
		return e
	}
	try(kernel.AllowShared(64 << 10))
	try(s.Record(event))
	try(s.Wait(event))
	try(s.CopyIn(p, host))
	try(s.Copy(p+4, p, 4))
	try(s.CopyOut(host, p))
	try(s.Zero(p, 8))
	try(s.Launch(kernel, drv.Launch{Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1}, Args: []drv.Arg{drv.Pointer(p)}}))
	try(event.Synchronize())
	_, e = event.Done()
	try(e)
	_, e = event.Since(event)
	try(e)
	try(s.Synchronize())
	try(c.Synchronize())
	if e := s.BeginCapture(); e != nil {
		return e
	}
	try(s.Zero(p, 8))
	g, e := s.EndCapture()
	if e != nil {
		return e
	}
	defer func() { try(g.Close()) }()
	x, e := g.Instantiate()
	if e != nil {
		return e
	}
	defer func() { try(x.Close()) }()
	try(x.Launch(s))
	return err
}

const touch = `extern "C" __global__ void touch(int* p) { *p = 1; }`

func compile(t *testing.T, source string) []byte {
	t.Helper()
	cubin, _, err := compiler(t).Compile(source, 90)
	must(t, err)
	return cubin
}

// TestEveryCallCanFail makes each function fail the first time, and finds it named in the error.
func TestEveryCallCanFail(t *testing.T) {
	f := fake.Start(t)
	cubin := compile(t, touch)
	must(t, everything(f, cubin))
	for _, function := range drv.Functions() {
		if f.Calls(function) == 0 {
			t.Errorf("%s is not called", function)
		}
	}
	for _, function := range drv.Functions() {
		f.Reset()
		f.Fail(function, 1, 999)
		err := everything(f, cubin)
		var failure *drv.Error
		if !errors.As(err, &failure) || failure.Call != function || failure.Code != 999 {
			t.Errorf("%s fails: error %v", function, err)
		}
	}
	f.Reset()
}

// TestMissingFunction is an error of the call that needs it, and of no other.
func TestMissingFunction(t *testing.T) {
	cubin := compile(t, touch)
	f := fake.Without(t, "cuGraphLaunch")
	err := everything(f, cubin)
	var missing *dl.MissingSymbol
	if !errors.As(err, &missing) || missing.Symbol != "cuGraphLaunch" || missing.Library != "NVIDIA driver" {
		t.Errorf("error %v, want that cuGraphLaunch is missing", err)
	}
	if f.Calls("cuGraphInstantiateWithFlags") != 1 {
		t.Error("the calls before it were not made")
	}
	f.Reset()
}

func TestOutOfMemory(t *testing.T) {
	t.Setenv("FAKE_CUDA_MEMORY", "1048576")
	r := newRig(t)
	if _, err := r.Alloc(2 << 20); !errors.Is(err, drv.ErrOutOfMemory) || err.Error() != "cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY (2)" {
		t.Errorf("error %v, want out of memory", err)
	}
	r.alloc(t, 1<<17)
	if free, total, err := r.MemInfo(); err != nil || free != 1<<19 || total != 1<<20 {
		t.Errorf("memory %d of %d, %v", free, total, err)
	}
	if _, err := r.Alloc(1<<19 + 1); !errors.Is(err, drv.ErrOutOfMemory) {
		t.Errorf("a byte too many: error %v", err)
	}
	r.fake.Fail("cuMemAlloc_v2", 2, 2)
	r.alloc(t, 1)
	if _, err := r.Alloc(4); !errors.Is(err, drv.ErrOutOfMemory) {
		t.Errorf("the second allocation: error %v", err)
	}
}

// TestLostDevice is told when somebody waits, and by everything after.
func TestLostDevice(t *testing.T) {
	f := fake.Start(t)
	f.Fail("kernel", 1, 719)
	c, err := crash(t, f, compile(t, touch), "touch", func(p drv.Ptr) []drv.Arg { return []drv.Arg{drv.Pointer(p)} })
	if !errors.Is(err, drv.ErrLost) {
		t.Errorf("waiting: error %v, want a lost device", err)
	}
	if _, err := c.Alloc(4); !errors.Is(err, drv.ErrLost) || errors.Is(err, drv.ErrOutOfMemory) {
		t.Errorf("allocating afterwards: error %v, want a lost device", err)
	}
	c.Detach()
	f.Reset()
}

// crash runs a kernel on 64 numbers by two blocks of a warp, and returns what waiting for it said. The caller detaches
// from the context and resets the fake, which has lost the device.
func crash(t *testing.T, f *fake.Fake, cubin []byte, name string, args func(p drv.Ptr) []drv.Arg) (*drv.Context, error) {
	t.Helper()
	d, err := drv.Open(f.Search())
	must(t, err)
	c, err := d.Context(0)
	must(t, err)
	must(t, c.Attach())
	s, err := c.NewStream()
	must(t, err)
	m, err := c.Load(cubin)
	must(t, err)
	kernel, err := m.Function(name)
	must(t, err)
	p, err := c.Alloc(64 * 4)
	must(t, err)
	must(t, s.Launch(kernel, drv.Launch{Grid: [3]uint32{2, 1, 1}, Block: [3]uint32{32, 1, 1}, Shared: 64, Args: args(p)}))
	return c, s.Synchronize()
}

// TestRefusedLaunches are those that the driver refuses at once: nothing is lost by them.
func TestRefusedLaunches(t *testing.T) {
	r := newRig(t)
	scale := r.kernel(t, source, "scale")
	rows := r.kernel(t, source, "rows")
	one := [3]uint32{1, 1, 1}
	for _, tc := range []struct {
		name   string
		kernel *drv.Function
		launch drv.Launch
		want   string
	}{
		{"an empty grid", rows, drv.Launch{Grid: [3]uint32{1, 0, 1}, Block: one}, "INVALID_VALUE"},
		{"an empty block", rows, drv.Launch{Grid: one}, "INVALID_VALUE"},
		{"too many threads", rows, drv.Launch{Grid: one, Block: [3]uint32{1024, 2, 1}}, "INVALID_VALUE"},
		{"too high a grid", rows, drv.Launch{Grid: [3]uint32{1, 65536, 1}, Block: one}, "INVALID_VALUE"},
		{"beyond the launch bounds", scale, drv.Launch{Grid: one, Block: [3]uint32{257, 1, 1}}, "LAUNCH_OUT_OF_RESOURCES"},
		{"too much shared memory", rows, drv.Launch{Grid: one, Block: one, Shared: 48<<10 + 4}, "INVALID_VALUE"},
		{"too many arguments", rows, drv.Launch{Grid: one, Block: one, Args: make([]drv.Arg, 257)}, "at most 256"},
	} {
		tc.launch.Args = append(tc.launch.Args, make([]drv.Arg, 5)...)
		if err := r.stream.Launch(tc.kernel, tc.launch); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %s", tc.name, err, tc.want)
		}
	}
	must(t, rows.AllowShared(200<<10))
	if err := rows.AllowShared(1 << 20); err == nil {
		t.Error("allowed more shared memory than there is")
	}
	must(t, r.stream.Synchronize())
}

// TestCrashesAreFound runs kernels that are wrong; on a GPU most of them would go unnoticed.
func TestCrashesAreFound(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"writing behind the memory", `p[64] = 1;`, "ILLEGAL_ADDRESS"},
		{"writing before the memory", `p[-1] = 1;`, "ILLEGAL_ADDRESS"},
		{"an argument that is no address", `q[0] = 1;`, "ILLEGAL_ADDRESS"},
		{"a lane that does not come", `if (threadIdx.x < 31) __shfl_sync(0xffffffffu, 1, 0); else __syncthreads();`, "LAUNCH_FAILED"},
		{"a mask without the caller", `__shfl_sync(1u, 1, 0);`, "LAUNCH_FAILED"},
		{"an assertion", `assert(threadIdx.x < 7);`, "ASSERT"},
		{"writing behind shared memory", `extern __shared__ int s[]; if (!threadIdx.x) s[16] = 1;`, "ILLEGAL_ADDRESS"},
		{"reading behind the memory", `if (!threadIdx.x && p[64]) p[0] = 1;`, "ILLEGAL_ADDRESS"},
		{"an index outside of an array", `__shared__ int s[16]; s[threadIdx.x] = 1;`, "LAUNCH_FAILED"},
		{"eight bytes at a multiple of four", `((double*)(p + 1))[threadIdx.x] = 1;`, "MISALIGNED_ADDRESS"},
		{"a vector of sixteen bytes at a multiple of eight", `struct alignas(16) four { int at[4]; }; four f = *(four*)(p + 2); p[threadIdx.x] = f.at[1];`, "MISALIGNED_ADDRESS"},
		{"a sum that overflows", `p[threadIdx.x] = 0x7fffffff + (int)threadIdx.x;`, "LAUNCH_FAILED"},
		{"a product that overflows", `int n = 1 << 30; p[threadIdx.x] = n * (1 + (int)threadIdx.x);`, "LAUNCH_FAILED"},
		{"a number that fits no int", `p[threadIdx.x] = (int)(3e9f + threadIdx.x);`, "LAUNCH_FAILED"},
		{"threads that write the same", `if (!blockIdx.x) p[threadIdx.x / 2] = 1;`, "LAUNCH_FAILED"},
		{"blocks that write the same", `p[threadIdx.x] = 1;`, "LAUNCH_FAILED"},
		{"a block that reads what another writes", `if (!threadIdx.x) { if (blockIdx.x) p[1] = p[0]; else p[0] = 1; }`, "LAUNCH_FAILED"},
		{"a block that writes what others read", `if (!threadIdx.x) { if (!blockIdx.x) p[1] = p[0]; else p[0] = 1; }`, "LAUNCH_FAILED"},
		{"no barrier before the next thread's number", `__shared__ int s[32]; int t = threadIdx.x; s[t] = 1; p[blockIdx.x * 32 + t] = s[(t + 1) % 32];`, "LAUNCH_FAILED"},
		{"no barrier before the last thread's number", `__shared__ int s[32]; int t = threadIdx.x; s[t] = 1; p[blockIdx.x * 32 + t] = s[t ? t - 1 : 0];`, "LAUNCH_FAILED"},
		{"no barrier before memory is used again", `__shared__ int s[32]; int t = threadIdx.x; s[t] = 1; __syncthreads(); int n = s[31 - t]; s[t] = n;`, "LAUNCH_FAILED"},
	}
	var source strings.Builder
	for i, tc := range tests {
		fmt.Fprintf(&source, "extern \"C\" __global__ void touch%d(int* p, int* q) {%s}\n", i, tc.body)
	}
	cubin := compile(t, source.String())
	for i, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			f := fake.Start(t)
			c, err := crash(t, f, cubin, fmt.Sprint("touch", i), func(p drv.Ptr) []drv.Arg {
				if strings.Contains(tc.body, "q[") {
					return []drv.Arg{drv.Pointer(p), drv.Pointer(0x1000)}
				}
				return []drv.Arg{drv.Pointer(p), drv.Pointer(p)}
			})
			if !errors.Is(err, drv.ErrLost) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %s", err, tc.want)
			}
			c.Detach()
			f.Reset()
		})
	}
}

// TestOrderedAccesses: what threads do to the same memory in an order that the hardware keeps is no fault.
func TestOrderedAccesses(t *testing.T) {
	var source strings.Builder
	bodies := map[string]string{
		"barriers":                `s[t] = t; __syncthreads(); int n = s[31 - t]; __syncthreads(); s[t] = n; __syncthreads(); p[at] = s[31 - t];`,
		"many readers":            `s[t] = t; __syncthreads(); int n = s[0] + s[31]; __syncthreads(); if (t == 5) s[0] = s[31] = n; p[at] = n - 31 + t;`,
		"a warp":                  `s[t] = t; __syncwarp(); p[at] = s[31 - t]; p[at] = 31 - p[at];`,
		"halves of a word":        `((short*)s)[t] = 1; p[at] = t;`,
		"all read the same":       `p[at] = t + q[0];`,
		"its own number, updated": `p[at] = 1; p[at] += t - 1;`,
	}
	names := slices.Sorted(maps.Keys(bodies))
	for i, name := range names {
		fmt.Fprintf(&source, "extern \"C\" __global__ void touch%d(int* p, const int* q) {\n"+
			"__shared__ int s[32]; int t = threadIdx.x, at = blockIdx.x * 32 + t; %s }\n", i, bodies[name])
	}
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			f := r.kernel(t, source.String(), fmt.Sprint("touch", i))
			p, q, out := r.alloc(t, 64), r.alloc(t, 1), make([]byte, 64*4)
			must(t, r.stream.Zero(q, 4))
			for range 2 { // another launch may write what the first wrote
				must(t, r.stream.Launch(f, drv.Launch{Grid: [3]uint32{2, 1, 1}, Block: [3]uint32{32, 1, 1}, Args: []drv.Arg{drv.Pointer(p), drv.Pointer(q)}}))
			}
			must(t, r.stream.CopyOut(out, p))
			must(t, r.stream.Synchronize())
			for i := range 64 {
				if got := binary.LittleEndian.Uint32(out[4*i:]); got != uint32(i%32) {
					t.Fatalf("number %d is %d", i, got)
				}
			}
		})
	}
}

// TestMisuseIsRefused holds the fake to the strictness of the driver.
func TestMisuseIsRefused(t *testing.T) {
	r := newRig(t)
	p := r.alloc(t, 4)
	host := r.host(t, 4)
	for name, call := range map[string]func() error{
		"a copy beyond the memory":      func() error { return r.stream.CopyIn(p+4, raw(host)) },
		"a copy out beyond the memory":  func() error { return r.stream.CopyOut(raw(host), p+4) },
		"a copy between host addresses": func() error { return r.stream.Copy(1, 2, 4) },
		"an overlapping copy":           func() error { return r.stream.Copy(p, p+4, 8) },
		"zeroes beyond the memory":      func() error { return r.stream.Zero(p, 17) },
		"freeing nothing":               func() error { return r.Free(p + 4) },
		"no memory":                     func() error { _, err := r.Alloc(0); return err },
		"an image that is none":         func() error { _, err := r.Load([]byte("\x7fELF and more")); return err },
		"no code":                       func() error { _, err := r.Load(nil); return err },
	} {
		if err := call(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := newerCode(t, r); err == nil || !strings.Contains(err.Error(), "NO_BINARY_FOR_GPU") {
		t.Errorf("code for another architecture: error %v", err)
	}
	must(t, r.stream.Synchronize())
}

func newerCode(t *testing.T, r rig) (*drv.Module, error) {
	t.Helper()
	cubin, _, err := compiler(t).Compile(touch, 100)
	must(t, err)
	return r.Load(cubin)
}

// TestCallsNeedAContext on the thread that makes them.
func TestCallsNeedAContext(t *testing.T) {
	f := fake.Start(t)
	d, err := drv.Open(f.Search())
	must(t, err)
	c, err := d.Context(0)
	must(t, err)
	if _, err := c.Alloc(4); !errors.Is(err, drv.ErrInvalidContext) {
		t.Errorf("without attaching: error %v", err)
	}
	must(t, c.Close())
}
