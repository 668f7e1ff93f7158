package augment

import (
	"encoding/json"
	"math"
	"os"
	"sort"
	"testing"
)

// drawn is one entry of testdata/draws.json: quantiles of what torchvision's RandomResizedCrop drew n times.
type drawn struct {
	H, W, N      int
	Scale, Ratio [2]float64
	Probe        []float64
	Quantiles    map[string][]float64
}

// The crops must be distributed as torchvision's: Kolmogorov's distance at torchvision's quantiles stays below what two samples of
// this size exceed once in a million.
func TestCropsAreDistributedAsTorchvisions(t *testing.T) {
	text, err := os.ReadFile("testdata/draws.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []drawn
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		r := vicreg(32, 0)
		r.CropMin, r.CropMax, r.RatioMin, r.RatioMax = d.Scale[0], d.Scale[1], d.Ratio[0], d.Ratio[1]
		p := pipeline(t, r, 3, plainKernels())
		got := map[string][]float64{}
		add := func(name string, v float64) { got[name] = append(got[name], v) }
		for i := range d.N {
			b := p.Draw(Key{Seed: 77, Index: i}, d.H, d.W).Crop
			add("area", float64(b.Height*b.Width)/float64(d.H*d.W))
			add("ratio", float64(b.Width)/float64(b.Height))
			add("top", float64(b.Top))
			add("left", float64(b.Left))
		}
		limit := math.Sqrt(math.Log(2e6)/2) * math.Sqrt(2/float64(d.N))
		for name, quantiles := range d.Quantiles {
			sort.Float64s(got[name])
			if far := distance(got[name], quantiles, d.Probe); far > limit {
				t.Errorf("%dx%d: %s is %.4f from torchvision's distribution, limit %.4f", d.H, d.W, name, far, limit)
			}
		}
	}
}

// distance is how far the share of values at or below each quantile is from the probed share. Where values repeat, a quantile stands
// for all shares that it spans.
func distance(sorted, quantiles, probe []float64) float64 {
	far := 0.0
	n := float64(len(sorted))
	for i, q := range quantiles {
		first, last := i, i
		for first > 0 && quantiles[first-1] == q {
			first--
		}
		for last+1 < len(quantiles) && quantiles[last+1] == q {
			last++
		}
		below := float64(sort.SearchFloat64s(sorted, q)) / n
		atOrBelow := float64(sort.SearchFloat64s(sorted, math.Nextafter(q, math.Inf(1)))) / n
		// torchvision's share below q is at most probe[first], its share at or below at least probe[last].
		far = max(far, below-probe[first], probe[last]-atOrBelow)
	}
	return far
}

func TestDrawProbabilities(t *testing.T) {
	const n = 60_000
	r := vicreg(224, 0.3)
	r.Brightness, r.Contrast = 1.5, 0.4
	p := pipeline(t, r, 3, plainKernels())
	var flip, jitter, gray, blur, solarize, both int
	counts := map[[4]Step]int{}
	sums := map[string]*spread{"brightness": {}, "contrast": {}, "saturation": {}, "hue": {}, "sigma": {}}
	count := func(c *int, v bool) {
		if v {
			*c++
		}
	}
	for i := range n {
		v := p.Draw(Key{Seed: 3, Epoch: i % 7, Index: i, View: i % 2}, 32, 32)
		count(&flip, v.Flip)
		count(&jitter, v.Jitter)
		count(&gray, v.Gray)
		count(&blur, v.Sigma > 0)
		count(&solarize, v.Solarize)
		count(&both, v.Flip && v.Gray)
		if v.Sigma > 0 {
			sums["sigma"].add(v.Sigma)
		}
		if !v.Jitter {
			continue
		}
		counts[v.Order]++
		sums["brightness"].add(v.Brightness)
		sums["contrast"].add(v.Contrast)
		sums["saturation"].add(v.Saturation)
		sums["hue"].add(v.Hue)
	}
	for _, c := range []struct {
		name  string
		count int
		p     float64
	}{{"flip", flip, 0.5}, {"jitter", jitter, 0.8}, {"gray", gray, 0.2}, {"blur", blur, 0.3}, {"solarize", solarize, 0.1}, {"flip and gray", both, 0.1}} {
		if sigma := math.Sqrt(n * c.p * (1 - c.p)); math.Abs(float64(c.count)-n*c.p) > 5*sigma {
			t.Errorf("%s: %d of %d, want %.0f within %.0f", c.name, c.count, n, n*c.p, 5*sigma)
		}
	}
	if len(counts) != 24 {
		t.Errorf("%d orders of the jitter, want 24", len(counts))
	}
	for order, c := range counts {
		if want := float64(jitter) / 24; math.Abs(float64(c)-want) > 5*math.Sqrt(want) {
			t.Errorf("order %v: %d times, want %.0f", order, c, want)
		}
	}
	for name, want := range map[string][2]float64{"brightness": {0, 2.5}, "contrast": {0.6, 1.4}, "saturation": {0.8, 1.2}, "hue": {-0.1, 0.1}, "sigma": {0.1, 2}} {
		sums[name].check(t, name, want[0], want[1])
	}
}

