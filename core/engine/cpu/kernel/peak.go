package kernel

// The product that Peak repeats: its operands fill a part of the first-level cache.
const (
	peakDepth   = 128
	peakRepeats = 4000
)

// Peak runs the inner product kernel on every thread with operands that stay in the first-level cache, for about
// two milliseconds, and returns the floating-point operations of all threads: two for each fused multiply-add. Divided by
// the time it took, they are what the machine can do at the most with this instruction set; a direct convolution comes
// near, and Winograd's, whose operations are counted as the direct method's, passes it.
func Peak(p *Pool) float64 {
	rows, panel := p.isa.maxRows(), p.isa.panel()
	repeats := peakRepeats
	if p.isa == Plain {
		repeats /= 20
	}
	p.Run(p.threads, func(worker, _ int) {
		scratch := p.Scratch(worker, (rows+panel)*peakDepth+rows*panel)
		a, b, c := scratch[:rows*peakDepth], scratch[rows*peakDepth:(rows+panel)*peakDepth], scratch[(rows+panel)*peakDepth:]
		clear(scratch)
		t := &p.slots[worker].tile
		t.a, t.b, t.c = &a[0], &b[0], &c[0]
		t.taps, t.ntaps, t.kc, t.ks, t.alpha, t.flags = &noTaps[0], 1, peakDepth, floatBytes, 1, 0
		t.contiguous(peakDepth*floatBytes, panel*floatBytes)
		t.columns(p.isa, panel)
		for range repeats {
			t.run(p.isa, rows, false)
		}
	})
	return 2 * float64(p.threads*repeats*peakDepth*rows*panel)
}
