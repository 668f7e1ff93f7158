package kernel

import (
	"math"
	"unsafe"
)

// Batch norm works on x as a matrix of groups*rows rows and c columns (channels): images are flattened, and each group of
// rows (a view of the batch) has statistics of its own. stats is [groups, 2, c]: means, then biased variances.

const (
	// bnFloats and bnMaxRows bound the rows whose sums are taken in float32 before they are merged in float64.
	bnFloats  = 1 << 15
	bnMaxRows = 256
	// bnRun is the number of rows that are summed in a row: more would let rounding errors grow.
	bnRun = 32
	// bnSample is the number of rows whose mean is near enough to the chunk's mean to take differences from.
	bnSample = 8
)

// BNStats computes the mean and the biased variance of each channel in each group:
//
//	mean = Σ x / rows,  variance = Σ (x - mean)² / rows
func BNStats(p *Pool, x []float32, groups, rows, c int, stats []float32) {
	BNStatsOf(p, Floats(x), groups, rows, c, stats)
}

// BNStatsOf is BNStats for images in either storage.
func BNStatsOf(p *Pool, x Array, groups, rows, c int, stats []float32) {
	s := StartBNStats(p, x, groups, rows, c, bnChunks(rows, c))
	s.addAll(s.Add)
	s.Finish(stats)
}

// BNStatsSums are the statistics of [BNStats] of a matrix that becomes known part by part. Sums are taken about the mean of
// a part's first few rows, and merged by Chan's formula, so that a mean far greater than the deviation does no harm.
type BNStatsSums struct {
	groupSums
	x Array
}

// StartBNStats begins the statistics of x, which Add will be told in so many parts at the most. Finish must follow.
func StartBNStats(p *Pool, x Array, groups, rows, c, parts int) *BNStatsSums {
	return &BNStatsSums{startSums(p, groups, rows, c, parts, 5), x}
}

// Add is the sums' [RowsDone].
func (s *BNStatsSums) Add(worker, part, lo, hi int) {
	p, c := s.pool, s.c
	for lo < hi {
		g, end := s.group(lo, hi)
		v, first := s.add(g, part, end-lo)
		sums, run, shift := v[:2*c], v[2*c:4*c], v[4*c:]
		if first {
			few := min(bnSample, end-lo)
			p.colSums(worker, shift, s.x.from(lo*c), few, c)
			p.isa.Scalar(Mul, shift, shift, 1/float32(few))
			clear(sums)
		}
		for ; lo < end; lo += bnRun {
			n := min(bnRun, end-lo)
			p.bnStats(worker, run[:c], run[c:], s.x.from(lo*c), shift, n, c)
			p.isa.Binary(Add, sums, sums, run)
		}
		lo = end
	}
}

// Finish writes the statistics.
func (s *BNStatsSums) Finish(stats []float32) {
	defer s.end()
	c := s.c
	s.pool.eachColumns(s.groups, c, func(g, c0, c1 int) {
		var means, squares [columnBlock]float64
		mean, m2, n := means[:c1-c0], squares[:c1-c0], 0.0
		s.eachPart(g, func(rows int, sums []float32) {
			m := float64(rows)
			for j := range mean {
				sum, square, shift := float64(sums[c0+j]), float64(sums[c+c0+j]), float64(sums[4*c+c0+j])
				d := shift + sum/m - mean[j]
				m2[j] += max(0, square-sum*sum/m) + d*d*n*m/(n+m)
				mean[j] += d * m / (n + m)
			}
			n += m
		})
		for j := range mean {
			stats[2*g*c+c0+j] = float32(mean[j])
			stats[(2*g+1)*c+c0+j] = float32(m2[j] / n)
		}
	})
}

func bnChunks(rows, c int) int {
	return parts(rows, max(1, min(bnMaxRows, bnFloats/max(1, c))))
}

// columnBlock is the number of channels that eachColumns passes at a time, at most.
const columnBlock = 64

// eachColumns runs f over blocks of each group's channels.
func (p *Pool) eachColumns(groups, c int, f func(g, c0, c1 int)) {
	blocks := parts(c, columnBlock)
	p.Run(groups*blocks, func(_, task int) {
		c0, c1 := spanSize(c, columnBlock, task%blocks)
		f(task/blocks, c0, c1)
	})
}

// BNApply normalises:
//
//	y = gamma*(x-mean)/√(variance+eps) + beta   (+ residual)   (then ReLU)
//
// gamma, beta and residual may be nil, which stands for one, zero and none. y may be x or residual.
func BNApply(p *Pool, y, x, stats, gamma, beta, residual []float32, groups, rows, c int, eps float32, relu bool) {
	BNApplyOf(p, Floats(y), Floats(x), stats, gamma, beta, Floats(residual), groups, rows, c, eps, relu)
}

// BNApplyOf is BNApply for images in either storage.
func BNApplyOf(p *Pool, y, x Array, stats, gamma, beta []float32, residual Array, groups, rows, c int, eps float32, relu bool) {
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
	streamed := streams(y, c)
	p.eachGroupRows(groups, rows, c, func(worker, g, lo, hi int) {
		y, x, res := y.slice(lo*c, hi*c), x.slice(lo*c, hi*c), residual.slice(lo*c, hi*c)
		mean, a, b := stats[2*g*c:(2*g+1)*c], coef[2*g*c:], coef[(2*g+1)*c:]
		if p.isa.works16(y, x, res) {
			bnApply16(y.halves, x.halves, res.halves, mean, a, b, relu)
			return
		}
		out := p.toWrite(worker, y)
		p.isa.bnApply(out, p.toRead(worker, x), p.toRead(worker, res), mean, a, b, relu, streamed)
		p.isa.finish(y, out)
	})
}

// streamResult is the size from which on results are written past the caches, which saves fetching what was there: they would
// not stay there until they are read.
const streamResult = 1 << 20

// streams reports whether results with rows of c numbers are written past the caches: large ones, in aligned whole vectors.
func streams(result Array, c int) bool {
	return len(result.floats) >= streamResult && c%cacheLine == 0 && uintptr(unsafe.Pointer(&result.floats[0]))%(4*cacheLine) == 0
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
func (p *Pool) eachGroupRows(groups, rows, c int, f func(worker, g, lo, hi int)) {
	size := max(1, blockFloats/max(1, c))
	blocks := parts(rows, size)
	p.Run(groups*blocks, func(worker, task int) {
		g := task / blocks
		lo, hi := spanSize(rows, size, task%blocks)
		f(worker, g, g*rows+lo, g*rows+hi)
	})
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

func (i ISA) bnApply(y, x, res, mean, a, b []float32, relu, streamed bool) {
	if len(y) == 0 || i.bnApplyFast(y, x, res, mean, a, b, relu, streamed) {
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
