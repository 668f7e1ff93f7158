package plane

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
)

// golden is testdata/plane.json, made by testdata/make_golden.py with numpy and scikit-learn from the rows x.
type golden struct {
	N, D          int
	Points, Share []float64
	JointRows     []float64 `json:"joint_rows"`
	KL            float64

	x      []float32
	labels []int
}

func readGolden(t *testing.T) golden {
	t.Helper()
	var g golden
	readJSON(t, "testdata/plane.json", &g)
	var labels struct{ Test []int }
	readJSON(t, "../testdata/probe.json", &labels)
	g.labels = labels.Test
	f, err := os.Open("../testdata/probe.f32")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := make([]float32, 900*g.D)
	if err := binary.Read(f, binary.LittleEndian, all); err != nil {
		t.Fatal(err)
	}
	g.x = all[600*g.D:]
	return g
}

func readJSON(t *testing.T, path string, to any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func newPool(t testing.TB, threads int) *kernel.Pool {
	p := kernel.NewPool(threads)
	t.Cleanup(p.Close)
	return p
}

func TestPCAAgreesWithNumpy(t *testing.T) {
	g := readGolden(t)
	c, err := PCA(t.Context(), g.x, g.N, g.D, 3)
	if err != nil {
		t.Fatal(err)
	}
	for j, want := range g.Share {
		if math.Abs(c.Share[j]-want) > 1e-8 {
			t.Errorf("component %d carries %g, want %g", j, c.Share[j], want)
		}
	}
	for i, p := range c.Points {
		for j := range 3 {
			if want := g.Points[3*i+j]; math.Abs(p[j]-want) > 1e-3 {
				t.Fatalf("row %d, component %d is %g, want %g", i, j, p[j], want)
			}
		}
	}
}

func TestPCAAtTheEdges(t *testing.T) {
	wide, err := PCA(t.Context(), []float32{1, 2, 3, 4, 5, 7}, 2, 3, 5)
	if err != nil {
		t.Fatal(err)
	}
	if len(wide.Share) != 1 || math.Abs(wide.Share[0]-1) > 1e-12 || math.Abs(math.Abs(wide.Points[0][0])-math.Sqrt(34)/2) > 1e-9 {
		t.Errorf("two rows give %+v", wide)
	}
	same, err := PCA(t.Context(), []float32{1, 2, 1, 2, 1, 2}, 3, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if same.Share[0] != 0 || same.Points[2][0] != 0 {
		t.Errorf("constant rows give %+v", same)
	}
	if _, err := PCA(t.Context(), []float32{1, float32(math.NaN())}, 2, 1, 1); fault.CodeOf(err) != fault.Diverged {
		t.Errorf("values that are not finite: %v", err)
	}
	if _, err := PCA(t.Context(), []float32{1, 2, 3}, 2, 2, 1); err == nil {
		t.Error("ragged values: no error")
	}
}

func TestAffinitiesAgreeWithScikitLearn(t *testing.T) {
	g := readGolden(t)
	p := affinities(newPool(t, 2), g.x, g.N, g.D, 30)
	var sum float64
	for _, v := range p {
		sum += float64(v)
	}
	if math.Abs(sum-1) > 1e-5 {
		t.Errorf("affinities sum to %g", sum)
	}
	for i, want := range g.JointRows {
		if got := float64(p[i]); math.Abs(got-want) > 1e-3*want+1e-9 {
			t.Fatalf("affinity %d is %g, want %g", i, got, want)
		}
	}
}

func TestTSNEAgreesWithScikitLearn(t *testing.T) {
	g := readGolden(t)
	m, err := TSNE(t.Context(), newPool(t, 2), g.x, g.N, g.D, Options{Iterations: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if m.KL > 1.01*g.KL || m.KL < 0.9*g.KL { // local minima differ; ours is usually a little lower
		t.Errorf("divergence is %g, scikit-learn reaches %g", m.KL, g.KL)
	}
	c, _ := PCA(t.Context(), g.x, g.N, g.D, 2)
	linear := make([][2]float64, g.N)
	for i, p := range c.Points {
		linear[i] = [2]float64{p[0], p[1]}
	}
	if a, b := purity(m.Points, g.labels), purity(linear, g.labels); a < b+0.1 || a < 0.75 {
		t.Errorf("the nearest point is of the same class for %.2f of the rows, %.2f in the linear map", a, b)
	}
}

// purity is the share of points whose nearest other point has the same label.
func purity(points [][2]float64, labels []int) float64 {
	same := 0
	for i, a := range points {
		best, at := math.Inf(1), -1
		for j, b := range points {
			if d := math.Hypot(a[0]-b[0], a[1]-b[1]); j != i && d < best {
				best, at = d, j
			}
		}
		if labels[at] == labels[i] {
			same++
		}
	}
	return float64(same) / float64(len(points))
}

// TestGradientDescends compares the gradient of a step with differences of the divergence.
func TestGradientDescends(t *testing.T) {
	g := readGolden(t)
	const n = 40
	p := newPool(t, 1)
	start, err := PCA(t.Context(), g.x[:n*g.D], n, g.D, 2)
	if err != nil {
		t.Fatal(err)
	}
	s := newDescent(p, affinities(p, g.x, n, g.D, 10), start)
	for range 50 {
		s.step(1, 0.5)
	}
	for i := 0; i < n; i += 7 {
		total := s.measure()
		for k := range 2 {
			got := 4 * (s.rows[i].attract[k] - s.rows[i].repel[k]/total)
			const h = 1e-5
			s.y[i][k] += h
			up := s.divergence()
			s.y[i][k] -= 2 * h
			down := s.divergence()
			s.y[i][k] += h
			if want := (up - down) / (2 * h); math.Abs(got-want) > 1e-5*math.Abs(want)+1e-8 {
				t.Errorf("point %d, coordinate %d: gradient %g, difference quotient %g", i, k, got, want)
			}
			s.measure()
		}
	}
}

func TestThreadsDoNotChangeBits(t *testing.T) {
	g := readGolden(t)
	var maps [2]*Map
	for i, threads := range []int{1, 3} {
		m, err := TSNE(t.Context(), newPool(t, threads), g.x, g.N, g.D, Options{Iterations: 60})
		if err != nil {
			t.Fatal(err)
		}
		maps[i] = m
	}
	if !slices.Equal(maps[0].Points, maps[1].Points) || maps[0].KL != maps[1].KL {
		t.Error("the number of threads changes the map")
	}
}

func TestTSNERefuses(t *testing.T) {
	g, p := readGolden(t), newPool(t, 1)
	if _, err := TSNE(t.Context(), p, g.x, 3, g.D, Options{}); err == nil {
		t.Error("three rows: no error")
	}
	if _, err := TSNE(t.Context(), p, nil, MaxRows+1, g.D, Options{}); err == nil {
		t.Error("too many rows: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := TSNE(ctx, p, g.x, g.N, g.D, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}

// TestConstantRows maps embeddings that collapsed completely: it must end, and with numbers.
func TestConstantRows(t *testing.T) {
	x := slices.Repeat([]float32{1, 2}, 50)
	m, err := TSNE(t.Context(), newPool(t, 1), x, 50, 2, Options{Iterations: 30})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Points {
		if p[0]-p[0] != 0 || p[1]-p[1] != 0 {
			t.Fatalf("point is %v", p)
		}
	}
}

func TestSample(t *testing.T) {
	if got := Sample(10, 4); !slices.Equal(got, []int{0, 2, 5, 7}) {
		t.Errorf("four of ten are %v", got)
	}
	if got := Sample(2, 4); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("four of two are %v", got)
	}
}

func BenchmarkTSNEStep2000(b *testing.B) {
	const n, d = 2000, 64
	x := make([]float32, n*d)
	for i := range x {
		x[i] = float32(math.Sin(float64(i) * 1.7))
	}
	p := newPool(b, 2)
	start, err := PCA(b.Context(), x, n, d, 2)
	if err != nil {
		b.Fatal(err)
	}
	s := newDescent(p, affinities(p, x, n, d, 30), start)
	for b.Loop() {
		s.step(1, 0.8)
	}
}
