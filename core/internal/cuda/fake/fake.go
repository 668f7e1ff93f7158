// Package fake stands in for NVIDIA's libraries in tests: driver, NVRTC, NVML, cuDNN and cublasLt, written in C++ under src, compiled by
// g++ when a test asks, so that the real bindings open them, the real kernels are compiled and run, and what goes wrong on a GPU
// goes wrong here.
//
//	f := fake.Start(t)             // builds once a machine; resets; checks at the end that nothing leaked
//	d, err := drv.Open(f.Search())
//	f.Fail("cuMemAlloc_v2", 3, 2)  // the third allocation from now on: out of memory
//
// What the fakes do as the real ones: calls need a context and sound handles; a stream's work happens when somebody waits for
// it and, until then, page-locked memory that a copy will write is poisoned with NaN and what it will read is not read; graphs
// are captured and replayed, and what is forbidden meanwhile spoils the capture; a kernel's threads run as fibers, with barriers,
// shuffles and shared memory, in an order that changes from block to block; a failed kernel loses the context. What they find
// out besides, in every access of every kernel: memory outside of an allocation or an array, an address that is not aligned for what
// is moved at once, two threads at the same byte of which one writes and no barrier stands between, integers that overflow, numbers
// that fit no integer; and an argument that is no device address, reading memory that nobody wrote (NaN), waiting for threads that
// never come. They print it on stderr, with the line of the source where the compiler knows it, and end the launch.
//
// What they cannot: races through atomics, the time things take, and arithmetic where the GPU rounds differently (fused multiply-add,
// approximate functions).
//
// The environment sets what is fixed for a process: FAKE_CUDA_DRIVER (13000), FAKE_CUDA_DEVICES (1, at most 8), FAKE_CUDA_MEMORY
// (bytes, 4 GiB), FAKE_CUDA_ARCH (90: compute capability 9.0), FAKE_CUDA_FAIL ("cuMemAlloc_v2:3:2,kernel:1:719", as Fail), FAKE_CUDNN_DEFAULT_MATH (1: cuDNN reports its default
// arithmetic of every algorithm, whatever it was asked).
//
// A test without g++ is skipped; `make test` says so.
package fake

import (
	"testing"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// Fake is a fake driver with its control. The libraries are the process's: tests that use it do not run in parallel.
type Fake struct {
	folder string
	driver *dl.Library
	t      testing.TB
}

// Start builds the fakes, if that was not done yet, and resets them. When the test ends, it must have destroyed what it made.
func Start(t testing.TB) *Fake {
	t.Helper()
	return start(t, Folder(t))
}

// Without is Start with a driver that lacks functions, as one that is too old.
func Without(t testing.TB, functions ...string) *Fake {
	t.Helper()
	return start(t, lacking(t, build(t), functions))
}

// Folder is where the fake libraries lie, for programs that are pointed to it with dl.Variable.
func Folder(t testing.TB) string {
	t.Helper()
	return build(t)
}

func start(t testing.TB, folder string) *Fake {
	t.Helper()
	driver, err := dl.In(folder).Open(dl.Spec{Name: "fake driver", Files: []string{"libcuda.so.1"}})
	if err != nil {
		t.Fatal(err)
	}
	f := &Fake{folder, driver, t}
	f.Reset()
	t.Cleanup(func() {
		if !t.Failed() {
			f.checkLeaks()
		}
		f.Reset()
	})
	return f
}

// Reset forgets all objects, faults and counts: what a test left behind on purpose, such as a lost device.
func (f *Fake) Reset() { f.control("fakeReset") }

// Search finds the fakes and nothing else.
func (f *Fake) Search() dl.Search { return dl.In(f.folder) }

// Fail makes the nth call of a function from now on, counted from 1, return an error. The function "kernel" stands for the
// running of kernels: its error shows at the next wait, and the context is lost.
func (f *Fake) Fail(function string, n, code int) {
	name := append([]byte(function), 0)
	f.control("fakeFail", uintptr(unsafe.Pointer(unsafe.SliceData(name))), uintptr(n), uintptr(code))
}

// Calls is how often a function was called since Start; with "kernel", how many kernels ran.
func (f *Fake) Calls(function string) int {
	name := append([]byte(function), 0)
	return int(f.control("fakeCalls", uintptr(unsafe.Pointer(unsafe.SliceData(name)))))
}

// live is how many objects of a kind were made and not destroyed.
func (f *Fake) live(kind string) int {
	name := append([]byte(kind), 0)
	return int(int64(f.control("fakeLive", uintptr(unsafe.Pointer(unsafe.SliceData(name))))))
}

func (f *Fake) checkLeaks() {
	for _, kind := range []string{"context", "memory", "host", "registered", "stream", "event", "module", "graph", "exec"} {
		if n := f.live(kind); n != 0 {
			f.t.Errorf("the test left %d of the driver's objects of the kind %q", n, kind)
		}
	}
}

//go:uintptrescapes
func (f *Fake) control(function string, args ...uintptr) uintptr {
	r, err := f.driver.Call(function, args...)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}
