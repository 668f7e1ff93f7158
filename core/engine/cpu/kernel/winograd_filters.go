package kernel

// filters holds transformed filters: for each product a matrix of channels x filters in panels.
type filters struct {
	panels
	next int
	back bool // of the gradient of the input
}

func (w winograd) newFilters(a *arena, isa ISA) filters {
	f := filters{panels: panels{isa: isa, k: w.c, n: w.k}, next: panelsSize(isa, w.c, w.k) + cacheLine, back: w.back}
	f.data = a.floats(f.next * winoPoints)
	return f
}

// winoRows is the number of rows of a panel that are transformed at a time.
const winoRows = 32

// winoAhead is how many rows before their turn filters are fetched, whose taps are too far apart for the processor to foresee.
const winoAhead = 6

// transform fills the filters from w, [3, 3, C, K], or turned.
func (f filters) transform(p *Pool, w []float32) {
	blocks := parts(f.k, winoRows)
	p.Run(f.count()*blocks, func(worker, task int) {
		j := task / blocks
		lo, hi := spanSize(f.k, winoRows, task%blocks)
		f.rows(p.Scratch(worker, f.scratch()), w, j, lo, hi, f.data[j*f.isa.panel()*f.k+lo*f.width(j):], f.next)
	})
}

// scratch is the memory that rows needs.
func (f filters) scratch() int {
	if !f.back {
		return 0
	}
	return 9 * winoRows * f.isa.panel()
}

// rows transforms rows [lo, hi) of panel j, no more than winoRows of them, to dst, matrices next floats apart.
func (f filters) rows(scratch, w []float32, j, lo, hi int, dst []float32, next int) {
	c0, c1, _ := f.columns(j)
	width, vecs, tap := f.width(j), (c1-c0)/f.isa.lanes(), f.k*f.n
	if !f.back {
		for c := lo; c < hi; c++ {
			f.isa.winoWeights(vecs, &w[c*f.n+c0], tap, winoAhead*f.n, &dst[(c-lo)*width], next)
		}
		return
	}
	// f's filters are w's channels, and taps are read in reverse.
	size := winoRows * width
	for q := range 9 {
		transposeBlock(f.isa, scratch[(8-q)*size:], width, w[q*tap+c0*f.k+lo:], f.k, c1-c0, hi-lo)
	}
	for c := range hi - lo {
		f.isa.winoWeights(vecs, &scratch[c*width], size, 0, &dst[c*width], next)
	}
}
