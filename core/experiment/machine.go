package experiment

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/train"
)

// Machine is the device that a configuration names, and the workers of the CPU kernels, which optimiser and probes use
// whatever the device.
type Machine struct {
	Device engine.Device
	Pool   *kernel.Pool
	// Products says how the CPU multiplies what is stored in bfloat16, and why; "" where nothing is.
	Products string
	meter    *meter // of a GPU; nil for others
	told     int    // how many of the notes a log has
}

// OpenMachine opens the device; the caller closes it. A device or instruction set that is not there is a fault of code
// Device.
func OpenMachine(c config.Config) (Machine, error) {
	pool, err := NewPool(c)
	if err != nil {
		return Machine{}, err
	}
	d, err := openDevice(c, pool)
	if err != nil {
		pool.Close()
		return Machine{}, err
	}
	m := Machine{Device: d, Pool: pool, Products: products(c, pool)}
	if gpu, ok := d.(*cuda.Device); ok {
		m.meter = newMeter(dl.Default(), gpu.Info().PCI)
	}
	return m, nil
}

func openDevice(c config.Config, pool *kernel.Pool) (engine.Device, error) {
	switch c.Device {
	case "cpu":
		return cpu.New(pool), nil
	case "tapemachine":
		return tape.Device{}, nil
	}
	if index, ok := gpuNumber(c.Device); ok {
		// Who stores activations in bfloat16 does not ask for more than ten bits of mantissa elsewhere.
		return cuda.Find(index, cuda.Options{TF32: c.Train.Precision != "fp32", Cache: cache()})
	}
	return nil, fault.New(fault.Device, "use --device cpu; sslctl device lists what else there is", "this version of sslctl has no device %q", c.Device)
}

// gpuNumber is the number of the GPU that a device's name stands for: cuda is cuda:0.
func gpuNumber(device string) (index int, ok bool) {
	if device == "cuda" {
		return 0, true
	}
	number, ok := strings.CutPrefix(device, "cuda:")
	if !ok {
		return 0, false
	}
	index, err := strconv.Atoi(number)
	return index, err == nil
}

// cache is the folder for what is compiled and measured once a machine; "" for a user without a place for such files.
func cache() string {
	folder, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(folder, "sslctl", "cuda")
}

// Notes lists what makes the device slower than it could be, with the reasons.
func (m Machine) Notes() []error {
	if d, ok := m.Device.(*cuda.Device); ok {
		return d.Notes()
	}
	return nil
}

// used adds to a machine what a job uses of it.
func used(m *run.Machine, j train.Job) {
	m.Threads, m.Device, m.Products = j.Pool.Threads(), j.Config.Device, products(j.Config, j.Pool)
	if d, ok := j.Device.(*cuda.Device); ok {
		m.GPU = d.Info().String()
	}
}

// Close frees the device and ends the workers.
func (m Machine) Close() {
	m.meter.close()
	m.Device.Close()
	m.Pool.Close()
}
