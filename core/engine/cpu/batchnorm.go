package cpu

import (
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/sdk/expr"
)

// norm is an instruction of batch norm with its sizes. Data is looked up when it is asked for.
type norm struct {
	e                      *Executable
	in                     engine.Instr
	groups, rows, channels int // rows of a group
	eps                    float32
}

func (e *Executable) norm(in engine.Instr) norm {
	n := norm{e: e, in: in, groups: in.Attrs.Groups, channels: e.channels(in.In[0]), eps: float32(in.Attrs.Eps)}
	n.rows = e.shape(in.In[0]).TotalSize() / n.channels / n.groups
	return n
}

// channels is the last axis of a value.
func (e *Executable) channels(id engine.ID) int {
	s := e.shape(id)
	return s[len(s)-1]
}

// image is an operand that is an image, in either storage.
func (n norm) image(i int) kernel.Array { return n.e.array(n.in.In[i]) }

// vector is an operand of a number or two for each channel, nil where there is none.
func (n norm) vector(i int) []float32 {
	if i >= len(n.in.In) {
		return nil
	}
	return n.e.data[n.in.In[i]]
}

// sums is the result, of two numbers for each group and channel.
func (n norm) sums() []float32 { return n.e.data[n.in.Out[0]] }

// result is an image that is computed; none where there is no such result.
func (n norm) result(i int) kernel.Array {
	if i >= len(n.in.Out) {
		return kernel.Array{}
	}
	return n.e.array(n.in.Out[i])
}

func (n norm) mask() kernel.Array { return n.e.array(n.in.Mask) }

func (e *Executable) batchNorm(in engine.Instr) func() {
	n := e.norm(in)
	switch in.Kind {
	case expr.BNStats:
		return func() { kernel.BNStatsOf(e.pool, n.image(0), n.groups, n.rows, n.channels, n.sums()) }
	case expr.BNApply:
		return func() {
			kernel.BNApplyOf(e.pool, n.result(0), n.image(0), n.vector(1), n.vector(2), n.vector(3), e.array(in.Residual),
				n.groups, n.rows, n.channels, n.eps, in.ReLU)
		}
	case expr.BNReduce:
		return func() {
			kernel.BNReduceOf(e.pool, n.sums(), n.image(0), n.image(1), n.mask(), n.vector(2), n.groups, n.rows, n.channels, n.eps)
		}
	}
	return func() {
		kernel.BNBackwardOf(e.pool, n.result(0), n.result(1), n.image(0), n.image(1), n.mask(), n.vector(2), n.vector(4), n.vector(3),
			n.groups, n.rows, n.channels, n.eps)
	}
}
