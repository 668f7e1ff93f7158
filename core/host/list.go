package host

import (
	"context"
	"runtime"

	"github.com/sourcegraph/conc/iter"

	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// Listed is a plugin that was found, with its description or why there is none.
type Listed struct {
	Ref         Ref
	Description method.Description
	Err         error
}

// List finds and describes every plugin: methods, then regularisers, each in alphabetical order. A plugin that cannot be
// asked stands in the list with its error; List itself fails only when ctx ends.
func (h *Host) List(ctx context.Context) ([]Listed, error) {
	var all []Ref
	for _, kind := range []wire.Kind{wire.Method, wire.Regulariser} {
		for _, name := range h.known(kind) {
			all = append(all, Ref{Kind: kind, Name: name})
		}
	}
	mapper := iter.Mapper[Ref, Listed]{MaxGoroutines: 2 * runtime.GOMAXPROCS(0)} // starting a process is mostly waiting
	out := mapper.Map(all, func(r *Ref) Listed { return h.look(ctx, *r) })
	return out, ctx.Err()
}

func (h *Host) look(ctx context.Context, r Ref) Listed {
	ref, err := h.Find(r.Kind, r.Name)
	if err != nil {
		return Listed{Ref: r, Err: err}
	}
	d, err := h.Describe(ctx, ref)
	return Listed{Ref: ref, Description: d, Err: err}
}
