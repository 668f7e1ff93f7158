package expr_test

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
)

// An invariance term, its gradient, and what travels from a plugin to the host.
func Example() {
	b := expr.New()
	z, w := b.Input("z", 2, 3), b.Input("w", 2, 3)
	invariance := z.Sub(w).Square().Mean()

	program, err := b.Program(expr.Named{Name: "loss", Value: invariance})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(program)

	grads, err := b.Grad(invariance, z)
	if err != nil {
		fmt.Println(err)
		return
	}
	values := map[string][]float32{"z": {1, 2, 3, 4, 5, 6}, "w": {1, 2, 3, 4, 5, 0}}
	out, err := exprtest.Eval(values, invariance, grads[0])
	fmt.Println(out, err)
	// Output:
	// %0 = input "z" (2, 3)
	// %1 = input "w" (2, 3)
	// %2 = sub(%0, %1) (2, 3)
	// %3 = square(%2) (2, 3)
	// %4 = sum(%3) {axes=[0 1]} ()
	// %5 = affine(%4) {alpha=0.16666666666666666} ()
	// output "loss" = %5
	// [[6] [0 0 0 0 0 2]] <nil>
}

// Errors of shape surface once, with the line that made them.
func ExampleBuilder_Err() {
	b := expr.New()
	x, w := b.Input("x", 8, 16), b.Input("w", 4, 12)
	x.MatMulT(w).ReLU().Mean()
	fmt.Println(b.Err())
	// Output:
	// example_test.go:46: matmul: inner axes differ: (8, 16) (transposed: false) and (4, 12) (transposed: true)
}
