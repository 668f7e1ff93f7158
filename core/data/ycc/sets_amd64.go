package ycc

import "golang.org/x/sys/cpu"

// sets are the kernels that this machine can run, the plain ones first, the fastest last.
func sets() []*kernels {
	all := []*kernels{plainKernels()}
	if cpu.X86.HasAVX2 {
		all = append(all, &kernels{name: "avx2", fullRange: fullRangeVectors, double: doubleVectors})
	}
	return all
}

// lanes is the number of values that the vector functions take at a time.
const lanes = 16

// fullRangeVectors is fullRange; the last vector overlaps the one before.
func fullRangeVectors(to, y, cb, cr []uint8) {
	n := len(y)
	if n < lanes {
		fullRange(to, y, cb, cr)
		return
	}
	to, cb, cr = to[:3*n], cb[:n], cr[:n]
	fullRangeAVX2(&to[0], &y[0], &cb[0], &cr[0], n/lanes)
	if last := n - lanes; n%lanes != 0 {
		fullRangeAVX2(&to[3*last], &y[last], &cb[last], &cr[last], 1)
	}
}

// doubleVectors is double: vectors take the values that have neighbours on both sides, the last one overlapping the one before.
func doubleVectors(out, near, far []uint8, toLeft, toRight uint32) {
	n := len(near)
	inner := n - 2
	if inner < lanes {
		double(out, near, far, toLeft, toRight)
		return
	}
	out, far = out[:2*n], far[:n]
	double(out, near[:2], far, toLeft, toRight) // its second pair is wrong, and overwritten
	double(out[2*n-4:], near[n-2:], far[n-2:], toLeft, toRight)
	doubleAVX2(&out[2], &near[1], &far[1], uint16(toLeft), uint16(toRight), inner/lanes)
	if last := n - 1 - lanes; inner%lanes != 0 {
		doubleAVX2(&out[2*last], &near[last], &far[last], uint16(toLeft), uint16(toRight), 1)
	}
}
