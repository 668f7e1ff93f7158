package kernel

// window slides a filter over images: the product that the forward pass and the gradient of the input have in common. Each
// point (i, j) of a lattice of oh x ow outputs sees r x s input pixels from (i*step, j*step) on, and gets k channels.
type window struct {
	in     field
	r, s   int
	step   int
	oh, ow int
	k      int
	// The outputs' places in memory: image*n + first + i*down + j*across, in floats.
	first, image, down, across int
}

// field is a tensor of images as the window sees it: shifted, so that its (0, 0) is at (top, left) of the image.
type field struct {
	h, w, c   int
	top, left int
}

const (
	// windowPixels is the number of outputs that a task computes, about; it uses each weight that often.
	windowPixels = 256
	// windowFloats bounds the input that a task copies: 512 kB.
	windowFloats = 1 << 17
)

// clear sets rows [i0, i1) of the outputs of images [n0, n1) to zero.
func (v window) clear(n0, n1, i0, i1 int, y Array) {
	for n := n0; n < n1; n++ {
		for i := i0; i < i1; i++ {
			for j := range v.ow {
				at := n*v.image + v.first + i*v.down + j*v.across
				y.slice(at, at+v.k).clear()
			}
		}
	}
}

// run computes the outputs of n images, with the weights b: rows in the order r, s, c.
func (v window) run(p *Pool, n int, x Array, b panels, y Array, then Epilogue) {
	groups, bands := v.cut(n)
	p.Run(groups*bands, func(worker, task int) {
		n0, n1 := span(n, groups, task/bands)
		i0, i1 := span(v.oh, bands, task%bands)
		v.band(p, worker, n0, n1, i0, i1, x, b, y)
		if then.Done != nil {
			then.Done(worker, task, (n0*v.oh+i0)*v.ow, ((n1-1)*v.oh+i1)*v.ow)
		}
	})
}

// cut returns into how many groups n images are cut, and into how many bands of rows each group of one image.
func (v window) cut(n int) (groups, bands int) {
	images := max(1, min(n, windowPixels/(v.oh*v.ow), windowFloats/max(1, v.frame(v.oh).size())))
	groups, bands = parts(n, images), 1
	if images == 1 {
		bands = parts(v.oh, v.bandRows())
	}
	return groups, bands
}

// parts is the number of parts of which run tells an epilogue; their pixels must lie beside each other.
func (v window) parts(n int) int {
	groups, bands := v.cut(n)
	return groups * bands
}

// bandRows returns how many rows of outputs of one image make a task.
func (v window) bandRows() int {
	rows := max(4, parts(windowPixels, v.ow))
	for rows > 1 && v.frame(rows).size() > windowFloats {
		rows--
	}
	return rows
}

// frame is the input that some rows of outputs see, as it lies in memory.
type frame struct {
	rows, cols int // pixels
	pixel, row int // floats from one to the next
}

func (f frame) size() int { return f.rows * f.row }

// frame returns the layout of the copied input of the given rows of outputs. Pixels a multiple of a kilobyte apart would
// compete for the same cache sets, and get a line between them.
func (v window) frame(rows int) frame {
	f := frame{rows: (rows-1)*v.step + v.r, cols: (v.ow-1)*v.step + v.s, pixel: v.in.c}
	if v.in.c%256 == 0 {
		f.pixel += cacheLine
	}
	f.row = f.cols * f.pixel
	return f
}

// inside reports whether no window leaves the image, so that there is nothing to copy.
func (v window) inside() bool {
	f := v.frame(v.oh)
	return v.in.top >= 0 && v.in.left >= 0 && v.in.top+f.rows <= v.in.h && v.in.left+f.cols <= v.in.w
}

// band computes rows [i0, i1) of the outputs of images [n0, n1).
func (v window) band(p *Pool, worker, n0, n1, i0, i1 int, x Array, b panels, y Array) {
	slot := &p.slots[worker]
	f, source, image := v.source(p, worker, n0, n1, i0, i1, x)
	to, out := v, y.from(n0*v.image+v.first+i0*v.down)
	apart := !p.isa.loads(y) // rounded afterwards
	if apart {
		to = v.packed(i1 - i0)
		out = Floats(slot.arena.floats((n1 - n0) * to.image))
	}
	t := &slot.tile
	v.setTaps(slot, f)
	t.rs, t.cs = v.step*f.pixel*floatBytes, to.across*out.size()
	t.ks, t.alpha, t.flags = floatBytes, 1, tileFetch
	if out.half() {
		t.flags |= tileRound
	}
	for j := range b.count() {
		c0, c1, narrow := b.columns(j)
		t.columns(p.isa, c1-c0)
		t.b = b.from(j, 0)
		for n := range n1 - n0 {
			to.rows(p.isa, t, f, source[n*image:], out.from(n*to.image+c0), i1-i0, narrow)
		}
	}
	if apart {
		for n := range n1 - n0 {
			v.round(p.isa, y.from((n0+n)*v.image+v.first+i0*v.down), out.floats[n*to.image:(n+1)*to.image], i1-i0)
		}
	}
}

