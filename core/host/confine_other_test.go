//go:build unix && !linux

package host_test

import "testing"

// quiet needs /proc; noneLeft looks where it can.
func quiet(*testing.T) {}
