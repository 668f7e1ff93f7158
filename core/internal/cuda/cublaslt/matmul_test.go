package cublaslt

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/devicetest"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// open is the library on a device.
func open(t *testing.T) (*devicetest.Device, *Handle) {
	t.Helper()
	return openOn(t, devicetest.Open(t))
}

// openFake is open, never on a GPU.
func openFake(t *testing.T) (*devicetest.Device, *Handle) {
	t.Helper()
	return openOn(t, devicetest.OpenFake(t))
}

func openOn(t *testing.T, d *devicetest.Device) (*devicetest.Device, *Handle) {
	t.Helper()
	newest, _ := d.Driver.Version()
	lib, err := Open(d.Search(), newest)
	d.Check(err)
	h, err := lib.Handle()
	d.Check(err)
	t.Cleanup(func() { d.Check(h.Close()) })
	return d, h
}

// storage of a type.
func storage(kind Type) devicetest.Storage {
	if kind == BFloat16 {
		return devicetest.BFloat16
	}
	return devicetest.Float32
}

// reference is the product in float64, with its bias.
func reference(p Problem, a, b, bias []float32) []float64 {
	out := make([]float64, p.M*p.N)
	at := func(x []float32, i, j, rows, cols int, transposed bool) float64 {
		if transposed {
			return float64(x[j*rows+i])
		}
		return float64(x[i*cols+j])
	}
	for i := range p.M {
		for j := range p.N {
			var sum float64
			for k := range p.K {
				sum += at(a, i, k, p.M, p.K, p.TransA) * at(b, k, j, p.K, p.N, p.TransB)
			}
			if p.Epilogue == Bias {
				sum += float64(bias[j])
			}
			out[i*p.N+j] = sum
		}
	}
	return out
}

// TestMatmul multiplies matrices of all orientations, types and epilogues, at once and from a captured graph.
func TestMatmul(t *testing.T) {
	d, h := open(t)
	random := rand.New(rand.NewPCG(1, 2))
	for _, shape := range [][3]int{{1, 1, 1}, {5, 7, 3}, {16, 8, 24}, {3, 33, 257}, {65, 2, 31}} {
		for _, types := range [][2]Type{{Float32, Float32}, {BFloat16, BFloat16}, {BFloat16, Float32}} {
			for _, e := range []Epilogue{Plain, Bias} {
				for orientation := range 4 {
					p := Problem{M: shape[0], N: shape[1], K: shape[2], TransA: orientation&1 != 0, TransB: orientation&2 != 0, A: types[0], B: types[0],
						C: types[1], Compute: Full, Epilogue: e, Align: 16}
					if err := multiply(d, h, p, random); err != nil {
						t.Errorf("%+v: %v", p, err)
					}
				}
			}
		}
	}
}

// multiply compares a product with the exact one, rounded once.
func multiply(d *devicetest.Device, h *Handle, p Problem, random *rand.Rand) error {
	operand, result := storage(p.A), storage(p.C)
	a, b, bias := devicetest.Draw(random, p.M*p.K), devicetest.Draw(random, p.K*p.N), devicetest.Draw(random, p.N)
	m, err := h.Plan(p, 1<<20)
	if err != nil {
		return err
	}
	defer m.Close()
	o := Operands{A: d.Put(a, operand), B: d.Put(b, operand), C: d.Alloc(p.M * p.N * result.Bytes()), Bias: d.Put(bias, result),
		Workspace: d.Alloc(m.Workspace() + 1)}
	return d.Computes(func() error { return m.Enqueue(d.Stream, o) }, o.C, reference(p, a, b, bias), result)
}

