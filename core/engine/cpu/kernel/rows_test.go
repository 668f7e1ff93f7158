package kernel

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
)

// epilogueCases are convolutions by every method: products, with a stride too, Winograd's with parts that end inside rows of tiles, bands of
// one image, and several images to a task.
var epilogueCases = []Conv{
	{N: 28, H: 7, W: 7, C: 24, K: 40, R: 1, S: 1, Stride: 1},
	{N: 8, H: 14, W: 13, C: 400, K: 33, R: 1, S: 1, Stride: 1},
	{N: 2, H: 32, W: 32, C: 32, K: 48, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 10, H: 7, W: 9, C: 64, K: 32, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 40, H: 4, W: 4, C: 32, K: 32, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 33, H: 4, W: 4, C: 256, K: 272, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 2, H: 30, W: 20, C: 3, K: 17, R: 7, S: 7, Stride: 2, Pad: 3},
	{N: 26, H: 9, W: 9, C: 16, K: 20, R: 3, S: 3, Stride: 2, Pad: 1},
	{N: 22, H: 6, W: 5, C: 5, K: 8, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 2, H: 71, W: 50, C: 16, K: 24, R: 3, S: 3, Stride: 2, Pad: 1},
	{N: 80, H: 9, W: 8, C: 16, K: 24, R: 1, S: 1, Stride: 2, Pad: 0},
	{N: 8, H: 9, W: 8, C: 16, K: 24, R: 2, S: 2, Stride: 3, Pad: 0},
}

// epilogueRun is one direction of a convolution.
type epilogueRun struct {
	name    string
	rows, c int               // of the result
	parts   func(p *Pool) int // 0 where it has no epilogue
	must    bool              // have one
	run     func(p *Pool, out []float32, then Epilogue)
}

func epilogueRuns(c Conv) []epilogueRun {
	r := newRand(7)
	oh, ow := c.OutSize()
	w, images, gradients := random(r, c.R*c.S*c.C*c.K), random(r, c.N*c.H*c.W*c.C), random(r, c.N*oh*ow*c.K)
	for i := range images {
		images[i] += 30 // statistics of outputs far from zero
	}
	var runs []epilogueRun
	for _, half := range []bool{false, true} {
		storage, x, dy := "float32", Floats(images), Floats(gradients)
		if half {
			storage, x, dy = "bfloat16", Halves(rounded(images)), Halves(rounded(gradients))
		}
		runs = append(runs,
			epilogueRun{name: fmt.Sprintf("%+v forward in %s", c, storage), rows: c.N * oh * ow, c: c.K, must: true,
				parts: func(p *Pool) int { return c.ForwardParts(p, x) },
				run:   func(p *Pool, out []float32, then Epilogue) { c.ForwardThen(p, x, w, Floats(out), then) }},
			epilogueRun{name: fmt.Sprintf("%+v backward in %s", c, storage), rows: c.N * c.H * c.W, c: c.C, must: true,
				parts: func(p *Pool) int { return c.BackwardDataParts(p, dy) },
				run:   func(p *Pool, out []float32, then Epilogue) { c.BackwardDataThen(p, dy, w, Floats(out), then) }})
	}
	return runs
}

// TestEpilogue demands that each row is told once, when it is complete, and that parts do not depend on the number of threads.
func TestEpilogue(t *testing.T) {
	for _, c := range epilogueCases {
		for _, e := range epilogueRuns(c) {
			for _, isa := range ISAs() {
				var first [][][2]int
				for _, threads := range []int{1, 3} {
					p := NewPool(threads, WithISA(isa), WithDots(Everywhere))
					told := e.check(t, p)
					p.Close()
					if first == nil {
						first = told
					}
					if !reflect.DeepEqual(told, first) {
						t.Errorf("%s on %v: other parts with %d threads", e.name, isa, threads)
					}
				}
			}
		}
	}
}

