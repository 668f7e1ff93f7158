package kernel

import "unsafe"

// arena hands out scratch memory that lives until the next reset. It keeps its memory, so that a step that was run once
// allocates no more.
type arena struct {
	blocks [][]float32
	block  int // block in use
	used   int // floats used of it
}

const cacheLine = 16 // in floats

// floats returns n floats at a cache line's start, with undefined contents.
func (a *arena) floats(n int) []float32 {
	size := (n + cacheLine - 1) &^ (cacheLine - 1)
	for a.block < len(a.blocks) {
		if b := a.blocks[a.block]; a.used+size <= len(b) {
			s := b[a.used : a.used+n : a.used+size]
			a.used += size
			return s
		}
		a.block++
		a.used = 0
	}
	a.blocks = append(a.blocks, alignedFloats(max(size, 1<<14)))
	a.used = size
	return a.blocks[a.block][:n:size]
}

// reset takes all memory back. Several blocks are replaced by one of their total size.
func (a *arena) reset() {
	a.block, a.used = 0, 0
	if len(a.blocks) > 1 {
		total := 0
		for _, b := range a.blocks {
			total += len(b)
		}
		a.blocks = append(a.blocks[:0], alignedFloats(total))
	}
}

// alignedFloats allocates n floats that start at a cache line.
func alignedFloats(n int) []float32 {
	s := make([]float32, n+cacheLine)
	preferHugePages(s)
	skip := 0
	if r := uintptr(unsafe.Pointer(unsafe.SliceData(s))) % (4 * cacheLine); r != 0 {
		skip = cacheLine - int(r)/4
	}
	return s[skip : skip+n : skip+n]
}