// source returns the input that rows [i0, i1) of the outputs of images [n0, n1) see, with its layout and the distance of
// images: in place, or copied with what lies outside the images as zeros.
func (v window) source(p *Pool, worker, n0, n1, i0, i1 int, x Array) (f frame, source []float32, image int) {
	f, image = v.frame(i1-i0), v.in.h*v.in.w*v.in.c
	if v.inside() && !x.half() {
		f.pixel, f.row = v.in.c, v.in.w*v.in.c
		return f, x.floats[n0*image+((v.in.top+i0*v.step)*v.in.w+v.in.left)*v.in.c:], image
	}
	source = p.slots[worker].arena.floats((n1 - n0) * f.size())
	for n := n0; n < n1; n++ {
		v.in.copyTo(p.isa, source[(n-n0)*f.size():], f, x.slice(n*image, (n+1)*image), v.in.top+i0*v.step)
	}
	return f, source, f.size()
}

// packed returns the window with outputs of some rows of each image beside each other.
func (v window) packed(rows int) window {
	v.first, v.across = 0, v.k
	v.down = v.ow * v.across
	v.image = rows * v.down
	return v
}

// round writes some rows of one image's packed outputs to their places.
func (v window) round(isa ISA, y Array, packed []float32, rows int) {
	if v.across == v.k && v.down == v.ow*v.k {
		isa.write(y, packed)
		return
	}
	for i := range rows {
		for j := range v.ow {
			isa.write(y.from(i*v.down+j*v.across), packed[(i*v.ow+j)*v.k:][:v.k])
		}
	}
}

// setTaps fills the table of window rows, or of window pixels where these are not contiguous.
func (v window) setTaps(slot *slot, f frame) {
	slot.taps = slot.taps[:0]
	t := &slot.tile
	t.kc = v.s * v.in.c
	across := 1
	if f.pixel != v.in.c {
		across, t.kc = v.s, v.in.c
	}
	for r := range v.r {
		for s := range across {
			slot.taps = append(slot.taps, tap{a: (r*f.row + s*f.pixel) * floatBytes})
		}
	}
	t.taps, t.ntaps = &slot.taps[0], len(slot.taps)
}

// rows computes all columns of some rows of one image for one panel of channels. Narrow maps take several rows in a tile.
func (v window) rows(isa ISA, t *tile, f frame, in []float32, out Array, rows int, narrow bool) {
	down := v.step * f.row
	if v.ow%4 == 0 && 2*v.ow <= isa.maxRows() {
		v.stacked(isa, t, in, out, rows, down, narrow)
		return
	}
	tiles := parts(v.ow, isa.maxRows())
	for q := range t.aq {
		t.aq[q], t.cq[q] = 4*q*t.rs, 4*q*t.cs
	}
	for i := range rows {
		for k := range tiles {
			j0, j1 := span(v.ow, tiles, k)
			t.a = &in[i*down+j0*v.step*f.pixel]
			t.c = out.at(i*v.down + j0*v.across)
			t.run(isa, j1-j0, narrow)
		}
	}
}

// stacked computes tiles of several rows of outputs, whose width is a multiple of four.
func (v window) stacked(isa ISA, t *tile, in []float32, out Array, rows, down int, narrow bool) {
	tiles := parts(rows, isa.maxRows()/v.ow)
	quads := v.ow / 4
	for k := range tiles {
		i0, i1 := span(rows, tiles, k)
		for i := range i1 - i0 {
			for q := range quads {
				t.aq[i*quads+q] = i*down*floatBytes + 4*q*t.rs
				t.cq[i*quads+q] = i*v.down*out.size() + 4*q*t.cs
			}
		}
		t.a, t.c = &in[i0*down], out.at(i0*v.down)
		t.run(isa, (i1-i0)*v.ow, narrow)
	}
}

// copyTo copies the image from row top and column f.left on into a frame, with zeros where it leaves the image.
func (f field) copyTo(isa ISA, dst []float32, to frame, image Array, top int) {
	left := max(0, -f.left)
	right := max(left, min(to.cols, f.w-f.left))
	for i := range to.rows {
		row := dst[i*to.row : (i+1)*to.row]
		h := top + i
		if h < 0 || h >= f.h || left >= to.cols {
			clear(row)
			continue
		}
		clear(row[:left*to.pixel])
		clear(row[right*to.pixel:])
		src := image.slice((h*f.w+f.left+left)*f.c, (h*f.w+f.left+right)*f.c)
		if to.pixel == f.c {
			isa.read(row[left*to.pixel:right*to.pixel], src)
			continue
		}
		for j := range right - left {
			isa.read(row[(left+j)*to.pixel:][:f.c], src.from(j*f.c))
		}
	}
}
