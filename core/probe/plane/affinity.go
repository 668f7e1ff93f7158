package plane

import (
	"math"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
)

// taskRows is the number of rows that one task takes.
const taskRows = 32

func overRows(p *kernel.Pool, n int, f func(i int)) {
	p.Run((n+taskRows-1)/taskRows, func(_, t int) {
		for i := t * taskRows; i < min((t+1)*taskRows, n); i++ {
			f(i)
		}
	})
}

// affinities returns t-SNE's P [n, n]: p_j|i ∝ exp(−β_i‖x_i−x_j‖²) with β_i such that each row has the perplexity,
// made symmetric, (p_j|i + p_i|j)/2n. The diagonal is 0 and the sum 1.
func affinities(p *kernel.Pool, x []float32, n, d int, perplexity float64) []float32 {
	conditional := squaredDistances(p, x, n, d)
	overRows(p, n, func(i int) { fitRow(conditional[i*n:(i+1)*n], i, math.Log(perplexity)) })
	joint := make([]float32, n*n)
	overRows(p, n, func(i int) {
		for j := range n {
			joint[i*n+j] = (conditional[i*n+j] + conditional[j*n+i]) / float32(2*n)
		}
	})
	return joint
}

// squaredDistances returns ‖x_i−x_j‖² = ‖x_i‖² + ‖x_j‖² − 2x_i·x_j of the centred rows, cut at 0.
func squaredDistances(p *kernel.Pool, x []float32, n, d int) []float32 {
	centred := make([]float32, n*d)
	mean := make([]float32, d)
	p.ColSums(mean, x, n, d)
	for j := range mean {
		mean[j] /= float32(n)
	}
	p.RowOp(kernel.Sub, centred, x, mean, n, d)
	dist := make([]float32, n*n)
	kernel.Gemm(p, kernel.GemmArgs{TransB: true, M: n, N: n, K: d, Alpha: -2, A: centred, Lda: d, B: centred, Ldb: d, C: dist, Ldc: n})
	norms := make([]float32, n)
	for i := range norms {
		norms[i] = -dist[i*n+i] / 2
	}
	overRows(p, n, func(i int) {
		for j := range n {
			dist[i*n+j] = max(0, dist[i*n+j]+norms[i]+norms[j])
		}
	})
	return dist
}

// bisections is how often fitRow halves its interval for β; 60 reach the resolution of float64.
const bisections = 60

// fitRow turns row i of squared distances into conditional probabilities whose entropy is the target (in nats).
func fitRow(row []float32, i int, target float64) {
	nearest := float32(math.Inf(1))
	for j, v := range row {
		if j != i {
			nearest = min(nearest, v)
		}
	}
	weights := make([]float64, len(row))
	beta, low, high := 1.0, 0.0, math.Inf(1)
	for range bisections {
		entropy := weigh(weights, row, i, nearest, beta)
		switch {
		case math.Abs(entropy-target) < 1e-7:
			high, low = beta, beta
		case entropy > target:
			low = beta
		default:
			high = beta
		}
		if low == high {
			break
		}
		if math.IsInf(high, 1) {
			beta *= 2
		} else {
			beta = (low + high) / 2
		}
	}
	for j, w := range weights {
		row[j] = float32(w)
	}
}

// weigh sets weights to exp(−β(d_j − nearest)) over their sum, 0 for i itself, and returns their entropy.
func weigh(weights []float64, row []float32, i int, nearest float32, beta float64) float64 {
	var sum, moment float64
	for j, v := range row {
		weights[j] = 0
		if j != i {
			d := float64(v - nearest)
			weights[j] = math.Exp(-beta * d)
			sum += weights[j]
			moment += weights[j] * d
		}
	}
	for j := range weights {
		weights[j] /= sum
	}
	return math.Log(sum) + beta*moment/sum
}
