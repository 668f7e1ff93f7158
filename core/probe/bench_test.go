package probe_test

import (
	"math/rand/v2"
	"testing"

	"github.com/sslctl/sslctl/core/probe"
)

// clusters makes n rows of width d about ten centres that overlap, with their labels.
func clusters(n, d int, seed uint64) ([]float32, []int) {
	centre := rand.New(rand.NewPCG(9, 9))
	centres := make([]float32, 10*d)
	for i := range centres {
		centres[i] = 0.15 * float32(centre.NormFloat64())
	}
	r := rand.New(rand.NewPCG(seed, 1))
	x, labels := make([]float32, n*d), make([]int, n)
	for i := range n {
		labels[i] = r.IntN(10)
		common := float32(r.NormFloat64()) // correlates the dimensions
		for j := range d {
			x[i*d+j] = centres[labels[i]*d+j] + float32(r.NormFloat64()) + 0.7*common
		}
	}
	return x, labels
}

// The sizes are those of Fashion-MNIST with a ResNet-18's 512 features.
func BenchmarkLinear60000x512(b *testing.B) {
	x, labels := clusters(60_000, 512, 1)
	tx, tl := clusters(10_000, 512, 2)
	p := newPool(b, 2)
	for b.Loop() {
		a, err := probe.Linear(b.Context(), p, x, labels, tx, tl, probe.LinearOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(a.Top1, "top1")
	}
}

func BenchmarkKNN10000x60000x512(b *testing.B) {
	x, labels := clusters(60_000, 512, 1)
	tx, tl := clusters(10_000, 512, 2)
	p := newPool(b, 2)
	for b.Loop() {
		a, err := probe.KNN(b.Context(), p, x, labels, tx, tl, probe.KNNOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(a.Top1, "top1")
	}
}
