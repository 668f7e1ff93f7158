package nn

import (
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Store collects the parameters and buffers of one graph, in the order in which layers asked for them.
type Store struct {
	b       *expr.Builder
	params  []Param
	buffers []Buffer
	named   map[string]int // index of a parameter
	norms   map[string]bool
}

// NewStore makes an empty store for a graph.
func NewStore(b *expr.Builder) *Store {
	return &Store{b: b, named: map[string]int{}, norms: map[string]bool{}}
}

// Params lists the parameters.
func (s *Store) Params() []Param { return s.params }

// Buffers lists batch norm's running statistics.
func (s *Store) Buffers() []Buffer { return s.buffers }

// Train is the root scope for training: batch norm uses the statistics of the batch, for each of the groups that are stacked
// on the batch axis by themselves.
func (s *Store) Train(groups int) Scope { return Scope{store: s, groups: groups} }

// Eval is the root scope for evaluation: batch norm uses running statistics, which are inputs of the graph.
func (s *Store) Eval() Scope { return Scope{store: s} }

// Scope is a place in the tree of names, and the mode of the layers there.
type Scope struct {
	store  *Store
	prefix string
	groups int // of batch norm while training; 0: evaluation
	frozen bool
}

// In is the scope of a child: its names begin with this scope's, a dot between.
func (s Scope) In(name string) Scope {
	s.prefix = s.name(name)
	return s
}

// Groups is the number of groups of the batch axis whose statistics batch norm takes by themselves; 1 in evaluation, where
// the running statistics serve all.
func (s Scope) Groups() int { return max(s.groups, 1) }

// Frozen is the same scope, whose parameters are not trained by gradients.
func (s Scope) Frozen() Scope {
	s.frozen = true
	return s
}

func (s Scope) name(own string) string {
	if s.prefix == "" {
		return own
	}
	return s.prefix + "." + own
}

// Param is the parameter of a name in this scope, made at the first request. Asking again with another shape is an error.
func (s Scope) Param(name string, layout Layout, init Init, shape ...int) expr.Tensor {
	return s.Request(Param{Name: name, Shape: shape, Layout: layout, Positions: 1, Init: init})
}

// Request is Param for one that is described in full, by its name within this scope. The scope says whether it is frozen.
func (s Scope) Request(p Param) expr.Tensor {
	p.Name, p.Frozen = s.name(p.Name), s.frozen
	if at, known := s.store.named[p.Name]; known {
		first := s.store.params[at]
		if !slices.Equal(first.Shape, p.Shape) {
			return s.store.b.Fail(fmt.Errorf("parameter %q has the shape %v, asked for again as %v", p.Name, first.Shape, p.Shape))
		}
		return first.Tensor
	}
	p.Tensor = s.store.b.Input(p.Name, p.Shape...)
	s.store.named[p.Name] = len(s.store.params)
	s.store.params = append(s.store.params, p)
	return p.Tensor
}
