package kernel

// reads is memory that a task will need: pieces of it are fetched while tiles are computed.
type reads struct {
	memory [4][]float32
	size   int
}

// add appends memory, as long as there is room.
func (r *reads) add(memory []float32) {
	for i := range r.memory {
		if len(r.memory[i]) == 0 {
			r.memory[i] = memory
			r.size += len(memory)
			return
		}
	}
}

// addRows appends rows [lo, hi) of matrices of c columns.
func (r *reads) addRows(matrices []Array, lo, hi, c int) {
	for _, m := range matrices {
		r.add(m.slice(lo*c, hi*c).memory())
	}
}

// fetchPart tells the tile to fetch the i-th of count pieces meanwhile.
func (t *tile) fetchPart(r *reads, i, count int) {
	at := 0
	for _, m := range r.memory {
		// The calls that fetch this memory, as its share of all is.
		first, end := count*at/max(1, r.size), count*(at+len(m))/max(1, r.size)
		if i < end {
			t.fetch(m, i-first, end-first)
			return
		}
		at += len(m)
	}
	t.fetchNothing()
}
