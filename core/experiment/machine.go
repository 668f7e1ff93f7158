package experiment

import (
	"fmt"
	"runtime"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/core/fault"
)

// Machine is the device that a configuration names, and the workers of the CPU kernels, which optimiser and probes use
// whatever the device.
type Machine struct {
	Device engine.Device
	Pool   *kernel.Pool
}

// OpenMachine opens the device; the caller closes it. A device or instruction set that is not there is a fault of code
// Device.
func OpenMachine(c config.Config) (Machine, error) {
	pool, err := NewPool(c)
	if err != nil {
		return Machine{}, err
	}
	switch c.Device {
	case "cpu":
		return Machine{cpu.New(pool), pool}, nil
	case "tapemachine":
		return Machine{tape.Device{}, pool}, nil
	}
	pool.Close()
	return Machine{}, fault.New(fault.Device, "use --device cpu", "this version of sslctl has no device %q", c.Device)
}

// Close frees the device and ends the workers.
func (m Machine) Close() {
	m.Device.Close()
	m.Pool.Close()
}

// NewPool makes the workers of the CPU kernels.
func NewPool(c config.Config) (*kernel.Pool, error) {
	threads := c.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	if c.CPUISA == "auto" {
		return kernel.NewPool(threads), nil
	}
	for _, isa := range kernel.ISAs() {
		if isa.String() == c.CPUISA || isa == kernel.Plain && c.CPUISA == "generic" {
			return kernel.NewPool(threads, kernel.WithISA(isa)), nil
		}
	}
	return nil, fault.New(fault.Device, fmt.Sprintf("this CPU has %v; --cpu-isa auto takes the best", kernel.ISAs()), "the CPU lacks the instruction set %q", c.CPUISA)
}
