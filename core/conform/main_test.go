//go:build unix

package conform_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/plugins"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
)

// TestMain lets this binary play the shipped plugins, by the variable that sslctl uses, and foreign ones, by the name of the
// link through which it is started.
func TestMain(m *testing.M) {
	if plugins.ServeRequested() {
		return
	}
	file := filepath.Base(os.Args[0])
	if name, foreign := strings.CutPrefix(file, "sslctl-method-"); foreign {
		plugin.Serve(author(name))
		return
	}
	if name, foreign := strings.CutPrefix(file, "sslctl-backbone-"); foreign {
		plugin.ServeBackbone(architect(name))
		return
	}
	os.Exit(m.Run())
}

// author is a method whose name says what is wrong with it.
type author string

func (a author) Describe() method.Description {
	return method.Description{Name: string(a), Title: "A method", Version: "1.0.0", Formula: "L", Sources: []string{"a test"},
		Presets: []method.Preset{{Name: "small", Settings: map[string]any{"backbone.name": "mlp", "backbone.widths": []int{16}}}}}
}

func (author) Recipe(method.Values) method.Recipe {
	return method.Recipe{Projector: method.Head{{Width: 8}}}
}

func (a author) Objective(e method.Embeddings, _ method.Values) method.Loss {
	loss := e.Z(0).MSE(e.Z(1))
	if a == "order" { // of the images counts
		loss = e.Z(0).Slice(0, 0, 2).MSE(e.Z(1).Slice(0, 0, 2))
	}
	return method.Sum(method.Term("distance", 1, loss))
}

// architect is a backbone whose name says what is wrong with it.
type architect string

func (a architect) Describe() method.Description {
	return method.Description{Name: string(a), Title: "A backbone", Version: "1.0.0", Formula: "y", Sources: []string{"a test"},
		Params: []method.Param{method.Int("width", 6, "channels").AtLeast(1)}}
}

func (a architect) Forward(s nn.Scope, x expr.Tensor, h method.Values) expr.Tensor {
	x = nn.BatchNorm(s.In("bn"), nn.Conv2D(s.In("conv"), x, h.Int("width"), 3, 2, 1), true).ReLU()
	y := nn.Flatten(x.AvgPool(2, 2))
	if a == "mixes" { // the images
		y = y.Add(expr.Join(0, y.Slice(0, 1, y.Dim(0)), y.Slice(0, 0, 1)))
	}
	return y
}
