// Package cuda is the NVIDIA GPU as a device of package engine. Kernels come from core/engine/cuda/kernels and, where they are
// there, from NVIDIA's libraries; nothing is needed at build time.
//
// [Open] finds driver and compiler and takes a GPU; [Device.Load] compiles what a plan needs and gives it one block of memory.
// A run is a list of launches. The first run makes them one by one, the second records them as a CUDA graph, and every later
// one starts that graph, with no other call and no waiting but for the results. The graph is cut only where a plugin computes
// a custom op, on the host.
//
//	bound input -Stage-> page-locked -> upload buffer -Start-> input -> arena -> result -> page-locked -Read->
//
// Inputs that are held, and those that the plan updates, live on the device between runs. A lost device, a failed launch and
// the lack of memory are errors of code fault.Device. A device and what is loaded on it are for one goroutine at a time.
package cuda

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/library"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
)

// Options say how a device computes.
type Options struct {
	// TF32 lets float32 operands of products and convolutions be rounded to 10 bits of mantissa, so that they use tensor cores.
	TF32 bool
	// Cache is a folder for compiled kernels and for the algorithms that were found quickest, which may be deleted at any time;
	// "" for none.
	Cache string
}

// Device is one GPU.
type Device struct {
	info      drv.Info
	context   *drv.Context
	compiler  *nvrtc.Compiler
	cache     string
	libraries *library.Libraries
	compute   *drv.Stream // on which plans run
	copies    *drv.Stream // on which inputs of the next run arrive meanwhile
	modules   map[[sha256.Size]byte]*drv.Module
	loaded    []*Executable
	notes     []error // of what plans met
	closed    bool
}

var _ engine.Distant = (*Device)(nil)

// Open takes a GPU by its number, and finds what its kernels are compiled with. What is missing is a fault of code Device that
// says how to get it; what is only slower without is told by Notes.
func Open(search dl.Search, index int, o Options) (*Device, error) {
	d, err := open(search, index, o)
	if err != nil {
		return nil, explain(err)
	}
	return d, nil
}

// Find is Open in the places where NVIDIA's libraries usually are: the folders of SSLCTL_CUDA_PATH, the system's, CUDA toolkits
// and Python's wheels.
func Find(index int, o Options) (*Device, error) { return Open(dl.Default(), index, o) }

func open(search dl.Search, index int, o Options) (*Device, error) {
	driver, err := drv.Open(search)
	if err != nil {
		return nil, err
	}
	infos, err := driver.Devices()
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= len(infos) {
		return nil, fmt.Errorf("GPU %d of %d: %w", index, len(infos), drv.ErrInvalidDevice)
	}
	newest, _ := driver.Version()
	compiler, err := nvrtc.Open(search, newest)
	if err != nil {
		return nil, err
	}
	context, err := driver.Context(index)
	if err != nil {
		return nil, err
	}
	d := &Device{info: infos[index], context: context, compiler: compiler, cache: o.Cache, modules: map[[sha256.Size]byte]*drv.Module{}}
	if err := d.attached(func() error { return d.start(search, o) }); err != nil {
		return nil, errors.Join(err, context.Close())
	}
	return d, nil
}

// start makes what works on the context.
func (d *Device) start(search dl.Search, o Options) (err error) {
	if d.compute, err = d.context.NewStream(); err != nil {
		return err
	}
	if d.copies, err = d.context.NewStream(); err != nil {
		return err
	}
	options := library.Options{TF32: o.TF32, GPU: d.info.Name}
	if o.Cache != "" {
		options.Cache = filepath.Join(o.Cache, "algorithms.json")
	}
	d.libraries = library.Open(search, d.context, d.compute, options)
	return nil
}

// Name is "cuda".
func (d *Device) Name() string { return "cuda" }

// Distant marks the device: it has memory of its own.
func (d *Device) Distant() {}

// Notes lists what is slower than it could be, with the reasons: a library that is missing or too old, memory that cannot be
// page-locked.
func (d *Device) Notes() []error { return slices.Concat(d.libraries.Notes(), d.notes) }

// Info describes the GPU.
func (d *Device) Info() drv.Info { return d.info }

// Close ends the executables and frees the GPU; a second call does nothing. Errors of a device that is given back concern nobody.
func (d *Device) Close() {
	if d.closed {
		return
	}
	d.closed = true
	for _, e := range slices.Clone(d.loaded) {
		e.Close()
	}
	_ = d.attached(func() error {
		for _, m := range d.modules {
			_ = m.Close()
		}
		_ = d.libraries.Close()
		return errors.Join(d.compute.Close(), d.copies.Close())
	})
	_ = d.context.Close()
}

// attached does something with the GPU's context, which belongs to a thread, and says what its errors mean.
func (d *Device) attached(do func() error) error {
	if err := d.context.Attach(); err != nil {
		return explain(err)
	}
	defer d.context.Detach()
	return explain(do())
}

// module is compiled code on the device; equal sources are compiled once.
func (d *Device) module(source string) (*drv.Module, error) {
	key := sha256.Sum256([]byte(source))
	if m, ok := d.modules[key]; ok {
		return m, nil
	}
	cubin, err := d.compile(source)
	if err != nil {
		return nil, err
	}
	m, err := d.context.Load(cubin)
	if err != nil {
		return nil, err
	}
	d.modules[key] = m
	return m, nil
}

// compile makes a cubin, or finds it where it was made before.
func (d *Device) compile(source string) (cubin []byte, err error) {
	if d.cache != "" {
		return nvrtc.Cache{Folder: filepath.Join(d.cache, "kernels")}.Compile(d.compiler, source, d.info.Arch())
	}
	cubin, _, err = d.compiler.Compile(source, d.info.Arch())
	return cubin, err
}
