package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of x86-64's large pages, and of most arm64 systems'.
const hugePage = 2 << 20

// preferHugePages asks for large pages under fresh memory of several: strides through it miss the address cache less often.
// It is advice; where the system has none to give, nothing is lost.
func preferHugePages(s []float32) {
	if len(s)*floatBytes < 2*hugePage {
		return
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(s)))
	skip := int(-start%hugePage) / floatBytes
	pages := (len(s) - skip) * floatBytes / hugePage
	inside := unsafe.Slice((*byte)(unsafe.Pointer(&s[skip])), pages*hugePage)
	_ = unix.Madvise(inside, unix.MADV_HUGEPAGE)
}
