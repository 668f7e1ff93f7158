// Package plane draws embeddings as a two-dimensional map: principal components, and t-SNE on top of them.
//
// Most people need one call: [TSNE] on one or two thousand rows, which [Sample] picks. [PCA] is the linear map alone,
// quick for any number of rows. A t-SNE map shows which images are neighbours; sizes of clusters and distances
// between them mean nothing.
//
// There is no random number in here: same embeddings give the same map to the bit, whatever the number of threads.
package plane

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/sslctl/sslctl/core/fault"
)

// Sample picks at most most of n rows at even distances, in ascending order.
func Sample(n, most int) []int {
	take := min(n, most)
	rows := make([]int, take)
	for i := range rows {
		rows[i] = i * n / take
	}
	return rows
}

// Components is a linear map of n rows to their first principal components.
type Components struct {
	Points [][]float64 // [n][k], centred
	Share  []float64   // of the variance that each component carries, descending
}

// The subspace iteration's oversampling and its end: when no share moves by more than settled between two rounds,
// or after rounds.
const (
	oversample = 8
	settled    = 1e-10
	rounds     = 300
)

// PCA maps x [n, d] to its first k principal components (k is cut to what n and d allow), by subspace iteration on the
// covariance (Halko, Martinsson and Tropp 2011). A component points to where its largest loading is positive.
func PCA(ctx context.Context, x []float32, n, d, k int) (Components, error) {
	centred, total, err := centre(x, n, d)
	if err != nil {
		return Components{}, err
	}
	k = min(k, d, n-1)
	basis, values, err := subspace(ctx, centred, min(k+oversample, d, n), total)
	if err != nil {
		return Components{}, err
	}
	var points mat.Dense
	points.Mul(centred, basis.Slice(0, d, 0, k))
	c := Components{Points: make([][]float64, n), Share: make([]float64, k)}
	for i := range n {
		c.Points[i] = mat.Row(nil, i, &points)
	}
	if total > 0 {
		for j := range k {
			c.Share[j] = values[j] / total
		}
	}
	return c, nil
}

// centre returns the rows less their mean, and the sum of their squares.
func centre(x []float32, n, d int) (*mat.Dense, float64, error) {
	if n < 2 || d < 1 || len(x) != n*d {
		return nil, 0, fmt.Errorf("%d values do not make %d rows of %d, or are too few for a map", len(x), n, d)
	}
	mean := make([]float64, d)
	for i, v := range x {
		mean[i%d] += float64(v)
	}
	data := make([]float64, n*d)
	var total float64
	for i, v := range x {
		data[i] = float64(v) - mean[i%d]/float64(n)
		total += data[i] * data[i]
	}
	if total-total != 0 {
		return nil, 0, fault.New(fault.Diverged, "lower the learning rate or lengthen the warm-up", "embeddings are not finite")
	}
	return mat.NewDense(n, d, data), total, nil
}

// subspace returns the leading eigenvectors of xᵀx as columns [d, k] and its eigenvalues, descending.
func subspace(ctx context.Context, x *mat.Dense, k int, total float64) (*mat.Dense, []float64, error) {
	n, d := x.Dims()
	basis := mat.NewDense(d, k, nil)
	for j := range k { // rows of the data at even distances span a good start; the ramp breaks ties
		for i := range d {
			basis.Set(i, j, x.At(j*n/k, i)+1e-3*math.Sqrt(total/float64(n*d))*math.Cos(float64(i*(j+1))))
		}
	}
	var values []float64
	for range rounds {
		if ctx.Err() != nil {
			return nil, nil, fmt.Errorf("principal components: %w", context.Cause(ctx))
		}
		next, nextValues, err := ritz(x, orthonormal(basis))
		if err != nil {
			return nil, nil, err
		}
		done := values != nil
		for i, v := range nextValues {
			done = done && math.Abs(v-values[i]) <= settled*total
		}
		basis, values = next, nextValues
		if done {
			break
		}
		var wide, back mat.Dense
		wide.Mul(x, basis)
		back.Mul(x.T(), &wide)
		basis = &back
	}
	basis, values, err := ritz(x, orthonormal(basis))
	if err != nil {
		return nil, nil, err
	}
	turn(basis)
	return basis, values, nil
}

func orthonormal(a *mat.Dense) *mat.Dense {
	d, k := a.Dims()
	var qr mat.QR
	qr.Factorize(a)
	var q mat.Dense
	qr.QTo(&q)
	return mat.DenseCopyOf(q.Slice(0, d, 0, k))
}

// ritz turns an orthonormal basis within its span to the eigenvectors of xᵀx there.
func ritz(x, basis *mat.Dense) (*mat.Dense, []float64, error) {
	_, k := basis.Dims()
	var wide mat.Dense
	wide.Mul(x, basis)
	var small mat.SymDense
	small.SymOuterK(1, wide.T())
	var e mat.EigenSym
	if !e.Factorize(&small, true) {
		return nil, nil, fmt.Errorf("principal components: eigenvalues of order %d did not converge", k)
	}
	ascending := e.Values(nil)
	var vectors mat.Dense
	e.VectorsTo(&vectors)
	values, flipped := make([]float64, k), mat.NewDense(k, k, nil)
	for j := range k {
		values[j] = max(0, ascending[k-1-j])
		flipped.SetCol(j, mat.Col(nil, k-1-j, &vectors))
	}
	var turned mat.Dense
	turned.Mul(basis, flipped)
	return &turned, values, nil
}

// turn makes each column's largest entry positive.
func turn(basis *mat.Dense) {
	d, k := basis.Dims()
	for j := range k {
		col := mat.Col(nil, j, basis)
		largest := 0.0
		for _, v := range col {
			if math.Abs(v) > math.Abs(largest)*(1+1e-9) {
				largest = v
			}
		}
		if largest < 0 {
			for i := range d {
				basis.Set(i, j, -col[i])
			}
		}
	}
}
