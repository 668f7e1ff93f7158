// Package main is SimCLR (Chen, Kornblith, Norouzi, Hinton, ICML 2020) as a plugin: each image's two views are drawn
// together and pushed from every other embedding of the batch.
//
// The temperature's default is that of the paper's experiments on CIFAR-10 (0.5, appendix B.9). The loss is the mean over
// the 2n embeddings, as in the paper; google-research/simclr adds the two views' means, which is twice that.
package main

import (
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
)

func main() { plugin.Serve(SimCLR{}) }

// SimCLR is the method.
type SimCLR struct{}

var _ method.Method = SimCLR{}

// Describe says what the method is.
func (SimCLR) Describe() method.Description {
	return method.Description{
		Name: "simclr", Title: "SimCLR: contrast of each pair with all other images", Version: "1.0.0",
		Formula: "L = −(1/2n) Σᵢ log( exp(cos(zᵢ, zⱼ₍ᵢ₎)/τ) / Σ_{k≠i} exp(cos(zᵢ, zₖ)/τ) ), over the 2n embeddings of both views",
		Sources: []string{"Chen et al.: A Simple Framework for Contrastive Learning of Visual Representations. ICML 2020 (arXiv 2002.05709), eq. 1", "github.com/google-research/simclr"},
		Params: []method.Param{
			method.Float("temperature", 0.5, "τ, by which cosines are divided").AtLeast(0.01),
			method.Ints("projector", []int{512, 128}, "widths of the projector"),
		},
	}
}

// Recipe is the paper's projector: linear and ReLU, the last layer linear without bias; batch norm inside, as in the code.
func (SimCLR) Recipe(h method.Values) method.Recipe {
	var head method.Head
	for _, w := range h.Ints("projector") {
		head = append(head, method.Layer{Width: w, Norm: method.Affine, ReLU: true})
	}
	last := &head[len(head)-1]
	last.Norm, last.ReLU = method.NoNorm, false
	return method.Recipe{Projector: head}
}

// Objective is eq. 1, NT-Xent, averaged over both views.
func (SimCLR) Objective(e method.Embeddings, h method.Values) method.Loss {
	z := expr.Join(0, e.Z(0), e.Z(1)).L2Normalise()
	return method.Sum(method.Term("contrast", 1, ntXent(z, e.Z(0).Dim(0), h.Float("temperature"))))
}

// self is added to an embedding's similarity with itself, so that it has no share in the softmax: e^-1e4 is 0.
const self = -1e4

// ntXent is the cross-entropy of each row's partner among all rows but itself; z holds the unit rows of both views.
func ntXent(z expr.Tensor, n int, temperature float64) expr.Tensor {
	similarity := z.MatMulT(z).Scale(1 / temperature).OffDiagonal()
	ones := similarity.Scale(0).Shift(1)
	log := similarity.Add(ones.Sub(ones.OffDiagonal()).Scale(self)).LogSoftmax()
	first := log.Slice(0, 0, n).Slice(1, n, 2*n).Diagonal()  // of view 0 with view 1
	second := log.Slice(0, n, 2*n).Slice(1, 0, n).Diagonal() // of view 1 with view 0
	return first.Add(second).Mean().Scale(-0.5)
}