// spread gathers a sample that should be uniform.
type spread struct{ n, sum, squares, low, high float64 }

func (s *spread) add(v float64) {
	if s.n == 0 {
		s.low, s.high = v, v
	}
	s.n++
	s.sum += v
	s.squares += v * v
	s.low, s.high = min(s.low, v), max(s.high, v)
}

func (s *spread) check(t *testing.T, name string, low, high float64) {
	t.Helper()
	width := high - low
	mean, std := s.sum/s.n, math.Sqrt(s.squares/s.n-s.sum/s.n*s.sum/s.n)
	if s.low < low || s.high >= high || s.low > low+width*0.01 || s.high < high-width*0.01 {
		t.Errorf("%s ranges over %v-%v, want %v-%v", name, s.low, s.high, low, high)
	}
	if math.Abs(mean-(low+high)/2) > 5*width/math.Sqrt(12*s.n) || math.Abs(std-width/math.Sqrt(12)) > 0.01*width {
		t.Errorf("%s has mean %v and deviation %v, want a uniform draw from %v-%v", name, mean, std, low, high)
	}
}

// A decision's draw must not move when another step's probability or strength changes.
func TestDrawsAreIndependentOfOtherSteps(t *testing.T) {
	full, bare := vicreg(224, 1), vicreg(224, 0)
	bare.Jitter, bare.Gray, bare.Solarize = 0, 0, 0
	a, b := pipeline(t, full, 3, plainKernels()), pipeline(t, bare, 3, plainKernels())
	for i := range 1000 {
		k := Key{Seed: 5, Index: i}
		va, vb := a.Draw(k, 100, 80), b.Draw(k, 100, 80)
		if va.Crop != vb.Crop || va.Flip != vb.Flip {
			t.Fatalf("key %+v: crop %+v flip %v with jitter, %+v %v without", k, va.Crop, va.Flip, vb.Crop, vb.Flip)
		}
	}
}

// Known answers of Philox4x32-10 from the Random123 distribution (kat_vectors): the counter and the key of all zeros, and of pi's digits.
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		key  Key
		slot uint32
		want [4]uint32
	}{
		{Key{}, 0, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{Key{Seed: math.MaxUint64, Index: math.MaxUint32, Epoch: math.MaxUint32, View: math.MaxUint32}, math.MaxUint32, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{Key{Seed: 0x299f31d0a4093822, Index: 0x243f6a88, Epoch: 0x85a308d3, View: 0x13198a2e}, 0x03707344, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := c.key.block(c.slot); got != c.want {
			t.Errorf("%+v, slot %#x: %#x, want %#x", c.key, c.slot, got, c.want)
		}
	}
}

// Draws are part of what a run depends on: these must never change.
func TestDrawIsStable(t *testing.T) {
	p := pipeline(t, vicreg(32, 0.5), 3, plainKernels())
	got := p.Draw(Key{Seed: 42, Epoch: 3, Index: 1234, View: 1}, 32, 32)
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Crop":{"Top":16,"Left":18,"Height":13,"Width":13},"Flip":false,"Jitter":true,"Order":[0,1,2,3],"Brightness":1.2158985499292612,"Contrast":1.030652556940913,"Saturation":0.9991769251413644,"Hue":0.08953466322273015,"Gray":true,"Sigma":0,"Solarize":false}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}
