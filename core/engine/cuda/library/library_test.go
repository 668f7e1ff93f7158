package library

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/internal/cuda/devicetest"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/sdk/expr"
)

// cases are the products and convolutions of the engine's suite and some of uneven kernels, convolutions with images stored in
// every mixture of types.
func cases() []testCase {
	var out []testCase
	for _, op := range slices.Concat(enginetest.Ops(), unevenKernels()) {
		switch op.Kind {
		case expr.MatMul:
			out = append(out, testCase{Op: op})
		case expr.Conv2D, expr.Conv2DGradX, expr.Conv2DGradW:
			for _, in := range []engine.DType{engine.Float32, engine.BFloat16} {
				for _, other := range []engine.DType{engine.Float32, engine.BFloat16} {
					out = append(out, testCase{op, in, other})
				}
			}
		}
	}
	return out
}

// testCase is an op with the storage types of its two images: those of Conv2DGradW are both operands.
type testCase struct {
	enginetest.Op
	in, other engine.DType
}

func unevenKernels() []enginetest.Op {
	x, w, y := expr.Shape{2, 5, 7, 3}, expr.Shape{2, 3, 3, 4}, expr.Shape{2, 4, 5, 4}
	a := expr.Attrs{Stride: 1}
	dx, dw := a, a
	dx.Shape, dw.Shape = x, w
	return []enginetest.Op{{Kind: expr.Conv2D, Attrs: a, Shapes: []expr.Shape{x, w}}, {Kind: expr.Conv2DGradX, Attrs: dx, Shapes: []expr.Shape{y, w}},
		{Kind: expr.Conv2DGradW, Attrs: dw, Shapes: []expr.Shape{x, y}}}
}

// setTypes stores the images of an instruction as the case wants, and reports whether the result is rounded to bfloat16.
func (c testCase) setTypes(p *engine.Plan, in engine.Instr) (rounded bool) {
	if c.Kind == expr.MatMul {
		return false
	}
	other := in.Out[0]
	if c.Kind == expr.Conv2DGradW {
		other = in.In[1]
	}
	p.Values[in.In[0]].Type, p.Values[other].Type = c.in, c.other
	some := c.in == engine.BFloat16 || c.other == engine.BFloat16
	if pointwise := c.Kind == expr.Conv2DGradW && c.Attrs.Stride == 1 && c.Attrs.Shape[0] == 1; pointwise {
		return false // cublasLt writes float32
	}
	return some
}

// TestOps computes every case, at once and from a captured graph, on numbers of which products and sums are exact: the results are
// the reference's to the bit, rounded once where they are bfloat16 on the way.
func TestOps(t *testing.T) {
	b := expr.New()
	all := cases()
	inputs, outputs := make([][]expr.Tensor, len(all)), make([]expr.Tensor, len(all))
	for i, c := range all {
		inputs[i], outputs[i] = c.Apply(b, fmt.Sprintf("case%d.", i))
	}
	p, err := engine.Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	find := func(x expr.Tensor) engine.ID { id, _ := p.Find(x); return id }
	rounded := make([]bool, len(all))
	for i, c := range all {
		at := slices.IndexFunc(p.Instrs, func(in engine.Instr) bool { return slices.Contains(in.Out, find(outputs[i])) })
		rounded[i] = c.setTypes(p, p.Instrs[at])
	}
	for id := range p.Values {
		p.Values[id].Store = engine.ID(id)
	}
	d := devicetest.Open(t)
	r := load(t, d, open(t, d, nil, Options{}), p)
	for i := range p.Instrs {
		if !r.computed.Computes(i) {
			t.Fatalf("the libraries do not compute %v", p.Instrs[i].Kind)
		}
	}
	r.compile(t)
	d.Check(r.computed.Prepare(r))
	random := rand.New(rand.NewPCG(1, 2))
	want := make([][]float32, len(all))
	for i := range all {
		operands := make([][]float32, len(inputs[i]))
		for j, in := range inputs[i] {
			operands[j] = devicetest.Draw(random, in.Shape().TotalSize())
			r.write(find(in), operands[j])
		}
		want[i] = make([]float32, outputs[i].Shape().TotalSize())
		d.Check(outputs[i].Node().Op().(*expr.Op).Compute(want[i], operands))
	}
	compare := func(how string) {
		for i, c := range all {
			got := r.read(find(outputs[i]))
			for j, w := range want[i] {
				if rounded[i] {
					w = devicetest.BFloat16.Round(float64(w))
				}
				if got[j] != w {
					t.Errorf("%s, %s %+v %v of %v, %v: element %d is %g, want %g", how, c.Kind, c.Attrs, c.Shapes, c.in, c.other, j, got[j], w)
					break
				}
			}
		}
	}
	d.Check(r.enqueue())
	compare("at once")
	for _, o := range outputs {
		r.write(find(o), make([]float32, o.Shape().TotalSize()))
	}
	d.Replay(r.enqueue)
	compare("from a graph")
}

