package expr

import (
	"maps"
	"slices"
)

// The op set, version 1. A new op takes a new version of the set; the meaning of an op never changes.
const (
	// Elementwise: operands of equal shape, which is the result's.
	Add        Kind = "add"        // (x, y): x + y
	Sub        Kind = "sub"        // (x, y): x - y
	Mul        Kind = "mul"        // (x, y): x * y
	Div        Kind = "div"        // (x, y): x / y
	Affine     Kind = "affine"     // (x): alpha*x + beta
	Square     Kind = "square"     // (x): x * x
	Sqrt       Kind = "sqrt"       // (x): the square root, whose gradient at 0 is infinite
	Exp        Kind = "exp"        // (x): e to the x
	Log        Kind = "log"        // (x): the natural logarithm
	Abs        Kind = "abs"        // (x): the magnitude, with gradient 0 at 0
	Reciprocal Kind = "reciprocal" // (x): 1/x
	ReLU       Kind = "relu"       // (x): max(x, 0), with gradient 0 at 0
	ReLUGrad   Kind = "relu_grad"  // (g, y): g where y > 0, else 0
	AbsGrad    Kind = "abs_grad"   // (g, x): g * sign(x)

	// Shape: where numbers stand, not what they are.
	Broadcast    Kind = "broadcast"     // (x): x repeated to a shape, by NumPy's rule
	Reshape      Kind = "reshape"       // (x): x in a shape of equal size, in row-major order
	Transpose    Kind = "transpose"     // (x[m, n]) -> [n, m]
	Slice        Kind = "slice"         // (x): [start, stop) of an axis
	Embed        Kind = "embed"         // (x): the adjoint of slice: zeros of a shape around x, which starts at start of an axis
	Concat       Kind = "concat"        // (x, y, ...): operands joined along an axis; they agree on all others
	Gather       Kind = "gather"        // (x[m, d]) -> [len(index), d]: rows by index, which may repeat
	ScatterAdd   Kind = "scatter_add"   // (x[len(index), d]) -> shape [m, d]: the adjoint of gather: rows added at their index
	StopGradient Kind = "stop_gradient" // (x): x, through which no gradient flows

	// Reduction and linear algebra.
	Sum         Kind = "sum"          // (x): the sum over axes, which are removed, or kept with length 1
	MatMul      Kind = "matmul"       // (x[m, k], y[k, n]) -> [m, n]: the product, of x or y transposed where set
	Diagonal    Kind = "diagonal"     // (x[n, n]) -> [n]
	DiagEmbed   Kind = "diag_embed"   // (x[n]) -> [n, n]: the adjoint of diagonal
	OffDiagonal Kind = "off_diagonal" // (x[n, n]): x with its diagonal set to 0
	Softmax     Kind = "softmax"      // (x): exponentials over their sum, along the last axis
	LogSoftmax  Kind = "log_softmax"  // (x): the logarithm of softmax, without overflow

	// Networks: images [n, h, w, c], convolution weights [r, s, c, k].
	Conv2D      Kind = "conv2d"        // (x, weights[r, s, c, k]) -> [n, (h+2*pad-r)/stride+1, (w+2*pad-s)/stride+1, k]: cross-correlation, as PyTorch has it; sizes round down
	Conv2DGradX Kind = "conv2d_grad_x" // (dy, weights) -> shape: the gradient of a convolution's images
	Conv2DGradW Kind = "conv2d_grad_w" // (x, dy) -> shape: the gradient of a convolution's weights
	BNStats     Kind = "bn_stats"      // (x) -> [groups, 2, c]: mean and biased variance of each channel, in groups of the batch axis
	BNApply     Kind = "bn_apply"      // (x, stats, [gamma, beta]): gamma*(x-mean)/sqrt(variance+eps) + beta
	BNReduce    Kind = "bn_reduce"     // (g, x, stats) -> [groups, 2, c]: sums of g*xhat and of g
	BNGrad      Kind = "bn_grad"       // (g, x, stats, reduced, [gamma]): the gradient of bn_apply's x
	MaxPool     Kind = "max_pool"      // (x): the largest value of each window of kernel x kernel
	MaxPoolGrad Kind = "max_pool_grad" // (g, x): g at the largest value of each window, the first among equals
	AvgPool     Kind = "avg_pool"      // (x) -> [n, shape..., c]: adaptive average, with PyTorch's windows
	AvgPoolGrad Kind = "avg_pool_grad" // (g) -> [n, shape..., c]: g spread over each window
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
