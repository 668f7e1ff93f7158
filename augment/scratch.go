package augment

// Scratch holds the buffers of a call. The zero value is ready; it grows on first use and serves any pipeline.
// One goroutine at a time.
type Scratch struct {
	cols, rows axis      // filters of lengths that the pipeline does not keep
	pix        []uint8   // the view, planes
	narrow     []uint8   // the crop after the horizontal pass, a row holding its channels one after another
	lanes      []uint8   // the horizontal pass's rows, transposed
	wide       []float32 // the plane that is blurred, with its margins above and below
	row        []float32 // one row of it between the passes, with its margins
	weights    []float32 // the blur's kernel
}

// image is a square picture in planes of size x size bytes, channel after channel, each padded to stride bytes.
type image struct {
	pix                    []uint8
	size, channels, stride int
}

// area is the number of pixels.
func (m image) area() int { return m.size * m.size }

// plane is a channel with its padding.
func (m image) plane(c int) []uint8 {
	return m.pix[c*m.stride : (c+1)*m.stride : (c+1)*m.stride]
}

func (s *Scratch) planes(size, channels int) image {
	stride := (size*size + planeAlign - 1) / planeAlign * planeAlign
	s.pix = grow(s.pix, stride*channels)
	return image{pix: s.pix, size: size, channels: channels, stride: stride}
}

// grow gives a slice of n elements, the old one where it is large enough. The content is arbitrary.
func grow[T any](old []T, n int) []T {
	if cap(old) >= n {
		return old[:n]
	}
	return make([]T, n)
}
