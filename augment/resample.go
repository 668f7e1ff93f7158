package augment

// resample cuts the box out of src, brings it to the view's size and writes it to img as planes: the horizontal pass first, its
// result rounded to 8 bits, then the vertical one, as Pillow does. A flip only changes where columns are written.
func (p *Pipeline) resample(img image, src Image, box Box, cols, rows *axis, flip bool, s *Scratch) {
	pitch := img.size * img.channels
	s.narrow = grow(s.narrow, max(box.Height, laneRows)*pitch)
	p.k.narrow(s.narrow, src, box, cols, img.size, flip, s)
	for c := range img.channels {
		p.k.combine(img.plane(c), s.narrow[c*img.size:], pitch, rows, img.size)
	}
}

// laneRows is the least number of rows for which narrow has room: vector kernels write so many at once.
const laneRows = 16

// narrowRows is the horizontal pass: every row of the box to size columns, channel after channel.
func narrowRows(dst []uint8, src Image, box Box, cols *axis, size int, flip bool, _ *Scratch) {
	pitch := src.W * src.C
	for y := range box.Height {
		row := src.Pix[(box.Top+y)*pitch+box.Left*src.C:][:box.Width*src.C]
		out := dst[y*size*src.C:][:size*src.C]
		if src.C == 1 {
			narrowGray(out, row, cols)
		} else {
			narrowColor(out, row, cols)
		}
		if flip {
			for c := range src.C {
				reverse(out[c*size : (c+1)*size])
			}
		}
	}
}

func narrowGray(out, row []uint8, cols *axis) {
	for i := range out {
		n := int(cols.count[i])
		px := row[cols.first[i]:][:n]
		sum := int32(half)
		for t, w := range cols.coef[i*cols.taps:][:n] {
			sum += w * int32(px[t])
		}
		out[i] = clamp8(sum >> precision)
	}
}

func narrowColor(out, row []uint8, cols *axis) {
	size := len(out) / 3
	red, green, blue := out[:size], out[size:][:size], out[2*size:][:size]
	for i := range red {
		n := int(cols.count[i])
		px := row[3*cols.first[i]:][:3*n]
		r, g, b := int32(half), int32(half), int32(half)
		for _, w := range cols.coef[i*cols.taps:][:n] {
			r += w * int32(px[0])
			g += w * int32(px[1])
			b += w * int32(px[2])
			px = px[3:]
		}
		red[i], green[i], blue[i] = clamp8(r>>precision), clamp8(g>>precision), clamp8(b>>precision)
	}
}

func combineRows(dst, src []uint8, pitch int, rows *axis, size int) {
	for y, first := range rows.first {
		combineRow(dst[y*size:][:size], src[int(first)*pitch:], pitch, rows.coef[y*rows.taps:][:rows.count[y]])
	}
}

// combineRow is dst[i] = clamp((half + sum over t of coef[t] * src[t*pitch+i]) >> precision).
func combineRow(dst, src []uint8, pitch int, coef []int32) {
	const block = 64
	for at := 0; at < len(dst); at += block {
		out := dst[at:min(at+block, len(dst))]
		var sums [block]int32
		for t, w := range coef {
			row := src[t*pitch+at:][:len(out)]
			for i, v := range row {
				sums[i&(block-1)] += w * int32(v)
			}
		}
		for i := range out {
			out[i] = clamp8((sums[i&(block-1)] + half) >> precision)
		}
	}
}

func clamp8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

func reverse(row []uint8) {
	for i, j := 0, len(row)-1; i < j; i, j = i+1, j-1 {
		row[i], row[j] = row[j], row[i]
	}
}
