// Package inventory says what a machine has for training on a GPU: the GPUs, NVIDIA's libraries with version and place, what is
// missing, and how to get it. [Take] takes it; `sslctl device` prints it.
package inventory

import (
	"errors"
	"fmt"

	"github.com/sslctl/sslctl/core/internal/cuda/cublaslt"
	"github.com/sslctl/sslctl/core/internal/cuda/cudnn"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/core/internal/cuda/nvml"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
)

// Variable is the environment variable with folders to look in first.
const Variable = dl.Variable

// Inventory is what a machine has.
type Inventory struct {
	GPUs      []GPU
	Libraries []Library // the driver, then by need
}

// GPU is one that the driver lists.
type GPU struct {
	Device  string // for --device: "cuda:0"
	Name    string
	Compute string // compute capability: "9.0"
	Memory  int    // bytes
	SMs     int    // streaming multiprocessors
	BF16    bool   // its tensor cores multiply bfloat16: compute capability 8.0 and more
}

// Library is one of NVIDIA's.
type Library struct {
	Name    string
	Purpose string
	Needed  bool   // without it no GPU is used
	Version string // "" where it is missing
	Path    string // of the file that was opened
	Err     error  // why it cannot be used; nil where it can
	Hint    string // how to get it
}

// Usable is why no GPU can be used here, in order of what to mend first; nil where one can.
func (i Inventory) Usable() error {
	for _, l := range i.Libraries {
		if l.Needed && l.Err != nil {
			return l.Err
		}
	}
	if len(i.GPUs) == 0 {
		return errors.New("the NVIDIA driver lists no GPU")
	}
	return nil
}

// Take looks for everything where every run looks.
func Take() Inventory { return take(dl.Default()) }

// TakeNeeded is Take at less cost: of the libraries only those without which no GPU is used.
func TakeNeeded() Inventory {
	found, _ := needed(dl.Default())
	return found
}

func take(libs dl.Search) Inventory {
	out, newest := needed(libs)
	out.Libraries = append(out.Libraries, products(libs, newest), convolutions(libs), management(libs))
	return out
}

// needed looks for the driver with its GPUs, and for a compiler that is not newer than the driver. newest is the version of CUDA
// that libraries may have.
func needed(libs dl.Search) (out Inventory, newest int) {
	newest = nvrtc.Newest
	driver := library("NVIDIA driver", "runs kernels", true)
	if d, err := drv.Open(libs); driver.failed(err) == nil {
		newest, _ = d.Version()
		driver.Version, driver.Path = driverVersion(d), d.Path()
		out.GPUs, err = gpus(d)
		driver.failed(err)
	}
	out.Libraries = []Library{driver, compiler(libs, newest)}
	return out, newest
}

func library(name, purpose string, needed bool) Library {
	return Library{Name: name, Purpose: purpose, Needed: needed}
}

// failed keeps an error, with the hint in it, and returns it.
func (l *Library) failed(err error) error {
	if err == nil {
		return nil
	}
	l.Err = err
	var missing *dl.MissingLibrary
	var old *dl.TooOld
	switch {
	case errors.As(err, &missing):
		l.Hint = missing.Hint
	case errors.As(err, &old):
		l.Path, l.Version, l.Hint = old.Path, old.Version, "update it"
	case errors.Is(err, drv.ErrNoDevice):
		l.Hint = "look for the GPU in nvidia-smi; CUDA_VISIBLE_DEVICES may hide it"
	default:
		l.Hint = "update it, or see nvidia-smi"
	}
	return err
}

// gpus lists the driver's.
func gpus(d *drv.Driver) ([]GPU, error) {
	infos, err := d.Devices()
	var out []GPU
	for _, i := range infos {
		out = append(out, GPU{Device: fmt.Sprintf("cuda:%d", i.Index), Name: i.Name, Compute: fmt.Sprintf("%d.%d", i.Major, i.Minor), Memory: i.Memory, SMs: i.SMs, BF16: i.Major >= bf16Major})
	}
	return out, err
}

// bf16Major is the compute capability, Ampere's, from which on tensor cores multiply bfloat16.
const bf16Major = 8

// driverVersion is the newest CUDA that the driver serves; its own number is NVML's.
func driverVersion(d *drv.Driver) string {
	major, minor := d.Version()
	return fmt.Sprintf("CUDA %d.%d", major, minor)
}

func compiler(libs dl.Search, newest int) Library {
	l := library("NVRTC", "compiles kernels", true)
	if c, err := nvrtc.Open(libs, newest); l.failed(err) == nil {
		major, minor := c.Version()
		l.Version, l.Path = fmt.Sprintf("%d.%d", major, minor), c.Path()
	}
	return l
}

func products(libs dl.Search, newest int) Library {
	l := library("cublasLt", "products; without it sslctl's own kernels, slower", false)
	c, err := cublaslt.Open(libs, newest)
	l.opened(c, err)
	return l
}

func convolutions(libs dl.Search) Library {
	l := library("cuDNN", "convolutions; without it sslctl's own kernels, slower", false)
	c, err := cudnn.Open(libs)
	l.opened(c, err)
	return l
}

// numbered is a library whose version is one number, see triple.
type numbered interface {
	Path() string
	Version() (int, error)
}

// opened keeps place and version of a library, or the error in its place.
func (l *Library) opened(found numbered, err error) {
	if l.failed(err) != nil {
		return
	}
	l.Path = found.Path()
	v, err := found.Version()
	l.Version = triple(v)
	l.failed(err)
}

func management(libs dl.Search) Library {
	l := library("NVML", "the GPU's load in the progress line", false)
	if m, err := nvml.Open(libs); l.failed(err) == nil {
		l.Path = m.Path()
		l.Version, err = m.DriverVersion()
		l.failed(err)
		l.failed(m.Close())
	}
	return l
}

// triple is a version that is written as one number, 10000 major + 100 minor + patch.
func triple(v int) string { return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100) }
