//go:build !linux

package memory

import (
	"errors"
	"fmt"
)

// Create fails: memory without a name is Linux's.
func Create(int) (*Region, error) {
	return nil, fmt.Errorf("shared memory: %w", errors.ErrUnsupported)
}

// Open fails.
func Open(_, _ int) (*Region, error) {
	return nil, fmt.Errorf("shared memory: %w", errors.ErrUnsupported)
}

// Close does nothing.
func (r *Region) Close() error { return nil }

func (r *Region) unmap() error { return nil }
