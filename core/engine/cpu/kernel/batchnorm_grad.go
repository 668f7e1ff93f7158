package kernel

// BNReduce computes what the backward pass needs of the whole batch: for each group and channel
//
//	out[g, 0] = Σ dy*(x-mean)/√(variance+eps),  out[g, 1] = Σ dy
//
// which are also the group's share of the gradients of gamma and beta. If y, the output of a ReLU after batch norm (and
// residual), is given, dy counts only where y is positive.
func BNReduce(p *Pool, out, dy, x, y, stats []float32, groups, rows, c int, eps float32) {
	BNReduceOf(p, out, Floats(dy), Floats(x), Floats(y), stats, groups, rows, c, eps)
}

// BNReduceOf is BNReduce for images in either storage.
func BNReduceOf(p *Pool, out []float32, dy, x, y Array, stats []float32, groups, rows, c int, eps float32) {
	s := StartBNReduce(p, dy, x, y, stats, groups, rows, c, bnChunks(rows, c))
	s.addAll(s.Add)
	s.Finish(out, eps)
}

// BNReduceSums are the sums of [BNReduce] of a gradient that becomes known part by part.
type BNReduceSums struct {
	groupSums
	dy, x, y Array
	stats    []float32
}

// StartBNReduce begins the sums over dy, which Add will be told in so many parts at the most. Finish must follow.
func StartBNReduce(p *Pool, dy, x, y Array, stats []float32, groups, rows, c, parts int) *BNReduceSums {
	return &BNReduceSums{startSums(p, groups, rows, c, parts, 4), dy, x, y, stats}
}

// Add is the sums' [RowsDone].
func (s *BNReduceSums) Add(worker, part, lo, hi int) {
	c := s.c
	for lo < hi {
		g, end := s.group(lo, hi)
		v, first := s.add(g, part, end-lo)
		sums, run := v[:2*c], v[2*c:]
		if first {
			clear(sums)
		}
		for ; lo < end; lo += bnRun {
			from, to := lo*c, min(end, lo+bnRun)*c
			s.pool.bnReduce(worker, run[:c], run[c:], s.x.slice(from, to), s.dy.slice(from, to), s.y.slice(from, to), s.stats[2*g*c:(2*g+1)*c], (to-from)/c)
			s.pool.isa.Binary(Add, sums, sums, run)
		}
		lo = end
	}
}

// Finish writes the sums.
func (s *BNReduceSums) Finish(out []float32, eps float32) {
	defer s.end()
	c := s.c
	s.pool.eachColumns(s.groups, c, func(g, c0, c1 int) {
		var dots, totals [columnBlock]float64
		s.eachPart(g, func(_ int, sums []float32) {
			for j := c0; j < c1; j++ {
				dots[j-c0] += float64(sums[j])
				totals[j-c0] += float64(sums[c+j])
			}
		})
		for j := c0; j < c1; j++ {
			out[2*g*c+j] = float32(dots[j-c0] * istd(s.stats, g, c, j, eps))
			out[(2*g+1)*c+j] = float32(totals[j-c0])
		}
	})
}

// BNBackward computes the gradient of x from the gradient dy of y, with reduced from BNReduce:
//
//	dx = gamma/√(variance+eps) * (dy - Σ dy/rows - xhat * Σ dy*xhat/rows),  xhat = (x-mean)/√(variance+eps)
//
// dy is masked by y as in BNReduce. dres, if not nil, receives the masked dy: the gradient of the residual. dx and dres may
// each be dy, but not both.
func BNBackward(p *Pool, dx, dres, dy, x, y, stats, gamma, reduced []float32, groups, rows, c int, eps float32) {
	BNBackwardOf(p, Floats(dx), Floats(dres), Floats(dy), Floats(x), Floats(y), stats, gamma, reduced, groups, rows, c, eps)
}

// BNBackwardOf is BNBackward for images in either storage.
func BNBackwardOf(p *Pool, dx, dres, dy, x, y Array, stats, gamma, reduced []float32, groups, rows, c int, eps float32) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	coef := scratch.floats(groups * 3 * c)
	p.eachColumns(groups, c, func(g, c0, c1 int) {
		for j := c0; j < c1; j++ {
			s := istd(stats, g, c, j, eps)
			a := weight(gamma, j) * s
			coef[3*g*c+j] = float32(a)
			coef[(3*g+1)*c+j] = float32(-a * s * float64(reduced[2*g*c+j]) / float64(rows))
			coef[(3*g+2)*c+j] = float32(-a * float64(reduced[(2*g+1)*c+j]) / float64(rows))
		}
	})
	streamed := streams(dx, c) && (dres.none() || streams(dres, c))
	p.eachGroupRows(groups, rows, c, func(worker, g, lo, hi int) {
		lo, hi = lo*c, hi*c
		dx, dres, dy, x, y := dx.slice(lo, hi), dres.slice(lo, hi), dy.slice(lo, hi), x.slice(lo, hi), y.slice(lo, hi)
		mean, a, b, c := stats[2*g*c:(2*g+1)*c], coef[3*g*c:], coef[(3*g+1)*c:], coef[(3*g+2)*c:]
		if p.isa.works16(dx, dres, dy, x, y) {
			bnBackward16(&bnGradient[BF16]{dx.halves, dres.halves, dy.halves, x.halves, y.halves, mean, a, b, c})
			return
		}
		block := bnGradient[float32]{p.toWrite(worker, dx), p.toWrite(worker, dres), p.toRead(worker, dy), p.toRead(worker, x), p.toRead(worker, y), mean, a, b, c}
		p.isa.bnBackward(block, streamed)
		p.isa.finish(dx, block.dx)
		p.isa.finish(dres, block.dres)
	})
}

// bnGradient holds one block of the backward pass: dx = a*dy + b*(x-mean) + c.
type bnGradient[T Number] struct {
	dx, dres, dy, x, y []T
	mean, a, b, c      []float32
}

// keepsAll copies dy to dres where nothing masks it, which leaves dx to be computed.
func (b *bnGradient[T]) keepsAll() {
	if b.dres != nil && b.y == nil {
		copy(b.dres, b.dy)
		b.dres = nil
	}
}

func (i ISA) bnBackward(b bnGradient[float32], streamed bool) {
	b.keepsAll()
	if len(b.dx) == 0 || i.bnBackwardFast(&b, streamed) {
		return
	}
	d := len(b.mean)
	for k := range b.dx {
		j, g := k%d, b.dy[k]
		if b.y != nil && !(b.y[k] > 0) {
			g = 0
		}
		if b.dres != nil {
			b.dres[k] = g
		}
		b.dx[k] = b.a[j]*g + b.b[j]*(b.x[k]-b.mean[j]) + b.c[j]
	}
}

// bnReduce sums dy*(x-mean) and dy down the columns, where y is positive if it is given.
func (i ISA) bnReduce(dot, sum, x, dy, y, mean []float32, rows int) {
	if i.bnReduceFast(dot, sum, x, dy, y, mean, rows) {
		return
	}
	clear(dot)
	clear(sum)
	d := len(mean)
	for k, g := range dy {
		if y == nil || y[k] > 0 {
			j := k % d
			dot[j] += g * (x[k] - mean[j])
			sum[j] += g
		}
	}
}
