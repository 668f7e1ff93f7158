//go:build unix

package experiment_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
)

// contrast is a custom op, the loss of decorrelation as code: the mean over rows of (1 - x·y/d)^2, of two matrices [n, d].
// trouble is asked before each forward pass.
type contrast struct{ trouble func() error }

func (contrast) Name() string { return "contrast" }

func (contrast) Shapes(in []expr.Shape) ([]expr.Shape, error) {
	if len(in) != 2 || len(in[0]) != 2 || fmt.Sprint(in[0]) != fmt.Sprint(in[1]) {
		return nil, fmt.Errorf("takes two matrices of one shape, not %v", in)
	}
	return []expr.Shape{{}}, nil
}

func (c contrast) Forward(in, out []expr.Array) error {
	if err := c.trouble(); err != nil {
		return err
	}
	n, d := in[0].Shape[0], in[0].Shape[1]
	total := 0.0
	for i := range n {
		r := residual(in, i, d)
		total += r * r
	}
	out[0].Data[0] = float32(total / float64(n))
	return nil
}

func (contrast) Backward(in, _, grad, into []expr.Array) error {
	n, d := in[0].Shape[0], in[0].Shape[1]
	for i := range n {
		slope := -2 * residual(in, i, d) * float64(grad[0].Data[0]) / float64(n*d)
		for j := i * d; j < (i+1)*d; j++ {
			into[0].Data[j] = float32(slope * float64(in[1].Data[j]))
			into[1].Data[j] = float32(slope * float64(in[0].Data[j]))
		}
	}
	return nil
}

func residual(in []expr.Array, i, d int) float64 {
	dot := 0.0
	for j := i * d; j < (i+1)*d; j++ {
		dot += float64(in[0].Data[j]) * float64(in[1].Data[j])
	}
	return 1 - dot/float64(d)
}

// author is a method of the custom op.
type author struct {
	name string
	op   contrast
}

func (a author) Describe() method.Description {
	return method.Description{Name: a.name, Title: "A test", Version: "1.0.0"}
}

func (author) Recipe(method.Values) method.Recipe {
	return method.Recipe{Projector: method.Head{{Width: 12, Norm: method.Standardise}}}
}

func (a author) Objective(e method.Embeddings, _ method.Values) method.Loss {
	return method.Sum(method.Term("contrast", 1, e.Z(0).Builder().Custom(a.op, e.Z(0), e.Z(1)).At(0)))
}

// Penalty makes it a regulariser.
func (a author) Penalty(z []expr.Tensor, _ bool, _ method.Values) expr.Tensor {
	return z[0].Builder().Custom(a.op, z[0], z[1]).At(0)
}

// troubleAt is the forward pass, counted from 1 in its process, at which a plugin misbehaves.
const troubleAt = 4

// mendedFile in the folder of temporary files ends all misbehaviour: the same executable then behaves.
const mendedFile = "mended"

// once misbehaves at the pass of troubleAt, unless it is mended.
func once(what func() error) func() error {
	calls := 0
	return func() error {
		calls++
		if _, err := os.Stat(filepath.Join(os.TempDir(), mendedFile)); err == nil || calls != troubleAt {
			return nil
		}
		return what()
	}
}

// troubles are what a plugin may do in the middle of a run, by its name.
func troubles() map[string]func() error {
	return map[string]func() error{
		"good":  func() error { return nil },
		"error": func() error { return errors.New("the matrix is singular") },
		"panic": func() error { panic("cannot compute") },
		"exit": func() error {
			os.Exit(9)
			return nil
		},
		"killed": func() error {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			return err
		},
		"hang": func() error {
			time.Sleep(time.Minute)
			return nil
		},
		"children": func() error { // that outlive it, ignore polite signals and hold its streams
			for range 4 {
				child := exec.Command("sh", "-c", "trap '' INT TERM HUP; sleep 60")
				child.Stdout, child.Stderr = os.NewFile(1, "stdout"), os.NewFile(2, "stderr")
				if err := child.Start(); err != nil {
					return err
				}
			}
			os.Exit(7)
			return nil
		},
	}
}

func serveMethod(name string) {
	if name == "edited" {
		plugin.Serve(edited{author{name: name}})
		return
	}
	plugin.Serve(author{name, contrast{once(troubles()[name])}})
}

func serveRegulariser(name string) {
	plugin.ServeRegulariser(penaliser{author{name, contrast{once(troubles()[name])}}})
}

// penaliser is the author as a regulariser, which is told its weight.
type penaliser struct{ author }

func (p penaliser) Describe() method.Description {
	d := p.author.Describe()
	d.Params = []method.Param{method.Float("weight", 1, "factor in the loss")}
	return d
}
