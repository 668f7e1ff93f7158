package sdktest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// checkShapes traces for several batches, widths and numbers of views, infers every shape anew, and takes the program
// through the wire's format and back.
func checkShapes(ctx context.Context, s Subject) (finding, error) {
	wide := small(s.Kind)
	wide.Batch, wide.Embedding = 12, 9
	all := []method.Shapes{small(s.Kind), wide}
	if s.Kind == wire.Method { // at the width of its own recipe
		own := small(s.Kind)
		own.Embedding, own.Representation = 0, 0
		all = append(all, own)
	}
	for _, shapes := range all {
		for _, unit := range units(s.Kind) {
			o, err := s.Trace(ctx, nil, shapes, unit)
			if err == nil {
				_, err = newEvaluator(o.Program, o.Loss)
			}
			if err == nil {
				err = travels(o.Program)
			}
			if err != nil {
				return finding{}, fmt.Errorf("traced for %+v: %w", shapes, err)
			}
		}
	}
	return ok("traced for %d shapes; every op is in the set and every shape as inferred", len(all))
}

// units are the spaces in which a subject is traced.
func units(k wire.Kind) []bool {
	if k == wire.Regulariser {
		return []bool{false, true}
	}
	return []bool{false}
}

func travels(p *expr.Program) error {
	data, err := wire.Marshal(p)
	if err != nil {
		return err
	}
	back, err := wire.Unmarshal(data)
	if err == nil && wire.Digest(back) != wire.Digest(p) {
		err = fmt.Errorf("the program is another after encoding and decoding")
	}
	return err
}

// checkDeterminism traces twice and evaluates twice, to the bit.
func checkDeterminism(ctx context.Context, s Subject) (finding, error) {
	var digests [2]string
	var values [2]map[string][]float32
	for i := range 2 {
		o, err := s.trace(ctx)
		if err != nil {
			return finding{}, err
		}
		digests[i] = wire.Digest(o.Program)
		if values[i], err = evaluate(o.Program, embeddings(o.Program)); err != nil {
			return finding{}, err
		}
	}
	if digests[0] != digests[1] {
		return finding{}, fmt.Errorf("two traces give two programs: does the objective read a map, a clock or chance?")
	}
	for name, v := range values[0] {
		if !slices.EqualFunc(v, values[1][name], func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
			return finding{}, fmt.Errorf("output %q is %v, and %v the second time", name, v, values[1][name])
		}
	}
	return ok("two traces are program %.12s, two evaluations have the same bits", digests[0])
}

// checkPermutation reorders the images, in every view alike: a loss over a batch does not know their order.
func checkPermutation(ctx context.Context, s Subject) (finding, error) {
	o, err := s.trace(ctx)
	if err != nil {
		return finding{}, err
	}
	at := embeddings(o.Program)
	before, err := lossOf(o, at)
	if err != nil {
		return finding{}, err
	}
	n := small(s.Kind).Batch
	for name, v := range at {
		moved := make([]float32, len(v))
		d := len(v) / n
		for row := range n {
			copy(moved[row*d:(row+1)*d], v[(3*row+2)%n*d:][:d]) // 3 and 8 have no common divisor
		}
		at[name] = moved
	}
	after, err := lossOf(o, at)
	if err != nil {
		return finding{}, err
	}
	if math.Abs(after-before) > 1e-4*(1+math.Abs(before)) {
		return finding{}, fmt.Errorf("the loss is %.6g, and %.6g with the images in another order", before, after)
	}
	return ok("the loss is %.6g in any order of the images", before)
}

func lossOf(o Objective, at map[string][]float32) (float64, error) {
	out, err := evaluate(o.Program, at)
	if err != nil {
		return 0, err
	}
	v, found := out[o.Loss]
	if !found || len(v) != 1 {
		return 0, fmt.Errorf("the program has no scalar output %q", o.Loss)
	}
	return float64(v[0]), nil
}

// growth is how much more the loss of four times the images may be before it looks like a sum instead of a mean.
const growth = 3

