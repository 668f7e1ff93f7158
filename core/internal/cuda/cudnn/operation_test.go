package cudnn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/devicetest"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
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
	lib, err := Open(d.Search())
	d.Check(err)
	h, err := lib.Handle(d.Stream)
	d.Check(err)
	t.Cleanup(func() { d.Check(h.Close()) })
	return d, h
}

// outputs is the height and width of y.
func (c Convolution) outputs() (p, q int) {
	return (c.H+2*c.Pad-c.R)/c.Stride + 1, (c.W+2*c.Pad-c.S)/c.Stride + 1
}

// sizes of x, w and y.
func (c Convolution) sizes() (x, w, y int) {
	p, q := c.outputs()
	return c.N * c.H * c.W * c.C, c.K * c.R * c.S * c.C, c.N * p * q * c.K
}

// reference visits every product of the convolution and adds it up where the direction wants it.
func reference(c Convolution, d Direction, a, b []float32) []float64 {
	sizeX, sizeW, sizeY := c.sizes()
	sum := make([]float64, map[Direction]int{Forward: sizeY, BackwardData: sizeX, BackwardFilter: sizeW}[d])
	p, q := c.outputs()
	for n := range c.N {
		for i := range p {
			for j := range q {
				for r := range c.R {
					for s := range c.S {
						h, w := i*c.Stride+r-c.Pad, j*c.Stride+s-c.Pad
						if h < 0 || w < 0 || h >= c.H || w >= c.W {
							continue
						}
						for ch := range c.C {
							for k := range c.K {
								x, y := ((n*c.H+h)*c.W+w)*c.C+ch, ((n*p+i)*q+j)*c.K+k
								f := ((k*c.R+r)*c.S+s)*c.C + ch
								switch d {
								case Forward:
									sum[y] += float64(a[x]) * float64(b[f])
								case BackwardData:
									sum[x] += float64(a[f]) * float64(b[y])
								case BackwardFilter:
									sum[f] += float64(a[x]) * float64(b[y])
								}
							}
						}
					}
				}
			}
		}
	}
	return sum
}

// operands draws a and b of a direction.
func operands(r *rand.Rand, c Convolution, d Direction) (a, b []float32) {
	x, w, y := c.sizes()
	switch d {
	case Forward:
		return devicetest.Draw(r, x), devicetest.Draw(r, w)
	case BackwardData:
		return devicetest.Draw(r, w), devicetest.Draw(r, y)
	}
	return devicetest.Draw(r, x), devicetest.Draw(r, y)
}

var shapes = []Convolution{
	{N: 1, H: 1, W: 1, C: 1, K: 1, R: 1, S: 1, Stride: 1},
	{N: 2, H: 5, W: 7, C: 3, K: 4, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 3, H: 6, W: 5, C: 2, K: 5, R: 3, S: 3, Stride: 2, Pad: 1},
	{N: 1, H: 9, W: 8, C: 3, K: 2, R: 7, S: 7, Stride: 2, Pad: 3},
	{N: 2, H: 7, W: 4, C: 5, K: 3, R: 1, S: 1, Stride: 2},
	{N: 1, H: 4, W: 6, C: 1, K: 2, R: 2, S: 3, Stride: 3},
}

// TestConvolution computes convolutions of all directions and types with each algorithm that is suggested, at once and from a
// captured graph.
func TestConvolution(t *testing.T) {
	device, h := open(t)
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range shapes {
		for kind, arithmetic := range map[Type]Math{Float32: TF32, BFloat16: TensorOp} {
			for _, d := range []Direction{Forward, BackwardData, BackwardFilter} {
				c.Type, c.Math = kind, arithmetic
				if err := convolve(device, h, c, d, random); err != nil {
					t.Errorf("%s of %+v: %v", d, c, err)
				}
			}
		}
	}
}

