package probe

import "github.com/sslctl/sslctl/core/engine/cpu/kernel"

// chunkRows is the number of rows that one task takes in passes over features. It fixes the order of sums.
const chunkRows = 512

// overRows calls f for each chunk of n rows, on the pool; c is the chunk's number.
func overRows(p *kernel.Pool, n int, f func(c, lo, hi int)) {
	p.Run(chunksOf(n), func(_, c int) {
		f(c, c*chunkRows, min((c+1)*chunkRows, n))
	})
}

func chunksOf(n int) int { return (n + chunkRows - 1) / chunkRows }
