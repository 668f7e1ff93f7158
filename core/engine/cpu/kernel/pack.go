package kernel

import "unsafe"

// panels is a k x n matrix cut into panels of columns as the tile kernels read them: panel after panel, in a panel row
// after row, each row as wide as the panel, missing columns zero. A last panel that fits one vector is one vector wide.
type panels struct {
	isa  ISA
	k, n int
	data []float32
}

// panelsSize returns the number of floats that the panels of a k x n matrix take.
func panelsSize(isa ISA, k, n int) int {
	full, rest := n/isa.panel(), n%isa.panel()
	switch {
	case rest == 0:
		return k * full * isa.panel()
	case rest <= isa.lanes():
		return k * (full*isa.panel() + isa.lanes())
	}
	return k * (full + 1) * isa.panel()
}

func newPanels(a *arena, isa ISA, k, n int) panels {
	return panels{isa: isa, k: k, n: n, data: a.floats(panelsSize(isa, k, n))}
}

// count returns the number of panels.
func (b panels) count() int { return parts(b.n, b.isa.panel()) }

// columns returns the bounds of panel j's columns and whether it is one vector wide.
func (b panels) columns(j int) (lo, hi int, narrow bool) {
	lo, hi = spanSize(b.n, b.isa.panel(), j)
	return lo, hi, hi-lo <= b.isa.lanes()
}

// width returns the number of floats in a row of panel j.
func (b panels) width(j int) int {
	lo, hi, _ := b.columns(j)
	return b.isa.panelWidth(hi - lo)
}

// from returns panel j from row k on.
func (b panels) from(j, k int) *float32 {
	return &b.data[j*b.isa.panel()*b.k+k*b.width(j)]
}

// rows returns rows [lo, hi) of panel j.
func (b panels) rows(j, lo, hi int) []float32 {
	base, w := j*b.isa.panel()*b.k, b.width(j)
	return b.data[base+lo*w : base+hi*w]
}

// pack fills dst, whole rows of panel j, from src: the matrix's same rows, of length ld, columns beside each other.
func (b panels) pack(dst []float32, j int, src []float32, ld int) { b.packOf(dst, j, Floats(src), ld) }

// packOf is pack from either storage.
func (b panels) packOf(dst []float32, j int, src Array, ld int) {
	c0, c1, _ := b.columns(j)
	b.isa.copyRows(dst, src.from(c0), len(dst)/b.width(j), c1-c0, b.width(j), ld)
}

// copyRows copies the first n floats of rows that are ld apart to rows of the given width, which is that of one vector or
// two. What is left of these is zero.
func (i ISA) copyRows(dst []float32, src Array, rows, n, width, ld int) {
	if rows == 0 || n == width && i.loads(src) && i.copyRowsFast(dst[:rows*width], src.slice(0, (rows-1)*ld+n), rows, width, ld) {
		return
	}
	for r := range rows {
		row := dst[r*width : (r+1)*width]
		i.read(row[:n], src.from(r*ld))
		clear(row[n:])
	}
}

// packTiles copies columns [c0, c1) of rows that are ld apart, cut into the given number of tiles: tile after tile, in a
// tile row after row of one vector's width, so that a product kernel reads them in a row.
func (i ISA) packTiles(dst []float32, src Array, rows, c0, c1, tiles, ld int) {
	for t := range tiles {
		e0, e1 := span(c1-c0, tiles, t)
		tile, from, whole := dst[t*rows*i.lanes():], src.from(c0+e0), rows
		if (rows-1)*ld+i.lanes() > from.Len() {
			whole = rows - 1 // a vector would read over the matrix's end
		}
		i.copyRows(tile, from, whole, i.lanes(), i.lanes(), ld)
		if whole < rows {
			i.copyRows(tile[whole*i.lanes():], from.from(whole*ld), 1, e1-e0, i.lanes(), ld)
		}
	}
}

// packT fills dst, whole rows of panel j, from src: one row of length ld for each of the matrix's columns, which starts
// with the first of dst's rows.
func (b panels) packT(dst []float32, j int, src []float32, ld int) {
	c0, c1, _ := b.columns(j)
	w := b.width(j)
	if c1-c0 < w {
		clear(dst)
	}
	transposeBlock(b.isa, dst, w, src[c0*ld:], ld, c1-c0, len(dst)/w)
}

// transposeBlock sets dst[j*dstLd+i] = src[i*srcLd+j] for i in [0, rows) and j in [0, cols).
func transposeBlock(isa ISA, dst []float32, dstLd int, src []float32, srcLd, rows, cols int) {
	v := isa.lanes()
	fullRows, fullCols := rows/v*v, cols/v*v
	if isa == Plain || fullCols == 0 {
		fullRows = 0
	}
	for i := 0; i < fullRows; i += v {
		isa.transpose(fullCols/v, &src[i*srcLd], srcLd, &dst[i], dstLd)
		for r := i; r < i+v; r++ {
			for j := fullCols; j < cols; j++ {
				dst[j*dstLd+r] = src[r*srcLd+j]
			}
		}
	}
	for r := fullRows; r < rows; r++ {
		for j, x := range src[r*srcLd : r*srcLd+cols] {
			dst[j*dstLd+r] = x
		}
	}
}

// floatBytes is the size of a float32, in which the tile's strides are counted.
const floatBytes = int(unsafe.Sizeof(float32(0)))
