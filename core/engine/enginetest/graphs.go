package enginetest

import "github.com/sslctl/sslctl/sdk/expr"

// Graph builds a cost and the tensors with respect to which it is differentiated.
type Graph func(b *expr.Builder) (cost expr.Tensor, wrt []expr.Tensor)

// Graphs are networks and objectives in small, by name.
func Graphs() map[string]Graph {
	return map[string]Graph{
		"variance and covariance": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
			z, w := b.Input("z", 17, 11), b.Input("w", 17, 11)
			std := z.Var(1).Shift(1e-4).Sqrt()
			c := z.Sub(z.MeanKeep(0))
			cov := c.TMatMul(c).Scale(1. / 16).OffDiagonal().Square().Sum().Scale(1. / 11)
			return z.MSE(w).Scale(25).Add(std.Affine(-1, 1).ReLU().Mean().Scale(25)).Add(cov), []expr.Tensor{z, w}
		},
		"wide covariance": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
			z, w := b.Input("z", 5, 37), b.Input("w", 5, 37)
			c := z.Sub(z.MeanKeep(0))
			cov := c.TMatMul(c).Scale(1. / 4).OffDiagonal().Square().Sum().Scale(1. / 37)
			x := z.TMatMul(w).Scale(1. / 5)
			cross := x.Diagonal().Shift(-1).Square().Sum().Add(x.OffDiagonal().Square().Sum().Scale(0.005))
			turned := z.TMatMul(w).Transpose().Square().Sum().Sqrt()
			return cov.Add(cross).Add(turned), []expr.Tensor{z, w}
		},
		"wide matrices that are wanted themselves": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
			z, w := b.Input("z", 3, 29), b.Input("w", 3, 29)
			c := z.TMatMul(w)
			return c.OffDiagonal().Square().Sum().Add(c.Abs().Mean()).Add(z.TMatMul(z).Square().Sum(0).Sqrt().Sum()), []expr.Tensor{z, w}
		},
		"cosine with stopped gradient": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
			p, z := b.Input("p", 9, 33), b.Input("z", 9, 33)
			return p.Cosine(z.StopGradient()).Mean().Scale(-1).Add(z.Abs().Mean()), []expr.Tensor{p, z}
		},
		"contrastive": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
			z, w := b.Input("z", 8, 5), b.Input("w", 8, 5)
			logits := z.L2Normalise().MatMulT(w.L2Normalise()).Scale(10)
			soft := logits.Softmax().Log().Diagonal().Mean()
			return logits.LogSoftmax().Diagonal().Mean().Scale(-1).Add(soft.Exp()), []expr.Tensor{z, w}
		},
		"shapes": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
			x, y, v := b.Input("x", 6, 7), b.Input("y", 6, 7), b.Input("v", 6, 1)
			j := expr.Join(1, x.Transpose().Transpose(), y.Slice(1, 1, 4))
			g := j.Gather(0, 5, 0, 2).Reshape(2, 2, 10).Sum(0, 2)
			return g.Square().Sum().Add(x.Mul(v).Div(y.Square().Shift(1)).Reciprocal().Shift(3).Square().Mean()), []expr.Tensor{x, y, v}
		},
		"residual network": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
			x := b.Input("x", 12, 9, 7, 3)
			var wrt []expr.Tensor
			param := func(name string, shape ...int) expr.Tensor {
				t := b.Input(name, shape...)
				wrt = append(wrt, t)
				return t
			}
			bn := func(name string, x expr.Tensor) expr.Tensor {
				c := x.Shape()[len(x.Shape())-1]
				a := expr.Attrs{Groups: 2, Eps: 1e-5}
				return b.Apply(expr.BNApply, a, x, b.Apply(expr.BNStats, expr.Attrs{Groups: 2}, x), param(name+".weight", c), param(name+".bias", c))
			}
			stem := bn("bn1", x.Conv2D(param("conv1", 3, 3, 3, 8), 1, 1)).ReLU().MaxPool(3, 2, 1)
			inner := bn("bn2", stem.Conv2D(param("conv2", 3, 3, 8, 10), 2, 1)).ReLU()
			short := bn("bn3", stem.Conv2D(param("down", 1, 1, 8, 10), 2, 0))
			block := bn("bn4", inner.Conv2D(param("conv3", 3, 3, 10, 10), 1, 1)).Add(short).ReLU()
			again := bn("bn5", block.Conv2D(param("conv4", 3, 3, 10, 10), 1, 1)).Add(block).ReLU()
			y := again.AvgPool(2, 2).Reshape(12, 40)
			h := bn("bn6", y.MatMulT(param("fc1", 13, 40))).ReLU()
			z := h.MatMulT(param("fc2", 6, 13)).Add(param("fc2.bias", 6).ReLU())
			stats := b.Apply(expr.BNStats, expr.Attrs{Groups: 2}, z)
			plain := b.Apply(expr.BNApply, expr.Attrs{Groups: 2, Eps: 1e-5}, z, stats)
			return plain.Slice(0, 0, 6).MSE(z.Slice(0, 6, 12)), wrt
		},
	}
}