// compile plans the outputs that a graph's function gives.
func compile(t *testing.T, build func(b *expr.Builder) []expr.Tensor) *engine.Plan {
	t.Helper()
	b := expr.New()
	outputs := build(b)
	p, err := engine.Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kinds prints the instructions with what computes each: "matmul+" by the libraries.
func kinds(p *engine.Plan, v *Plan) string {
	var out []string
	for i, in := range p.Instrs {
		mark := ""
		if v.Computes(i) {
			mark = "+"
		}
		out = append(out, string(in.Kind)+mark)
	}
	return strings.Join(out, " ")
}

// TestEpilogue: a bias behind a product is computed with it, and nothing else that looks alike.
func TestEpilogue(t *testing.T) {
	d := devicetest.OpenFake(t)
	l := open(t, d, nil, Options{})
	for name, test := range map[string]struct {
		build func(b *expr.Builder) []expr.Tensor
		want  string
	}{
		"bias": {func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 3, 5).MatMul(b.Input("w", 5, 7)).Add(b.Input("bias", 7)).Sum()}
		}, "matmul+ fused+ sum"},
		"bias and relu": {func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 3, 5).MatMul(b.Input("w", 5, 7)).Add(b.Input("bias", 7)).ReLU().Sum()}
		}, "matmul+ fused sum"},
		"bias that is the result": {func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 3, 5).MatMul(b.Input("w", 5, 7)).Add(b.Input("bias", 7))}
		}, "matmul+ fused+"},
		"bias along columns": {func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 3, 5).MatMul(b.Input("w", 5, 7)).Add(b.Input("bias", 3, 1)).Sum()}
		}, "matmul+ fused sum"},
		"scale": {func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 3, 5).MatMul(b.Input("w", 5, 7)).Mul(b.Input("bias", 7)).Sum()}
		}, "matmul+ fused sum"},
		"bias twice": {func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 3, 5).MatMul(b.Input("w", 5, 7)).Add(b.Input("bias", 7)).Add(b.Input("more", 7)).Sum()}
		}, "matmul+ fused sum"},
		"relu of the bias": {func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 3, 5).MatMul(b.Input("w", 5, 7)).Add(b.Input("bias", 7).ReLU()).Sum()}
		}, "matmul+ fused fused sum"},
		"the product is a result too": {func(b *expr.Builder) []expr.Tensor {
			y := b.Input("x", 3, 5).MatMul(b.Input("w", 5, 7))
			return []expr.Tensor{y, y.Add(b.Input("bias", 7)).Sum()}
		}, "matmul+ fused sum"},
		"the product has another reader": {func(b *expr.Builder) []expr.Tensor {
			y := b.Input("x", 3, 5).MatMul(b.Input("w", 5, 7))
			return []expr.Tensor{y.Sum(0), y.Add(b.Input("bias", 7)).Sum()}
		}, "matmul+ sum fused sum"},
		"the product is seen in another shape": {func(b *expr.Builder) []expr.Tensor {
			y := b.Input("x", 3, 5).MatMul(b.Input("w", 5, 7))
			return []expr.Tensor{y.Reshape(21, 1).Sum(0), y.Add(b.Input("bias", 7)).Sum()}
		}, "matmul+ sum fused sum"},
	} {
		p := compile(t, test.build)
		v, err := l.Plan(p)
		d.Check(err)
		if got := kinds(p, v); got != test.want {
			t.Errorf("%s: %s, want %s\n%v", name, got, test.want, p)
		}
		d.Check(v.Close())
	}
}

