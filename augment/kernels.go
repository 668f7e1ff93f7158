package augment

//go:generate go run ./internal/gen -out kernels_amd64.s -stubs kernels_amd64.go -pkg augment

// kernels is a set of inner loops. Every set gives the bits of the plain one, which says what each computes.
// Bytes of planes come in whole blocks of planeAlign, the last ones past the picture; sums leave those out.
type kernels struct {
	name string

	// narrow is the horizontal pass of the resize: see narrowRows.
	narrow func(dst []uint8, src Image, box Box, cols *axis, size int, flip bool, s *Scratch)
	// combine is the vertical pass of a channel: every row of dst, size values, is a weighted sum of rows of src, pitch apart.
	combine func(dst, src []uint8, pitch int, rows *axis, size int)

	// affine is v -> clamp(v*f + a*b), rounded down.
	affine func(pix []uint8, f, a, b float32)
	// sum adds up n bytes.
	sum func(pix []uint8, n int) int
	// luminanceSum adds up the luminance of n pixels.
	luminanceSum func(r, g, b []uint8, n int) int
	// saturate blends with the luminance, gray puts it into all channels, hue turns the colours: see saturate, gray and turn.
	saturate func(r, g, b []uint8, f, rest float32)
	gray     func(r, g, b []uint8)
	hue      func(r, g, b []uint8, shift float32)

	// widen converts bytes to floats.
	widen func(dst []float32, src []uint8)
	// weighColumns is dst[i] = w[0] x[i] + sum over t of w[t] (x[i-t*pitch] + x[i+t*pitch]), where x[i] is src[i+r*pitch] and r is
	// len(w)-1. weighRow is the same along a row, rounded to the nearest byte.
	weighColumns func(dst, src []float32, pitch int, w []float32)
	weighRow     func(dst []uint8, src, w []float32)

	// interleave writes the first n normalised values of three planes, or of one.
	interleave func(dst []float32, r, g, b []uint8, n int, m *moments)
	single     func(dst []float32, v []uint8, n int, m *moments)
}

// planeAlign is the multiple to which planes are padded, so that kernels need no tail.
const planeAlign = 64

func plainKernels() *kernels {
	return &kernels{
		name:   "plain",
		narrow: narrowRows, combine: combineRows,
		affine: affine, sum: sumBytes, luminanceSum: luminanceSum, saturate: saturate, gray: gray, hue: turnHue,
		widen: widen, weighColumns: weighColumns, weighRow: weighRow,
		interleave: interleave, single: single,
	}
}

// detect is the fastest set that this machine can run.
func detect() *kernels {
	all := sets()
	return all[len(all)-1]
}
