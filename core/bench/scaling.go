package bench

import (
	"context"
	"fmt"
	"math"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
)

// Point is a step of one size.
type Point struct {
	Batch  int     `json:"batch"` // images in a view
	Widen  int     `json:"width"` // times the network's widths
	Flop   float64 `json:"flop"`  // of the step
	Ms     float64 `json:"median_ms"`
	GFlops float64 `json:"gflops"`
	Memory int     `json:"arena_bytes"` // of activations
}

// Series is steps that differ in one size, with the straight line through them.
type Series struct {
	Name   string  `json:"name"` // "batch", "width"
	Points []Point `json:"points"`
	Line   Line    `json:"fit"`
}

// Line is Ms = Fixed + PerGFlop · Flop/1e9, with the least sum of squared relative deviations, so that small steps count
// as much as large ones.
type Line struct {
	Fixed    float64 `json:"fixed_ms"`
	PerGFlop float64 `json:"ms_per_gflop"`
	Worst    float64 `json:"worst_deviation"` // the largest |Ms/line − 1|
}

// At is the line's time for a step of so much arithmetic.
func (l Line) At(flop float64) float64 { return l.Fixed + l.PerGFlop*flop/1e9 }

// Scaling is what MeasureScaling found.
type Scaling struct {
	Net     string   `json:"net"`
	Threads int      `json:"threads"`
	Peak    float64  `json:"peak_gflops"`
	Series  []Series `json:"series"`
}

// ScalingOptions say which sizes to time.
type ScalingOptions struct {
	Net           string
	Batches       []int // at the network's widths
	Widths        []int // multiples of the network's widths, at WidthBatch
	WidthBatch    int
	Steps, Warmup int
	Trace         Tracer
	Tell          func(p Point) // after each size; may be nil
}

// MeasureScaling times steps over batches and over widths, and fits a line to each.
func MeasureScaling(ctx context.Context, pool *kernel.Pool, o ScalingOptions) (Scaling, error) {
	s := Scaling{Net: o.Net, Threads: pool.Threads(), Peak: Peak(pool)}
	if len(o.Batches) < 2 || len(o.Widths) < 2 {
		return s, fault.New(fault.Usage, "give at least two batches and two widths", "%d batches and %d widths make no line", len(o.Batches), len(o.Widths))
	}
	batches, widths := Series{Name: "batch"}, Series{Name: "width"}
	for _, b := range o.Batches {
		if err := batches.measure(ctx, pool, o, b, 1); err != nil {
			return s, err
		}
	}
	for _, w := range o.Widths {
		if err := widths.measure(ctx, pool, o, o.WidthBatch, w); err != nil {
			return s, err
		}
	}
	s.Series = []Series{batches, widths}
	for i := range s.Series {
		s.Series[i].Line = fit(s.Series[i].Points)
	}
	return s, nil
}

// measure adds the point of one size.
func (s *Series) measure(ctx context.Context, pool *kernel.Pool, o ScalingOptions, batch, widen int) error {
	step, err := TimeStep(ctx, pool, StepOptions{Net: o.Net, Batch: batch, Widen: widen, Steps: o.Steps, Warmup: o.Warmup, Trace: o.Trace})
	if err != nil {
		return fmt.Errorf("batch %d, widths times %d: %w", batch, widen, err)
	}
	p := Point{Batch: batch, Widen: widen, Flop: step.Flop, Ms: step.Median, GFlops: step.GFlops, Memory: step.Arena}
	s.Points = append(s.Points, p)
	if o.Tell != nil {
		o.Tell(p)
	}
	return nil
}

// fit is the line through points, each weighed by 1/Ms².
func fit(points []Point) Line {
	var w, x, y, xx, xy float64
	for _, p := range points {
		weight, flop := 1/(p.Ms*p.Ms), p.Flop/1e9
		w += weight
		x += weight * flop
		y += weight * p.Ms
		xx += weight * flop * flop
		xy += weight * flop * p.Ms
	}
	var l Line
	l.PerGFlop = (w*xy - x*y) / (w*xx - x*x)
	l.Fixed = (y - l.PerGFlop*x) / w
	for _, p := range points {
		l.Worst = max(l.Worst, math.Abs(p.Ms/l.At(p.Flop)-1))
	}
	return l
}
