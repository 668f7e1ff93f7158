package drv

import (
	"fmt"
	"runtime"
	"unsafe"
)

// Context is a device's primary context: the one that all libraries of the process share.
type Context struct {
	driver *Driver
	device uintptr
	handle uintptr
}

// Context retains the primary context of a device.
func (d *Driver) Context(device int) (*Context, error) {
	dev, err := d.device(device)
	if err != nil {
		return nil, fmt.Errorf("device %d: %w", device, err)
	}
	c := &Context{driver: d, device: dev}
	if err := d.call("cuDevicePrimaryCtxRetain", uintptr(unsafe.Pointer(&c.handle)), dev); err != nil {
		return nil, fmt.Errorf("device %d: %w", device, err)
	}
	return c, nil
}

// Attach locks the calling goroutine to its thread and makes the context current there. It costs little and nests; each
// success has its Detach.
func (c *Context) Attach() error {
	runtime.LockOSThread()
	if err := c.driver.call("cuCtxSetCurrent", c.handle); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	return nil
}

// Detach undoes one Attach of the calling goroutine.
func (c *Context) Detach() { runtime.UnlockOSThread() }

// Close releases the context. With the last release in the process, the driver frees everything on it.
func (c *Context) Close() error { return c.driver.call("cuDevicePrimaryCtxRelease_v2", c.device) }

// Synchronize waits for everything that the context's streams were told.
func (c *Context) Synchronize() error { return c.driver.call("cuCtxSynchronize") }

// Driver is the context's driver.
func (c *Context) Driver() *Driver { return c.driver }
