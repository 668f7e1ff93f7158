package augment

// Scratch holds the buffers of a call. The zero value is ready; it grows on first use and serves any pipeline.
// One goroutine at a time.
type Scratch struct {
	cols, rows axis      // filters of lengths that the pipeline does not keep
	pix        []uint8   // the view, planes
	narrow     []uint8   // the crop after the horizontal pass, a row holding its channels one after another
	sums       []int32   // a row of the vertical pass
	wide       []float32 // the plane that is blurred
	row        []float32 // one row of it between the passes, with its margins
	weights    []float32 // the blur's kernel
}

// image is a square picture in planes: channel after channel, each size x size bytes.
type image struct {
	pix            []uint8
	size, channels int
}

func (m image) plane(c int) []uint8 { n := m.size * m.size; return m.pix[c*n : (c+1)*n : (c+1)*n] }

func (s *Scratch) planes(size, channels int) image {
	s.pix = grow(s.pix, size*size*channels)
	return image{pix: s.pix, size: size, channels: channels}
}

// grow gives a slice of n elements, the old one where it is large enough. The content is arbitrary.
func grow[T any](old []T, n int) []T {
	if cap(old) >= n {
		return old[:n]
	}
	return make([]T, n)
}
