package engine

import (
	"fmt"
	"strings"

	"gorgonia.org/gorgonia"

	"github.com/sslctl/sslctl/sdk/expr"
)

// ID numbers a value of a plan.
type ID int

// none marks an operand that is absent.
const none ID = -1

// Plan is a compiled graph: instructions in the order in which they run, over values that live in stores.
type Plan struct {
	Values []Value
	Instrs []Instr
	// Arena is the size in bytes of the memory in which all computed values live.
	Arena int
	// Outputs are the graph's nodes that were asked for.
	Outputs []expr.Tensor
	// Updates are the inputs that take a new value at the end of a run.
	Updates []Assignment

	ids map[*gorgonia.Node]ID
}

// Value is an input or a result. Several values may share memory: Store is the value that owns it (itself, mostly).
type Value struct {
	Shape  expr.Shape
	Type   DType
	Store  ID
	Input  string // name, for an input
	Output bool   // must survive the run
	// Passing: the sink behind the instruction that makes the value takes it piece by piece; it has no memory.
	Passing bool
	Offset  int // in the arena, in bytes, of a store that is computed
}

// Size is the number of elements.
func (v Value) Size() int { return v.Shape.TotalSize() }

// Bytes is the memory that the value takes.
func (v Value) Bytes() int { return v.Size() * v.Type.Bytes() }

// Instr is one kernel call.
type Instr struct {
	Kind  expr.Kind
	Attrs expr.Attrs
	In    []ID // operands of the op, then what fusion added
	Out   []ID
	Op    *expr.Op // the op with its reference; nil for what fusion or Gorgonia made
	Chain *Chain   // for Fused
	// ReLU: BNApply ends in max(., 0).
	ReLU bool
	// Residual is added by BNApply before the activation; Mask is the activation's output y, by which BNReduce and
	// BNGrad take their gradient only where y > 0. none where absent.
	Residual, Mask ID

	gathered int // the same for those that were gathered side by side; 0 for the rest
}

// The instructions that no op of sdk/expr stands for.
const (
	Constant expr.Kind = "constant" // a scalar, Attrs.Alpha
	Fused    expr.Kind = "fused"    // a chain of elementwise ops
)

// Find is the value of a graph's node.
func (p *Plan) Find(t expr.Tensor) (ID, bool) {
	id, ok := p.ids[t.Node()]
	return id, ok
}

// Inputs lists the inputs that the plan reads.
func (p *Plan) Inputs() []ID {
	var ids []ID
	for id, v := range p.Values {
		if v.Input != "" {
			ids = append(ids, ID(id))
		}
	}
	return ids
}

// add appends a value that owns its memory.
func (p *Plan) add(shape expr.Shape) ID {
	id := ID(len(p.Values))
	p.Values = append(p.Values, Value{Shape: shape, Store: id})
	return id
}

// String prints an instruction a line: results with shape, storage type where it is not float32, and place in the arena;
// kernel, operands.
func (p *Plan) String() string {
	var s strings.Builder
	for _, id := range p.Inputs() {
		fmt.Fprintf(&s, "%%%d = input %q %v\n", id, p.Values[id].Input, p.Values[id].Shape)
	}
	for _, in := range p.Instrs {
		var outs, operands []string
		for _, o := range in.Out {
			v := p.Values[o]
			text := fmt.Sprintf("%%%d %v", o, v.Shape)
			if v.Type != Float32 {
				text += " " + v.Type.String()
			}
			if store := p.Values[v.Store]; store.Passing {
				text += " passing"
			} else if store.Input == "" {
				text += fmt.Sprintf(" @%d", store.Offset)
			} else {
				text += fmt.Sprintf(" @%%%d", v.Store)
			}
			outs = append(outs, text)
		}
		for _, o := range in.In {
			operands = append(operands, fmt.Sprintf("%%%d", o))
		}
		fmt.Fprintf(&s, "%s = %s(%s)%s", strings.Join(outs, ", "), in.Kind, strings.Join(operands, ", "), in.Attrs)
		if in.Residual != none {
			fmt.Fprintf(&s, " + %%%d", in.Residual)
		}
		if in.ReLU {
			s.WriteString(" relu")
		}
		if in.Mask != none {
			fmt.Fprintf(&s, " where %%%d > 0", in.Mask)
		}
		if in.Chain != nil {
			s.WriteString(" " + in.Chain.String())
		}
		s.WriteByte('\n')
	}
	for _, u := range p.Updates {
		how := "copy"
		if p.Values[u.Value].Store == u.Input {
			how = "in place"
		}
		fmt.Fprintf(&s, "%%%d <- %%%d %s\n", u.Input, u.Value, how)
	}
	fmt.Fprintf(&s, "arena %d bytes\n", p.Arena)
	return s.String()
}

// readers counts for each value how many operands read it, and whether it must survive as an output.
func (p *Plan) readers() []int {
	count := make([]int, len(p.Values))
	for _, in := range p.Instrs {
		for _, id := range in.Reads() {
			count[id]++
		}
	}
	for id, v := range p.Values {
		if v.Output {
			count[id]++
		}
		if v.Store != ID(id) {
			count[v.Store]++ // a view keeps its store from being fused away
		}
	}
	return count
}

// Custom reports whether a plugin computes the instruction, on the host.
func (in Instr) Custom() bool { return in.Kind == expr.Custom || in.Kind == expr.CustomGrad }

// Reads lists every value that an instruction reads.
func (in Instr) Reads() []ID {
	ids := append([]ID(nil), in.In...)
	for _, id := range []ID{in.Residual, in.Mask} {
		if id != none {
			ids = append(ids, id)
		}
	}
	return ids
}

// Readers lists for each value that owns memory the instructions that read it, itself or as a view.
func (p *Plan) Readers() [][]int {
	readers := make([][]int, len(p.Values))
	for i, in := range p.Instrs {
		for _, id := range in.Reads() {
			store := p.Values[id].Store
			readers[store] = append(readers[store], i)
		}
	}
	return readers
}

// Producers maps each value to the instruction that makes it, -1 for inputs and views.
func (p *Plan) Producers() []int {
	by := make([]int, len(p.Values))
	for i := range by {
		by[i] = -1
	}
	for i, in := range p.Instrs {
		for _, o := range in.Out {
			by[o] = i
		}
	}
	return by
}

// drop removes the instructions for which gone is true.
func (p *Plan) drop(gone []bool) {
	kept := p.Instrs[:0]
	for i, in := range p.Instrs {
		if !gone[i] {
			kept = append(kept, in)
		}
	}
	p.Instrs = kept
}
