package kernel

import "slices"

// sumChunk is the number of elements whose sum is taken in float32 lanes; chunks are added in float64, in order.
const sumChunk = 4096

// Sum returns Σ a[i].
func (i ISA) Sum(a []float32) float64 { return i.chunks(sum, a, a) }

// SumSquares returns Σ a[i]².
func (i ISA) SumSquares(a []float32) float64 { return i.chunks(sumSquares, a, a) }

// Dot returns Σ a[i]*b[i].
func (i ISA) Dot(a, b []float32) float64 { return i.chunks(dot, a, b[:len(a)]) }

// SumSquaredDiff returns Σ (a[i]-b[i])².
func (i ISA) SumSquaredDiff(a, b []float32) float64 { return i.chunks(sumSquaredDiff, a, b[:len(a)]) }

// reduction is a sum over one or two vectors.
type reduction uint8

const (
	sum reduction = iota
	sumSquares
	dot
	sumSquaredDiff
)

func (i ISA) chunks(r reduction, a, b []float32) (total float64) {
	for len(a) > 0 {
		n := min(sumChunk, len(a))
		total += i.chunk(r, a[:n], b[:n])
		a, b = a[n:], b[n:]
	}
	return total
}

func (i ISA) chunk(r reduction, a, b []float32) float64 {
	if s, ok := i.reduce(r, a, b); ok {
		return s
	}
	var total float64
	for k, x := range a {
		y := float64(b[k])
		switch r {
		case sum:
			total += float64(x)
		case sumSquares, dot:
			total += float64(x) * y
		case sumSquaredDiff:
			d := float64(x) - y
			total += d * d
		}
	}
	return total
}

// Sum returns Σ a[i]; see ISA.Sum.
func (p *Pool) Sum(a []float32) float64 { return p.reduce(sum, a, a) }

// SumSquares returns Σ a[i]².
func (p *Pool) SumSquares(a []float32) float64 { return p.reduce(sumSquares, a, a) }

// Dot returns Σ a[i]*b[i].
func (p *Pool) Dot(a, b []float32) float64 { return p.reduce(dot, a, b[:len(a)]) }

// SumSquaredDiff returns Σ (a[i]-b[i])².
func (p *Pool) SumSquaredDiff(a, b []float32) float64 {
	return p.reduce(sumSquaredDiff, a, b[:len(a)])
}

// SumTo sets dst[0] = Σ a[i].
func (p *Pool) SumTo(dst, a []float32) {
	s := newBlockSums(p.isa)
	s.of(sum, a, a)
	p.Run(s.blocks(), s.task)
	p.Run(1, func(_, _ int) { dst[0] = float32(s.total()) })
}

// reduce sums blocks in parallel and adds them in order.
func (p *Pool) reduce(r reduction, a, b []float32) float64 {
	s := p.takeSums()
	defer p.giveSums(s)
	s.of(r, a, b)
	p.Run(s.blocks(), s.task)
	return s.total()
}

// blockSums is a sum over one or two vectors by blocks. Pools keep them, so that a sum allocates nothing.
type blockSums struct {
	isa  ISA
	kind reduction
	a, b []float32
	sums []float64
	task func(worker, task int)
}

func newBlockSums(isa ISA) *blockSums {
	s := &blockSums{isa: isa}
	s.task = s.block
	return s
}

func (s *blockSums) blocks() int { return parts(len(s.a), blockFloats) }

func (s *blockSums) of(kind reduction, a, b []float32) {
	s.kind, s.a, s.b = kind, a, b
	s.sums = slices.Grow(s.sums[:0], s.blocks())[:s.blocks()]
}

func (s *blockSums) block(_, task int) {
	lo, hi := spanSize(len(s.a), blockFloats, task)
	s.sums[task] = s.isa.chunks(s.kind, s.a[lo:hi], s.b[lo:hi])
}

func (s *blockSums) total() (total float64) {
	for _, v := range s.sums {
		total += v
	}
	return total
}

func (p *Pool) takeSums() *blockSums {
	p.callMu.Lock()
	defer p.callMu.Unlock()
	n := len(p.sums)
	if n == 0 {
		return newBlockSums(p.isa)
	}
	s := p.sums[n-1]
	p.sums = p.sums[:n-1]
	return s
}

func (p *Pool) giveSums(s *blockSums) {
	s.a, s.b = nil, nil
	p.callMu.Lock()
	defer p.callMu.Unlock()
	p.sums = append(p.sums, s)
}

// colChunk is the number of rows that column sums add in float32 before they go on in float64.
const colChunk = 128

// ColSums sets dst[j] = Σ_i x[i, j] for x of n rows and d columns.
func (p *Pool) ColSums(dst, x []float32, n, d int) {
	if d == 0 {
		return
	}
	if n == 0 {
		clear(dst[:d])
		return
	}
	chunks := parts(n, colChunk)
	scratch := p.borrow()
	defer p.giveBack(scratch)
	sums := scratch.floats(chunks * d)
	p.Run(chunks, func(_, task int) {
		lo, hi := spanSize(n, colChunk, task)
		p.isa.colSums(sums[task*d:(task+1)*d], x[lo*d:hi*d], hi-lo, d)
	})
	addColumns(p, dst[:d], sums, chunks)
}

// addColumns sets dst to the sum of chunks vectors of its length, in order, in float64.
func addColumns(p *Pool, dst, sums []float32, chunks int) {
	d := len(dst)
	p.Run(parts(d, 256), func(_, task int) {
		lo, hi := spanSize(d, 256, task)
		var total [256]float64
		for c := range chunks {
			for j, s := range sums[c*d+lo : c*d+hi] {
				total[j] += float64(s)
			}
		}
		for j := range hi - lo {
			dst[lo+j] = float32(total[j])
		}
	})
}

// colSums sets dst to the sums down the columns of a rows x len(dst) matrix.
func (i ISA) colSums(dst, x []float32, rows, d int) {
	if i.colSumsFast(dst, x, rows, d) {
		return
	}
	clear(dst)
	for r := range rows {
		for j, v := range x[r*d : (r+1)*d] {
			dst[j] += v
		}
	}
}

// RowSums sets dst[i] = Σ_j x[i, j] for x of n rows and d columns.
func (p *Pool) RowSums(dst, x []float32, n, d int) {
	p.eachRows(n, d, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			dst[i] = float32(p.isa.Sum(x[i*d : (i+1)*d]))
		}
	})
}
