package plugin_test

import (
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
