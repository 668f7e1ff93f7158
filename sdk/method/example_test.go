package method_test

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// draw is a whole method: it draws the embeddings of two views together and keeps their length.
type draw struct{}

func (draw) Describe() method.Description {
	return method.Description{
		Name: "draw", Title: "Alignment with a price on length", Version: "0.1.0",
		Params: []method.Param{
			method.Float("price", 0.5, "weight of the squared length").AtLeast(0),
			method.Ints("projector", []int{64, 32}, "widths of the projector"),
		},
	}
}

func (draw) Recipe(h method.Values) method.Recipe {
	var head method.Head
	for _, w := range h.Ints("projector") {
		head = append(head, method.Layer{Width: w, Bias: true})
	}
	return method.Recipe{Projector: head}
}

func (draw) Objective(e method.Embeddings, h method.Values) method.Loss {
	return method.Sum(
		method.Term("alignment", 1, e.Z(0).MSE(e.Z(1))),
		method.Term("length", h.Float("price"), e.Z(0).Square().Mean()),
	)
}

// Trace writes a method's objective down, as its plugin does once for a run.
func ExampleTrace() {
	t, err := method.Trace(draw{}, map[string]any{"price": 2, "projector": "16-4"}, method.Shapes{Batch: 8, Views: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Terms, t.Weights["length"], t.Program.Inputs[0].Name, t.Program.Inputs[0].Shape)
	// Output:
	// [alignment length] 2 z0 (8, 4)
}

// A value that the description rules out is an error with the parameter's name.
func ExampleComplete() {
	_, err := method.Complete(draw{}.Describe().Params, map[string]any{"price": -1})
	fmt.Println(err)
	// Output:
	// hyper-parameter "price": -1 is below 0
}

// short is a regulariser: the mean squared length of the embeddings, of all views together.
type short struct{}

func (short) Describe() method.Description {
	return method.Description{Name: "short", Title: "Length: keeps embeddings short", Version: "0.1.0",
		Params: []method.Param{method.Float("weight", 1, "factor in the loss").AtLeast(0)}}
}

func (short) Penalty(z []expr.Tensor, _ bool, _ method.Values) expr.Tensor {
	return expr.Join(0, z...).Square().Sum(1).Mean()
}

func ExampleTraceRegulariser() {
	p, err := method.TraceRegulariser(short{}, nil, method.Shapes{Batch: 8, Views: 2, Embedding: 4}, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(p)
	// Output:
	// %0 = input "z0" (8, 4)
	// %1 = input "z1" (8, 4)
	// %2 = concat(%0, %1) (16, 4)
	// %3 = square(%2) (16, 4)
	// %4 = sum(%3) {axes=[1]} (16)
	// %5 = sum(%4) {axes=[0]} ()
	// %6 = affine(%5) {alpha=0.0625} ()
	// output "penalty" = %6
}