// TestEpilogueComputes: what the epilogue computes is the chain's result.
func TestEpilogueComputes(t *testing.T) {
	var x, w, bias, y expr.Tensor
	p := compile(t, func(b *expr.Builder) []expr.Tensor {
		x, w, bias = b.Input("x", 9, 5), b.Input("w", 7, 5), b.Input("bias", 7)
		y = x.MatMulT(w).Add(bias)
		return []expr.Tensor{y}
	})
	d := devicetest.Open(t)
	r := load(t, d, open(t, d, nil, Options{}), p)
	d.Check(r.computed.Prepare(r))
	find := func(x expr.Tensor) engine.ID { id, _ := p.Find(x); return id }
	random := rand.New(rand.NewPCG(5, 6))
	xs, ws, biases := devicetest.Draw(random, 45), devicetest.Draw(random, 35), devicetest.Draw(random, 7)
	r.write(find(x), xs)
	r.write(find(w), ws)
	r.write(find(bias), biases)
	d.Check(r.enqueue())
	got := r.read(find(y))
	for i := range 9 {
		for j := range 7 {
			want := biases[j]
			for k := range 5 {
				want += xs[5*i+k] * ws[5*j+k]
			}
			if got[7*i+j] != want {
				t.Fatalf("y[%d, %d] is %g, want %g", i, j, got[7*i+j], want)
			}
		}
	}
}

// convolutions is a plan of a convolution with its gradients, and of a pointwise one.
func convolutions(b *expr.Builder) []expr.Tensor {
	x, w, point := b.Input("x", 2, 6, 5, 3), b.Input("w", 3, 3, 3, 4), b.Input("point", 1, 1, 4, 8)
	y := x.Conv2D(w, 2, 1).Conv2D(point, 1, 0)
	grads, err := b.Grad(y.Square().Sum(), x, w, point)
	if err != nil {
		panic(err)
	}
	return grads
}

// TestMissing: each library can be missing, or refuse to start. Pointwise convolutions are then cuDNN's, and what is nobody's is
// left to the device, with the reason.
func TestMissing(t *testing.T) {
	d := devicetest.OpenFake(t)
	p := compile(t, convolutions)
	folder := func(files ...string) dl.Search {
		dir := t.TempDir()
		for _, f := range files {
			d.Check(os.Symlink(filepath.Join(d.Fake.Search()[0].Folder, f), filepath.Join(dir, f)))
		}
		return dl.In(dir)
	}
	const all, pointwise = 6, 3
	for name, test := range map[string]struct {
		search   dl.Search
		prepare  func()
		computed int
		notes    []string
	}{
		"both there":       {folder("libcudnn.so.9", "libcublasLt.so.13"), nil, all, nil},
		"cuDNN missing":    {folder("libcublasLt.so.13"), nil, pointwise, []string{"convolutions by this program's own kernels: cuDNN is missing"}},
		"cublasLt missing": {folder("libcudnn.so.9"), nil, all, []string{"products by this program's own kernels: cublasLt is missing"}},
		"both missing":     {folder(), nil, 0, []string{"products by", "convolutions by"}},
		"cuDNN refuses": {nil, func() { d.Fake.Fail("cudnnCreate", 1, 1002) }, pointwise,
			[]string{"convolutions by this program's own kernels: cudnnCreate: CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH (1002): made to fail"}},
		"cublasLt refuses": {nil, func() { d.Fake.Fail("cublasLtCreate", 1, 1) }, all,
			[]string{"products by this program's own kernels: cublasLtCreate: CUBLAS_STATUS_NOT_INITIALIZED (1)"}},
	} {
		if test.prepare != nil {
			test.prepare()
		}
		l := open(t, d, test.search, Options{})
		v, err := l.Plan(p)
		d.Check(err)
		if got := strings.Count(kinds(p, v), "+"); got != test.computed {
			t.Errorf("%s: %d instructions computed, want %d: %s", name, got, test.computed, kinds(p, v))
		}
		if len(l.Notes()) != len(test.notes) {
			t.Errorf("%s: notes %q, want %q", name, l.Notes(), test.notes)
			continue
		}
		for i, want := range test.notes {
			if got := l.Notes()[i].Error(); !strings.HasPrefix(got, want) {
				t.Errorf("%s: note %q, want %q", name, got, want)
			}
		}
		d.Check(v.Close())
	}
}

