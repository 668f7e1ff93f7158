package kernel

import (
	"fmt"
	"math"
	"reflect"
	"testing"
)

// bnCase is a batch norm with everything that its passes take.
type bnCase struct {
	groups, rows, c                  int
	x, dy, res, gamma, beta, stats   []float32
	eps                              float32
	y, dx, dres, reduced, wantMoment []float64
}

func newBNCase(groups, rows, c int, offset float32, residual, relu bool) *bnCase {
	r := newRand(uint64(groups*rows*c + 1))
	n := groups * rows * c
	b := &bnCase{groups: groups, rows: rows, c: c, x: random(r, n), dy: random(r, n), gamma: random(r, c), beta: random(r, c), eps: 1e-5}
	for i := range b.x {
		b.x[i] += offset
	}
	if residual {
		b.res = random(r, n)
	}
	b.truth(relu)
	return b
}

// truth follows the formulas with plain loops in float64.
func (b *bnCase) truth(relu bool) {
	n := b.groups * b.rows * b.c
	b.y, b.dx, b.dres = make([]float64, n), make([]float64, n), make([]float64, n)
	b.reduced, b.wantMoment = make([]float64, b.groups*2*b.c), make([]float64, b.groups*2*b.c)
	b.stats = make([]float32, b.groups*2*b.c)
	for g := range b.groups {
		for j := range b.c {
			at := func(i int) int { return (g*b.rows+i)*b.c + j }
			var mean, variance, dot, sum float64
			for i := range b.rows {
				mean += float64(b.x[at(i)]) / float64(b.rows)
			}
			for i := range b.rows {
				d := float64(b.x[at(i)]) - mean
				variance += d * d / float64(b.rows)
			}
			b.wantMoment[2*g*b.c+j], b.wantMoment[(2*g+1)*b.c+j] = mean, variance
			b.stats[2*g*b.c+j], b.stats[(2*g+1)*b.c+j] = float32(mean), float32(variance)
			s := 1 / math.Sqrt(variance+float64(b.eps))
			for i := range b.rows {
				y := float64(b.gamma[j])*(float64(b.x[at(i)])-mean)*s + float64(b.beta[j])
				if b.res != nil {
					y += float64(b.res[at(i)])
				}
				b.dres[at(i)] = float64(b.dy[at(i)])
				if relu && y <= 0 {
					y, b.dres[at(i)] = 0, 0
				}
				b.y[at(i)] = y
				dot += b.dres[at(i)] * (float64(b.x[at(i)]) - mean) * s
				sum += b.dres[at(i)]
			}
			b.reduced[2*g*b.c+j], b.reduced[(2*g+1)*b.c+j] = dot, sum
			for i := range b.rows {
				xhat := (float64(b.x[at(i)]) - mean) * s
				b.dx[at(i)] = float64(b.gamma[j]) * s * (b.dres[at(i)] - sum/float64(b.rows) - xhat*dot/float64(b.rows))
			}
		}
	}
}

func TestBatchNorm(t *testing.T) {
	for _, size := range [][3]int{{1, 5, 1}, {2, 7, 3}, {1, 300, 16}, {2, 98, 64}, {3, 513, 17}, {2, 16, 130}, {2, 33, 512}, {1, 5, 2048}} {
		for variant := range 4 {
			residual, relu := variant&1 != 0, variant&2 != 0
			b := newBNCase(size[0], size[1], size[2], 0.5, residual, relu)
			b.x, b.dy, b.res = floatsOf(rounded(b.x)), floatsOf(rounded(b.dy)), floatsOf(rounded(b.res)) // which both storages hold
			b.truth(relu)
			name := fmt.Sprintf("batch norm %v residual=%v relu=%v", size, residual, relu)
			onAll(t, name+": statistics", b.wantMoment, 2e-6, func(p *Pool) []float32 {
				stats := poison(len(b.wantMoment))
				BNStats(p, b.x, b.groups, b.rows, b.c, stats)
				return stats
			})
			onAll(t, name+": statistics of bfloat16", b.wantMoment, 2e-6, func(p *Pool) []float32 {
				stats := poison(len(b.wantMoment))
				BNStatsOf(p, Halves(rounded(b.x)), b.groups, b.rows, b.c, stats)
				return stats
			})
			onAll(t, name, b.y, 2e-5, func(p *Pool) []float32 {
				y := poison(len(b.y))
				BNApply(p, y, b.x, b.stats, b.gamma, b.beta, b.res, b.groups, b.rows, b.c, b.eps, relu)
				return y
			})
			onAll(t, name+" in bfloat16", b.y, halfTolerance, func(p *Pool) []float32 {
				y := rounded(poison(len(b.y)))
				BNApplyOf(p, Halves(y), Halves(rounded(b.x)), b.stats, b.gamma, b.beta, Halves(rounded(b.res)), b.groups, b.rows, b.c, b.eps, relu)
				return floatsOf(y)
			})
			var mask []float32
			if relu {
				mask = make([]float32, len(b.y))
				for i, v := range b.y {
					mask[i] = float32(v)
				}
			}
			onAll(t, name+": sums", b.reduced, 1e-5, func(p *Pool) []float32 {
				out := poison(len(b.reduced))
				BNReduce(p, out, b.dy, b.x, mask, b.stats, b.groups, b.rows, b.c, b.eps)
				return out
			})
			onAll(t, name+": sums of bfloat16", b.reduced, 1e-5, func(p *Pool) []float32 {
				out := poison(len(b.reduced))
				BNReduceOf(p, out, Halves(rounded(b.dy)), Halves(rounded(b.x)), Halves(rounded(mask)), b.stats, b.groups, b.rows, b.c, b.eps)
				return out
			})
			reduced := make([]float32, len(b.reduced))
			for i, v := range b.reduced {
				reduced[i] = float32(v)
			}
			onAll(t, name+": gradient", b.dx, 3e-5, func(p *Pool) []float32 {
				dx, dres := poison(len(b.dx)), poison(len(b.dx))
				if !residual {
					dres = nil
				}
				BNBackward(p, dx, dres, b.dy, b.x, mask, b.stats, b.gamma, reduced, b.groups, b.rows, b.c, b.eps)
				if residual {
					if err := compare(dres, b.dres, 0); err != nil {
						t.Errorf("%s: residual's gradient: %v", name, err)
					}
				}
				return dx
			})
			onAll(t, name+": gradient in bfloat16", b.dx, halfTolerance, func(p *Pool) []float32 {
				dx, dres := rounded(poison(len(b.dx))), rounded(poison(len(b.dx)))
				if !residual {
					dres = nil
				}
				BNBackwardOf(p, Halves(dx), Halves(dres), Halves(rounded(b.dy)), Halves(rounded(b.x)), Halves(rounded(mask)), b.stats, b.gamma, reduced, b.groups, b.rows, b.c, b.eps)
				if residual {
					if err := compare(floatsOf(dres), b.dres, 0); err != nil {
						t.Errorf("%s in bfloat16: residual's gradient: %v", name, err)
					}
				}
				return floatsOf(dx)
			})
		}
	}
}

