package kernel

import (
	"math/bits"
	"unsafe"
)

// tile is the one product that matrix multiplication, convolution and their gradients are made of:
//
//	C[i, j] = alpha * Σ_tap Σ_k A[tap, i, k] * B[tap*kc+k, j]   (+ C[i, j])   (+ bias[j])   (ReLU)
//
// for a few rows i and one panel of columns j. A is read in place, element by element, from
// a + taps[tap].a + aq[i/4] + (i%4)*rs + k*ks, so that it may be a matrix, its transpose, or the window of a convolution over
// an image. B is read a row of the panel at a time, in order: rows are bs apart, and taps may skip some. Offsets and strides
// are in bytes.
//
// The assembly knows this layout; see internal/gen/tile.go.
type tile struct {
	a, b, c   *float32
	taps      *tap
	ntaps, kc int // at least 1
	rs, ks    int
	aq, cq    [4]int // where each group of four rows starts
	cs        int    // between the rows of a group, in C
	bias      *float32
	masks     *int32
	flags     tileFlags
	alpha     float32
	lanes     uint32 // bit j: column j exists
	ahead     *float32
	stride    int // at each k, the line at ahead is fetched to the second-level cache, and ahead advances by so much
	bs        int
	dot       bool // elements are pairs of bfloat16 numbers: not for the assembly, which has kernels of their own
}

// tap is a stretch of kc terms of a tile's sums.
type tap struct {
	a    int // where A starts
	skip int // what B leaves out before
}

type tileFlags int

const (
	tileAdd tileFlags = 1 << iota
	tileBias
	tileReLU
	tileFetch // fetch C while the product is computed: it is in no near cache
	tileRound // C is in bfloat16, and not added to; for ISAs that round
)

// Sizes of tiles and panels, by instruction set.

// maxRows is the height of the largest tile.
func (i ISA) maxRows() int {
	switch i {
	case AVX512:
		return 14
	case AVX2:
		return 6
	}
	return 4
}

// panel is the number of columns of a full panel of B.
func (i ISA) panel() int { return 2 * i.lanes() }

// panelWidth is the number of columns that a panel takes of which n exist: those of one vector or two.
func (i ISA) panelWidth(n int) int {
	if n <= i.lanes() {
		return i.lanes()
	}
	return i.panel()
}

// maskTable holds ones and then zeros: a vector loaded from 16-n on is true in its first n lanes.
var maskTable = func() (t [32]int32) {
	for i := range 16 {
		t[i] = -1
	}
	return
}()

// noTaps is the table of a plain matrix product: one tap, at the start.
var noTaps [1]tap

// columns tells the tile how many of its panel's columns exist. B is packed: its rows follow each other.
func (t *tile) columns(isa ISA, n int) {
	t.bs = isa.panelWidth(n) * floatBytes
	t.lanes = 1<<n - 1
	t.masks = &maskTable[max(0, 16-n)]
}

// contiguous says that all rows follow each other at the strides in A and C.
func (t *tile) contiguous(rs, cs int) {
	t.rs, t.cs = rs, cs
	for q := range t.aq {
		t.aq[q], t.cq[q] = 4*q*rs, 4*q*cs
	}
}

// setFlags says what happens to the sums: col is the place of the tile's first column in bias.
func (t *tile) setFlags(add, relu, biased bool, bias []float32, col int) {
	t.flags = 0
	if add {
		t.flags |= tileAdd
	}
	if relu {
		t.flags |= tileReLU
	}
	if biased {
		t.flags |= tileBias
		t.bias = &bias[col]
	}
}

// fetch tells the tile to fetch the i-th of count pieces of the memory meanwhile, with AVX-512.
func (t *tile) fetch(memory []float32, i, count int) {
	if len(memory) == 0 {
		t.fetchNothing()
		return
	}
	lo, hi := span(len(memory), count, i)
	t.ahead, t.stride = &memory[lo], parts((hi-lo)*floatBytes, t.ntaps*t.kc)
}

func (t *tile) fetchNothing() { t.ahead, t.stride = nil, 0 }

// tilePlain is the tile in Go, for panels of up to 16 columns.
func tilePlain(t *tile, rows, width int) {
	taps := unsafe.Slice(t.taps, t.ntaps)
	for i := range rows {
		var acc [16]float32
		row := unsafe.Add(unsafe.Pointer(t.a), t.aq[i/4]+i%4*t.rs)
		at := 0
		for _, tap := range taps {
			p := unsafe.Add(row, tap.a)
			at += tap.skip
			for k := range t.kc {
				a := *(*float32)(unsafe.Add(p, k*t.ks))
				bk := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(t.b), at)), width)
				at += t.bs
				s := acc[:len(bk)]
				for j, bv := range bk {
					s[j] += a * bv
				}
			}
		}
		t.finishPlain(i, acc[:width])
	}
}

// finishPlain stores one row of sums.
func (t *tile) finishPlain(i int, sums []float32) {
	n := bits.Len32(t.lanes)
	c := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(t.c), t.cq[i/4]+i%4*t.cs)), n)
	for j, s := range sums[:n] {
		s *= t.alpha
		if t.flags&tileAdd != 0 {
			s += c[j]
		}
		if t.flags&tileBias != 0 {
			s += *(*float32)(unsafe.Add(unsafe.Pointer(t.bias), 4*j))
		}
		if t.flags&tileReLU != 0 {
			s = max(s, 0)
		}
		c[j] = s
	}
}
