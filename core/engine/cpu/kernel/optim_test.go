package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// steps is the number of updates that the tests make: enough for the state to matter.
const steps = 3

func TestSGD(t *testing.T) {
	for _, n := range vectorLengths {
		for _, s := range []SGD{
			{LR: 0.1, Scale: 1}, {LR: 0.1, Momentum: 0.9, WeightDecay: 0.01, Scale: 1}, {LR: 0.2, Momentum: 0.8, WeightDecay: 0.1, Scale: 0.02, Nesterov: true},
		} {
			r := newRand(13)
			w, dw := random(r, n), random(r, n)
			want := make([]float64, 2*n)
			for i := range n {
				x, v := float64(w[i]), 0.0
				for range steps {
					d := float64(s.Scale) * (float64(dw[i]) + float64(s.WeightDecay)*x)
					v = float64(s.Momentum)*v + d
					if s.Nesterov {
						x -= float64(s.LR) * (d + float64(s.Momentum)*v)
					} else {
						x -= float64(s.LR) * v
					}
				}
				want[i], want[n+i] = x, v
			}
			onAll(t, fmt.Sprintf("%+v of %d", s, n), want, 2e-6, func(p *Pool) []float32 {
				state := append(slices.Clone(w), make([]float32, n)...)
				for range steps {
					s.Update(p, state[:n], dw, state[n:])
				}
				return state
			})
		}
	}
}

func TestAdamW(t *testing.T) {
	for _, n := range vectorLengths {
		a := AdamW{LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1}
		r := newRand(14)
		w, dw := random(r, n), random(r, n)
		want := make([]float64, 3*n)
		for i := range n {
			x, m, v, g := float64(w[i]), 0.0, 0.0, float64(dw[i])
			for k := 1; k <= steps; k++ {
				m = float64(a.Beta1)*m + (1-float64(a.Beta1))*g
				v = float64(a.Beta2)*v + (1-float64(a.Beta2))*g*g
				x *= 1 - float64(a.LR)*float64(a.WeightDecay)
				mHat, vHat := m/(1-math.Pow(float64(a.Beta1), float64(k))), v/(1-math.Pow(float64(a.Beta2), float64(k)))
				x -= float64(a.LR) * mHat / (math.Sqrt(vHat) + float64(a.Eps))
			}
			want[i], want[n+i], want[2*n+i] = x, m, v
		}
		onAll(t, fmt.Sprint("AdamW of ", n), want, 3e-6, func(p *Pool) []float32 {
			state := append(slices.Clone(w), make([]float32, 2*n)...)
			for k := 1; k <= steps; k++ {
				a.Step = k
				a.Update(p, state[:n], dw, state[n:2*n], state[2*n:])
			}
			return state
		})
	}
}

func TestEMA(t *testing.T) {
	for _, n := range vectorLengths {
		r := newRand(15)
		target, online := random(r, n), random(r, n)
		const m = float32(0.996)
		want := make([]float64, n)
		for i := range want {
			want[i] = float64(m)*float64(target[i]) + (1-float64(m))*float64(online[i])
		}
		onAll(t, fmt.Sprint("EMA of ", n), want, 1e-6, func(p *Pool) []float32 {
			got := slices.Clone(target)
			EMA(p, got, online, m)
			return got
		})
	}
}

func TestNormSquares(t *testing.T) {
	r := newRand(16)
	w, dw := random(r, 70001), random(r, 70001)
	for _, decay := range []float32{0, 0.5} {
		want := make([]float64, 2)
		for i := range w {
			want[0] += float64(w[i]) * float64(w[i])
			d := float64(dw[i]) + float64(decay)*float64(w[i])
			want[1] += d * d
		}
		onAll(t, fmt.Sprint("norms with decay ", decay), want, 1e-6, func(p *Pool) []float32 {
			w2, d2 := NormSquares(p, w, dw, decay)
			return []float32{float32(w2), float32(d2)}
		})
	}
}
