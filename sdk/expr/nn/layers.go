package nn

import (
	"fmt"
	"math"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Conv2D convolves images [n, h, w, c] with `weight`, without bias. Initial weights are Kaiming-normal over the fan-out with
// gain sqrt 2: standard deviation sqrt(2/(kernel*kernel*out)), as in torchvision's ResNet.
func Conv2D(s Scope, x expr.Tensor, out, kernel, stride, pad int) expr.Tensor {
	init := Init{Normal, math.Sqrt(2 / float64(kernel*kernel*out))}
	return x.Conv2D(s.Param("weight", Conv4, init, kernel, kernel, x.Dim(3), out), stride, pad)
}

// Linear is x*weight' + bias for x [n, in]; bias false leaves `bias` out. Initial values of both are uniform on
// [-1/sqrt(in), 1/sqrt(in)), PyTorch's default (Kaiming-uniform with a = sqrt 5).
func Linear(s Scope, x expr.Tensor, out int, bias bool) expr.Tensor {
	in := x.Dim(1)
	init := Init{Uniform, 1 / math.Sqrt(float64(in))}
	y := x.MatMulT(s.Request(Param{Name: "weight", Shape: expr.Shape{out, in}, Layout: Linear2,
		Positions: positions(x), Init: init}))
	if bias {
		y = y.Add(s.Param("bias", Vector, init, out))
	}
	return y
}

// Flatten makes images [n, h, w, c] rows [n, h*w*c].
func Flatten(x expr.Tensor) expr.Tensor {
	n := x.Dim(0)
	return x.Reshape(n, x.Shape().TotalSize()/n)
}

// positions is height times width where x is flattened images, else 1. PyTorch flattens [c, h, w], we [h, w, c]: a linear
// layer that reads x has its columns in another order there.
func positions(x expr.Tensor) int {
	if x.Node() == nil {
		return 1
	}
	op, ok := x.Node().Op().(*expr.Op)
	if !ok || op.Kind != expr.Reshape || len(op.In[0]) != 4 || op.In[0][0] != op.Out[0] {
		return 1
	}
	return op.In[0][1] * op.In[0][2]
}

// Layer is one layer of an [MLP]: linear, then optionally batch norm and ReLU.
type Layer struct {
	Width int
	Bias  bool
	Norm  Norm
	ReLU  bool
}

// Norm says whether batch norm follows a linear layer.
type Norm int

const (
	NoNorm      Norm = iota
	Affine           // batch norm with scale and shift
	Standardise      // batch norm without them
)

// MLP applies layers to x [n, in]. Names are those of an nn.Sequential that lists linear, batch norm and ReLU as modules of
// their own: "0.weight", "1.weight", "3.weight".
func MLP(s Scope, x expr.Tensor, layers []Layer) expr.Tensor {
	module := 0
	next := func() Scope {
		module++
		return s.In(fmt.Sprint(module - 1))
	}
	for _, l := range layers {
		x = Linear(next(), x, l.Width, l.Bias)
		if l.Norm != NoNorm {
			x = BatchNorm(next(), x, l.Norm == Affine)
		}
		if l.ReLU {
			next()
			x = x.ReLU()
		}
	}
	return x
}
