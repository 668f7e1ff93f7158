package augment

import "golang.org/x/sys/cpu"

// sets are the kernels that this machine can run, the plain ones first, the fastest last.
func sets() []*kernels {
	all := []*kernels{plainKernels()}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		all = append(all, vectorKernels("avx2", assembly{
			narrow1: narrow1AVX2, narrow3: narrow3AVX2, combine: combineAVX2,
			affine: affineAVX2, luminanceSum: luminanceSumAVX2, saturate: saturateAVX2, gray: grayAVX2, hue: hueAVX2,
			widen: widenAVX2, weighColumns: weighColumnsAVX2, weighRow: weighRowAVX2,
			interleave: interleaveAVX2, single: singleAVX2,
		}))
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW {
		all = append(all, vectorKernels("avx512", assembly{
			narrow1: narrow1AVX512, narrow3: narrow3AVX512, combine: combineAVX512,
			affine: affineAVX512, luminanceSum: luminanceSumAVX512, saturate: saturateAVX512, gray: grayAVX512, hue: hueAVX512,
			widen: widenAVX512, weighColumns: weighColumnsAVX512, weighRow: weighRowAVX512,
			interleave: interleaveAVX512, single: singleAVX512,
		}))
	}
	return all
}

// assembly holds the functions of one instruction set. They take whole blocks or at least blockRow values: the methods bring any
// number to that.
type assembly struct {
	narrow1, narrow3 narrowColumns
	combine          func(dst, src []uint8, pitch int, first, count, coef []int32, taps, size int)
	affine           func(pix []uint8, f, a, b float32)
	luminanceSum     func(r, g, b []uint8) int
	saturate         func(r, g, b []uint8, f, rest float32)
	gray             func(r, g, b []uint8)
	hue              func(r, g, b []uint8, shift float32)
	widen            func(dst []float32, src []uint8)
	weighColumns     func(dst, src []float32, pitch int, w []float32)
	weighRow         func(dst []uint8, src, w []float32)
	interleave       func(dst []float32, r, g, b []uint8, mean, std, inverse *[3]float32)
	single           func(dst []float32, v []uint8, mean, std, inverse *[3]float32)
}

// narrowColumns is the type of narrow1AVX2 and its like.
type narrowColumns func(dst, src *uint8, first, count, coef []int32, taps, step, plane int)

// blockRow is the least number of values that the functions of rows take, and the block of the others.
const blockRow = 16

func vectorKernels(name string, a assembly) *kernels {
	return &kernels{
		name:   name,
		narrow: a.narrowLanes, combine: a.combineAny,
		affine: a.affine, sum: sumBlocks, luminanceSum: a.luminanceAny, saturate: a.saturate, gray: a.gray, hue: a.hue,
		widen: a.widenAny, weighColumns: a.weighColumnsAny, weighRow: a.weighRowAny,
		interleave: a.interleaveAny, single: a.singleAny,
	}
}

func (a *assembly) combineAny(dst, src []uint8, pitch int, rows *axis, size int) {
	if size < blockRow {
		combineRows(dst, src, pitch, rows, size)
		return
	}
	a.combine(dst, src, pitch, rows.first, rows.count, rows.coef, rows.taps, size)
}

// sumBlocks adds up bytes, 32 at a time.
func sumBlocks(pix []uint8, n int) int {
	whole := n &^ 31
	sum := sumBytes(pix[whole:], n-whole)
	if whole > 0 {
		sum += sumBytesAVX2(pix[:whole])
	}
	return sum
}

func (a *assembly) luminanceAny(r, g, b []uint8, n int) int {
	whole := n &^ (blockRow - 1)
	sum := luminanceSum(r[whole:], g[whole:], b[whole:], n-whole)
	if whole > 0 {
		sum += a.luminanceSum(r[:whole], g[:whole], b[:whole])
	}
	return sum
}

func (a *assembly) widenAny(dst []float32, src []uint8) {
	if len(src) < blockRow {
		widen(dst, src)
		return
	}
	a.widen(dst, src)
}

func (a *assembly) weighColumnsAny(dst, src []float32, pitch int, w []float32) {
	if len(dst) < blockRow {
		weighColumns(dst, src, pitch, w)
		return
	}
	a.weighColumns(dst, src, pitch, w)
}

func (a *assembly) weighRowAny(dst []uint8, src, w []float32) {
	if len(dst) < blockRow {
		weighRow(dst, src, w)
		return
	}
	a.weighRow(dst, src, w)
}

func (a *assembly) interleaveAny(dst []float32, r, g, b []uint8, n int, m *moments) {
	whole := n &^ (blockRow - 1)
	if whole > 0 {
		a.interleave(dst, r[:whole], g[:whole], b[:whole], &m.mean, &m.std, &m.inverse)
	}
	interleave(dst[3*whole:], r[whole:], g[whole:], b[whole:], n-whole, m)
}

func (a *assembly) singleAny(dst []float32, v []uint8, n int, m *moments) {
	whole := n &^ (blockRow - 1)
	if whole > 0 {
		a.single(dst, v[:whole], &m.mean, &m.std, &m.inverse)
	}
	single(dst[whole:], v[whole:], n-whole, m)
}
