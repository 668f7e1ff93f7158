package probe

import (
	"context"
	"fmt"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"math/rand/v2"
	"slices"
)

// FewOptions are the settings of the probe with few labels.
type FewOptions struct {
	PerClass int    // labels of each class; 0 stands for 1 % of it, at least one: 60 of Fashion-MNIST's 6,000
	Draws    int    // 0 stands for 3
	Seed     uint64 // of the draws
	Linear   LinearOptions
}

// Few is the linear probe trained on PerClass labels of each class: the mean over several draws, each a function
// of the seed, the draw's number and the class. Standardisation uses the drawn rows only, as if no others existed.
// A class with fewer rows gives all it has. The interval is that of one test set of N rows; Draws shows the spread.
func Few(ctx context.Context, p *kernel.Pool, train []float32, trainLabels []int, test []float32, testLabels []int, o FewOptions) (Accuracy, error) {
	tr, te, err := pair(train, trainLabels, test, testLabels)
	if err != nil {
		return Accuracy{}, err
	}
	if o.PerClass < 0 || o.Draws < 0 {
		return Accuracy{}, fmt.Errorf("few labels: %d of each class in %d draws", o.PerClass, o.Draws)
	}
	if o.Draws == 0 {
		o.Draws = 3
	}
	mean := Accuracy{N: te.n}
	for draw := range o.Draws {
		c, err := fit(ctx, p, tr.pick(drawRows(trainLabels, o.PerClass, o.Seed, draw)), o.Linear)
		if err != nil {
			return Accuracy{}, err
		}
		a := c.test(p, te)
		mean.Draws = append(mean.Draws, a.Top1)
		mean.Top1 += a.Top1 / float64(o.Draws)
		mean.Top5 += a.Top5 / float64(o.Draws)
	}
	mean.Low, mean.High = Wilson(mean.Top1, mean.N)
	return mean, nil
}

// drawRows picks perClass rows (0: 1 %) of each class without replacement, in ascending order.
func drawRows(labels []int, perClass int, seed uint64, draw int) []int {
	byClass := make([][]int, classesOf(labels))
	for i, l := range labels {
		byClass[l] = append(byClass[l], i)
	}
	var rows []int
	for class, members := range byClass {
		r := rand.New(rand.NewPCG(seed, uint64(draw)<<32|uint64(class)))
		take := min(perClass, len(members))
		if perClass == 0 {
			take = (len(members) + 99) / 100
		}
		for i := range take {
			j := i + r.IntN(len(members)-i)
			members[i], members[j] = members[j], members[i]
			rows = append(rows, members[i])
		}
	}
	slices.Sort(rows)
	return rows
}

// pick copies some rows.
func (m matrix) pick(rows []int) matrix {
	out := matrix{n: len(rows), d: m.d, x: make([]float32, 0, len(rows)*m.d), labels: make([]int, 0, len(rows))}
	for _, i := range rows {
		out.x = append(out.x, m.x[i*m.d:(i+1)*m.d]...)
		out.labels = append(out.labels, m.labels[i])
	}
	return out
}