// check runs the convolution and returns the rows that were told of each part.
func (e epilogueRun) check(t *testing.T, p *Pool) [][][2]int {
	t.Helper()
	parts := e.parts(p)
	if parts == 0 {
		if e.must {
			t.Errorf("%s on %v: no parts", e.name, p.ISA())
		}
		return nil
	}
	told := make([][][2]int, parts)
	out, seen := poison(e.rows*e.c), poison(e.rows*e.c)
	e.run(p, out, Epilogue{Reads: []Array{Floats(out)}, Done: func(_, part, lo, hi int) {
		told[part] = append(told[part], [2]int{lo, hi})
		copy(seen[lo*e.c:hi*e.c], out[lo*e.c:hi*e.c])
	}})
	if !slices.Equal(seen, out) {
		t.Errorf("%s on %v: rows were told before they were complete, or not at all", e.name, p.ISA())
	}
	rows := 0
	for _, part := range told {
		for _, r := range part {
			rows += r[1] - r[0]
		}
	}
	if rows != e.rows {
		t.Errorf("%s on %v: %d rows told of %d", e.name, p.ISA(), rows, e.rows)
	}
	return told
}

// TestSumsInEpilogue compares the statistics and the sums of batch norm, taken as a convolution's result is written, with those
// of the result in float64. Groups end inside parts.
func TestSumsInEpilogue(t *testing.T) {
	for _, c := range epilogueCases {
		for _, e := range epilogueRuns(c) {
			out := make([]float32, e.rows*e.c)
			for _, isa := range ISAs() {
				p := NewPool(1, WithISA(isa), WithDots(Everywhere))
				if e.parts(p) > 0 {
					e.run(p, out, Epilogue{})
					e.checkSums(t, isa, out)
				}
				p.Close()
			}
		}
	}
}

func (e epilogueRun) checkSums(t *testing.T, isa ISA, result []float32) {
	t.Helper()
	b := &bnCase{groups: 2, rows: e.rows / 2, c: e.c, x: result, dy: make([]float32, len(result)), eps: 1e-5, gamma: make([]float32, e.c), beta: make([]float32, e.c)}
	b.truth(false)
	moments := b.wantMoment
	// For the backward pass the result is the gradient.
	r := newRand(3)
	b.x, b.dy = random(r, len(result)), result
	b.truth(false)
	var first []float32
	for _, threads := range []int{1, 3} {
		p := NewPool(threads, WithISA(isa), WithDots(Everywhere))
		stats, sums, out := poison(4*e.c), poison(4*e.c), poison(len(result))
		s := StartBNStats(p, Floats(out), 2, b.rows, e.c, e.parts(p))
		e.run(p, out, Epilogue{Done: s.Add})
		s.Finish(stats)
		d := StartBNReduce(p, Floats(out), Floats(b.x), Array{}, b.stats, 2, b.rows, e.c, e.parts(p))
		e.run(p, out, Epilogue{Done: d.Add, Reads: []Array{Floats(b.x)}})
		d.Finish(sums, b.eps)
		p.Close()
		for j := range 2 * e.c {
			at := j/e.c*2*e.c + j%e.c
			mean, variance := moments[at], moments[at+e.c]
			if d := math.Abs(float64(stats[at]) - mean); !(d < 1e-6*(math.Abs(mean)+math.Sqrt(variance))) {
				t.Errorf("%s on %v: mean %d is %v, want %v", e.name, isa, j, stats[at], mean)
			}
			if d := math.Abs(float64(stats[at+e.c])/variance - 1); !(d < 1e-5) {
				t.Errorf("%s on %v: variance %d is off by %.2g", e.name, isa, j, d)
			}
		}
		if err := compare(sums, b.reduced, 1e-5); err != nil {
			t.Errorf("%s on %v: sums: %v", e.name, isa, err)
		}
		if got := append(stats, sums...); first == nil {
			first = got
		} else if !slices.Equal(got, first) {
			t.Errorf("%s on %v: %d threads give other bits than one", e.name, isa, threads)
		}
	}
}