// checkBatchSize compares the loss of a batch with that of one four times as large.
func checkBatchSize(ctx context.Context, s Subject) (finding, error) {
	shapes := small(s.Kind)
	shapes.Batch *= 4
	var losses [2]float64
	for i, shapes := range []method.Shapes{small(s.Kind), shapes} {
		o, err := s.Trace(ctx, nil, shapes, false)
		if err != nil {
			return finding{}, fmt.Errorf("traced for %d images: %w", shapes.Batch, err)
		}
		if losses[i], err = lossOf(o, embeddings(o.Program)); err != nil {
			return finding{}, err
		}
	}
	says := fmt.Sprintf("the loss of 8 images is %.4g, of 32 %.4g", losses[0], losses[1])
	if math.Abs(losses[1]) > growth*math.Abs(losses[0])+1e-3 {
		return warn("%s: it grows with the batch, and the learning rate would have to follow; is a mean over the images missing?", says)
	}
	return ok("%s", says)
}

// checkScale holds loss and gradients to be finite on very short and very long embeddings.
func checkScale(ctx context.Context, s Subject) (finding, error) {
	for _, factor := range []float32{1e-3, 1e3} {
		if err := finiteAt(ctx, s, func(_, _ int, v float32) float32 { return factor * v }); err != nil {
			return finding{}, fmt.Errorf("embeddings of a scale of %g: %w", factor, err)
		}
	}
	return ok("loss and gradients are finite for embeddings of a scale of 0.001 and 1000")
}

// checkConstant does so on collapsed embeddings, which training may meet: all rows equal, and all zero.
func checkConstant(ctx context.Context, s Subject) (finding, error) {
	if err := finiteAt(ctx, s, func(_, column int, _ float32) float32 { return 0.5 + float32(column)/4 }); err != nil {
		return finding{}, fmt.Errorf("equal rows: %w", err)
	}
	if err := finiteAt(ctx, s, func(_, _ int, _ float32) float32 { return 0 }); err != nil {
		return finding{}, fmt.Errorf("all zero: %w; a root or quotient needs an epsilon inside", err)
	}
	return ok("loss and gradients are finite where all rows are equal, and where all are zero")
}

// finiteAt holds loss and gradients on changed embeddings to be finite.
func finiteAt(ctx context.Context, s Subject, change func(row, column int, v float32) float32) error {
	_, loss, grads, err := changed(ctx, s, change)
	if err != nil {
		return err
	}
	if !finite(loss) {
		return fmt.Errorf("the loss is %g", loss)
	}
	for _, name := range slices.Sorted(maps.Keys(grads)) {
		if !allFinite(grads[name]) {
			return fmt.Errorf("the gradient of %s is not finite", name)
		}
	}
	return nil
}

func changed(ctx context.Context, s Subject, change func(row, column int, v float32) float32) (e *evaluator, loss float64, grads map[string][]float32, err error) {
	o, err := s.trace(ctx)
	if err != nil {
		return nil, 0, nil, err
	}
	at := embeddings(o.Program)
	for _, port := range o.Program.Inputs {
		v, d := at[port.Name], port.Shape[1]
		for i := range v {
			v[i] = change(i/d, i%d, v[i])
		}
	}
	if e, err = newEvaluator(o.Program, o.Loss); err != nil {
		return nil, 0, nil, err
	}
	loss, grads, err = e.gradients(at)
	return e, loss, grads, err
}

// checkNaN gives one image embeddings that are not numbers. The loss must not be finite then: a run is stopped for it.
func checkNaN(ctx context.Context, s Subject) (finding, error) {
	_, loss, _, err := changed(ctx, s, func(row, _ int, v float32) float32 {
		if row == 1 {
			return float32(math.NaN())
		}
		return v
	})
	if err != nil {
		return finding{}, err
	}
	if finite(loss) {
		return warn("the loss is %.4g though an embedding is NaN: a run that diverged would not be noticed by it", loss)
	}
	return ok("the loss is %g, by which a run that diverged is stopped", loss)
}

// slow is how long a trace may take before an author should look at it.
const slow = time.Second

// checkTime traces for a batch of the usual size at the recipe's own width.
func checkTime(ctx context.Context, s Subject) (finding, error) {
	shapes := method.Shapes{Batch: 256, Views: 2, Representation: 512}
	if s.Kind == wire.Regulariser {
		shapes.Embedding, shapes.Representation = 512, 0
	}
	began := time.Now()
	o, err := s.Trace(ctx, nil, shapes, false)
	took := time.Since(began)
	if err != nil {
		return finding{}, fmt.Errorf("traced for a batch of 256: %w", err)
	}
	says := fmt.Sprintf("%d ops for a batch of 256, traced in %v", len(o.Program.Steps), took.Round(100*time.Microsecond))
	if took > slow {
		return warn("%s: every start of a run waits for it", says)
	}
	return ok("%s", says)
}

func join(names []string) string { return strings.Join(names, ", ") }
