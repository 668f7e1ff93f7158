package model_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// TestLayout: elements are numbered in PyTorch's order; memory must hold them where our order puts them.
func TestLayout(t *testing.T) {
	tests := []struct {
		name   string
		param  nn.Param
		torch  []int
		memory []float32
	}{
		{"vector", nn.Param{Shape: expr.Shape{4}, Layout: nn.Vector, Positions: 1}, []int{4}, []float32{0, 1, 2, 3}},
		{"linear", nn.Param{Shape: expr.Shape{2, 3}, Layout: nn.Linear2, Positions: 1}, []int{2, 3}, []float32{0, 1, 2, 3, 4, 5}},
		// [out 2, c 2, positions 3] becomes [out, position, c].
		{"linear on images", nn.Param{Shape: expr.Shape{2, 6}, Layout: nn.Linear2, Positions: 3}, []int{2, 6},
			[]float32{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}},
		// [out 2, in 3, r 1, s 2] becomes [r, s, in, out].
		{"convolution", nn.Param{Shape: expr.Shape{1, 2, 3, 2}, Layout: nn.Conv4, Positions: 1}, []int{2, 3, 1, 2},
			[]float32{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			tc.param.Name = "weight"
			count := make([]float32, len(tc.memory))
			for i := range count {
				count[i] = float32(i)
			}
			if got := model.TorchShape(tc.param); !slices.Equal([]int(got), tc.torch) {
				t.Errorf("shape %v, want %v", got, tc.torch)
			}
			got, err := model.FromTorch(tc.param, tc.torch, count)
			if err != nil || !slices.Equal(got, tc.memory) {
				t.Errorf("in memory %v, want %v (%v)", got, tc.memory, err)
			}
			if back := model.ToTorch(tc.param, got); !slices.Equal(back, count) {
				t.Errorf("back in the file %v", back)
			}
			if _, err := model.FromTorch(tc.param, append(slices.Clone(tc.torch), 1), count); err == nil || !strings.Contains(err.Error(), "weight is") {
				t.Errorf("another shape: %v", err)
			}
			if _, err := model.FromTorch(tc.param, tc.torch, count[1:]); err == nil {
				t.Error("too few numbers were accepted")
			}
		})
	}
	// [n 1, c 2, h 1, w 3] becomes [n, h, w, c].
	if got := model.ImagesFromTorch(1, 2, 1, 3, []float32{0, 1, 2, 3, 4, 5}); !slices.Equal(got, []float32{0, 3, 1, 4, 2, 5}) {
		t.Errorf("images %v", got)
	}
}
