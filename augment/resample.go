package augment

// resample cuts the box out of src, brings it to the view's size and writes it to img as planes: the horizontal pass first, its
// result rounded to 8 bits, then the vertical one, as Pillow does. A flip only changes where columns are written.
func (p *Pipeline) resample(img image, src Image, box Box, cols, rows *axis, flip bool, s *Scratch) {
	s.narrow = grow(s.narrow, box.Height*img.size*img.channels)
	narrowRows(s.narrow, src, box, cols, img.size, flip)
	s.sums = grow(s.sums, img.size*img.channels)
	combineRows(img, s.narrow, rows, s.sums)
}

// narrowRows is the horizontal pass: every row of the box to size columns, channel after channel.
func narrowRows(dst []uint8, src Image, box Box, cols *axis, size int, flip bool) {
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

// combineRows is the vertical pass: every row of the view is a weighted sum of rows of narrow.
func combineRows(img image, narrow []uint8, rows *axis, sums []int32) {
	pitch := img.size * img.channels
	for y := range img.size {
		for i := range sums {
			sums[i] = half
		}
		from := narrow[int(rows.first[y])*pitch:]
		for t, w := range rows.coef[y*rows.taps:][:rows.count[y]] {
			row := from[t*pitch:][:len(sums)]
			for i, v := range row {
				sums[i] += w * int32(v)
			}
		}
		for c := range img.channels {
			out, in := img.plane(c)[y*img.size:][:img.size], sums[c*img.size:][:img.size]
			for i, v := range in {
				out[i] = clamp8(v >> precision)
			}
		}
	}
}

func clamp8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

func reverse(row []uint8) {
	for i, j := 0, len(row)-1; i < j; i, j = i+1, j-1 {
		row[i], row[j] = row[j], row[i]
	}
}
