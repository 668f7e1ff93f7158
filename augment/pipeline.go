package augment

import "fmt"

// Pipeline makes views after one recipe. It is immutable: any number of goroutines may use it, each with a scratch of its own.
type Pipeline struct {
	recipe   Recipe
	channels int
	k        *kernels
	moments  moments
	axes     []axis // filters to Size from every length up to cachedLength, by length - 1
}

// cachedLength bounds the source lengths whose filters a pipeline keeps: enough for every crop of the small datasets.
const cachedLength = 128

// New prepares a pipeline for images of 1 or 3 channels. It fails where the recipe is out of range ([Recipe.Validate]) or its
// moments are not those of so many channels.
func New(r Recipe, channels int) (*Pipeline, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if channels != 1 && channels != 3 {
		return nil, fmt.Errorf("augmentation: %d channels, want 1 or 3", channels)
	}
	if n := len(r.Mean); n != 0 && n != channels {
		return nil, fmt.Errorf("augmentation recipe: Mean and Std have %d entries, the images %d channels", n, channels)
	}
	r.Mean, r.Std = append([]float32(nil), r.Mean...), append([]float32(nil), r.Std...)
	p := &Pipeline{recipe: r, channels: channels, k: detect(), moments: newMoments(r.Mean, r.Std, channels)}
	p.axes = make([]axis, cachedLength)
	for i := range p.axes {
		p.axes[i].fill(i+1, r.Size, 0, r.Size)
	}
	return p, nil
}

// Recipe gives a copy of the pipeline's recipe.
func (p *Pipeline) Recipe() Recipe {
	r := p.recipe
	r.Mean, r.Std = append([]float32(nil), r.Mean...), append([]float32(nil), r.Std...)
	return r
}

// Channels is 1 or 3.
func (p *Pipeline) Channels() int { return p.channels }

// Len is the number of values of a view: Size*Size*Channels.
func (p *Pipeline) Len() int { return p.recipe.Size * p.recipe.Size * p.channels }

// Apply writes the view of src that the key draws to dst, which holds Len values: rows of interleaved channels.
// It panics where dst is of another length or src is not an image of the pipeline's channels.
func (p *Pipeline) Apply(dst []float32, src Image, k Key, s *Scratch) {
	src.check(p.channels)
	p.ApplyParams(dst, src, p.Draw(k, src.H, src.W), s)
}

// ApplyParams is Apply with given params.
func (p *Pipeline) ApplyParams(dst []float32, src Image, v Params, s *Scratch) {
	src.check(p.channels)
	v.Crop.check(src)
	p.checkLen(dst)
	size := p.recipe.Size
	cols, rows := p.axis(v.Crop.Width, size, &s.cols), p.axis(v.Crop.Height, size, &s.rows)
	img := s.planes(size, p.channels)
	p.resample(img, src, v.Crop, cols, rows, v.Flip, s)
	if v.Jitter {
		p.jitter(img, &v)
	}
	if v.Gray && p.channels == 3 {
		p.k.gray(img.plane(0), img.plane(1), img.plane(2))
	}
	if v.Sigma > 0 {
		p.blur(img, v.Sigma, s)
	}
	if v.Solarize {
		solarize(img.pix)
	}
	p.normalize(dst, img)
}

// Eval writes the plain picture to dst, as [Pipeline.Apply] does with a view: the short side resized to EvalShort (the long
// one in proportion, rounded down), the centre cut out, normalised. An image of Size x Size stays as it is
// unless EvalShort asks for more.
func (p *Pipeline) Eval(dst []float32, src Image, s *Scratch) {
	src.check(p.channels)
	p.checkLen(dst)
	size, short := p.recipe.Size, p.recipe.short()
	h, w := short, short
	if src.H > src.W {
		h = short * src.H / src.W
	} else {
		w = short * src.W / src.H
	}
	cols, rows := p.axis(src.W, w, &s.cols), p.axis(src.H, h, &s.rows)
	img := s.planes(size, p.channels)
	p.resample(img, src, Box{Height: src.H, Width: src.W}, cols, rows, false, s)
	p.normalize(dst, img)
}

func (p *Pipeline) checkLen(dst []float32) {
	if len(dst) != p.Len() {
		panic("augment: dst does not hold Size*Size*Channels values")
	}
}

// axis is the filter that brings so many samples to out, at least Size, and keeps the Size in the middle: one of the pipeline's, or else
// spare, filled.
func (p *Pipeline) axis(samples, out int, spare *axis) *axis {
	size := p.recipe.Size
	if out == size && samples <= len(p.axes) {
		return &p.axes[samples-1]
	}
	spare.fill(samples, out, center(out, size), size)
	return spare
}

// center is where a window of size starts in the middle of length: torchvision's int(round((length-size)/2)), half to even.
func center(length, size int) int {
	d := length - size
	if d%4 == 3 {
		return d/2 + 1
	}
	return d / 2
}
