package cuda_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"unsafe"

	"gorgonia.org/tensor"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
)

// TestTensors keeps tensors on the GPU: up, within and down again, cleared, filled, cloned by Gorgonia, and freed.
func TestTensors(t *testing.T) {
	f := fake.Start(t)
	e := open(t, f).Tensors()
	numbers := []float32{1, 2, 3, 4, 5, 6}
	host := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(slices.Clone(numbers)))
	onGPU := func() *tensor.Dense {
		return tensor.New(tensor.WithEngine(e), tensor.Of(tensor.Float32), tensor.WithShape(2, 3))
	}
	x, y := onGPU(), onGPU()
	if x.IsNativelyAccessible() || !x.IsManuallyManaged() || !e.WorksWith(x.DataOrder()) {
		t.Error("Gorgonia would read the GPU's memory")
	}
	holds := func(what string, d *tensor.Dense, want []float32) {
		t.Helper()
		m, err := e.Accessible(d)
		if err != nil {
			t.Fatal(err)
		}
		at := m.Uintptr()
		bytes := unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), m.MemSize())
		got := make([]float32, len(want))
		for i := range got {
			got[i] = math.Float32frombits(binary.NativeEndian.Uint32(bytes[4*i:]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	do := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	do("up", e.Memcpy(x, host))
	holds("up", x, numbers)
	do("within", tensor.Copy(y, x))
	holds("within", y, numbers)
	clone := y.Clone().(*tensor.Dense)
	holds("a clone", clone, numbers)
	e.Memclr(y)
	holds("cleared", y, make([]float32, 6))
	do("fill", e.Memset(y, float32(2.5)))
	holds("filled", y, []float32{2.5, 2.5, 2.5, 2.5, 2.5, 2.5})
	back := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2, 3))
	do("down", tensor.Copy(back, x))
	if got := back.Data().([]float32); !slices.Equal(got, numbers) {
		t.Errorf("down: %v", got)
	}
	if err := e.Memset(x, "text"); err == nil {
		t.Error("memory was filled with text")
	}
	for _, d := range []*tensor.Dense{x, y, clone} {
		do("free", e.Free(d, int64(d.MemSize())))
	}
	if err := e.Free(x, 24); err == nil {
		t.Error("memory was freed twice")
	}
	f.Fail("cuMemAlloc_v2", 1, outOfMemory)
	if _, err := e.Alloc(100); fault.CodeOf(err) != fault.Device {
		t.Errorf("out of memory: %v", err)
	}
	z, err := e.Alloc(100)
	do("allocate", err)
	f.Fail("cuMemsetD8Async", 1, unknown)
	e.Memclr(z)
	if err := e.Memcpy(z, z); fault.CodeOf(err) != fault.Device {
		t.Errorf("after a clear that failed: %v", err)
	}
	do("free", e.Free(z, 100))
}
