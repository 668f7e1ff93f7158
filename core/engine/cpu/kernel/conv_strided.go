package kernel

// strided is the gradient of the input of a convolution with a stride, whose pixels fall into Stride x Stride classes with a
// convolution each: of the pixels with (h+Pad) mod Stride = a and (w+Pad) mod Stride = b. They depend on every Stride-th row
// and column of the filters, from a and b on, so that together they are a convolution of dy with these, turned round, with a
// stride of one. A task computes all classes of some rows of dx, which are complete then, and reads dy from its core's cache
// from the second class on.
type strided struct {
	Conv
	classes []stridedClass
}

type stridedClass struct {
	window
	first int    // row of dx
	b     panels // none where no tap of the filters belongs to the class
}

// strided cuts the convolution into classes, with weights packed in memory from scratch.
func (c Conv) strided(p *Pool, scratch *arena, w []float32) strided {
	v := strided{Conv: c}
	for a := range c.Stride {
		for b := range c.Stride {
			k := stridedClass{window: c.turnedWindow(a, b)}
			if k.oh <= 0 || k.ow <= 0 {
				continue
			}
			_, k.first, _ = c.class(a, c.R, c.H)
			if k.r > 0 && k.s > 0 {
				k.b = c.packClass(p, scratch, k.window, w, a, b)
			}
			v.classes = append(v.classes, k)
		}
	}
	return v
}

// packClass packs the weights of class (a, b): rows in the order r, s, k.
func (c Conv) packClass(p *Pool, scratch *arena, v window, w []float32, a, b int) panels {
	packed := newPanels(scratch, p.isa, v.r*v.s*c.K, c.C)
	p.Run(packed.count()*v.r*v.s, func(_, task int) {
		j, tap := task/(v.r*v.s), task%(v.r*v.s)
		r, s := a+(v.r-1-tap/v.s)*c.Stride, b+(v.s-1-tap%v.s)*c.Stride
		packed.packT(packed.rows(j, tap*c.K, (tap+1)*c.K), j, w[(r*c.S+s)*c.C*c.K:], c.K)
	})
	return packed
}

// stridedCut returns into how many groups the images are cut, and into how many bands of rows of dx each group of one image.
func (c Conv) stridedCut() (groups, bands int) {
	oh, ow := c.OutSize()
	pixels := windowPixels * c.Stride * c.Stride
	images := max(1, min(c.N, pixels/(c.H*c.W), windowFloats/(oh*ow*c.K)))
	if images > 1 {
		return parts(c.N, images), 1
	}
	rows := max(4, min(parts(pixels, c.W), windowFloats/(ow*c.K)*c.Stride))
	return c.N, parts(c.H, rows)
}

// run computes dx, rows of which are told the epilogue.
func (v strided) run(p *Pool, dy, dx Array, then Epilogue) {
	groups, bands := v.stridedCut()
	p.Run(groups*bands, func(worker, task int) {
		n0, n1 := span(v.N, groups, task/bands)
		h0, h1 := span(v.H, bands, task%bands)
		for _, k := range v.classes {
			i0, i1 := v.latticeRows(k, h0), v.latticeRows(k, h1)
			switch {
			case i0 == i1:
			case k.r == 0 || k.s == 0:
				k.clear(n0, n1, i0, i1, dx)
			default:
				k.band(p, worker, n0, n1, i0, i1, dy, k.b, dx)
			}
		}
		if then.Done != nil {
			then.Done(worker, task, (n0*v.H+h0)*v.W, ((n1-1)*v.H+h1)*v.W)
		}
	})
}

// latticeRows is the number of a class's rows above row h of dx.
func (v strided) latticeRows(k stridedClass, h int) int { return max(0, parts(h-k.first, v.Stride)) }
