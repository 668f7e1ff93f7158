package kernel

import "unsafe"

// Array is a tensor's memory, of float32 or bfloat16 numbers. Kernels that work on images take them as Arrays; what they
// read is widened, and what they write is rounded, on its way between memory and the core's cache.
type Array struct {
	floats []float32
	halves []BF16 // nil for float32
}

// Floats is an array of float32.
func Floats(x []float32) Array { return Array{floats: x} }

// Halves is an array of bfloat16.
func Halves(x []BF16) Array { return Array{halves: x} }

// Len is the number of numbers.
func (a Array) Len() int { return len(a.floats) + len(a.halves) }

// half reports whether the numbers are bfloat16.
func (a Array) half() bool { return a.halves != nil }

// first16 is the place of the first bfloat16 number, as assembly takes it.
func (a Array) first16() *uint16 { return (*uint16)(&a.halves[0]) }

// none reports whether there is no array: an operand that is left out.
func (a Array) none() bool { return a.floats == nil && a.halves == nil }

// size is that of a number in bytes.
func (a Array) size() int {
	if a.half() {
		return halfBytes
	}
	return floatBytes
}

// at is the place of a number, as a tile's C.
func (a Array) at(i int) *float32 {
	if a.half() {
		return (*float32)(unsafe.Pointer(&a.halves[i]))
	}
	return &a.floats[i]
}

// slice returns numbers [lo, hi); none of an array that is none.
func (a Array) slice(lo, hi int) Array {
	switch {
	case a.none():
		return a
	case a.half():
		return Array{halves: a.halves[lo:hi]}
	}
	return Array{floats: a.floats[lo:hi]}
}

// from returns the numbers from lo on.
func (a Array) from(lo int) Array { return a.slice(lo, a.Len()) }

// memory is the array's memory, to be fetched.
func (a Array) memory() []float32 {
	if !a.half() {
		return a.floats
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(a.halves))), len(a.halves)/2)
}

// clear sets all numbers to zero.
func (a Array) clear() {
	clear(a.floats)
	clear(a.halves)
}

// loads reports whether kernels read and write the array's numbers where they are.
func (i ISA) loads(a Array) bool { return !a.half() || i.rounds() }

// read sets dst to the numbers of src.
func (i ISA) read(dst []float32, src Array) {
	if src.half() {
		i.Widen(dst, src.halves[:len(dst)])
	} else {
		copy(dst, src.floats[:len(dst)])
	}
}

// write sets dst to the numbers of src, rounded where dst is bfloat16.
func (i ISA) write(dst Array, src []float32) {
	if dst.half() {
		i.Narrow(dst.halves[:len(src)], src)
	} else {
		copy(dst.floats[:len(src)], src)
	}
}

// finish writes what was computed in the memory that toWrite gave.
func (i ISA) finish(dst Array, computed []float32) {
	if dst.half() {
		i.Narrow(dst.halves, computed)
	}
}

// works16 reports whether all arrays, save those left out, are in bfloat16, and kernels read and write that.
func (i ISA) works16(arrays ...Array) bool {
	for _, a := range arrays {
		if !a.none() && !a.half() {
			return false
		}
	}
	return i.rounds()
}

// toRead is a block's numbers in float32: in place, or widened into the worker's scratch memory.
func (p *Pool) toRead(worker int, a Array) []float32 {
	if !a.half() {
		return a.floats
	}
	wide := p.Scratch(worker, len(a.halves))
	p.isa.Widen(wide, a.halves)
	return wide
}

// toWrite is memory for a block's numbers in float32: in place, or in the worker's scratch memory, from which finish writes.
func (p *Pool) toWrite(worker int, a Array) []float32 {
	if !a.half() {
		return a.floats
	}
	return p.Scratch(worker, len(a.halves))
}
