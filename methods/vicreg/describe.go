package vicreg

import "github.com/sslctl/sslctl/sdk/method"

// Describe lists the hyper-parameters with the paper's values and the presets with their sources.
func (Method) Describe() method.Description {
	return method.Description{
		Name: "vicreg", Title: "VICReg: variance, invariance, covariance", Version: "1.0.0",
		Formula: "L = λ·(1/nd) Σ‖zᵢ − z′ᵢ‖² + μ·½[v(Z) + v(Z′)] + ν·[c(Z) + c(Z′)]\n" +
			"v(Z) = (1/d) Σⱼ max(0, γ − √(Var(zⱼ) + 10⁻⁴))\n" +
			"c(Z) = (1/d) Σᵢ≠ⱼ C(Z)ᵢⱼ²,  C(Z) = (1/(n−1)) Σ (z − z̄)(z − z̄)ᵀ",
		Sources: []string{
			"Bardes, Ponce, LeCun: VICReg. ICLR 2022 (arXiv 2105.04906), eq. 6",
			"github.com/facebookresearch/vicreg, main_vicreg.py",
		},
		Params: []method.Param{
			method.Float("lambda", 25, "λ, weight of the invariance term").AtLeast(0),
			method.Float("mu", 25, "μ, weight of the variance term").AtLeast(0),
			method.Float("nu", 1, "ν, weight of the covariance term").AtLeast(0),
			method.Float("gamma", 1, "γ, standard deviation that each dimension shall reach").AtLeast(0),
			method.Choice("var_reduction", "variance over the branches: mean (official code) or sum (paper, Algorithm 1)", "official", "paper"),
			method.Ints("projector", []int{512, 512, 512}, "widths of the expander"),
			method.Bool("head_norm", true, "batch norm after the expander's inner layers"),
			method.Bool("predictor", false, "compare predictions with embeddings, as in the paper's Table 4 (PR)"),
			method.Bool("unshared", false, "backbone and expander of their own for each view (the paper's Table 5)"),
		},
		Presets: []method.Preset{small(), cifar(), imagenet()},
	}
}
