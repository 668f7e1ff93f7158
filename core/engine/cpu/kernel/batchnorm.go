package kernel

import "math"

// Batch norm works on x as a matrix of groups*rows rows and c columns (channels): images are flattened, and each group of
// rows (a view of the batch) has statistics of its own. stats is [groups, 2, c]: means, then biased variances.

const (
	// bnFloats and bnMaxRows bound the rows whose sums are taken in float32 before they are merged in float64.
	bnFloats  = 1 << 15
	bnMaxRows = 256
	// bnSample is the number of rows whose mean is near enough to the chunk's mean to take differences from.
	bnSample = 8
)

// BNStats computes the mean and the biased variance of each channel in each group:
//
//	mean = Σ x / rows,  variance = Σ (x - mean)² / rows
//
// Sums are taken about the mean of a few rows, in chunks of rows, and merged by Chan's formula, so that a mean far greater than the
// deviation does no harm.
func BNStats(p *Pool, x []float32, groups, rows, c int, stats []float32) {
	chunks := bnChunks(rows, c)
	scratch := p.borrow()
	defer p.giveBack(scratch)
	sums := scratch.floats(groups * chunks * 3 * c)
	p.Run(groups*chunks, func(_, task int) {
		lo, hi := span(rows, chunks, task%chunks)
		part := x[(task/chunks*rows+lo)*c:]
		out := sums[task*3*c : (task+1)*3*c]
		shift := out[2*c:]
		few := min(bnSample, hi-lo)
		p.isa.colSums(shift, part, few, c)
		p.isa.Scalar(Mul, shift, shift, 1/float32(few))
		p.isa.bnStats(out[:c], out[c:2*c], part, shift, hi-lo, c)
	})
	p.eachColumns(groups, c, func(g, c0, c1 int) {
		for j := c0; j < c1; j++ {
			var n, mean, m2 float64
			for k := range chunks {
				lo, hi := span(rows, chunks, k)
				s := sums[(g*chunks+k)*3*c+j:]
				m := float64(hi - lo)
				partMean := float64(s[0]) / m
				part := max(0, float64(s[c])-float64(s[0])*partMean)
				partMean += float64(s[2*c])
				d := partMean - mean
				m2 += part + d*d*n*m/(n+m)
				n += m
				mean += d * m / n
			}
			stats[2*g*c+j] = float32(mean)
			stats[(2*g+1)*c+j] = float32(m2 / float64(rows))
		}
	})
}

func bnChunks(rows, c int) int {
	return parts(rows, max(1, min(bnMaxRows, bnFloats/max(1, c))))
}

// eachColumns runs f over blocks of each group's channels.
func (p *Pool) eachColumns(groups, c int, f func(g, c0, c1 int)) {
	const size = 64
	blocks := parts(c, size)
	p.Run(groups*blocks, func(_, task int) {
		c0, c1 := spanSize(c, size, task%blocks)
		f(task/blocks, c0, c1)
	})
}

// BNApply normalises:
//
//	y = gamma*(x-mean)/√(variance+eps) + beta   (+ residual)   (then ReLU)
//
// gamma, beta and residual may be nil, which stands for one, zero and none. y may be x or residual.
func BNApply(p *Pool, y, x, stats, gamma, beta, residual []float32, groups, rows, c int, eps float32, relu bool) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	coef := scratch.floats(groups * 2 * c)
	p.eachColumns(groups, c, func(g, c0, c1 int) {
		for j := c0; j < c1; j++ {
			coef[2*g*c+j] = float32(weight(gamma, j) * istd(stats, g, c, j, eps))
			coef[(2*g+1)*c+j] = 0
			if beta != nil {
				coef[(2*g+1)*c+j] = beta[j]
			}
		}
	})
	p.eachGroupRows(groups, rows, c, func(g, lo, hi int) {
		var res []float32
		if residual != nil {
			res = residual[lo*c : hi*c]
		}
		p.isa.bnApply(y[lo*c:hi*c], x[lo*c:hi*c], res, stats[2*g*c:(2*g+1)*c], coef[2*g*c:], coef[(2*g+1)*c:], relu)
	})
}

func weight(gamma []float32, j int) float64 {
	if gamma == nil {
		return 1
	}
	return float64(gamma[j])
}

