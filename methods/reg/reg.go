// Package reg holds VICReg's two regularisers, as terms for objectives and as plugins that join any method
// (`--add-reg var,cov`): the hinge on the standard deviation of each dimension, and the off-diagonal covariance.
//
// Source: Bardes, Ponce, LeCun, "VICReg", ICLR 2022, equations 1-4; conventions of the official main_vicreg.py.
package reg

import (
	"math"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// StdEps keeps the square root's gradient finite (the paper's epsilon; official code: sqrt(var + 0.0001)).
const StdEps = 1e-4

// Hinge is v(Z) = (1/d) sum_j max(0, gamma - sqrt(Var(z_j) + eps)) of one view's embeddings [n, d], with the unbiased
// variance (eq. 1).
func Hinge(z expr.Tensor, gamma float64) expr.Tensor {
	std := z.Var(1).Shift(StdEps).Sqrt()
	return std.Affine(-1, gamma).ReLU().Mean()
}

// OffDiagonal is c(Z) = (1/d) sum_{i != j} C_ij^2 of one view's embeddings [n, d], with C the unbiased covariance
// (eqs. 3 and 4).
func OffDiagonal(z expr.Tensor) expr.Tensor {
	n, d := z.Dim(0), z.Dim(1)
	centred := z.Sub(z.MeanKeep(0))
	c := centred.TMatMul(centred).Scale(1 / float64(n-1))
	return c.OffDiagonal().Square().Sum().Scale(1 / float64(d))
}

// Variance is the mean of the hinge over the views, as the official code weighs it; the paper's Algorithm 1 sums.
func Variance(gamma float64, z ...expr.Tensor) expr.Tensor {
	return over(z, func(z expr.Tensor) expr.Tensor { return Hinge(z, gamma) }).Scale(1 / float64(len(z)))
}

// Covariance is the sum of the off-diagonal covariance over the views, in paper and code alike.
func Covariance(z ...expr.Tensor) expr.Tensor { return over(z, OffDiagonal) }

func over(views []expr.Tensor, f func(expr.Tensor) expr.Tensor) expr.Tensor {
	total := f(views[0])
	for _, z := range views[1:] {
		total = total.Add(f(z))
	}
	return total
}

// Var is the variance regulariser, `var` on the command line.
type Var struct{}

var _ method.Regulariser = Var{}

// Describe says what the regulariser is.
func (Var) Describe() method.Description {
	return method.Description{
		Name: "var", Title: "Variance: keeps the standard deviation of each dimension above gamma", Version: "1.0.0",
		Formula: "v(Z) = (1/d) Σⱼ max(0, γ − √(Var(zⱼ) + ε)), mean over the views",
		Sources: []string{"VICReg, ICLR 2022, eq. 1", "github.com/facebookresearch/vicreg main_vicreg.py"},
		Params: []method.Param{
			method.Float("weight", 1, "factor in the loss (the paper's Table 4: 1)").AtLeast(0),
			method.Float("gamma", 0, "standard deviation to reach; 0: 1, or 1/√d for l2-normalised embeddings").AtLeast(0),
		},
	}
}

// Penalty is the mean hinge.
func (Var) Penalty(z []expr.Tensor, unit bool, h method.Values) expr.Tensor {
	gamma := h.Float("gamma")
	switch {
	case gamma == 0 && unit:
		gamma = 1 / math.Sqrt(float64(z[0].Dim(1)))
	case gamma == 0:
		gamma = 1
	}
	return Variance(gamma, z...)
}

// Cov is the covariance regulariser, `cov` on the command line.
type Cov struct{}

var _ method.Regulariser = Cov{}

// Describe says what the regulariser is.
func (Cov) Describe() method.Description {
	return method.Description{
		Name: "cov", Title: "Covariance: decorrelates the dimensions", Version: "1.0.0",
		Formula: "c(Z) = (1/d) Σᵢ≠ⱼ C(Z)ᵢⱼ², summed over the views",
		Sources: []string{"VICReg, ICLR 2022, eqs. 3-4", "github.com/facebookresearch/vicreg main_vicreg.py"},
		Params: []method.Param{
			method.Float("weight", 0.01, "factor in the loss (the paper's Table 4: 0.01)").AtLeast(0),
		},
	}
}

// Penalty is the summed off-diagonal covariance.
func (Cov) Penalty(z []expr.Tensor, _ bool, _ method.Values) expr.Tensor { return Covariance(z...) }
