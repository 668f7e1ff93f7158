package nn

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Param is a parameter of a network.
type Param struct {
	Name      string // PyTorch's: "backbone.layer1.0.conv1.weight"
	Tensor    expr.Tensor
	Shape     expr.Shape // in memory
	Layout    Layout
	Positions int // of a Linear that reads flattened images: height times width; else 1
	Init      Init
	Frozen    bool // not trained by gradients
}

// Layout says what the axes of a parameter are.
type Layout int

const (
	Vector  Layout = iota // [n]
	Linear2               // [out, in]; of flattened images, in counts [h, w, c]
	Conv4                 // [r, s, in, out]
)

// Init is the distribution of a parameter's initial values.
type Init struct {
	Dist  Dist
	Scale float64 // the constant, the bound of Uniform, the standard deviation of Normal
}

// Dist is a family of distributions.
type Dist int

const (
	Constant Dist = iota // Scale everywhere
	Uniform              // on [-Scale, Scale)
	Normal               // mean 0
)

// Draw fills dst with initial values that depend on the seed and the name only, not on what was drawn before.
func (i Init) Draw(dst []float32, seed uint64, name string) {
	h := fnv.New64a()
	h.Write([]byte(name))
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	for j := range dst {
		switch i.Dist {
		case Constant:
			dst[j] = float32(i.Scale)
		case Uniform:
			dst[j] = float32((2*r.Float64() - 1) * i.Scale)
		case Normal:
			dst[j] = float32(r.NormFloat64() * i.Scale)
		}
	}
}
