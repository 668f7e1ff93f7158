package probe

import (
	"context"
	"fmt"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"math"
)

// KNNOptions are the settings of the nearest-neighbour probe. The zero value is the field's protocol.
type KNNOptions struct {
	K           int     // neighbours; 0 stands for 20
	Temperature float64 // of the weights exp(cos/T); 0 stands for 0.07
}

// Rows of test and train features whose similarities are held at once: 8 MiB, which stays in L3, and products
// large enough to run at full speed.
const (
	knnTestRows  = 512
	knnTrainRows = 4096
)

// KNN classifies each test row by its K nearest train rows in cosine similarity, each voting for its class with
// exp(cos/T): the protocol of Wu et al. 2018 and DINO. Equal similarities go to the earlier train row, equal votes
// to the lower class; a class without a vote is not among the predictions. A row of zeros has similarity 0 to all.
func KNN(ctx context.Context, p *kernel.Pool, train []float32, trainLabels []int, test []float32, testLabels []int, o KNNOptions) (Accuracy, error) {
	tr, te, err := pair(train, trainLabels, test, testLabels)
	if err != nil {
		return Accuracy{}, err
	}
	o = o.withDefaults(tr.n)
	memory, query := unitRows(p, tr), unitRows(p, te)
	ranks := make([]int, te.n)
	sims := make([]float32, min(knnTestRows, te.n)*min(knnTrainRows, tr.n))
	for q := 0; q < te.n; q += knnTestRows {
		rows := min(knnTestRows, te.n-q)
		near := newNearest(rows, o.K)
		for t := 0; t < tr.n; t += knnTrainRows {
			if err := ctx.Err(); err != nil {
				return Accuracy{}, fmt.Errorf("nearest neighbours: %w", context.Cause(ctx))
			}
			cols := min(knnTrainRows, tr.n-t)
			product(p, query[q*te.d:(q+rows)*te.d], memory[t*tr.d:(t+cols)*tr.d], sims, rows, cols, tr.d)
			near.offer(p, sims, cols, t)
		}
		near.vote(p, tr.labels, te.labels[q:q+rows], ranks[q:q+rows], o.Temperature)
	}
	return accuracyOf(ranks, te.labels), nil
}

func (o KNNOptions) withDefaults(trainRows int) KNNOptions {
	if o.K <= 0 {
		o.K = 20
	}
	o.K = min(o.K, trainRows)
	if o.Temperature == 0 {
		o.Temperature = 0.07
	}
	return o
}

// unitRows copies rows divided by their norms.
func unitRows(p *kernel.Pool, m matrix) []float32 {
	out := make([]float32, len(m.x))
	overRows(p, m.n, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			row, to := m.x[i*m.d:(i+1)*m.d], out[i*m.d:(i+1)*m.d]
			var square float64
			for _, v := range row {
				square += float64(v) * float64(v)
			}
			if square == 0 {
				continue
			}
			inverse := float32(1 / math.Sqrt(square))
			for j, v := range row {
				to[j] = v * inverse
			}
		}
	})
	return out
}

// nearest holds, for each of some rows, the k best train rows seen so far, best first.
type nearest struct {
	k    int
	sims []float32 // [rows, k]
	idx  []int32   // [rows, k]
}

func newNearest(rows, k int) *nearest {
	n := &nearest{k: k, sims: make([]float32, rows*k), idx: make([]int32, rows*k)}
	for i := range n.sims {
		n.sims[i] = float32(math.Inf(-1))
	}
	return n
}

// knnTaskRows is the number of rows for which one task selects or votes.
const knnTaskRows = 32

func (n *nearest) overRows(p *kernel.Pool, f func(row int)) {
	rows := len(n.sims) / n.k
	p.Run((rows+knnTaskRows-1)/knnTaskRows, func(_, t int) {
		for row := t * knnTaskRows; row < min((t+1)*knnTaskRows, rows); row++ {
			f(row)
		}
	})
}

// offer takes similarities to train rows first, first+1, ... in: sims is [rows, cols]. As train rows come in
// ascending order, an equal similarity never displaces an earlier row.
func (n *nearest) offer(p *kernel.Pool, sims []float32, cols, first int) {
	n.overRows(p, func(row int) {
		best, idx := n.sims[row*n.k:(row+1)*n.k], n.idx[row*n.k:(row+1)*n.k]
		worst := best[n.k-1]
		for j, s := range sims[row*cols : (row+1)*cols] {
			if s <= worst {
				continue
			}
			insert(best, idx, s, int32(first+j))
			worst = best[n.k-1]
		}
	})
}

// insert puts s after all values that are at least as large and drops the last.
func insert(best []float32, idx []int32, s float32, row int32) {
	at := len(best) - 1
	for at > 0 && best[at-1] < s {
		best[at], idx[at] = best[at-1], idx[at-1]
		at--
	}
	best[at], idx[at] = s, row
}

// vote sets the rank of each row's own label among the votes. Votes are taken relative to the best neighbour's,
// exp((cos−best)/T), which ranks the same and cannot overflow at small temperatures.
func (n *nearest) vote(p *kernel.Pool, trainLabels, labels, ranks []int, temperature float64) {
	classes := classesOf(trainLabels)
	n.overRows(p, func(row int) {
		votes := make([]float64, classes)
		best := n.sims[row*n.k : (row+1)*n.k]
		for j, s := range best {
			votes[trainLabels[n.idx[row*n.k+j]]] += math.Exp(float64(s-best[0]) / temperature)
		}
		ranks[row] = rankOf(votes, labels[row])
		if ranks[row] != math.MaxInt && votes[labels[row]] == 0 {
			ranks[row] = math.MaxInt
		}
	})
}
