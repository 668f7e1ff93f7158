package kernel

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

// slice returns numbers [lo, hi).
func (a Array) slice(lo, hi int) Array {
	if a.half() {
		return Array{halves: a.halves[lo:hi]}
	}
	return Array{floats: a.floats[lo:hi]}
}

// from returns the numbers from lo on.
func (a Array) from(lo int) Array { return a.slice(lo, a.Len()) }

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
