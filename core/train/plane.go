package train

import (
	"context"
	"math"
	"slices"

	"github.com/sslctl/sslctl/core/probe/plane"
	"github.com/sslctl/sslctl/core/run"
)

// Bounds of the map: a thousand points are as many as a figure can show apart and take about two seconds on two cores;
// twenty classes are as many as colours and marks can tell apart.
const (
	mapPoints  = 1000
	mapLeast   = 10
	mapClasses = 20
)

// plane maps embeddings of images without augmentation to two dimensions, for the report. Too few images have no map.
func (e *evaluation) plane(ctx context.Context, f Features, split string) (*run.Map, error) {
	all := e.job.Data.Train.Classes()
	shown := classesToMap(f.Labels)
	rows := rowsToMap(f.Labels, shown)
	if len(rows) < mapLeast {
		return nil, nil // nothing to draw
	}
	e.phase("map of the embeddings")
	z := make([]float32, 0, len(rows)*f.Width)
	for _, i := range rows {
		z = append(z, f.Z[i*f.Width:(i+1)*f.Width]...)
	}
	drawn, err := plane.TSNE(ctx, e.job.Pool, z, len(rows), f.Width, plane.Options{})
	if err != nil {
		return nil, err
	}
	m := &run.Map{AllClasses: len(all), Split: split, Images: f.Len(), Dim: f.Width, Perplexity: run.Number(drawn.Perplexity), KL: run.Number(drawn.KL)}
	for k, p := range drawn.Points {
		m.Points = append(m.Points, [2]float64{hundredth(p[0]), hundredth(p[1])})
		if len(shown) > 0 {
			m.Labels = append(m.Labels, slices.Index(shown, f.Labels[rows[k]]))
		}
	}
	for _, c := range shown {
		m.Classes = append(m.Classes, all[c])
	}
	return m, nil
}

// classesToMap picks classes at even distances among those that occur; none where there are no labels.
func classesToMap(labels []int) []int {
	occur := slices.Compact(slices.Sorted(slices.Values(labels)))
	occur = slices.DeleteFunc(occur, func(l int) bool { return l < 0 })
	shown := plane.Sample(len(occur), mapClasses)
	for k, at := range shown {
		shown[k] = occur[at]
	}
	return shown
}

// rowsToMap picks rows at even distances among those of the classes that are shown, or among all without classes.
func rowsToMap(labels, shown []int) []int {
	var of []int
	for i, l := range labels {
		if len(shown) == 0 || slices.Contains(shown, l) {
			of = append(of, i)
		}
	}
	rows := plane.Sample(len(of), mapPoints)
	for k, at := range rows {
		rows[k] = of[at]
	}
	return rows
}

// hundredth rounds a coordinate, of which a map has some dozens, to what can be seen.
func hundredth(v float64) float64 { return math.Round(100*v) / 100 }