// TestArithmetic: TF32 rounds operands to 10 bits and Full does not; both give the same bits every time.
func TestArithmetic(t *testing.T) {
	d, h := open(t)
	random := rand.New(rand.NewPCG(3, 4))
	p := Problem{M: 9, N: 11, K: 130, Compute: Full, Epilogue: Plain, Align: 16}
	a, b := make([]float32, p.M*p.K), make([]float32, p.K*p.N)
	for _, x := range [][]float32{a, b} {
		for i := range x {
			x[i] = float32(random.NormFloat64())
		}
	}
	want := reference(p, a, b, nil)
	for compute, bounds := range map[Compute][2]float64{Full: {0, 1e-5}, TF32: {1e-4, 1e-1}} {
		p.Compute = compute
		m, err := h.Plan(p, 1<<20)
		d.Check(err)
		o := Operands{A: d.Put(a, devicetest.Float32), B: d.Put(b, devicetest.Float32), C: d.Alloc(4 * p.M * p.N), Workspace: d.Alloc(m.Workspace() + 1)}
		var results [2][]float32
		for i := range results {
			d.Check(m.Enqueue(d.Stream, o))
			results[i] = d.Read(o.C, p.M*p.N, devicetest.Float32)
		}
		if fmt.Sprint(results[0]) != fmt.Sprint(results[1]) {
			t.Errorf("compute %d: not the same bits each time", compute)
		}
		var worst float64
		for i := range want {
			worst = max(worst, math.Abs(float64(results[0][i])-want[i]))
		}
		if worst < bounds[0] || worst > bounds[1] {
			t.Errorf("compute %d: off by %.2g, want %v", compute, worst, bounds)
		}
		d.Check(m.Close())
	}
}

// TestRefusals: what the library has no code for, and what goes wrong in it.
func TestRefusals(t *testing.T) {
	d, h := openFake(t)
	p := Problem{M: 4, N: 4, K: 4, Compute: Full, Epilogue: Plain, Align: 16}
	mixed := p
	mixed.C = BFloat16 // of float32 operands
	if _, err := h.Plan(mixed, 0); !errors.Is(err, ErrUnsupported) {
		t.Errorf("float32 to bfloat16: error %v, want ErrUnsupported", err)
	}
	long := Problem{M: 2, N: 2, K: 512, Compute: Full, Epilogue: Plain, Align: 16}
	for space, split := range map[int]bool{0: false, 1 << 20: true} {
		m, err := h.Plan(long, space)
		d.Check(err)
		if (m.Workspace() > 0) != split || m.Workspace() > space {
			t.Errorf("with %d bytes the algorithm takes %d", space, m.Workspace())
		}
		d.Check(m.Close())
	}
	for _, function := range []string{"cublasLtMatmulDescCreate", "cublasLtMatrixLayoutCreate", "cublasLtMatmulAlgoGetHeuristic"} {
		d.Fake.Fail(function, 1, 14)
		_, err := h.Plan(p, 0)
		var status *Error
		if !errors.As(err, &status) || status.Call != function || status.Code != 14 {
			t.Errorf("%s failed: error %v", function, err)
		}
	}
	m, err := h.Plan(p, 0)
	d.Check(err)
	defer m.Close()
	good := d.Alloc(64)
	for name, o := range map[string]Operands{
		"no operand": {B: good, C: good},
		"misaligned": {A: good + 4, B: good, C: good},
		"too small":  {A: good + 16, B: good, C: good},
	} {
		var status *Error
		if err := m.Enqueue(d.Stream, o); !errors.As(err, &status) || status.Error() != "cublasLtMatmul: CUBLAS_STATUS_INVALID_VALUE (7)" {
			t.Errorf("%s: error %v", name, err)
		}
	}
	d.Fake.Fail("cublasLtCreate", 1, 1)
	if _, err := h.Library.Handle(); err == nil {
		t.Error("a library that does not start gives a handle")
	}
}

// TestMissing: without the library, or with one that is newer than the driver, there is an error that says what to install.
func TestMissing(t *testing.T) {
	for name, test := range map[string]struct {
		file   string
		newest int
	}{"none": {"libcublas.so.13", 13}, "newer than the driver": {"libcublasLt.so.13", 12}, "older than CUDA 12": {"libcublasLt.so.11", 13}} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, test.file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dl.In(dir), test.newest)
		var missing *dl.MissingLibrary
		if !errors.As(err, &missing) || missing.Name != "cublasLt" || missing.Hint == "" || slices.Contains(missing.Files, test.file) {
			t.Errorf("%s: error %v, want *dl.MissingLibrary", name, err)
		}
	}
}

// TestFakeAnswersAsTheRealLibrary: what the real library was asked without a GPU, the fake answers alike.
func TestFakeAnswersAsTheRealLibrary(t *testing.T) {
	_, h := openFake(t)
	if v, err := h.Version(); err != nil || v < 120000 {
		t.Errorf("version %d, %v", v, err)
	}
	checkDescriptors(t, h.Library)
}
