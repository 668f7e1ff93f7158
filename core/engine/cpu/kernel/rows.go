package kernel

// RowsDone is told that rows [lo, hi) of a matrix are complete, by the worker that wrote them and has them in its cache.
// Rows belong to parts, into which the matrix is cut by its shape alone: a part's rows are told one after the other, in an
// order that the shape determines too, so that sums over a part have the same bits on any number of threads.
type RowsDone func(worker, part, lo, hi int)

// Epilogue is what the tasks that compute a matrix do with rows that they have completed. The zero Epilogue does nothing.
type Epilogue struct {
	Done RowsDone
	// Reads are matrices of the same size from which Done reads the same rows. They are fetched while the rows are computed.
	Reads []Array
}

// groupSums are sums over the rows of each group of a matrix of groups*rows rows and c columns, which become known part by
// part. Each part of each group has vectors of c numbers of its own, and they are merged in their order at the end.
type groupSums struct {
	pool            *Pool
	scratch         *arena
	groups, rows, c int
	parts, vectors  int
	filled          []int     // rows that each part of each group has
	sums            []float32 // their vectors
}

// startSums begins with nothing; end must follow.
func startSums(p *Pool, groups, rows, c, parts, vectors int) groupSums {
	s := groupSums{pool: p, scratch: p.borrow(), groups: groups, rows: rows, c: c, parts: parts, vectors: vectors, filled: make([]int, groups*parts)}
	s.sums = s.scratch.floats(groups * parts * vectors * c)
	p.Run(1, func(_, _ int) { clear(s.filled) })
	return s
}

// addAll tells add all rows of a matrix that is complete: of each group, one part after the other.
func (s *groupSums) addAll(add RowsDone) {
	s.pool.Run(s.groups*s.parts, func(worker, task int) {
		g, part := task/s.parts, task%s.parts
		lo, hi := span(s.rows, s.parts, part)
		add(worker, part, g*s.rows+lo, g*s.rows+hi)
	})
}

// end gives the memory back.
func (s *groupSums) end() { s.pool.giveBack(s.scratch) }

// group returns the group of row lo, and which of the rows up to hi belong to it.
func (s *groupSums) group(lo, hi int) (g, end int) {
	g = lo / s.rows
	return g, min(hi, (g+1)*s.rows)
}

// add returns the vectors of a part of a group that gets n more rows, and whether these are its first.
func (s *groupSums) add(g, part, n int) (sums []float32, first bool) {
	slot := g*s.parts + part
	first = s.filled[slot] == 0
	s.filled[slot] += n
	return s.of(slot), first
}

func (s *groupSums) of(slot int) []float32 {
	size := s.vectors * s.c
	return s.sums[slot*size : (slot+1)*size]
}

// eachPart calls f for the parts of a group that have rows, in order.
func (s *groupSums) eachPart(g int, f func(rows int, sums []float32)) {
	for slot := g * s.parts; slot < (g+1)*s.parts; slot++ {
		if n := s.filled[slot]; n > 0 {
			f(n, s.of(slot))
		}
	}
}
