package probe

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
)

// clouds draws rows around a centre for each class, in features of different size and offset.
func clouds(seed uint64, n, dim, classes int) (x []float32, labels []int) {
	r := rand.New(rand.NewPCG(seed, 1))
	centres := rand.New(rand.NewPCG(7, 7))
	centre := make([]float64, classes*dim)
	for i := range centre {
		centre[i] = centres.NormFloat64()
	}
	for range n {
		label := r.IntN(classes)
		labels = append(labels, label)
		for j := range dim {
			x = append(x, float32((centre[label*dim+j]+0.5*r.NormFloat64())*float64(1+10*j)+100))
		}
	}
	return x, labels
}

func TestOnlineLearns(t *testing.T) {
	pool := kernel.NewPool(2)
	defer pool.Close()
	const dim, classes, batch, steps = 12, 4, 64, 150
	o := NewOnline(classes, dim, steps)
	var first, last float64
	for k := range steps {
		x, labels := clouds(uint64(k), batch, dim, classes)
		loss := o.Step(pool, k, [][]float32{x, x}, labels)
		if k == 0 {
			first = loss
		}
		last = loss
	}
	if math.Abs(first-math.Log(classes)) > 1e-6 || last > 0.1 {
		t.Errorf("cross-entropy from %g to %g, want from log %d to almost nothing", first, last, classes)
	}
	x, labels := clouds(999, 1000, dim, classes)
	a, err := o.Test(pool, x, labels)
	if err != nil || a.Top1 < 0.97 {
		t.Errorf("accuracy %v (%v)", a.Top1, err)
	}
}

// TestOnlineGradient compares one step from random weights with finite differences of the loss that Step returns.
func TestOnlineGradient(t *testing.T) {
	pool := kernel.NewPool(1)
	defer pool.Close()
	const dim, classes, batch = 3, 4, 256 // at 256 images the rate of step 0 is onlineLR itself
	x, labels := clouds(3, batch, dim, classes)
	labels[5] = -1
	fresh := func() *Online {
		o := NewOnline(classes, dim, 10)
		r := rand.New(rand.NewPCG(5, 5))
		for _, name := range []string{onlineWeight, onlineBias} {
			for i := range o.state[name] {
				o.state[name][i] = float32(r.NormFloat64() * 0.3)
			}
		}
		return o
	}
	for _, name := range []string{onlineWeight, onlineBias} {
		for i := range fresh().state[name] {
			loss := func(by float32) float64 {
				o := fresh()
				o.state[name][i] += by
				return o.Step(pool, 0, [][]float32{x}, labels)
			}
			o := fresh()
			before := o.state[name][i]
			o.Step(pool, 0, [][]float32{x}, labels)
			got := float64(before-o.state[name][i]) / onlineLR
			want := (loss(1e-2) - loss(-1e-2)) / 2e-2
			if math.Abs(got-want) > 2e-4 {
				t.Errorf("%s[%d]: gradient %g, want %g", name, i, got, want)
			}
		}
	}
}

// TestOnlineResumes: a state that was saved and loaded goes on with the same bits, on another number of threads.
func TestOnlineResumes(t *testing.T) {
	one, three := kernel.NewPool(1), kernel.NewPool(3)
	defer one.Close()
	defer three.Close()
	const dim, classes, batch, steps = 40, 5, 96, 8
	whole, part := NewOnline(classes, dim, steps), NewOnline(classes, dim, steps)
	for k := range steps {
		x, labels := clouds(uint64(k), batch, dim, classes)
		whole.Step(one, k, [][]float32{x, x}, labels)
		if k == steps/2 {
			saved := map[string][]float32{}
			for name, v := range part.State() {
				saved[name] = slices.Clone(v)
			}
			part = NewOnline(classes, dim, steps)
			if err := part.Load(saved); err != nil {
				t.Fatal(err)
			}
		}
		part.Step(three, k, [][]float32{x, x}, labels)
	}
	if !maps.EqualFunc(whole.state, part.state, slices.Equal[[]float32]) {
		t.Error("states differ")
	}
	if err := part.Load(map[string][]float32{"weight": nil}); err == nil {
		t.Error("an incomplete state was loaded")
	}
}

func BenchmarkOnlineStep(b *testing.B) {
	pool := kernel.NewPool(2)
	defer pool.Close()
	x, labels := clouds(1, 128, 512, 10)
	o := NewOnline(10, 512, 1000)
	for b.Loop() {
		o.Step(pool, 1, [][]float32{x, x}, labels)
	}
}
