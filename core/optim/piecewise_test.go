package optim_test

import (
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/optim"
)

// TestPiecewise: a step by pieces of three numbers leaves the bits of a step of whole tensors, in parameters, state and averages;
// tensors that need norms, and those alone, are left to Step.
func TestPiecewise(t *testing.T) {
	g, pool := readGolden(t), newPool(t, 2)
	for name, rule := range rules {
		whole, pieces := g.params(), g.params()
		byPieces := map[string]bool{}
		for i, p := range pieces {
			if byPieces[p.Name] = optim.Elementwise(rule, p.Shape); byPieces[p.Name] {
				pieces[i].Grad = nil
			}
			if _, norms := rule.(optim.LARS); byPieces[p.Name] == (norms && len(p.Shape) > 1) {
				t.Errorf("%s: %s by pieces: %t", name, p.Name, byPieces[p.Name])
			}
		}
		followers := func(ps []optim.Param) (pairs []optim.Pair) {
			for _, p := range ps {
				pairs = append(pairs, optim.Pair{Target: make([]float32, len(p.Value)), Online: p.Value})
			}
			return pairs
		}
		wholePairs, piecePairs := followers(whole), followers(pieces)
		want, err := optim.New(whole, rule, optim.Options{LR: .1, Rates: []optim.Rate{{Prefix: "conv", Scale: .5}}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := optim.New(pieces, rule, optim.Options{LR: .1, Rates: []optim.Rate{{Prefix: "conv", Scale: .5}}})
		if err != nil {
			t.Fatal(err)
		}
		wantAverage, err := optim.NewAverage(wholePairs)
		if err != nil {
			t.Fatal(err)
		}
		gotAverage, err := optim.NewAverage(piecePairs)
		if err != nil {
			t.Fatal(err)
		}
		follow := make([]func(lo, hi int), len(pieces))
		for i, p := range pieces {
			if (got.Piecewise(pool.ISA(), p.Name) != nil) != byPieces[p.Name] {
				t.Fatalf("%s: %s by pieces?", name, p.Name)
			}
			if byPieces[p.Name] {
				follow[i] = gotAverage.Piecewise(pool.ISA(), i)
			}
		}
		for step := range g.Grads {
			g.load(whole, step)
			want.Step(pool, g.Rates[step])
			wantAverage.Step(pool, .9)
			got.Begin(g.Rates[step])
			gotAverage.Begin(.9)
			for i, p := range pieces {
				grad := g.Grads[step][p.Name]
				if !byPieces[p.Name] {
					copy(p.Grad, grad)
					continue
				}
				for first := 0; first < len(grad); first += 3 {
					end := min(len(grad), first+3)
					got.Piecewise(pool.ISA(), p.Name)(first, grad[first:end])
					follow[i](first, end)
				}
			}
			got.Step(pool, g.Rates[step])
			gotAverage.Step(pool, .9)
		}
		for i := range whole {
			if !slices.Equal(whole[i].Value, pieces[i].Value) || !slices.Equal(wholePairs[i].Target, piecePairs[i].Target) {
				t.Errorf("%s: %s differs", name, whole[i].Name)
			}
		}
		for slot, values := range want.State() {
			if !slices.Equal(values, got.State()[slot]) {
				t.Errorf("%s: %s differs", name, slot)
			}
		}
	}
}