func convolve(device *devicetest.Device, h *Handle, c Convolution, d Direction, random *rand.Rand) error {
	o, err := h.Operation(c, d)
	if err != nil {
		return err
	}
	defer o.Close()
	algorithms, err := o.Suggest()
	if err != nil {
		return err
	}
	fixed := 0
	for _, a := range algorithms {
		if !a.Deterministic {
			continue
		}
		fixed++
		if err := o.Choose(a); err != nil {
			return err
		}
		if o.Workspace() > a.Workspace {
			return fmt.Errorf("algorithm %d was said to need %d bytes and needs %d", a.ID, a.Workspace, o.Workspace())
		}
		if err := run(device, o, random); err != nil {
			return err
		}
	}
	if fixed == 0 {
		return errors.New("no algorithm adds in a fixed order")
	}
	return nil
}

// run compares an operation with the exact result, rounded once.
func run(d *devicetest.Device, o *Operation, random *rand.Rand) error {
	s := devicetest.Float32
	if o.convolving.Type == BFloat16 {
		s = devicetest.BFloat16
	}
	a, b := operands(random, o.convolving, o.direction)
	want := reference(o.convolving, o.direction, a, b)
	at, bt, out, space := d.Put(a, s), d.Put(b, s), d.Alloc(len(want)*s.Bytes()), d.Alloc(o.Workspace()+1)
	return d.Computes(func() error { return o.Enqueue(at, bt, out, space) }, out, want, s)
}

// TestMeasure: every algorithm that fits is timed, the quickest first; asked for full float32, none that rounds is listed.
func TestMeasure(t *testing.T) {
	d, h := openFake(t)
	c := Convolution{N: 2, H: 5, W: 7, C: 3, K: 4, R: 3, S: 3, Stride: 1, Pad: 1}
	x, w, y := c.sizes()
	at, wt, yt, space := d.Alloc(4*x), d.Alloc(4*w), d.Alloc(4*y), d.Alloc(4096)
	for _, test := range []struct {
		math Math
		size int
		want string
	}{
		{TF32, 4096, "[{1 0 1 688 true} {0 0 2 0 true}]"},
		{TF32, 100, "[{0 0 2 0 true}]"},
		{Full, 4096, "[{1 3 3 688 true} {0 3 6 0 true}]"},
	} {
		c.Math = test.math
		o, err := h.Operation(c, Forward)
		d.Check(err)
		got, err := o.Measure(at, wt, yt, space, test.size)
		d.Check(err)
		if fmt.Sprint(got) != test.want {
			t.Errorf("math %d in %d bytes: %v, want %s", test.math, test.size, got, test.want)
		}
		d.Check(o.Close())
	}
}

// TestFullWhereTheDefaultIsReported: asked for full float32, a library that reports its default arithmetic of all algorithms
// has algorithms all the same, and they round nothing.
func TestFullWhereTheDefaultIsReported(t *testing.T) {
	t.Setenv("FAKE_CUDNN_DEFAULT_MATH", "1")
	d, h := openFake(t)
	c := shapes[1]
	c.Math = Full
	o, err := h.Operation(c, Forward)
	d.Check(err)
	defer o.Close()
	x, w, y := c.sizes()
	measured, err := o.Measure(d.Alloc(4*x), d.Alloc(4*w), d.Alloc(4*y), d.Alloc(4096), 4096)
	d.Check(err)
	suggested, err := o.Suggest()
	d.Check(err)
	for list, algorithms := range map[string][]Algorithm{"measured": measured, "suggested": suggested} {
		if len(algorithms) == 0 {
			t.Errorf("no algorithm was %s", list)
		}
		for _, a := range algorithms {
			d.Check(o.Choose(a))
			if a.Math != Full {
				t.Errorf("%s: algorithm %d rounds: math %d", list, a.ID, a.Math)
			}
		}
	}
	d.Check(convolve(d, h, c, Forward, rand.New(rand.NewPCG(3, 4))))
}

