package augment

// narrowLanes is narrowRows with a row in each byte of a vector: laneRows rows of the box are transposed, every column becomes a weighted
// sum of columns, and the result is transposed back. The last rows overlap those before them; a box of fewer rows
// repeats its last one, which is why dst has room for laneRows rows.
func (a *assembly) narrowLanes(dst []uint8, src Image, box Box, cols *axis, size int, flip bool, s *Scratch) {
	in, out := box.Width*src.C, size*src.C
	if out < tileColumns {
		narrowRows(dst, src, box, cols, size, flip, s)
		return
	}
	columns := a.narrow1
	if src.C == 3 {
		columns = a.narrow3
	}
	s.lanes = grow(s.lanes, (in+out)*laneRows)
	before, after := s.lanes[:in*laneRows], s.lanes[in*laneRows:]
	start, step := 0, laneRows
	if flip {
		start, step = (size-1)*laneRows, -laneRows
	}
	pitch := src.W * src.C
	for y := 0; y < box.Height; y += laneRows {
		row := max(0, min(y, box.Height-laneRows))
		from := src.Pix[(box.Top+row)*pitch+box.Left*src.C:]
		toColumns(before, from, pitch, in, min(laneRows, box.Height))
		columns(&after[start], &before[0], cols.first, cols.count, cols.coef, cols.taps, step, size*laneRows)
		toRows(dst[row*out:][:laneRows*out], after, out)
	}
}

// The tile of transposeAVX2: so many rows of src, which become columns of dst, and so many columns of src.
const tileColumns, tileRows = 8, 16

// toColumns writes width columns of laneRows bytes from rows that lie pitch apart. Where rows is less, the other
// bytes are arbitrary.
func toColumns(dst, src []uint8, pitch, width, rows int) {
	for r := 0; r < rows; r += tileColumns {
		group, left := src[r*pitch:], min(tileColumns, rows-r)
		if width < tileRows {
			gatherColumns(dst[r:], group, pitch, width, left)
			continue
		}
		transposeAVX2(&dst[r], &group[0], laneRows, pitch, tileRows*laneRows, tileRows, width/tileRows, left)
		if last := width - tileRows; width%tileRows != 0 {
			transposeAVX2(&dst[last*laneRows+r], &group[last], laneRows, pitch, 0, 0, 1, left)
		}
	}
}

func gatherColumns(dst, src []uint8, pitch, width, rows int) {
	for r := range rows {
		for x, v := range src[r*pitch:][:width] {
			dst[x*laneRows+r] = v
		}
	}
}

// toRows writes laneRows rows of width bytes, at least tileColumns, from columns.
func toRows(dst, src []uint8, width int) {
	transposeAVX2(&dst[0], &src[0], width, laneRows, tileColumns, tileColumns*laneRows, width/tileColumns, tileColumns)
	if last := width - tileColumns; width%tileColumns != 0 {
		transposeAVX2(&dst[last], &src[last*laneRows], width, laneRows, 0, 0, 1, tileColumns)
	}
}
