package model

import (
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// Files hold tensors as PyTorch does: convolution weights [out, in, rows, columns], images [n, c, h, w], the columns of a
// linear layer on flattened images in the order [c, h, w]. Memory holds [rows, columns, in, out], [n, h, w, c] and [h, w, c].
// This file is the one place where the two meet.

// TorchShape is the shape of a parameter in a file.
func TorchShape(p nn.Param) expr.Shape {
	if p.Layout == nn.Conv4 {
		return expr.Shape{p.Shape[3], p.Shape[2], p.Shape[0], p.Shape[1]}
	}
	return p.Shape.Clone()
}

// ToTorch gives a parameter's values in PyTorch's layout; always a copy.
func ToTorch(p nn.Param, ours []float32) []float32 {
	switch {
	case p.Layout == nn.Conv4:
		return permute(ours, p.Shape, 3, 2, 0, 1)
	case p.Layout == nn.Linear2 && p.Positions > 1:
		return permute(ours, columns(p, p.Positions), 0, 2, 1)
	}
	return slices.Clone(ours)
}

// FromTorch gives values of PyTorch's layout as they lie in memory; always a copy. The shape is the file's.
func FromTorch(p nn.Param, shape []int, theirs []float32) ([]float32, error) {
	if want := TorchShape(p); !slices.Equal([]int(want), shape) {
		return nil, fmt.Errorf("%s is %v in the file, the model takes %v", p.Name, shape, want)
	}
	if len(theirs) != p.Shape.TotalSize() {
		return nil, fmt.Errorf("%s has %d numbers for the shape %v", p.Name, len(theirs), shape)
	}
	switch {
	case p.Layout == nn.Conv4:
		return permute(theirs, expr.Shape(shape), 2, 3, 1, 0), nil
	case p.Layout == nn.Linear2 && p.Positions > 1:
		return permute(theirs, columns(p, p.Shape[1]/p.Positions), 0, 2, 1), nil
	}
	return slices.Clone(theirs), nil
}

// ImagesFromTorch turns images [n, c, h, w] into [n, h, w, c].
func ImagesFromTorch(n, c, h, w int, nchw []float32) []float32 {
	return permute(nchw, expr.Shape{n, c, h, w}, 0, 2, 3, 1)
}

// columns is a linear layer's shape with its columns split in two, first of them long.
func columns(p nn.Param, first int) expr.Shape {
	return expr.Shape{p.Shape[0], first, p.Shape[1] / first}
}

// permute gives x the axes of a shape in another order: axis i of the result is axis order[i] of x.
func permute(x []float32, shape expr.Shape, order ...int) []float32 {
	strides := make([]int, len(shape))
	for i, stride := len(shape)-1, 1; i >= 0; i-- {
		strides[i] = stride
		stride *= shape[i]
	}
	out := make([]float32, 0, len(x))
	var walk func(axis, at int)
	walk = func(axis, at int) {
		if axis == len(order) {
			out = append(out, x[at])
			return
		}
		for i := range shape[order[axis]] {
			walk(axis+1, at+i*strides[order[axis]])
		}
	}
	walk(0, 0)
	return out
}
