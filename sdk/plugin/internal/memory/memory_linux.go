package memory

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Create makes memory for so many numbers.
func Create(floats int) (*Region, error) {
	fd, err := unix.MemfdCreate("sslctl-tensors", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("make shared memory: %w", err)
	}
	r := &Region{file: os.NewFile(uintptr(fd), "tensors")}
	err = unix.Ftruncate(fd, int64(floats)*4)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err == nil {
		r.data, err = unix.Mmap(fd, 0, floats*4, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make %d bytes of shared memory: %w", floats*4, err), r.Close())
	}
	return r, nil
}

// Open maps the memory that the host handed down under a descriptor, which is closed.
func Open(fd, floats int) (*Region, error) {
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, fmt.Errorf("open shared memory: %w", err)
	}
	if floats < 1 || stat.Size < int64(floats)*4 {
		return nil, fmt.Errorf("shared memory of %d bytes where %d numbers were announced", stat.Size, floats)
	}
	data, err := unix.Mmap(fd, 0, floats*4, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map shared memory: %w", err)
	}
	return &Region{data: data}, nil
}

// Close unmaps the memory, or leaves that to the last who holds it. It may be called again, and on nil.
func (r *Region) Close() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	var errs []error
	if r.held == 0 {
		errs = append(errs, r.unmap())
	}
	if r.file != nil {
		errs = append(errs, r.file.Close())
		r.file = nil
	}
	return errors.Join(errs...)
}

// unmap gives the addresses back, once.
func (r *Region) unmap() error {
	if r.data == nil {
		return nil
	}
	data := r.data
	r.data = nil
	return unix.Munmap(data)
}
