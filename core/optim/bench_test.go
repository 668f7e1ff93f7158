package optim_test

import (
	"testing"

	"github.com/sslctl/sslctl/core/optim"
)

// BenchmarkStep moves 11.2 million parameters, a ResNet-18's, in 60 tensors.
func BenchmarkStep(b *testing.B) {
	for name, rule := range map[string]optim.Rule{
		"sgd": optim.SGD{Momentum: .9, WeightDecay: 1e-4}, "lars": optim.LARS{Momentum: .9, WeightDecay: 1e-4}, "adamw": optim.AdamW{WeightDecay: 1e-2},
	} {
		b.Run(name, func(b *testing.B) {
			var ps []optim.Param
			for i := range 60 {
				n := 11_200_000 / 60
				ps = append(ps, optim.Param{Name: string(rune('a' + i)), Value: make([]float32, n), Grad: make([]float32, n), Shape: []int{1, n}})
				for j := range n {
					ps[i].Value[j], ps[i].Grad[j] = float32(j%7)-3, float32(j%5)-2
				}
			}
			o, err := optim.New(ps, rule, optim.Options{})
			if err != nil {
				b.Fatal(err)
			}
			p := newPool(b, 2)
			for b.Loop() {
				o.Step(p, 1e-6)
			}
		})
	}
}
