// Package devicetest gives tests a device with numbers on their way to it and back: the fake driver's, or with SSLCTL_TEST_GPU
// set a real GPU, as `make gpu-check` does. A process has one or the other.
package devicetest

import (
	"errors"
	"math"
	"os"
	"testing"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
)

// Variable makes Open take a real GPU.
const Variable = "SSLCTL_TEST_GPU"

// Device is the first device, attached to the test's goroutine, with a stream.
type Device struct {
	Fake    *fake.Fake // nil on a GPU
	Driver  *drv.Driver
	Arch    int // 90 for compute capability 9.0
	Context *drv.Context
	Stream  *drv.Stream
	t       testing.TB
}

// OpenFake opens the fake's device, for tests that let it fail or count its calls; with a real GPU they are skipped. It and all
// that was allocated by Alloc and Put are freed when the test ends.
func OpenFake(t testing.TB) *Device {
	t.Helper()
	if os.Getenv(Variable) != "" {
		t.Skip("for the fake driver only")
	}
	d := &Device{Fake: fake.Start(t), t: t}
	d.open()
	return d
}

// Open is OpenFake, or opens a real GPU.
func Open(t testing.TB) *Device {
	t.Helper()
	if os.Getenv(Variable) == "" {
		return OpenFake(t)
	}
	d := &Device{t: t}
	d.open()
	return d
}

// Search is where the device's libraries are.
func (d *Device) Search() dl.Search {
	if d.Fake != nil {
		return d.Fake.Search()
	}
	return dl.Default()
}

func (d *Device) open() {
	d.t.Helper()
	var err error
	d.Driver, err = drv.Open(d.Search())
	d.Check(err)
	infos, err := d.Driver.Devices()
	d.Check(err)
	d.Arch = infos[0].Arch()
	d.Context, err = d.Driver.Context(0)
	d.Check(err)
	d.Check(d.Context.Attach())
	d.Stream, err = d.Context.NewStream()
	d.Check(err)
	d.t.Cleanup(func() {
		d.Check(d.Stream.Close())
		d.Context.Detach()
		d.Check(d.Context.Close())
	})
}

// Check ends the test where there is an error.
func (d *Device) Check(errs ...error) {
	d.t.Helper()
	if err := errors.Join(errs...); err != nil {
		d.t.Fatal(err)
	}
}

// Alloc takes memory.
func (d *Device) Alloc(bytes int) drv.Ptr {
	d.t.Helper()
	p, err := d.Context.Alloc(bytes)
	d.Check(err)
	d.t.Cleanup(func() { d.Check(d.Context.Free(p)) })
	return p
}

// Put brings numbers to memory of their own.
func (d *Device) Put(values []float32, s Storage) drv.Ptr {
	d.t.Helper()
	p := d.Alloc(s.Bytes() * len(values))
	d.Write(p, values, s)
	return p
}

// Write brings numbers to a place.
func (d *Device) Write(p drv.Ptr, values []float32, s Storage) {
	d.t.Helper()
	d.Check(d.Stream.CopyIn(p, s.encode(values)), d.Stream.Synchronize())
}

// Read waits for the stream and brings n numbers back.
func (d *Device) Read(p drv.Ptr, n int, s Storage) []float32 {
	d.t.Helper()
	bytes := make([]byte, n*s.Bytes())
	d.Check(d.Stream.CopyOut(bytes, p), d.Stream.Synchronize())
	return s.decode(bytes)
}

// Replay records what enqueue tells the stream and launches it as a graph.
func (d *Device) Replay(enqueue func() error) {
	d.t.Helper()
	d.Check(d.Stream.BeginCapture())
	told := enqueue()
	graph, err := d.Stream.EndCapture()
	d.Check(told, err)
	exec, err := graph.Instantiate()
	d.Check(err)
	d.Check(exec.Launch(d.Stream), d.Stream.Synchronize(), exec.Close(), graph.Close())
}

// Storage is how numbers are stored.
type Storage int

// The storages.
const (
	Float32 Storage = iota
	BFloat16
)

// Bytes is the size of a number.
func (s Storage) Bytes() int { return 4 >> s }

// Round is what becomes of a number that is stored.
func (s Storage) Round(v float64) float32 { return s.decode(s.encode([]float32{float32(v)}))[0] }

func (s Storage) encode(values []float32) []byte {
	if s == Float32 {
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
	}
	out := make([]byte, 0, 2*len(values))
	for _, v := range values {
		bits := math.Float32bits(v)
		bits += 0x7fff + bits>>16&1 // to nearest, ties to even
		out = append(out, byte(bits>>16), byte(bits>>24))
	}
	return out
}

func (s Storage) decode(bytes []byte) []float32 {
	if s == Float32 {
		return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(bytes))), len(bytes)/4)
	}
	out := make([]float32, len(bytes)/2)
	for i := range out {
		out[i] = math.Float32frombits(uint32(bytes[2*i])<<16 | uint32(bytes[2*i+1])<<24)
	}
	return out
}