// TestDeclined: what a library has no code for is the other library's, or left to the device; other failures are errors.
func TestDeclined(t *testing.T) {
	d := devicetest.OpenFake(t)
	p := compile(t, convolutions)
	for name, test := range map[string]struct {
		function string
		code     int
		fails    bool
		left     int
	}{
		"no code for a convolution":           {"cudnnGetConvolutionForwardAlgorithm_v7", 3000, false, 1},
		"a convolution fails":                 {"cudnnGetConvolutionForwardAlgorithm_v7", 5000, true, 0},
		"no code for a pointwise convolution": {"cublasLtMatmulAlgoGetHeuristic", 15, false, 0}, // cuDNN has
		"a product fails":                     {"cublasLtMatmulAlgoGetHeuristic", 14, true, 0},
	} {
		l := open(t, d, nil, Options{})
		d.Fake.Fail(test.function, 1, test.code)
		v, err := l.Plan(p)
		if test.fails {
			if err == nil || !strings.Contains(err.Error(), test.function) {
				t.Errorf("%s: error %v", name, err)
			}
			continue
		}
		d.Check(err)
		if strings.Count(kinds(p, v), "+") != 6-test.left || len(l.Notes()) != test.left {
			t.Errorf("%s: %s, notes %v", name, kinds(p, v), l.Notes())
		}
		d.Check(v.Close())
	}
}

// TestLackOfMemory lets each allocation of Prepare fail: it is an error that names it, or a note, and nothing leaks.
func TestLackOfMemory(t *testing.T) {
	d := devicetest.OpenFake(t)
	p := compile(t, convolutions)
	failed, noted := 0, 0
	for n := 1; ; n++ {
		l := open(t, d, nil, Options{})
		r := load(t, d, l, p)
		before := d.Fake.Calls("cuMemAlloc_v2")
		d.Fake.Fail("cuMemAlloc_v2", n, 2)
		err := r.computed.Prepare(r)
		switch {
		case err != nil:
			failed++
			if !strings.Contains(err.Error(), "CUDA_ERROR_OUT_OF_MEMORY") {
				t.Errorf("allocation %d failed: error %v", n, err)
			}
		case len(l.Notes()) > 0:
			noted++
		}
		if made := d.Fake.Calls("cuMemAlloc_v2") - before; made < n {
			d.Fake.Fail("cuMemAlloc_v2", n-made, 0) // not reached: the fault is taken back
			break
		}
	}
	if failed == 0 || noted != 1 {
		t.Errorf("%d errors and %d notes; the memory for measuring alone can be done without", failed, noted)
	}
}

// TestFaults lets each call of the libraries fail, on the way from Plan to the last Enqueue: the error names the function, and
// nothing leaks.
func TestFaults(t *testing.T) {
	d := devicetest.OpenFake(t)
	p := compile(t, convolutions)
	for _, function := range []string{"cudnnCreateTensorDescriptor", "cudnnSetTensor4dDescriptor", "cudnnCreateFilterDescriptor",
		"cudnnSetFilter4dDescriptor", "cudnnCreateConvolutionDescriptor", "cudnnSetConvolution2dDescriptor", "cudnnSetConvolutionMathType",
		"cudnnGetConvolutionForwardAlgorithm_v7", "cudnnGetConvolutionBackwardDataAlgorithm_v7", "cudnnGetConvolutionBackwardFilterAlgorithm_v7",
		"cudnnGetConvolutionForwardWorkspaceSize", "cudnnGetConvolutionBackwardDataWorkspaceSize", "cudnnGetConvolutionBackwardFilterWorkspaceSize",
		"cudnnFindConvolutionForwardAlgorithmEx", "cudnnFindConvolutionBackwardDataAlgorithmEx", "cudnnFindConvolutionBackwardFilterAlgorithmEx",
		"cudnnConvolutionForward", "cudnnConvolutionBackwardData", "cudnnConvolutionBackwardFilter",
		"cublasLtMatmulDescCreate", "cublasLtMatmulDescSetAttribute", "cublasLtMatrixLayoutCreate", "cublasLtMatmulPreferenceCreate",
		"cublasLtMatmulPreferenceSetAttribute", "cublasLtMatmulAlgoGetHeuristic", "cublasLtMatmul"} {
		r := &rig{Device: d, libraries: open(t, d, nil, Options{}), plan: p}
		d.Fake.Fail(function, 1, 14)
		err := r.live(t)
		if err == nil || !strings.Contains(err.Error(), function) {
			t.Errorf("%s failed: error %v", function, err)
		}
	}
}