func istd(stats []float32, g, c, j int, eps float32) float64 {
	return 1 / math.Sqrt(float64(stats[(2*g+1)*c+j])+float64(eps))
}

// eachGroupRows runs f over blocks of rows of each group; rows are counted over all groups.
func (p *Pool) eachGroupRows(groups, rows, c int, f func(g, lo, hi int)) {
	size := max(1, blockFloats/max(1, c))
	blocks := parts(rows, size)
	p.Run(groups*blocks, func(_, task int) {
		g := task / blocks
		lo, hi := spanSize(rows, size, task%blocks)
		f(g, g*rows+lo, g*rows+hi)
	})
}

// BNReduce computes what the backward pass needs of the whole batch: for each group and channel
//
//	out[g, 0] = Σ dy*(x-mean)/√(variance+eps),  out[g, 1] = Σ dy
//
// which are also the group's share of the gradients of gamma and beta. If y, the output of a ReLU after batch norm (and
// residual), is given, dy counts only where y is positive.
func BNReduce(p *Pool, out, dy, x, y, stats []float32, groups, rows, c int, eps float32) {
	chunks := bnChunks(rows, c)
	scratch := p.borrow()
	defer p.giveBack(scratch)
	sums := scratch.floats(groups * chunks * 2 * c)
	p.Run(groups*chunks, func(_, task int) {
		g := task / chunks
		lo, hi := span(rows, chunks, task%chunks)
		lo, hi = lo+g*rows, hi+g*rows
		var mask []float32
		if y != nil {
			mask = y[lo*c : hi*c]
		}
		part := sums[task*2*c:]
		p.isa.bnReduce(part[:c], part[c:2*c], x[lo*c:hi*c], dy[lo*c:hi*c], mask, stats[2*g*c:(2*g+1)*c], hi-lo)
	})
	p.eachColumns(groups, c, func(g, c0, c1 int) {
		for j := c0; j < c1; j++ {
			var dot, sum float64
			for k := range chunks {
				dot += float64(sums[(g*chunks+k)*2*c+j])
				sum += float64(sums[(g*chunks+k)*2*c+c+j])
			}
			out[2*g*c+j] = float32(dot * istd(stats, g, c, j, eps))
			out[(2*g+1)*c+j] = float32(sum)
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
	p.eachGroupRows(groups, rows, c, func(g, lo, hi int) {
		lo, hi = lo*c, hi*c
		b := bnGradient{dx: dx[lo:hi], dy: dy[lo:hi], x: x[lo:hi], mean: stats[2*g*c : (2*g+1)*c],
			a: coef[3*g*c:], b: coef[(3*g+1)*c:], c: coef[(3*g+2)*c:]}
		if y != nil {
			b.y = y[lo:hi]
		}
		if dres != nil {
			b.dres = dres[lo:hi]
		}
		p.isa.bnBackward(&b)
	})
}

// bnGradient holds one block of the backward pass: dx = a*dy + b*(x-mean) + c.
type bnGradient struct {
	dx, dres, dy, x, y []float32
	mean, a, b, c      []float32
}

func (i ISA) bnBackward(b *bnGradient) {
	if b.dres != nil && b.y == nil {
		copy(b.dres, b.dy)
		b.dres = nil
	}
	if len(b.dx) == 0 || i.bnBackwardFast(b) {
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

// bnStats sums x-shift and its square down the columns of rows x c.
func (i ISA) bnStats(sum, squares, x, shift []float32, rows, c int) {
	if i.bnStatsFast(sum, squares, x, shift, rows) {
		return
	}
	clear(sum)
	clear(squares)
	for r := range rows {
		for j, v := range x[r*c : (r+1)*c] {
			v -= shift[j]
			sum[j] += v
			squares[j] += v * v
		}
	}
}

func (i ISA) bnApply(y, x, res, mean, a, b []float32, relu bool) {
	if len(y) == 0 || i.bnApplyFast(y, x, res, mean, a, b, relu) {
		return
	}
	d := len(mean)
	for k := range y {
		j := k % d
		v := (x[k]-mean[j])*a[j] + b[j]
		if res != nil {
			v += res[k]
		}
		if relu && v < 0 {
			v = 0
		}
		y[k] = v
	}
}

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
