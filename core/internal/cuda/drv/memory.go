package drv

import "unsafe"

// Ptr is an address in a device's memory; 0 is none.
type Ptr uint64

// Alloc allocates device memory, aligned to 256 bytes, of unspecified content. It synchronises the device, so allocate before
// the work begins. errors.Is(err, ErrOutOfMemory) where there is not enough.
func (c *Context) Alloc(bytes int) (Ptr, error) {
	var p Ptr
	err := c.driver.call("cuMemAlloc_v2", uintptr(unsafe.Pointer(&p)), uintptr(bytes))
	return p, err
}

// Free frees what Alloc gave.
func (c *Context) Free(p Ptr) error { return c.driver.call("cuMemFree_v2", uintptr(p)) }

// MemInfo is the device's free and total memory in bytes; other processes take their part of it.
func (c *Context) MemInfo() (free, total int, err error) {
	var f, t uint64
	err = c.driver.call("cuMemGetInfo_v2", uintptr(unsafe.Pointer(&f)), uintptr(unsafe.Pointer(&t)))
	return int(f), int(t), err
}

// AllocHost allocates page-locked host memory, which Go's collector knows nothing of. FreeHost frees it.
func (c *Context) AllocHost(bytes int) ([]byte, error) {
	var p unsafe.Pointer
	if err := c.driver.call("cuMemHostAlloc", uintptr(unsafe.Pointer(&p)), uintptr(bytes), 0); err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), bytes), nil
}

// FreeHost frees what AllocHost gave.
func (c *Context) FreeHost(b []byte) error {
	return c.driver.call("cuMemFreeHost", uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

// RegisterHost page-locks memory that is there already: an arena shared with another process, or a slice of Go's, which must
// then be kept alive until UnregisterHost.
func (c *Context) RegisterHost(b []byte) error {
	return c.driver.call("cuMemHostRegister_v2", uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0)
}

// UnregisterHost undoes RegisterHost.
func (c *Context) UnregisterHost(b []byte) error {
	return c.driver.call("cuMemHostUnregister", uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}
