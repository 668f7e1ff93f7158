package kernel

import (
	"slices"
	"testing"
)

// TestReplay records kernels that use scratch memory, some of it shared, and expects their results of each replay, on what
// the operands hold then.
func TestReplay(t *testing.T) {
	r := newRand(5)
	const n = 300
	a, b, c, total := random(r, n*n), random(r, n*n), poison(n*n), poison(1)
	conv := Conv{N: 4, H: 14, W: 14, C: 32, K: 32, R: 3, S: 3, Stride: 1, Pad: 1}
	x, w, y := random(r, 4*14*14*32), random(r, 9*32*32), poison(4*14*14*32)
	kernels := func(p *Pool) {
		Gemm(p, GemmArgs{TransA: true, M: n, N: n, K: n, Alpha: 1, A: a, Lda: n, B: b, Ldb: n, C: c, Ldc: n})
		conv.Forward(p, x, w, y)
		p.SumTo(total, c)
	}
	for _, threads := range []int{1, 2, 5} {
		p := NewPool(threads)
		recorder := p.NewRecorder()
		rec := recorder.Record(func() { kernels(recorder.Pool()) })
		for round := range 3 {
			a[round]++
			x[round]++
			p.Replay(rec)
			got := slices.Concat(c, y, total)
			kernels(p)
			if !slices.Equal(got, slices.Concat(c, y, total)) {
				t.Errorf("%d threads: replay %d gives other numbers than the kernels", threads, round)
			}
		}
		total[0] = 0
		if kernels(recorder.Pool()); total[0] == 0 {
			t.Errorf("%d threads: between recordings the recorder's pool does not stand for the real one", threads)
		}
		p.Close()
	}
}

func TestRecordingDoesNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	recorder := p.NewRecorder()
	dst := []float32{7}
	rec := recorder.Record(func() { recorder.Pool().SumTo(dst, []float32{1, 2}) })
	if dst[0] != 7 {
		t.Fatalf("recording a sum computed it: %v", dst)
	}
	if p.Replay(rec); dst[0] != 3 {
		t.Fatalf("the replayed sum is %v, want 3", dst[0])
	}
}
