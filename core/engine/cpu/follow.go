package cpu

import (
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/sdk/expr"
)

// following is what the tasks of a convolution do, beside it, with the pixels that they have just written, while these are in
// the core's cache: chains over its result, such as the addition of a shortcut's gradient, and then the sums of one batch
// norm. It saves passes over memory. The plan lists them right behind the convolution.
type following struct {
	parts  int // of the convolution's result
	chains []engine.Instr
	sums   *engine.Instr // BNStats or BNReduce, or nil
}

// following finds what can be done in the tasks of instruction i.
func (e *Executable) following(i int) (f following) {
	in := e.plan.Instrs[i]
	if f.parts = e.parts(in); f.parts == 0 {
		return following{}
	}
	done := []engine.Instr{in}
	for _, next := range e.plan.Instrs[i+1:] {
		x := done[len(done)-1].Out[0]
		if !e.independent(next, x, done) {
			break
		}
		if (next.Kind == expr.BNStats || next.Kind == expr.BNReduce) && next.In[0] == x {
			f.sums = &next
			break
		}
		if next.Kind != engine.Fused || !e.pixelwise(next, x) {
			break
		}
		f.chains = append(f.chains, next)
		done = append(done, next)
	}
	return f
}

func (f following) count() int {
	if f.sums != nil {
		return len(f.chains) + 1
	}
	return len(f.chains)
}

// parts is the number of parts in which a convolution's tasks complete its result; 0 for what is none.
func (e *Executable) parts(in engine.Instr) int {
	switch in.Kind {
	case expr.Conv2D:
		return Convolution(e.plan, in).ForwardParts(e.pool, e.array(in.In[0]))
	case expr.Conv2DGradX:
		return Convolution(e.plan, in).BackwardDataParts(e.pool, e.array(in.In[0]))
	}
	return 0
}

// pixelwise reports whether a chain maps the numbers of x one by one.
func (e *Executable) pixelwise(in engine.Instr, x engine.ID) bool {
	reads := false
	for _, input := range in.Chain.Inputs {
		if input.Repeat != engine.Full && input.Repeat != engine.Scalar {
			return false
		}
		reads = reads || input.Value == x && input.Repeat == engine.Full
	}
	return reads
}

// independent reports whether an instruction may run in the tasks of those that are done before it, with x as far as they
// have come: it reads nothing else of theirs, and writes over nothing that they read.
func (e *Executable) independent(in engine.Instr, x engine.ID, done []engine.Instr) bool {
	for _, earlier := range done {
		for _, id := range in.Reads() {
			if id != x && e.overlaps(id, earlier.Out...) {
				return false
			}
		}
		for _, id := range in.Out {
			if e.overlaps(id, earlier.Reads()...) {
				return false
			}
		}
	}
	return true
}

// overlaps reports whether a value shares memory with one of the others.
func (e *Executable) overlaps(a engine.ID, others ...engine.ID) bool {
	owner := func(id engine.ID) engine.Value { return e.plan.Values[e.plan.Values[id].Store] }
	return slices.ContainsFunc(others, func(b engine.ID) bool {
		s, t := owner(a), owner(b)
		if s.Input != "" || t.Input != "" {
			return s.Input == t.Input
		}
		return s.Offset < t.Offset+e.plan.Values[b].Bytes() && t.Offset < s.Offset+e.plan.Values[a].Bytes()
	})
}

// followed runs a convolution with what follows it.
func (e *Executable) followed(in engine.Instr, f following) (func(), error) {
	var chains []*chainRun
	for _, link := range f.chains {
		c, err := e.newChain(link)
		if err != nil {
			return nil, err
		}
		chains = append(chains, c)
	}
	channels := e.channels(in.Out[0])
	convolve := e.convolution(in)
	return func() {
		sum, finish := e.sums(f)
		convolve(kernel.Epilogue{Reads: e.reads(in.Out[0], f), Done: func(worker, part, lo, hi int) {
			for _, c := range chains {
				c.numbers(worker, lo*channels, hi*channels)
			}
			sum(worker, part, lo, hi)
		}})
		finish()
	}, nil
}

// reads lists what is read beside the convolution's result and what the chains make of it.
func (e *Executable) reads(result engine.ID, f following) (images []kernel.Array) {
	made := []engine.ID{result}
	read := func(id engine.ID) {
		if id >= 0 && !slices.Contains(made, id) {
			images = append(images, e.array(id))
		}
	}
	for _, link := range f.chains {
		for _, input := range link.Chain.Inputs {
			if input.Repeat == engine.Full {
				read(input.Value)
			}
		}
		made = append(made, link.Out[0])
	}
	if f.sums != nil && f.sums.Kind == expr.BNReduce {
		read(f.sums.In[1])
		read(f.sums.Mask)
	}
	return images
}

// sums begins the sums of a batch norm. They are told pixels, and finished at the end.
func (e *Executable) sums(f following) (sum kernel.RowsDone, finish func()) {
	if f.sums == nil {
		return func(_, _, _, _ int) {}, func() {}
	}
	n := e.norm(*f.sums)
	if f.sums.Kind == expr.BNStats {
		s := kernel.StartBNStats(e.pool, n.image(0), n.groups, n.rows, n.channels, f.parts)
		return s.Add, func() { s.Finish(n.sums()) }
	}
	s := kernel.StartBNReduce(e.pool, n.image(0), n.image(1), n.mask(), n.vector(2), n.groups, n.rows, n.channels, f.parts)
	return s.Add, func() { s.Finish(n.sums(), n.eps) }
}
