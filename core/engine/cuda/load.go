package cuda

import (
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// Load compiles the kernels of a plan, which takes seconds where they are not in the cache, and allocates its memory.
func (d *Device) Load(p *engine.Plan) (engine.Executable, error) {
	e := &Executable{device: d, plan: p, functions: map[string]*drv.Function{}, inputs: map[engine.ID]*input{}, results: map[engine.ID]*result{}, shared: map[*float32]shared{}}
	d.loaded = append(d.loaded, e)
	if err := d.attached(e.load); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

func (e *Executable) load() error {
	if err := e.choose(); err != nil {
		return err
	}
	if err := e.compile(); err != nil {
		return err
	}
	if err := e.allocate(); err != nil {
		return err
	}
	if err := e.newEvents(); err != nil {
		return err
	}
	return e.arrange()
}

// newEvents makes the marks by which the streams and the host wait for each other.
func (e *Executable) newEvents() (err error) {
	for _, event := range []**drv.Event{&e.uploaded, &e.taken, &e.done} {
		if *event, err = e.device.context.NewEvent(); err != nil {
			return err
		}
	}
	return nil
}

// launches are instructions that own kernels compute together.
type launches struct {
	instrs  []int
	lowered kernels.Lowered
}

// choose decides how each instruction is computed: by a library, by the host, or else by kernels of this program's own.
func (e *Executable) choose() (err error) {
	if e.library, err = e.device.libraries.Plan(e.plan); err != nil {
		return err
	}
	for _, group := range kernels.Groups(e.plan, e.library.Computes) {
		l := launches{instrs: group}
		if first := group[0]; !e.plan.Instrs[first].Custom() && !e.library.Computes(first) {
			if l.lowered, err = kernels.Lower(e.plan, group...); err != nil {
				return err
			}
		}
		e.groups = append(e.groups, l)
	}
	return nil
}

// compile compiles all kernels at once and finds them.
func (e *Executable) compile() error {
	sources := slices.Clone(e.library.Source())
	for _, g := range e.groups {
		sources = append(sources, g.lowered.Source...)
	}
	if len(sources) == 0 {
		return nil
	}
	var err error
	e.module, err = e.device.module(kernels.Unit(sources...))
	return err
}

// arrange cuts the work into segments, and ends the last with the updates that have to be copied and with small results.
func (e *Executable) arrange() error {
	now := &segment{}
	for _, g := range e.groups {
		i := g.instrs[0]
		in := e.plan.Instrs[i]
		name := fmt.Sprintf("instruction %d, %s", i, in.Kind)
		switch {
		case in.Custom():
			host, err := e.newHostOp(i)
			if err != nil {
				return err
			}
			now.tell(name, host.bring)
			now.host = host
			e.segments = append(e.segments, now)
			now = &segment{}
			now.tell(name, host.take)
		case e.library.Computes(i):
			now.tell(name, func(*drv.Stream) error { return e.library.Enqueue(i, e) })
		default:
			now.tell(name, func(*drv.Stream) error { return e.launchAll(g.lowered) })
		}
	}
	for _, u := range e.plan.Updates {
		if e.plan.Values[u.Value].Store != u.Input {
			now.tell("update", func(s *drv.Stream) error {
				return s.Copy(e.Address(u.Input), e.Address(u.Value), e.plan.Values[u.Input].Bytes())
			})
		}
	}
	e.segments = append(e.segments, now)
	return e.collectSmall(now)
}

// small is the size in bytes of results that are brought to the host at the end of every run: losses and terms.
const small = 4096

// collectSmall appends the way of small results to the host.
func (e *Executable) collectSmall(s *segment) error {
	var ids []engine.ID
	total := 0
	for _, t := range e.plan.Outputs {
		id, _ := e.plan.Find(t)
		if v := e.plan.Values[id]; v.Input == "" && v.Bytes() <= small && !slices.Contains(ids, id) {
			ids = append(ids, id)
			total += aligned(v.Bytes())
		}
	}
	if total == 0 {
		return nil
	}
	memory, err := e.pin(total)
	if err != nil {
		return err
	}
	for _, id := range ids {
		n := e.plan.Values[id].Bytes()
		r := &result{memory: memory[:n:n], small: true}
		memory = memory[aligned(n):]
		e.results[id] = r
		s.tell("result", func(s *drv.Stream) error { return s.CopyOut(r.memory, e.Address(id)) })
	}
	return nil
}
