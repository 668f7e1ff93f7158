package expr

import (
	"maps"
	"slices"
)

// The op set, version 1. A new op takes a new version of the set; the meaning of an op never changes.
const (
	// Elementwise; operands of equal shape.
	Add        Kind = "add"
	Sub        Kind = "sub"
	Mul        Kind = "mul"
	Div        Kind = "div"
	Affine     Kind = "affine" // alpha*x + beta
	Square     Kind = "square"
	Sqrt       Kind = "sqrt"
	Exp        Kind = "exp"
	Log        Kind = "log"
	Abs        Kind = "abs"
	Reciprocal Kind = "reciprocal"
	ReLU       Kind = "relu"      // max(x, 0)
	ReLUGrad   Kind = "relu_grad" // (g, y): g where y > 0
	AbsGrad    Kind = "abs_grad"  // (g, x): g * sign(x)

	// Shape.
	Broadcast    Kind = "broadcast"     // to a shape, by NumPy's rule
	Reshape      Kind = "reshape"       // to a shape of equal size
	Transpose    Kind = "transpose"     // of a matrix
	Slice        Kind = "slice"         // [start, stop) of an axis
	Embed        Kind = "embed"         // the adjoint of slice: zeros of a shape around x
	Concat       Kind = "concat"        // along an axis
	Gather       Kind = "gather"        // rows by index
	ScatterAdd   Kind = "scatter_add"   // the adjoint of gather: rows added at their index
	StopGradient Kind = "stop_gradient" // x, through which no gradient flows

	// Reduction and linear algebra.
	Sum         Kind = "sum"
	MatMul      Kind = "matmul"
	Diagonal    Kind = "diagonal"     // of a square matrix
	DiagEmbed   Kind = "diag_embed"   // the adjoint of diagonal
	OffDiagonal Kind = "off_diagonal" // a square matrix with its diagonal set to 0
	Softmax     Kind = "softmax"      // along the last axis
	LogSoftmax  Kind = "log_softmax"

	// Networks; images [n, h, w, c].
	Conv2D      Kind = "conv2d"        // (x, w[r, s, c, k])
	Conv2DGradX Kind = "conv2d_grad_x" // (dy, w)
	Conv2DGradW Kind = "conv2d_grad_w" // (x, dy)
	BNStats     Kind = "bn_stats"      // x -> [groups, 2, c]: mean and biased variance
	BNApply     Kind = "bn_apply"      // (x, stats, [gamma, beta])
	BNReduce    Kind = "bn_reduce"     // (g, x, stats) -> [groups, 2, c]: sums of g*xhat and of g
	BNGrad      Kind = "bn_grad"       // (g, x, stats, reduced, [gamma])
	MaxPool     Kind = "max_pool"
	MaxPoolGrad Kind = "max_pool_grad" // (g, x)
	AvgPool     Kind = "avg_pool"      // adaptive, to [oh, ow]
	AvgPoolGrad Kind = "avg_pool_grad"
)

// OpSet is the version of the op set that this package speaks.
const OpSet = 1

// definitions is the op set; each family stands in its own file. It is made once and never changed: it is filled by
// init, because gradients apply ops and so refer to it.
var definitions map[Kind]definition

func init() {
	definitions = map[Kind]definition{}
	for _, family := range []map[Kind]definition{elementwise(), shaping(), reductions(), convolutions(), batchNorm(), pooling()} {
		maps.Copy(definitions, family)
	}
}

// Kinds lists the op set in alphabetical order.
func Kinds() []Kind { return slices.Sorted(maps.Keys(definitions)) }
