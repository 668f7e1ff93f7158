package drv

import (
	"fmt"
	"unsafe"
)

// Module is compiled code on a device.
type Module struct {
	context *Context
	handle  uintptr
}

// Load loads a cubin, made for the device's architecture.
func (c *Context) Load(cubin []byte) (*Module, error) {
	if len(cubin) == 0 {
		return nil, fmt.Errorf("load module: no code")
	}
	m := &Module{context: c}
	err := c.driver.call("cuModuleLoadData", uintptr(unsafe.Pointer(&m.handle)), uintptr(unsafe.Pointer(unsafe.SliceData(cubin))))
	if err != nil {
		return nil, fmt.Errorf("load module: %w", err)
	}
	return m, nil
}

// Close unloads the module; its functions end with it.
func (m *Module) Close() error { return m.context.driver.call("cuModuleUnload", m.handle) }

// Function is a kernel of a module.
type Function struct {
	module *Module
	name   string
	handle uintptr
}

// Function finds a kernel by its name, that of a function with C linkage (extern "C").
func (m *Module) Function(name string) (*Function, error) {
	f := &Function{module: m, name: name}
	text := append([]byte(name), 0)
	if err := m.context.driver.call("cuModuleGetFunction", uintptr(unsafe.Pointer(&f.handle)), m.handle, uintptr(unsafe.Pointer(unsafe.SliceData(text)))); err != nil {
		return nil, fmt.Errorf("kernel %s: %w", name, err)
	}
	return f, nil
}

// functionMaxShared is the attribute of cuFuncSetAttribute that lifts the bound on dynamic shared memory.
const functionMaxShared = 8

// AllowShared lets launches of the kernel have that many bytes of dynamic shared memory; without it 48 KiB is the most.
func (f *Function) AllowShared(bytes int) error {
	if err := f.module.context.driver.call("cuFuncSetAttribute", f.handle, functionMaxShared, uintptr(bytes)); err != nil {
		return fmt.Errorf("kernel %s: %d bytes of shared memory: %w", f.name, bytes, err)
	}
	return nil
}
