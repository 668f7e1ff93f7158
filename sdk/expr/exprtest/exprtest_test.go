package exprtest_test

import (
	"strings"
	"testing"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
)

// TestErrors: a missing or short input, and a builder's own error, are reported and not computed around.
func TestErrors(t *testing.T) {
	tests := []struct {
		name   string
		values map[string][]float32
		output func(x expr.Tensor) expr.Tensor
		want   string
	}{
		{"missing", nil, expr.Tensor.Square, `no value for the input "x"`},
		{"short", map[string][]float32{"x": {1, 2}}, expr.Tensor.Square, "given are 2 numbers"},
		{"builder", map[string][]float32{"x": {1, 2, 3}}, func(x expr.Tensor) expr.Tensor { return x.Sum(4) }, "not distinct axes"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			for name, eval := range map[string]func(map[string][]float32, ...expr.Tensor) ([][]float32, error){"Eval": exprtest.Eval, "Tape": exprtest.Tape} {
				y := tc.output(expr.New().Input("x", 3))
				if _, err := eval(tc.values, y); err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%s: error %v, want %q", name, err, tc.want)
				}
			}
		})
	}
}
