package views

import (
	"fmt"
	"unsafe"

	"github.com/sslctl/sslctl/augment"
)

// record is the struct view of views.cu.
type record struct {
	image                            int64
	pitch                            int32
	top, left, height, width         int32
	flip, gray, solarize             int32
	steps                            [4]int32
	brightness, contrast, saturation float32
	hue                              float32
	restOfContrast, restOfSaturation float32
	radius                           int32
	mean, std                        [3]float32
	_                                int32 // C++ makes the size a multiple of 8
}

const recordBytes = int(unsafe.Sizeof(record{}))

// Host is the host's memory of the buffers that it fills, of the sizes that [Maker.Bytes] tells.
type Host struct {
	Images, Records []byte // aligned to 8 bytes
	Weights         []float32
}

// Put writes image j of a batch and what the key draws for each of its views; the key's View is set to the pipeline's number.
// Several images may be put at once. It fails on an image that the maker is not for.
func (m *Maker) Put(h Host, j int, img augment.Image, k augment.Key) error {
	if img.C != m.channels || img.H < 1 || img.W < 1 || img.H > m.height || img.W > m.width {
		return fmt.Errorf("views: image of %d x %d pixels and %d channels; want at most %d x %d and %d", img.H, img.W, img.C, m.height, m.width, m.channels)
	}
	copy(h.Images[j*m.slot():], img.Pix[:img.H*img.W*img.C])
	for v, p := range m.pipelines {
		k.View = v
		at := v*m.batch + j
		drawn := p.Draw(k, img.H, img.W)
		r := m.record(p.Recipe(), drawn)
		r.image, r.pitch = int64(j*m.slot()), int32(img.W*img.C)
		weights := p.BlurWeights(h.Weights[at*m.entries:][:0:m.entries], drawn.Sigma)
		r.radius = int32(max(0, len(weights)-1))
		*(*record)(unsafe.Pointer(&h.Records[at*recordBytes])) = r
	}
	return nil
}

// record is what a recipe and its draws do, as package augment does it.
func (m *Maker) record(recipe augment.Recipe, v augment.Params) record {
	r := record{
		top: int32(v.Crop.Top), left: int32(v.Crop.Left), height: int32(v.Crop.Height), width: int32(v.Crop.Width),
		flip: one(v.Flip), gray: one(v.Gray && m.channels == 3), solarize: one(v.Solarize), steps: [4]int32{-1, -1, -1, -1},
		brightness: float32(v.Brightness), contrast: float32(v.Contrast), saturation: float32(v.Saturation), hue: float32(v.Hue),
		restOfContrast: float32(1 - v.Contrast), restOfSaturation: float32(1 - v.Saturation), std: [3]float32{1, 1, 1},
	}
	copy(r.mean[:], recipe.Mean)
	copy(r.std[:], recipe.Std)
	if v.Jitter {
		for i, step := range v.Order {
			if m.changes(step, v) {
				r.steps[i] = int32(step)
			}
		}
	}
	return r
}

// changes reports whether a step of the jitter does anything.
func (m *Maker) changes(step augment.Step, v augment.Params) bool {
	switch step {
	case augment.Brightness:
		return v.Brightness != 1
	case augment.Contrast:
		return v.Contrast != 1
	case augment.Saturation:
		return v.Saturation != 1 && m.channels == 3
	}
	return v.Hue != 0 && m.channels == 3
}

func one(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
