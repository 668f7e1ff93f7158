package report

import (
	"fmt"
	"math"
)

// scale maps a range of values to a range of pixels, linearly or by logarithm.
type scale struct {
	lo, hi   float64 // values
	from, to float64 // pixels
	log      bool
}

// flat is the range, relative to the values, below which differences are rounding.
const flat = 1e-6

// newScale covers the values between lo and hi. A linear scale grows to whole ticks; a flat range gets a width.
func newScale(lo, hi, from, to float64, log, grow bool) scale {
	if size := math.Max(math.Abs(lo), math.Abs(hi)); hi-lo <= flat*size {
		d := math.Max(size*0.1, 1e-9)
		lo, hi = lo-d, hi+d
	}
	s := scale{lo: lo, hi: hi, from: from, to: to, log: log}
	if grow && !log {
		step := tickStep(hi - lo)
		s.lo, s.hi = math.Floor(lo/step+1e-9)*step, math.Ceil(hi/step-1e-9)*step
	}
	return s
}

// at is the pixel of a value.
func (s scale) at(v float64) float64 {
	lo, hi := s.lo, s.hi
	if s.log {
		lo, hi, v = math.Log10(lo), math.Log10(hi), math.Log10(v)
	}
	return s.from + (v-lo)/(hi-lo)*(s.to-s.from)
}

// wanted is how many ticks an axis has, roughly.
const wanted = 5

// tickStep is 1, 2 or 5 times a power of ten, so that about wanted steps cover the span.
func tickStep(span float64) float64 {
	raw := span / wanted
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	switch r := raw / power; {
	case r < 1.5:
		return power
	case r < 3.5:
		return 2 * power
	case r < 7.5:
		return 5 * power
	}
	return 10 * power
}

// ticks are the values to label.
func (s scale) ticks() []float64 {
	if s.log {
		return s.logTicks()
	}
	step := tickStep(s.hi - s.lo)
	var out []float64
	first := math.Ceil(s.lo/step - 1e-9)
	for i := range int(math.Floor(s.hi/step+1e-9)-first) + 1 {
		out = append(out, (first+float64(i))*step)
	}
	return out
}

// logTicks are powers of ten, thinned where there are many, with 2 and 5 between them where there are few.
func (s scale) logTicks() []float64 {
	first, last := math.Floor(math.Log10(s.lo)+1e-9), math.Ceil(math.Log10(s.hi)-1e-9)
	between, every := []float64{1}, math.Max(1, math.Ceil((last-first)/6))
	if last-first <= 2 {
		between = []float64{1, 2, 5}
	}
	var out []float64
	for e := last - every*math.Floor((last-first)/every); e <= last; e += every {
		for _, m := range between {
			if v := m * math.Pow(10, e); v >= s.lo*(1-1e-9) && v <= s.hi*(1+1e-9) {
				out = append(out, v)
			}
		}
	}
	return out
}

// label writes a tick of the scale.
func (s scale) label(v float64) string {
	if !s.log {
		return tickLabel(v, tickStep(s.hi-s.lo))
	}
	if e := math.Log10(v); math.Abs(e-math.Round(e)) < 1e-9 && (s.lo < 1e-3 || s.hi > 1e4) {
		return "10" + superscript(int(math.Round(e)))
	}
	return figure(v)
}

// tickLabel writes a tick whose neighbours are step apart.
func tickLabel(v, step float64) string {
	if math.Abs(v) < step*1e-6 {
		return "0"
	}
	digits := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	switch {
	case digits > 4 || math.Abs(v) >= 1e6:
		return figure(v)
	case digits == 0:
		return count(int(math.Round(v)))
	}
	return minus(fmt.Sprintf("%.*f", digits, v))
}

func superscript(n int) string {
	digits := [...]string{"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"}
	out := ""
	for _, r := range fmt.Sprint(n) {
		if r == '-' {
			out += "⁻"
			continue
		}
		out += digits[r-'0']
	}
	return out
}
