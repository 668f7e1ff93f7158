// Package nvml asks NVIDIA's management library how busy a GPU is. It is the library behind nvidia-smi and comes with the driver.
package nvml

import (
	"fmt"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// Library is NVML, started. It may be used from several goroutines.
type Library struct{ lib *dl.Library }

// Open finds and starts the library.
func Open(libs dl.Search) (*Library, error) {
	lib, err := libs.Open(dl.Spec{Name: "NVML", Files: []string{"libnvidia-ml.so.1"}, Hint: "it comes with NVIDIA's driver"})
	if err != nil {
		return nil, err
	}
	l := &Library{lib}
	if err := l.call("nvmlInit_v2"); err != nil {
		return nil, err
	}
	return l, nil
}

// Close ends the library's use.
func (l *Library) Close() error { return l.call("nvmlShutdown") }

// Path is the file of the library.
func (l *Library) Path() string { return l.lib.Path }

// DriverVersion is the version of the driver as NVIDIA numbers it: "550.54.15".
func (l *Library) DriverVersion() (string, error) {
	var text [96]byte
	if err := l.call("nvmlSystemGetDriverVersion", uintptr(unsafe.Pointer(&text)), uintptr(len(text))); err != nil {
		return "", err
	}
	return dl.TextIn(text[:]), nil
}

// Device is a GPU.
type Device struct {
	library *Library
	handle  uintptr
}

// Device finds a GPU by its address on the PCI bus, drv.Info.PCI: NVML numbers devices in an order of its own.
func (l *Library) Device(pci string) (*Device, error) {
	id := append([]byte(pci), 0)
	d := &Device{library: l}
	if err := l.call("nvmlDeviceGetHandleByPciBusId_v2", uintptr(unsafe.Pointer(unsafe.SliceData(id))), uintptr(unsafe.Pointer(&d.handle))); err != nil {
		return nil, fmt.Errorf("GPU at %s: %w", pci, err)
	}
	return d, nil
}

// Load is how busy a GPU is, whoever keeps it so.
type Load struct {
	Utilisation int // percent of the last moments in which a kernel ran: a sixth of a second to a second, as the GPU likes
	Used, Total int // bytes of memory
}

// Load asks for the load.
func (d *Device) Load() (Load, error) {
	var rates [2]uint32 // percent: kernels, memory transfers
	if err := d.library.call("nvmlDeviceGetUtilizationRates", d.handle, uintptr(unsafe.Pointer(&rates))); err != nil {
		return Load{}, err
	}
	var memory [3]uint64 // bytes: total, free, used
	if err := d.library.call("nvmlDeviceGetMemoryInfo", d.handle, uintptr(unsafe.Pointer(&memory))); err != nil {
		return Load{}, err
	}
	return Load{Utilisation: int(rates[0]), Used: int(memory[2]), Total: int(memory[0])}, nil
}

// Error is what a call of NVML ended with.
type Error struct {
	Call string // "nvmlInit_v2"
	Code int    // nvmlReturn_t
	Text string // "Driver Not Loaded"
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s (%d)", e.Call, e.Text, e.Code) }

// call calls a function of NVML and makes an error of its result. For pointers dl.Library.Call's rules hold.
//
//go:uintptrescapes
func (l *Library) call(name string, args ...uintptr) error {
	r, err := l.lib.Call(name, args...)
	if err != nil {
		return err
	}
	code := int(int32(r))
	if code == 0 {
		return nil
	}
	text, err := l.lib.Text("nvmlErrorString", uintptr(code))
	if err != nil {
		text = "unknown error"
	}
	return &Error{Call: name, Code: code, Text: text}
}
