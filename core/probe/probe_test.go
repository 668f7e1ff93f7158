package probe_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/probe"
)

// golden is testdata/probe.json, made by testdata/make_golden.py with scikit-learn, scipy and numpy.
type golden struct {
	D           int
	Train, Test []int
	Linear      []struct{ L2, Loss, Top1, Top5 float64 }
	KNN         []struct {
		K             int
		T, Top1, Top5 float64
	}
	Wilson [][4]float64

	trainX, testX []float32
}

func readGolden(t *testing.T) golden {
	t.Helper()
	var g golden
	raw, err := os.ReadFile("testdata/probe.json")
	if err == nil {
		err = json.Unmarshal(raw, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("testdata/probe.f32")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := make([]float32, (len(g.Train)+len(g.Test))*g.D)
	if err := binary.Read(f, binary.LittleEndian, all); err != nil {
		t.Fatal(err)
	}
	g.trainX, g.testX = all[:len(g.Train)*g.D], all[len(g.Train)*g.D:]
	return g
}

func newPool(t testing.TB, threads int) *kernel.Pool {
	p := kernel.NewPool(threads)
	t.Cleanup(p.Close)
	return p
}

func TestLinearAgreesWithScikitLearn(t *testing.T) {
	g, p := readGolden(t), newPool(t, 2)
	for _, want := range g.Linear {
		o := probe.LinearOptions{L2: want.L2, Tol: 1e-5, MaxIter: 2000}
		c, err := probe.Fit(t.Context(), p, g.trainX, g.Train, o)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(c.Loss-want.Loss) > 1e-4*want.Loss || !c.Converged {
			t.Errorf("L2 %g: loss %.7f after %d iterations (converged: %v), want %.7f", want.L2, c.Loss, c.Iterations, c.Converged, want.Loss)
		}
		a, err := probe.Linear(t.Context(), p, g.trainX, g.Train, g.testX, g.Test, o)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(a.Top1-want.Top1) > 1e-12 || math.Abs(a.Top5-want.Top5) > 1e-12 {
			t.Errorf("L2 %g: top-1 %g and top-5 %g, want %g and %g", want.L2, a.Top1, a.Top5, want.Top1, want.Top5)
		}
	}
}

func TestKNNAgreesWithNumpy(t *testing.T) {
	g, p := readGolden(t), newPool(t, 2)
	for _, want := range g.KNN {
		a, err := probe.KNN(t.Context(), p, g.trainX, g.Train, g.testX, g.Test, probe.KNNOptions{K: want.K, Temperature: want.T})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(a.Top1-want.Top1) > 1e-12 || math.Abs(a.Top5-want.Top5) > 1e-12 {
			t.Errorf("k %d: top-1 %g and top-5 %g, want %g and %g", want.K, a.Top1, a.Top5, want.Top1, want.Top5)
		}
	}
}

func TestWilsonAgreesWithScipy(t *testing.T) {
	for _, w := range readGolden(t).Wilson {
		low, high := probe.Wilson(w[0]/w[1], int(w[1]))
		if math.Abs(low-w[2]) > 1e-9 || math.Abs(high-w[3]) > 1e-9 {
			t.Errorf("%g of %g: %g to %g, want %g to %g", w[0], w[1], low, high, w[2], w[3])
		}
	}
	if low, high := probe.Wilson(0, 0); low != 0 || high != 1 {
		t.Errorf("no trials: %g to %g", low, high)
	}
}

// TestKNNTies puts equal neighbours and equal votes in a row's way.
func TestKNNTies(t *testing.T) {
	p := newPool(t, 1)
	train := []float32{1, 0, 1, 0, 1, 0, 0, 1}
	for name, c := range map[string]struct {
		labels []int
		label  int
		k      int
		top1   float64
		top5   float64
	}{
		"the earlier of equal neighbours": {[]int{2, 1, 0, 3}, 2, 1, 1, 1},
		"the lower of equal votes":        {[]int{2, 1, 3, 0}, 1, 2, 1, 1},
		"the higher of equal votes":       {[]int{2, 1, 3, 0}, 2, 2, 0, 1},
		"a class without a vote":          {[]int{2, 1, 3, 0}, 0, 3, 0, 0},
		"a class that train lacks":        {[]int{2, 1, 3, 0}, 9, 3, 0, 0},
	} {
		a, err := probe.KNN(t.Context(), p, train, c.labels, []float32{2, 0}, []int{c.label}, probe.KNNOptions{K: c.k})
		if err != nil {
			t.Fatal(err)
		}
		if a.Top1 != c.top1 || a.Top5 != c.top5 {
			t.Errorf("%s: top-1 %g and top-5 %g, want %g and %g", name, a.Top1, a.Top5, c.top1, c.top5)
		}
	}
}

// TestKNNAcrossBlocks places the only neighbour of a row's class in each block of train rows in turn.
func TestKNNAcrossBlocks(t *testing.T) {
	const n = 10_000
	p := newPool(t, 2)
	for _, at := range []int{0, 4095, 4096, 8191, 8192, n - 1} {
		train, labels := make([]float32, 2*n), make([]int, n)
		for i := range n {
			train[2*i] = 1
		}
		train[2*at], train[2*at+1], labels[at] = 0, 1, 1
		test, testLabels := make([]float32, 2*600), slices.Repeat([]int{1}, 600)
		for i := range 600 {
			test[2*i+1] = float32(i + 1)
		}
		a, err := probe.KNN(t.Context(), p, train, labels, test, testLabels, probe.KNNOptions{K: 1})
		if err != nil {
			t.Fatal(err)
		}
		if a.Top1 != 1 {
			t.Errorf("neighbour in row %d: top-1 is %g", at, a.Top1)
		}
	}
}

func TestFew(t *testing.T) {
	g, p := readGolden(t), newPool(t, 2)
	few := func(o probe.FewOptions) probe.Accuracy {
		a, err := probe.Few(t.Context(), p, g.trainX, g.Train, g.testX, g.Test, o)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a, again, other := few(probe.FewOptions{PerClass: 6, Seed: 1}), few(probe.FewOptions{PerClass: 6, Seed: 1}), few(probe.FewOptions{PerClass: 6, Seed: 2})
	if len(a.Draws) != 3 || math.Abs(a.Top1-(a.Draws[0]+a.Draws[1]+a.Draws[2])/3) > 1e-12 {
		t.Errorf("top-1 %g is not the mean of three draws %v", a.Top1, a.Draws)
	}
	if !slices.Equal(a.Draws, again.Draws) || slices.Equal(a.Draws, other.Draws) {
		t.Errorf("seed 1 gives %v, then %v; seed 2 gives %v", a.Draws, again.Draws, other.Draws)
	}
	all, err := probe.Linear(t.Context(), p, g.trainX, g.Train, g.testX, g.Test, probe.LinearOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Top1 < 0.3 || a.Top1 >= all.Top1 {
		t.Errorf("60 labels give top-1 %g, all of them %g", a.Top1, all.Top1)
	}
	if percent, one := few(probe.FewOptions{Seed: 1}), few(probe.FewOptions{PerClass: 1, Seed: 1}); percent.Top1 != one.Top1 {
		t.Errorf("1 %% of some 60 labels a class gives %g, one label %g", percent.Top1, one.Top1)
	}
	if _, err := probe.Few(t.Context(), p, g.trainX, g.Train, g.testX, g.Test, probe.FewOptions{PerClass: -1}); err == nil {
		t.Error("less than no labels: no error")
	}
	if every := few(probe.FewOptions{PerClass: 1000, Draws: 1}); every.Top1 != all.Top1 {
		t.Errorf("a draw of all rows gives %g, all rows %g", every.Top1, all.Top1)
	}
}

func TestThreadsDoNotChangeBits(t *testing.T) {
	g := readGolden(t)
	var first *probe.Classifier
	for _, threads := range []int{1, 2, 3} {
		c, err := probe.Fit(t.Context(), newPool(t, threads), g.trainX, g.Train, probe.LinearOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = c
		}
		if c.Loss != first.Loss || !slices.Equal(c.Weight, first.Weight) {
			t.Errorf("%d threads: loss %v, one thread %v", threads, c.Loss, first.Loss)
		}
	}
}

func TestInputsAreChecked(t *testing.T) {
	p := newPool(t, 1)
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		train, test             []float32
		trainLabels, testLabels []int
		code                    fault.Code
	}{
		"ragged":         {[]float32{1, 2, 3}, []float32{1}, []int{0, 1}, []int{0}, fault.Internal},
		"no rows":        {nil, []float32{1}, nil, []int{0}, fault.Internal},
		"negative label": {[]float32{1}, []float32{1}, []int{-1}, []int{0}, fault.Internal},
		"other width":    {[]float32{1, 2}, []float32{1}, []int{0}, []int{0}, fault.Internal},
		"not finite":     {[]float32{1, nan}, []float32{1}, []int{0, 1}, []int{0}, fault.Diverged},
	} {
		_, errLinear := probe.Linear(t.Context(), p, c.train, c.trainLabels, c.test, c.testLabels, probe.LinearOptions{})
		_, errKNN := probe.KNN(t.Context(), p, c.train, c.trainLabels, c.test, c.testLabels, probe.KNNOptions{})
		_, errFew := probe.Few(t.Context(), p, c.train, c.trainLabels, c.test, c.testLabels, probe.FewOptions{PerClass: 1})
		for _, err := range []error{errLinear, errKNN, errFew} {
			if err == nil || fault.CodeOf(err) != c.code {
				t.Errorf("%s: error %v", name, err)
			}
		}
	}
}

func TestEndedContext(t *testing.T) {
	g, p := readGolden(t), newPool(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := probe.Linear(ctx, p, g.trainX, g.Train, g.testX, g.Test, probe.LinearOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Linear: %v", err)
	}
	if _, err := probe.KNN(ctx, p, g.trainX, g.Train, g.testX, g.Test, probe.KNNOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("KNN: %v", err)
	}
}
