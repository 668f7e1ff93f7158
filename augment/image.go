package augment

// Image is an 8-bit picture: rows from top to bottom, pixels from left to right, channels interleaved.
// C is 1 (gray) or 3 (red, green, blue), and Pix holds H*W*C bytes.
type Image struct {
	Pix     []uint8
	H, W, C int
}

// Box is a rectangle of an image, in pixels.
type Box struct{ Top, Left, Height, Width int }

// check panics where the image cannot be one that a pipeline of so many channels takes: a mistake of the caller.
func (m Image) check(channels int) {
	switch {
	case m.C != channels:
		panic("augment: image and pipeline differ in channels")
	case m.H < 1 || m.W < 1:
		panic("augment: empty image")
	case len(m.Pix) < m.H*m.W*m.C:
		panic("augment: image has fewer bytes than H*W*C")
	}
}

// check panics where the box is not inside the image.
func (b Box) check(m Image) {
	if b.Height < 1 || b.Width < 1 || b.Top < 0 || b.Left < 0 || b.Height > m.H-b.Top || b.Width > m.W-b.Left {
		panic("augment: crop outside the image")
	}
}
