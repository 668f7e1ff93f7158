package probe

import (
	"context"
	"fmt"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"math"

	"gonum.org/v1/gonum/optimize"
)

// LinearOptions are the settings of the linear probe. The zero value is the protocol.
type LinearOptions struct {
	L2      float64 // λ of the objective, scikit-learn's 1/C; 0 stands for DefaultL2, a negative value for none
	MaxIter int     // iterations of L-BFGS; 0 stands for DefaultMaxIter
	Tol     float64 // stop when no component of the gradient is larger; 0 stands for DefaultTol
}

// The defaults of the linear probe.
//
// DefaultL2 is a prior of fixed strength against a loss that grows with the rows, and so serves 60,000 labels and 600
// alike. It was chosen once, on 5,000 held-out training images of Fashion-MNIST, never on a test set: between 20 and
// 200 for 20,000 rows and near 60 for 600, both for pixels and for 512 random ReLU features.
// DefaultTol is scikit-learn's. Features that need more than DefaultMaxIter iterations lose a thousandth of the loss.
const (
	DefaultL2      = 60
	DefaultMaxIter = 200
	DefaultTol     = 1e-4
)

// Linear trains multinomial logistic regression on the train features, standardised by their own statistics, and
// tests it. It is [Fit], then [Classifier.Test].
func Linear(ctx context.Context, p *kernel.Pool, train []float32, trainLabels []int, test []float32, testLabels []int, o LinearOptions) (Accuracy, error) {
	tr, te, err := pair(train, trainLabels, test, testLabels)
	if err != nil {
		return Accuracy{}, err
	}
	c, err := fit(ctx, p, tr, o)
	if err != nil {
		return Accuracy{}, err
	}
	return c.test(p, te), nil
}

// Classifier is a trained linear probe: logits W·s(x) + b with s the standardisation by the train set.
type Classifier struct {
	Classes, Dim int
	Weight       []float32 // [Classes, Dim]
	Bias         []float32 // [Classes]
	Loss         float64   // the objective at the end
	Iterations   int
	Converged    bool // the gradient fell below the tolerance
	scale        scaler
}

// Fit minimises the mean over n rows of the cross-entropy of softmax(W·s(x)+b), plus L2/2n·‖W‖² (the bias is free), by
// L-BFGS from zero, preconditioned by the features' covariance. It
// returns an error when ctx ends; a fit that stops at MaxIter is not an error.
func Fit(ctx context.Context, p *kernel.Pool, features []float32, labels []int, o LinearOptions) (*Classifier, error) {
	m, err := newMatrix("train", features, labels)
	if err != nil {
		return nil, err
	}
	return fit(ctx, p, m, o)
}

func fit(ctx context.Context, p *kernel.Pool, m matrix, o LinearOptions) (*Classifier, error) {
	o = o.withDefaults()
	scale := newScaler(p, m)
	obj := newObjective(p, scale.apply(p, m), m.labels, m.d, o.L2/float64(m.n))
	problem := optimize.Problem{
		Func:   obj.loss,
		Grad:   obj.gradient,
		Status: func() (optimize.Status, error) { return statusOf(ctx) },
	}
	settings := &optimize.Settings{MajorIterations: o.MaxIter, Converger: flat{obj, o.Tol}}
	res, err := optimize.Minimize(problem, make([]float64, obj.size()), settings, &optimize.LBFGS{})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("linear probe: %w", context.Cause(ctx))
	}
	if res == nil {
		return nil, fmt.Errorf("linear probe: %w", err)
	}
	// A failed line search is the end of float32's resolution, not an error: the best point so far stands.
	c := &Classifier{Classes: obj.classes, Dim: m.d, Loss: res.F, Iterations: res.MajorIterations,
		Converged: res.Status == optimize.GradientThreshold, scale: scale}
	c.Weight, c.Bias = obj.solution(res.X)
	return c, nil
}

// flat ends the minimisation when no component of the gradient by weights and biases exceeds tol. gonum's own test
// would look at the preconditioned gradient.
type flat struct {
	obj *objective
	tol float64
}

// Init is part of gonum's Converger.
func (flat) Init(int) {}

// Converged is part of gonum's Converger.
func (f flat) Converged(at *optimize.Location) optimize.Status {
	f.obj.evaluate(at.X)
	if f.obj.steep <= f.tol {
		return optimize.GradientThreshold
	}
	return optimize.NotTerminated
}

func statusOf(ctx context.Context) (optimize.Status, error) {
	if err := ctx.Err(); err != nil {
		return optimize.Failure, err
	}
	return optimize.NotTerminated, nil
}

// Test ranks the classes for each row and compares with its label.
func (c *Classifier) Test(p *kernel.Pool, features []float32, labels []int) (Accuracy, error) {
	m, err := newMatrix("test", features, labels)
	if err != nil {
		return Accuracy{}, err
	}
	if m.d != c.Dim {
		return Accuracy{}, fmt.Errorf("classifier takes %d features, test rows have %d", c.Dim, m.d)
	}
	return c.test(p, m), nil
}

func (c *Classifier) test(p *kernel.Pool, m matrix) Accuracy {
	logits := make([]float32, m.n*c.Classes)
	product(p, c.scale.apply(p, m), c.Weight, logits, m.n, c.Classes, c.Dim)
	ranks := make([]int, m.n)
	overRows(p, m.n, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			row := logits[i*c.Classes : (i+1)*c.Classes]
			for k := range row {
				row[k] += c.Bias[k]
			}
			ranks[i] = rankOf(row, m.labels[i])
		}
	})
	return accuracyOf(ranks, m.labels)
}

func (o LinearOptions) withDefaults() LinearOptions {
	switch {
	case o.L2 == 0:
		o.L2 = DefaultL2
	case o.L2 < 0:
		o.L2 = 0
	}
	if o.MaxIter == 0 {
		o.MaxIter = DefaultMaxIter
	}
	if o.Tol == 0 {
		o.Tol = DefaultTol
	}
	return o
}

// softmaxLoss overwrites logits (with the bias still to add) by the gradient of the cross-entropy, softmax − label's
// indicator, and returns the loss log Σexp − logit of the label.
func softmaxLoss(logits []float32, bias []float64, label int, scratch []float64) float64 {
	most := math.Inf(-1)
	for k := range logits {
		scratch[k] = float64(logits[k]) + bias[k]
		most = max(most, scratch[k])
	}
	own, total := scratch[label], 0.0
	for k, v := range scratch {
		scratch[k] = math.Exp(v - most)
		total += scratch[k]
	}
	for k := range logits {
		logits[k] = float32(scratch[k] / total)
	}
	logits[label] -= 1
	return most + math.Log(total) - own
}
