// Package main is a method whose loss the op set cannot express, as a plugin: embeddings shall span a volume as large as
// possible (the coding rate, a log-determinant) while the views of an image agree. It is the objective of EMP-SSL with two
// views; the log-determinant is a custom op, in op.go.
package main

import (
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
)

func main() { plugin.Serve(CodingRate{}) }

// CodingRate is the method.
type CodingRate struct{}

var _ method.Method = CodingRate{}

// Describe says what the method is. λ and ε² are EMP-SSL's.
func (CodingRate) Describe() method.Description {
	return method.Description{
		Name: "codingrate", Title: "Coding rate: the largest volume, views in agreement", Version: "1.0.0",
		Formula: "L = −½(R(Z) + R(Z')) + λ(1 − mean cos(zᵢ, z'ᵢ))\nR(Z) = ½ log det(I + d/(nε²) Z'Z), rows of length 1",
		Sources: []string{
			"Tong et al.: EMP-SSL: Towards Self-Supervised Learning in One Training Epoch (arXiv 2304.03977)",
			"Yu et al.: Learning Diverse and Discriminative Representations via the Principle of Maximal Coding Rate Reduction. NeurIPS 2020 (arXiv 2006.08558)",
		},
		Params: []method.Param{
			method.Float("lambda", 200, "λ, weight of the agreement of views").AtLeast(0),
			method.Float("eps2", 0.2, "ε², distortion up to which embeddings are coded").AtLeast(1e-6),
			method.Ints("projector", []int{512, 128}, "widths of the projector"),
		},
	}
}

// Recipe is linear, batch norm and ReLU, the last layer linear.
func (CodingRate) Recipe(h method.Values) method.Recipe {
	var head method.Head
	widths := h.Ints("projector")
	for _, w := range widths[:len(widths)-1] {
		head = append(head, method.Layer{Width: w, Norm: method.Affine, ReLU: true})
	}
	return method.Recipe{Projector: append(head, method.Layer{Width: widths[len(widths)-1]})}
}

// Objective is Tong et al.'s eq. 5 for two views. The custom op is used as any other expression is.
func (CodingRate) Objective(e method.Embeddings, h method.Values) method.Loss {
	z, w := e.Z(0).L2Normalise(), e.Z(1).L2Normalise()
	rate := Rate{Eps2: h.Float("eps2")}
	b := z.Builder()
	return method.Sum(
		method.Term("coding rate", -1, b.Custom(rate, z).At(0).Add(b.Custom(rate, w).At(0)).Scale(0.5)),
		method.Term("distance", h.Float("lambda"), z.Mul(w).Sum(1).Mean().Affine(-1, 1)),
	)
}
