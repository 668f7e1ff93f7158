package plugin_test

import (
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
)

// align is a whole method: it draws the embeddings of two views together.
type align struct{}

func (align) Describe() method.Description {
	return method.Description{
		Name: "align", Title: "Alignment alone, which collapses", Version: "0.1.0",
		Params: []method.Param{method.Int("width", 128, "width of the embedding").AtLeast(1)},
	}
}

func (align) Recipe(h method.Values) method.Recipe {
	return method.Recipe{Projector: method.Head{{Width: h.Int("width"), Bias: true}}}
}

func (align) Objective(e method.Embeddings, _ method.Values) method.Loss {
	return method.Sum(method.Term("alignment", 1, e.Z(0).MSE(e.Z(1))))
}

// This is the main of a plugin, built as sslctl-method-align.
func Example() {
	plugin.Serve(align{})
}

// short is a regulariser: the mean squared length of the embeddings.
type short struct{}

func (short) Describe() method.Description {
	return method.Description{Name: "short", Title: "Length: keeps embeddings short", Version: "0.1.0",
		Params: []method.Param{method.Float("weight", 1, "factor in the loss").AtLeast(0)}}
}

func (short) Penalty(z []expr.Tensor, _ bool, _ method.Values) expr.Tensor {
	return expr.Join(0, z...).Square().Sum(1).Mean()
}

// This is the main of a regulariser, built as sslctl-regulariser-short.
func ExampleServeRegulariser() {
	plugin.ServeRegulariser(short{})
}