// TestArithmetic: TF32 rounds operands to 10 bits and Full does not.
func TestArithmetic(t *testing.T) {
	d, h := open(t)
	c := Convolution{N: 1, H: 1, W: 1, C: 64, K: 1, R: 1, S: 1, Stride: 1}
	values := make([]float32, 64)
	for i := range values {
		values[i] = 1 + float32(i*i)/12345
	}
	want := reference(c, Forward, values, values)[0]
	for mode, bounds := range map[Math][2]float64{Full: {0, 1e-5}, TF32: {1e-4, 1e-1}} {
		c.Math = mode
		o, err := h.Operation(c, Forward)
		d.Check(err)
		d.Check(o.Choose(Algorithm{ID: 0, Math: mode}))
		out := d.Alloc(4)
		d.Check(o.Enqueue(d.Put(values, devicetest.Float32), d.Put(values, devicetest.Float32), out, 0))
		if off := math.Abs(float64(d.Read(out, 1, devicetest.Float32)[0]) - want); off < bounds[0] || off > bounds[1] {
			t.Errorf("math %d: off by %.2g, want %v", mode, off, bounds)
		}
		d.Check(o.Close())
	}
}

// TestRefusals: what goes wrong comes with the library's own words.
func TestRefusals(t *testing.T) {
	d, h := openFake(t)
	c := shapes[1]
	x, w, y := c.sizes()
	at, wt, yt, space := d.Alloc(4*x), d.Alloc(4*w), d.Alloc(4*y), d.Alloc(4096)
	o, err := h.Operation(c, Forward)
	d.Check(err)
	defer o.Close()
	d.Check(o.Choose(Algorithm{ID: 1}))
	for name, test := range map[string]struct {
		a, space drv.Ptr
		want     string
	}{
		"null":              {0, space, "cudnnConvolutionForward: CUDNN_STATUS_BAD_PARAM_NULL_POINTER (2002): a tensor is null"},
		"misaligned":        {at + 4, space, "cudnnConvolutionForward: CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER (2003): a tensor does not start at a multiple of 16 bytes"},
		"reaches too far":   {at + 16, space, "cudnnConvolutionForward: CUDNN_STATUS_BAD_PARAM (2005): a tensor reaches beyond its allocation"},
		"without workspace": {at, 0, "cudnnConvolutionForward: CUDNN_STATUS_BAD_PARAM (2005): the workspace reaches beyond its allocation"},
	} {
		if err := o.Enqueue(test.a, wt, yt, test.space); err == nil || err.Error() != test.want {
			t.Errorf("%s: error %v, want %s", name, err, test.want)
		}
	}
	var status *Error
	if err := o.Choose(Algorithm{ID: 5}); !errors.As(err, &status) || !status.Unsupported() {
		t.Errorf("an algorithm that is none: error %v, want an unsupported one", err)
	}
	for _, function := range []string{"cudnnSetTensor4dDescriptor", "cudnnCreate", "cudnnSetStream"} {
		d.Fake.Fail(function, 1, 4000)
		_, err := h.Operation(c, Forward)
		if function != "cudnnSetTensor4dDescriptor" {
			_, err = h.Library.Handle(d.Stream)
		}
		if !errors.As(err, &status) || status.Call != function || status.Code != 4000 || status.Unsupported() {
			t.Errorf("%s failed: error %v", function, err)
		}
	}
}

// TestMissing: without the library there is an error that says what to install.
func TestMissing(t *testing.T) {
	_, err := Open(dl.In(t.TempDir()))
	var missing *dl.MissingLibrary
	if !errors.As(err, &missing) || missing.Name != "cuDNN" || missing.Hint == "" {
		t.Errorf("error %v, want *dl.MissingLibrary", err)
	}
}

// TestFakeAnswersAsTheRealLibrary: what the real library was asked without a GPU, the fake answers alike.
func TestFakeAnswersAsTheRealLibrary(t *testing.T) {
	_, h := openFake(t)
	if v, err := h.Version(); err != nil || v < 90000 {
		t.Errorf("version %d, %v", v, err)
	}
	checkDescriptors(t, h.Library)
}
