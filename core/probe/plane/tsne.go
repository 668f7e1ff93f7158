package plane

import (
	"context"
	"fmt"
	"math"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
)

// Options are t-SNE's settings. The zero value is the usual one.
type Options struct {
	Perplexity float64 // effective number of neighbours; 0 stands for 30. It is cut to a third of the rows.
	Iterations int     // 0 stands for 750
}

// Map is a two-dimensional map.
type Map struct {
	Points     [][2]float64 // of the rows, in their order
	KL         float64      // divergence of the map's neighbourhoods from the embeddings', in nats; lower is better
	Perplexity float64      // as it was used
}

// The schedule of van der Maaten and Hinton 2008, with the exaggeration of van der Maaten 2014 and the learning rate
// of Belkina et al. 2019: forces of attraction are 12 times too strong for the first third, at most 250 iterations,
// while clusters gather; the momentum is 0.5 then and 0.8 later.
const (
	exaggeration     = 12
	exaggerated      = 250
	earlyMomentum    = 0.5
	lateMomentum     = 0.8
	leastRate        = 50
	startSize        = 1e-4
	gainUp, gainDown = 0.2, 0.8
	leastGain        = 0.01
)

// MaxRows bounds TSNE: it holds n² numbers and takes O(n²) an iteration, some ten milliseconds for 2,000 rows on two
// cores.
const MaxRows = 5000

// TSNE maps x [n, d] to the plane by exact t-SNE, from the first two principal components as the start, so that the
// map keeps the coarse arrangement and needs no seed. It fails on more than MaxRows rows and when ctx ends.
func TSNE(ctx context.Context, p *kernel.Pool, x []float32, n, d int, o Options) (*Map, error) {
	if n < 4 || n > MaxRows {
		return nil, fmt.Errorf("a t-SNE map takes 4 to %d rows, not %d", MaxRows, n)
	}
	start, err := PCA(ctx, x, n, d, 2)
	if err != nil {
		return nil, err
	}
	if o.Perplexity == 0 {
		o.Perplexity = 30
	}
	if o.Iterations == 0 {
		o.Iterations = 750
	}
	o.Perplexity = min(o.Perplexity, float64(n-1)/3)
	s := newDescent(p, affinities(p, x, n, d, o.Perplexity), start)
	early := min(exaggerated, o.Iterations/3)
	for i := range o.Iterations {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("t-SNE map: %w", context.Cause(ctx))
		}
		if i < early {
			s.step(exaggeration, earlyMomentum)
		} else {
			s.step(1, lateMomentum)
		}
	}
	return &Map{Points: s.y, KL: s.divergence(), Perplexity: o.Perplexity}, nil
}

// descent is the state of the gradient descent.
type descent struct {
	p        *kernel.Pool
	affinity []float32 // [n, n]
	y        [][2]float64
	velocity [][2]float64
	gain     [][2]float64
	rate     float64
	rows     []forces
}

// forces are what the other points do to one: Σp_ij·w_ij(y_i−y_j), Σw_ij²(y_i−y_j) and Σw_ij, w = 1/(1+‖y_i−y_j‖²).
type forces struct {
	attract, repel [2]float64
	weight         float64
}

func newDescent(p *kernel.Pool, affinity []float32, start Components) *descent {
	n := len(start.Points)
	s := &descent{p: p, affinity: affinity, y: make([][2]float64, n), velocity: make([][2]float64, n), gain: make([][2]float64, n),
		rate: max(float64(n)/exaggeration/4, leastRate), rows: make([]forces, n)}
	var square float64
	for _, v := range start.Points {
		square += v[0] * v[0]
	}
	scale := startSize
	if square > 0 {
		scale = startSize / math.Sqrt(square/float64(n))
	}
	for i, v := range start.Points {
		for k, c := range v {
			s.y[i][k] = c * scale
		}
		s.gain[i] = [2]float64{1, 1}
	}
	return s
}

// step moves all points once: the gradient is 4Σ_j(e·p_ij − q_ij)w_ij(y_i−y_j) with q_ij = w_ij/Σw.
func (s *descent) step(exaggerate, momentum float64) {
	total := s.measure()
	for i, f := range s.rows {
		for k := range 2 {
			g := 4 * (exaggerate*f.attract[k] - f.repel[k]/total)
			v := &s.velocity[i][k]
			if (g > 0) != (*v > 0) {
				s.gain[i][k] += gainUp
			} else {
				s.gain[i][k] = max(leastGain, s.gain[i][k]*gainDown)
			}
			*v = momentum**v - s.rate*s.gain[i][k]*g
			s.y[i][k] += *v
		}
	}
}

// measure sets the forces on each point and returns Σw over all ordered pairs.
func (s *descent) measure() float64 {
	n := len(s.y)
	overRows(s.p, n, func(i int) {
		s.rows[i] = forcesOn(s.y, s.affinity[i*n:(i+1)*n], i)
	})
	var total float64
	for _, f := range s.rows {
		total += f.weight
	}
	return total
}

func forcesOn(y [][2]float64, affinity []float32, i int) forces {
	var f forces
	a, b := y[i][0], y[i][1]
	for j, p := range affinity {
		dx, dy := a-y[j][0], b-y[j][1]
		w := 1 / (1 + dx*dx + dy*dy)
		pull, push := float64(p)*w, w*w
		f.weight += w
		f.attract[0] += pull * dx
		f.attract[1] += pull * dy
		f.repel[0] += push * dx
		f.repel[1] += push * dy
	}
	f.weight-- // of i on itself
	return f
}

// divergence is Σp_ij·ln(p_ij/q_ij).
func (s *descent) divergence() float64 {
	n := len(s.y)
	total := s.measure()
	parts := make([]float64, n)
	overRows(s.p, n, func(i int) {
		for j, p := range s.affinity[i*n : (i+1)*n] {
			if p > 0 {
				dx, dy := s.y[i][0]-s.y[j][0], s.y[i][1]-s.y[j][1]
				parts[i] += float64(p) * math.Log(float64(p)*total*(1+dx*dx+dy*dy))
			}
		}
	})
	var kl float64
	for _, v := range parts {
		kl += v
	}
	return kl
}
