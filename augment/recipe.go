package augment

import (
	"fmt"
	"math"
	"strings"
)

// Recipe is the augmentation of one view, its steps in the order in which the fields stand. A probability of 0 leaves a
// step out. The crop is resized by the bicubic filter, antialiased.
type Recipe struct {
	Size                       int     // height and width of the view, pixels
	CropMin, CropMax           float64 // area of the crop as a share of the image, drawn uniformly
	RatioMin, RatioMax         float64 // width over height of the crop, drawn uniformly in its logarithm
	Flip                       float64 // probability of a horizontal flip
	Jitter                     float64 // probability of colour jitter: the four below in random order
	Brightness, Contrast       float64 // strength s: a factor is drawn from [max(0, 1-s), 1+s]
	Saturation, Hue            float64 // saturation as above; hue is a shift drawn from [-s, s] turns
	Gray                       float64 // probability of grayscale
	Blur                       float64 // probability of Gaussian blur, over KernelSize pixels
	BlurSigmaMin, BlurSigmaMax float64 // its standard deviation, pixels, drawn uniformly
	Solarize                   float64 // probability of inverting values of 128 and above

	// Mean and Std normalise: (value/255 - Mean) / Std, one entry a channel. Both empty leave value/255.
	Mean, Std []float32

	// EvalShort is the length to which [Pipeline.Eval] brings the short side before it cuts out Size x Size; 0 is Size.
	EvalShort int
}

// KernelSize is the length of the blur's kernel: a tenth of the view, made odd, as in BYOL. 23 at 224, 3 at 32.
func (r Recipe) KernelSize() int { return r.Size/10 | 1 }

// short is the short side after the resize of Eval.
func (r Recipe) short() int {
	if r.EvalShort == 0 {
		return r.Size
	}
	return r.EvalShort
}

// Validate says which field is out of its range. The range of every field stands in its error.
func (r Recipe) Validate() error {
	for _, check := range []func() error{r.validateSizes, r.validateCrop, r.validateProbabilities, r.validateStrengths, r.validateMoments} {
		if err := check(); err != nil {
			return fmt.Errorf("augmentation recipe: %w", err)
		}
	}
	return nil
}

// maxSize keeps sums over a view inside the integers that float32 and int32 hold.
const maxSize = 4096

func (r Recipe) validateSizes() error {
	if r.Size < 1 || r.Size > maxSize {
		return fmt.Errorf("field Size is %d, want 1 to %d", r.Size, maxSize)
	}
	if r.EvalShort != 0 && (r.EvalShort < r.Size || r.EvalShort > maxSize) {
		return fmt.Errorf("field EvalShort is %d, want 0 or Size (%d) to %d", r.EvalShort, r.Size, maxSize)
	}
	return nil
}

func (r Recipe) validateCrop() error {
	if !(r.CropMin > 0 && r.CropMin <= 1) {
		return fmt.Errorf("field CropMin is %v, want above 0 to 1", r.CropMin)
	}
	if !(r.CropMax >= r.CropMin && r.CropMax <= 1) {
		return fmt.Errorf("field CropMax is %v, want CropMin (%v) to 1", r.CropMax, r.CropMin)
	}
	if !(r.RatioMin > 0 && finite(r.RatioMin)) {
		return fmt.Errorf("field RatioMin is %v, want above 0", r.RatioMin)
	}
	if !(r.RatioMax >= r.RatioMin && finite(r.RatioMax)) {
		return fmt.Errorf("field RatioMax is %v, want at least RatioMin (%v)", r.RatioMax, r.RatioMin)
	}
	return nil
}

func (r Recipe) validateProbabilities() error {
	for _, f := range []struct {
		name string
		p    float64
	}{{"Flip", r.Flip}, {"Jitter", r.Jitter}, {"Gray", r.Gray}, {"Blur", r.Blur}, {"Solarize", r.Solarize}} {
		if !(f.p >= 0 && f.p <= 1) {
			return fmt.Errorf("field %s is %v, want a probability, 0 to 1", f.name, f.p)
		}
	}
	return nil
}

func (r Recipe) validateStrengths() error {
	for _, f := range []struct {
		name string
		s    float64
	}{{"Brightness", r.Brightness}, {"Contrast", r.Contrast}, {"Saturation", r.Saturation}} {
		if !(f.s >= 0 && finite(f.s)) {
			return fmt.Errorf("field %s is %v, want at least 0", f.name, f.s)
		}
	}
	if !(r.Hue >= 0 && r.Hue <= 0.5) {
		return fmt.Errorf("field Hue is %v, want 0 to 0.5 turns", r.Hue)
	}
	if r.Blur == 0 {
		return nil
	}
	if !(r.BlurSigmaMin > 0 && finite(r.BlurSigmaMin)) {
		return fmt.Errorf("field BlurSigmaMin is %v, want above 0", r.BlurSigmaMin)
	}
	if !(r.BlurSigmaMax >= r.BlurSigmaMin && finite(r.BlurSigmaMax)) {
		return fmt.Errorf("field BlurSigmaMax is %v, want at least BlurSigmaMin (%v)", r.BlurSigmaMax, r.BlurSigmaMin)
	}
	return nil
}

// The bounds of the moments keep quotients far from overflow.
const maxMean, minStd, maxStd = 1e3, 1e-6, 1e6

func (r Recipe) validateMoments() error {
	if n := len(r.Mean); n != 0 && n != 1 && n != 3 {
		return fmt.Errorf("field Mean has %d entries, want one a channel (1 or 3), or none", n)
	}
	if len(r.Std) != len(r.Mean) {
		return fmt.Errorf("field Std has %d entries, want as many as Mean (%d)", len(r.Std), len(r.Mean))
	}
	for i := range r.Mean {
		if !(math.Abs(float64(r.Mean[i])) <= maxMean) {
			return fmt.Errorf("field Mean[%d] is %v, want -%v to %v", i, r.Mean[i], maxMean, maxMean)
		}
		if !(r.Std[i] >= minStd && r.Std[i] <= maxStd) {
			return fmt.Errorf("field Std[%d] is %v, want %v to %v", i, r.Std[i], minStd, maxStd)
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// String is the recipe on one line, without the steps of probability 0 and the moments.
func (r Recipe) String() string {
	parts := []string{fmt.Sprintf("%d px: crop %.3g-%.3g (ratio %.3g-%.3g)", r.Size, r.CropMin, r.CropMax, r.RatioMin, r.RatioMax)}
	add := func(p float64, format string, args ...any) {
		if p > 0 {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(r.Flip, "flip %.3g", r.Flip)
	add(r.Jitter, "jitter %.3g (%.3g %.3g %.3g %.3g)", r.Jitter, r.Brightness, r.Contrast, r.Saturation, r.Hue)
	add(r.Gray, "gray %.3g", r.Gray)
	add(r.Blur, "blur %.3g (%d px, sigma %.3g-%.3g)", r.Blur, r.KernelSize(), r.BlurSigmaMin, r.BlurSigmaMax)
	add(r.Solarize, "solarize %.3g", r.Solarize)
	return strings.Join(parts, ", ")
}
