package kernel

// The sums of batch norm over some rows of images in either storage: in bfloat16 where the CPU can, else widened first.

func (p *Pool) colSums(worker int, dst []float32, x Array, rows, c int) {
	x = x.slice(0, rows*c)
	if p.isa.works16(x) {
		colSums16(dst, x.halves, rows)
		return
	}
	p.isa.colSums(dst, p.toRead(worker, x), rows, c)
}

func (p *Pool) bnStats(worker int, sum, squares []float32, x Array, shift []float32, rows, c int) {
	x = x.slice(0, rows*c)
	if p.isa.works16(x) {
		bnStats16(sum, squares, x.halves, shift, rows)
		return
	}
	p.isa.bnStats(sum, squares, p.toRead(worker, x), shift, rows, c)
}

func (p *Pool) bnReduce(worker int, dot, sum []float32, x, dy, y Array, mean []float32, rows int) {
	if p.isa.works16(x, dy, y) {
		bnReduce16(dot, sum, x.halves, dy.halves, y.halves, mean, rows)
		return
	}
	p.isa.bnReduce(dot, sum, p.toRead(worker, x), p.toRead(worker, dy), p.toRead(worker, y), mean, rows)
}