func TestBNStatsFarFromZero(t *testing.T) {
	const rows, c = 5000, 20
	for _, offset := range []float32{100, 10000} {
		b := newBNCase(1, rows, c, offset, false, false)
		for _, isa := range ISAs() {
			p := NewPool(2, WithISA(isa))
			stats := poison(2 * c)
			BNStats(p, b.x, 1, rows, c, stats)
			p.Close()
			for j := range stats {
				if d := math.Abs(float64(stats[j])/b.wantMoment[j] - 1); d > 1e-6 {
					t.Errorf("%v, mean %v: statistic %d is off by %v", isa, offset, j, d)
				}
			}
		}
	}
}

// TestBNStreamed compares what is written past the caches with what is written into them: the same bits.
func TestBNStreamed(t *testing.T) {
	for _, isa := range ISAs() {
		for _, c := range []int{16, 80, 512} {
			const rows = 7
			r := newRand(uint64(c))
			x, dy, res, vector := random(r, rows*c), random(r, rows*c), random(r, rows*c), random(r, c)
			for variant := range 4 {
				residual, relu := res, variant&2 != 0
				if variant&1 == 0 {
					residual = nil
				}
				var results [2][3][]float32
				for way, streamed := range []bool{false, true} {
					y, dx, dres := Alloc(rows*c), Alloc(rows*c), Alloc(rows*c)
					isa.bnApply(y, x, residual, vector, vector, vector, relu, streamed)
					g := bnGradient[float32]{dx: dx, dres: dres, dy: dy, x: x, mean: vector, a: vector, b: vector, c: vector}
					if relu {
						g.y = y
					}
					isa.bnBackward(g, streamed)
					results[way] = [3][]float32{y, dx, dres}
				}
				if !reflect.DeepEqual(results[0], results[1]) {
					t.Errorf("%v, %d channels, residual %v, ReLU %v: other bits", isa, c, residual != nil, relu)
				}
			}
		}
	}
}

// TestStreams demands alignment, whole vectors and a size above that of caches.
func TestStreams(t *testing.T) {
	large := Alloc(streamResult + cacheLine)
	for _, c := range []struct {
		result Array
		c      int
		want   bool
	}{{Floats(large), 16, true}, {Floats(large), 24, false}, {Floats(large[1:]), 16, false}, {Floats(large[:streamResult-16]), 16, false}, {Array{}, 16, false}} {
		if got := streams(c.result, c.c); got != c.want {
			t.Errorf("%d numbers in rows of %d: %v", c.result.Len(), c.c, got)
		}
	}
}

func BenchmarkBatchNorm(b *testing.B) {
	for _, s := range [][3]int{{2, 64 * 1024, 64}, {2, 64 * 16, 512}, {2, 128 * 49, 64}} {
		groups, rows, c := s[0], s[1], s[2]
		n := newBNCase(groups, rows, c, 0, true, true)
		y, out := make([]float32, len(n.x)), make([]float32, groups*2*c)
		mb := 4 * float64(len(n.x))
		name := fmt.Sprint(s)
		b.Run(name+"/stats", func(b *testing.B) {
			onPools(b, mb, func(p *Pool) { BNStats(p, n.x, groups, rows, c, out) })
		})
		b.Run(name+"/apply", func(b *testing.B) {
			onPools(b, 3*mb, func(p *Pool) {
				BNApply(p, y, n.x, n.stats, n.gamma, n.beta, n.res, groups, rows, c, 1e-5, true)
			})
		})
		b.Run(name+"/reduce", func(b *testing.B) {
			onPools(b, 3*mb, func(p *Pool) { BNReduce(p, out, n.dy, n.x, n.res, n.stats, groups, rows, c, 1e-5) })
		})
		b.Run(name+"/backward", func(b *testing.B) {
			onPools(b, 4*mb, func(p *Pool) {
				BNBackward(p, y, nil, n.dy, n.x, n.res, n.stats, n.gamma, out, groups, rows, c, 1e-5)
			})
		})
	}
}
