package kernel

import (
	"math"
	"unsafe"
)

// Products of bfloat16 numbers. A CPU may have an instruction that multiplies pairs of them and adds both products in
// float32 (AVX512-BF16's vdpbf16ps); at what rate, beside that of float32 multiply-adds, differs: half on Sapphire Rapids,
// twice on Zen 5.
//
// A pair takes as much memory as a float32 number. So the product kernel on pairs walks over its operands as the one on
// float32 numbers does, and every algorithm that is made of it serves for both: a convolution of bfloat16 images is one of
// images of pairs, which have half the channels. All that differs is how operands become pairs, and the kernel that is
// called: that of a second pool, which has the same workers.

// WithDots makes the pool's convolutions of images in bfloat16 multiply in bfloat16, wherever that is quicker: weights, and
// gradients of outputs, are taken as they are or rounded, and products summed in float32. rate is how many multiply-adds this CPU
// does so in the time of one in float32, as [DotRate] measures it, or infinite to multiply so wherever it is possible. The
// option does nothing with an instruction set that lacks the instruction, see [ISA.Dots].
func WithDots(rate float64) Option {
	return func(p *Pool) { p.dotRate = rate }
}

// Everywhere is a rate for WithDots: whatever another way would cost.
var Everywhere = math.Inf(1)

// Dots reports whether there is a kernel that multiplies in bfloat16: with AVX-512 where the CPU has AVX512-BF16, and a slow
// twin in plain Go.
func (i ISA) Dots() bool { return i == Plain || i.rounds() }

// addDots gives the pool its second one, where it multiplies in bfloat16.
func (p *Pool) addDots() {
	if p.dotRate <= 0 || !p.isa.Dots() {
		return
	}
	p.dots = &Pool{isa: p.isa, direct: true, threads: p.threads, slots: make([]slot, len(p.slots)), real: p, ownSlots: true}
	for i := range p.dots.slots {
		p.dots.slots[i].tile.dot = true
	}
}

// pairs is an array of an even number of bfloat16 numbers as one of pairs.
func (a Array) pairs() []float32 { return a.memory() }

// pairRows fills dst with pairs of the numbers of rows 2i and 2i+1 of a matrix of n columns, which are rounded.
func (p *Pool) pairRows(dst, src []float32, n int) {
	p.eachRows(len(dst)/n, n, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			p.isa.pairFloats(dst[i*n:(i+1)*n], src[2*i*n:], src[(2*i+1)*n:])
		}
	})
}

// pairFloats sets dst to pairs of numbers of low and high, rounded.
func (i ISA) pairFloats(dst, low, high []float32) {
	for k := i.pairFloatsFast(dst, low, high); k < len(dst); k++ {
		dst[k] = pair(Round(low[k]), Round(high[k]))
	}
}

// pairHalves sets dst to pairs of numbers of low and high.
func (i ISA) pairHalves(dst []float32, low, high []BF16) {
	for k := i.pairHalvesFast(dst, low, high); k < len(dst); k++ {
		dst[k] = pair(low[k], high[k])
	}
}

// pair is a pair in the memory of a float32.
func pair(low, high BF16) float32 { return math.Float32frombits(uint32(low) | uint32(high)<<16) }

// tileDotPlain is the tile of pairs in Go. As the instruction does, it adds the products of the upper numbers first.
func tileDotPlain(t *tile, rows, width int) {
	taps := unsafe.Slice(t.taps, t.ntaps)
	for i := range rows {
		var acc [16]float32
		row := unsafe.Add(unsafe.Pointer(t.a), t.aq[i/4]+i%4*t.rs)
		at := 0
		for _, tap := range taps {
			p := unsafe.Add(row, tap.a)
			at += tap.skip
			for k := range t.kc {
				a := unsafe.Slice((*BF16)(unsafe.Add(p, k*t.ks)), 2)
				b := unsafe.Slice((*BF16)(unsafe.Add(unsafe.Pointer(t.b), at)), 2*width)
				at += t.bs
				low, high := a[0].Float(), a[1].Float()
				for j := range acc[:width] {
					acc[j] += high * b[2*j+1].Float()
					acc[j] += low * b[2*j].Float()
				}
			}
		}
		t.finishPlain(i, acc[:width])
	}
}
