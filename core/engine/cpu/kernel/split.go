package kernel

// parts returns into how many pieces of at most size n is cut.
func parts(n, size int) int { return (n + size - 1) / size }

// span returns the bounds of piece i when [0, n) is cut into count pieces that differ by at most one.
func span(n, count, i int) (lo, hi int) { return n * i / count, n * (i + 1) / count }

// spanSize returns the bounds of piece i when [0, n) is cut into pieces of the given size; the last one may be shorter.
func spanSize(n, size, i int) (lo, hi int) { return i * size, min(n, (i+1)*size) }
