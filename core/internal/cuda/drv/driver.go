// Package drv is NVIDIA's driver API: devices, memory, streams, kernels and graphs, called in libcuda.so.1, which is opened
// when the program runs.
//
// [Open] finds the driver and [Driver.Context] a device's context, on which everything else hangs. The rules are CUDA's:
//
//   - A context is current on a thread. [Context.Attach] locks the calling goroutine to its thread and makes it so; calls on
//     what hangs on the context belong between it and [Context.Detach].
//   - What a [Stream] is told happens in order, later. Until [Stream.Synchronize] or [Event.Synchronize] returns, the memory it
//     was given must stay as it is: what a copy reads unchanged, what it writes unread.
//   - Copies are asynchronous only where the host's memory is page-locked ([Context.AllocHost], [Context.RegisterHost]); in
//     other memory CUDA reads before it returns, and synchronises to write.
//   - An error of a kernel is told by a later call; after it the context is lost ([ErrLost]) and everything on it.
//
// Failures of CUDA are [*Error]; a missing or old driver, or function in it, is an error of core/internal/cuda/dl. A Context and
// what hangs on it are for one goroutine at a time.
package drv

import (
	"fmt"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// minimum is the oldest driver that is taken, as cuDriverGetVersion writes it: CUDA 12.0, which cuDNN 9 asks for.
const minimum = 12000

// Driver is NVIDIA's driver.
type Driver struct {
	lib     *dl.Library
	version int // 1000 major + 10 minor
}

// Open finds and starts the driver. Without one *dl.MissingLibrary, with one before CUDA 12.0 *dl.TooOld, without a device
// *Error for which errors.Is(err, ErrNoDevice).
func Open(libs dl.Search) (*Driver, error) {
	lib, err := libs.Open(dl.Spec{
		Name:  "NVIDIA driver",
		Files: []string{"libcuda.so.1"},
		Hint:  "install NVIDIA's driver (Debian: nvidia-driver; in a container: start it with the NVIDIA container toolkit, --gpus all)",
	})
	if err != nil {
		return nil, err
	}
	d := &Driver{lib: lib}
	var version int32
	if err := d.call("cuDriverGetVersion", uintptr(unsafe.Pointer(&version))); err != nil {
		return nil, err
	}
	d.version = int(version)
	if d.version < minimum {
		return nil, &dl.TooOld{Library: lib.Name, Path: lib.Path, Version: "CUDA " + release(d.version), Needed: "CUDA " + release(minimum)}
	}
	if err := d.call("cuInit", 0); err != nil {
		return nil, err
	}
	return d, nil
}

// Version is the newest CUDA that the driver serves.
func (d *Driver) Version() (major, minor int) { return d.version / 1000, d.version % 1000 / 10 }

// Path is the file of the driver.
func (d *Driver) Path() string { return d.lib.Path }

func release(version int) string { return fmt.Sprintf("%d.%d", version/1000, version%1000/10) }

// Info describes a device.
type Info struct {
	Index        int    // by which it is opened; CUDA_VISIBLE_DEVICES chooses and orders them
	Name         string // "NVIDIA H100 80GB HBM3"
	Major, Minor int    // compute capability: 9, 0
	Memory       int    // bytes
	SMs          int    // streaming multiprocessors
	PCI          string // address on the bus, by which NVML knows it: "0000:1b:00.0"
	Driver       string // the newest CUDA that its driver serves: "13.0"
}

// String is what a run records of a device.
func (i Info) String() string {
	return fmt.Sprintf("%s, compute capability %d.%d, driver for CUDA %s", i.Name, i.Major, i.Minor, i.Driver)
}

// Arch is the compute capability as compilers write it: 90 for 9.0.
func (i Info) Arch() int { return 10*i.Major + i.Minor }

// Attributes of cuDeviceGetAttribute.
const (
	attributeSMs   = 16
	attributeMajor = 75
	attributeMinor = 76
)

// Devices lists the devices.
func (d *Driver) Devices() ([]Info, error) {
	var count int32
	if err := d.call("cuDeviceGetCount", uintptr(unsafe.Pointer(&count))); err != nil {
		return nil, err
	}
	out := make([]Info, count)
	for i := range out {
		info, err := d.info(i)
		if err != nil {
			return nil, fmt.Errorf("device %d: %w", i, err)
		}
		out[i] = info
	}
	return out, nil
}

func (d *Driver) info(index int) (Info, error) {
	device, err := d.device(index)
	if err != nil {
		return Info{}, err
	}
	var name, pci [256]byte
	var memory uint64
	if err := d.call("cuDeviceGetName", uintptr(unsafe.Pointer(&name)), uintptr(len(name)), device); err != nil {
		return Info{}, err
	}
	if err := d.call("cuDeviceGetPCIBusId", uintptr(unsafe.Pointer(&pci)), uintptr(len(pci)), device); err != nil {
		return Info{}, err
	}
	if err := d.call("cuDeviceTotalMem_v2", uintptr(unsafe.Pointer(&memory)), device); err != nil {
		return Info{}, err
	}
	info := Info{Index: index, Driver: release(d.version), Name: dl.TextIn(name[:]), PCI: dl.TextIn(pci[:]), Memory: int(memory)}
	for attribute, to := range map[uintptr]*int{attributeSMs: &info.SMs, attributeMajor: &info.Major, attributeMinor: &info.Minor} {
		var value int32
		if err := d.call("cuDeviceGetAttribute", uintptr(unsafe.Pointer(&value)), attribute, device); err != nil {
			return Info{}, err
		}
		*to = int(value)
	}
	return info, nil
}

// device is the driver's handle of a device.
func (d *Driver) device(index int) (uintptr, error) {
	var device int32
	if err := d.call("cuDeviceGet", uintptr(unsafe.Pointer(&device)), uintptr(index)); err != nil {
		return 0, err
	}
	return uintptr(device), nil
}
