package engine

import (
	"slices"

	"github.com/sslctl/sslctl/sdk/expr"
)

// factorRatio is the least d/n from which on a PᵀQ of n rows and d columns is kept as its factors. Besides the saving it
// bounds what differences lose to rounding: a matrix of rank n whose diagonal is even has d/n times the diagonal's squares.
const factorRatio = 4

// factored is a square matrix that is known by its factors:
//
//	M = scale * PᵀQ + diag(v)
type factored struct {
	p, q    ID // [n, d]; none: no product
	scale   float64
	scalars []ID // multiply the product as scale does
	v       ID   // [d]; none: zero
	squared bool // the square of each element is meant
}

// factor computes with the factors of a large PᵀQ instead of the matrix, where all that is wanted are sums of its squares,
// its diagonal and products with it. With G = PPᵀ and H = QQᵀ, which are [n, n], and c = diag(PᵀQ) = Σᵢ Pᵢ∘Qᵢ:
//
//	Σ M∘M    = scale²·Σ G∘H + 2·scale·Σ v∘c + Σ v∘v
//	X M      = scale·(X Pᵀ) Q + X∘v
//	diag(M)  = scale·c + v
//	M with its diagonal set to 0 has v = -scale·c
//
// VICReg's covariance of 8 x 8,192 embeddings would take several passes over 268 MB a view otherwise.
func (p *Plan) factor() {
	f := &factoring{p: p, by: p.Producers(), users: make([][]int, len(p.Values)), group: make([]int, len(p.Instrs))}
	for i, in := range p.Instrs {
		for _, id := range in.In {
			f.users[id] = append(f.users[id], i)
		}
	}
	f.member = make([]bool, len(p.Values))
	f.forms = make([]factored, len(p.Values))
	for i := range p.Instrs {
		f.group[i] = i
		f.join(i)
	}
	if f.refuse(); !slices.Contains(f.member, true) {
		return
	}
	f.rewrite()
	p.sweep()
}

// factoring is the pass at work. A member is a value that can be kept as factors; members that depend on each other form a
// group, which is factored as a whole or not at all.
type factoring struct {
	p      *Plan
	by     []int // instruction that makes a value
	users  [][]int
	member []bool     // of values
	forms  []factored // of members
	group  []int      // of instructions: another of the same group; the group's own number is its own
	out    []Instr
}

// join makes the result of instruction i a member where it can be one.
func (f *factoring) join(i int) {
	in := f.p.Instrs[i]
	out := in.Out[0]
	form := factored{p: none, q: none, v: none}
	of := func(id ID) bool { return f.member[id] && !f.forms[id].squared }
	switch in.Kind {
	case expr.MatMul:
		s := f.p.Values[in.In[0]].Shape
		if !in.Attrs.TransA || in.Attrs.TransB || !slices.Equal(s, f.p.Values[in.In[1]].Shape) || s[1] < factorRatio*s[0] {
			return
		}
		form.p, form.q = in.In[0], in.In[1]
	case expr.DiagEmbed:
	case expr.Affine, expr.OffDiagonal, expr.Transpose, expr.Square:
		if !of(in.In[0]) || in.Attrs.Beta != 0 {
			return
		}
		form = f.forms[in.In[0]]
		form.squared = in.Kind == expr.Square
	case expr.Mul:
		m, s := f.scaling(in)
		if s == none || !of(m) {
			return
		}
		form = f.forms[m]
	case expr.Add:
		a, b := in.In[0], in.In[1]
		if !of(a) || !of(b) || f.forms[a].p != none && f.forms[b].p != none {
			return
		}
		if form = f.forms[a]; form.p == none {
			form = f.forms[b]
		}
	default:
		return
	}
	f.member[out], f.forms[out] = true, form
	for _, id := range in.In {
		if f.member[id] {
			f.group[f.leader(i)] = f.leader(f.by[id])
		}
	}
}

func (f *factoring) leader(i int) int {
	for f.group[i] != i {
		i = f.group[i]
	}
	return i
}

// scaling takes a product apart into a matrix and a number that was spread over it; none where it is not that.
func (f *factoring) scaling(in Instr) (m, scalar ID) {
	for i, id := range in.In {
		if at := f.by[id]; at >= 0 && f.p.Instrs[at].Kind == expr.Broadcast && f.p.Values[f.p.Instrs[at].In[0]].Size() == 1 {
			return in.In[1-i], f.p.Instrs[at].In[0]
		}
	}
	return none, none
}

// ends reports whether instruction i takes a member's factors as well as the matrix.
func (f *factoring) ends(i int, m ID) bool {
	in := f.p.Instrs[i]
	switch in.Kind {
	case expr.Sum:
		return f.forms[m].squared && len(in.Attrs.Axes) == 2
	case expr.Diagonal:
		return !f.forms[m].squared
	case expr.MatMul:
		return !f.forms[m].squared && !in.Attrs.TransA && in.In[1] == m && !f.member[in.In[0]]
	}
	return false
}

// refuse dissolves the groups of which a member is needed as a matrix.
func (f *factoring) refuse() {
	refused := map[int]bool{}
	for id := range f.member {
		if !f.member[id] {
			continue
		}
		group := f.leader(f.by[id])
		if f.p.Values[id].Output {
			refused[group] = true
		}
		for _, i := range f.users[id] {
			if !f.ends(i, ID(id)) && !f.member[f.p.Instrs[i].Out[0]] {
				refused[group] = true
			}
		}
	}
	for id := range f.member {
		f.member[id] = f.member[id] && !refused[f.leader(f.by[id])]
	}
}

// rewrite replaces members by their factors.
func (f *factoring) rewrite() {
	for _, in := range f.p.Instrs {
		switch m := slices.IndexFunc(in.In, func(id ID) bool { return f.member[id] }); {
		case f.member[in.Out[0]]:
			f.forms[in.Out[0]] = f.form(in)
		case m < 0:
			f.out = append(f.out, in)
		default:
			f.end(in, f.forms[in.In[m]])
		}
	}
	f.p.Instrs = f.out
}

// form is what a member's instruction does to its factors.
func (f *factoring) form(in Instr) factored {
	if in.Kind == expr.MatMul {
		return factored{p: in.In[0], q: in.In[1], scale: 1, v: none}
	}
	if in.Kind == expr.DiagEmbed {
		return factored{p: none, q: none, scale: 1, v: in.In[0]}
	}
	x := f.forms[in.In[0]]
	switch in.Kind {
	case expr.Affine:
		x.scale *= in.Attrs.Alpha
		if x.v != none {
			x.v = f.scaled(x.v, in.Attrs.Alpha, nil)
		}
	case expr.OffDiagonal:
		if x.v = none; x.p != none {
			x.v = f.scaled(f.diagonal(x), -x.scale, x.scalars)
		}
	case expr.Transpose:
		x.p, x.q = x.q, x.p
	case expr.Square:
		x.squared = true
	case expr.Mul:
		m, s := f.scaling(in)
		x = f.forms[m]
		x.scalars = append(slices.Clone(x.scalars), s)
		if x.v != none {
			x.v = f.scaled(x.v, 1, []ID{s})
		}
	case expr.Add:
		y := f.forms[in.In[1]]
		v := f.plus(x.v, y.v)
		if x.p == none {
			x = y
		}
		x.v = v
	}
	return x
}

// end computes what an instruction wants of a member.
func (f *factoring) end(in Instr, m factored) {
	var result ID
	switch in.Kind {
	case expr.Sum:
		result = f.sumSquares(m, f.p.Values[in.Out[0]].Shape)
	case expr.Diagonal:
		result = m.v
		if m.p != none {
			result = f.plus(f.scaled(f.diagonal(m), m.scale, m.scalars), m.v)
		}
	case expr.MatMul:
		if in.Attrs.TransB {
			m.p, m.q = m.q, m.p
		}
		result = f.product(in.In[0], m)
	}
	// An identity, which numbering removes, gives the result its old name.
	f.out = append(f.out, Instr{Kind: expr.Affine, Attrs: expr.Attrs{Alpha: 1}, In: []ID{result}, Out: in.Out, Residual: none, Mask: none})
}

// emit appends an instruction and returns its result.
func (f *factoring) emit(kind expr.Kind, attrs expr.Attrs, shape expr.Shape, in ...ID) ID {
	out := f.p.add(shape.Clone())
	f.out = append(f.out, Instr{Kind: kind, Attrs: attrs, In: in, Out: []ID{out}, Residual: none, Mask: none})
	return out
}

// scaled multiplies a value by a constant and by scalars.
func (f *factoring) scaled(x ID, scale float64, scalars []ID) ID {
	shape := f.p.Values[x].Shape
	x = f.emit(expr.Affine, expr.Attrs{Alpha: scale}, shape, x)
	for _, s := range scalars {
		x = f.emit(expr.Mul, expr.Attrs{}, shape, x, f.emit(expr.Broadcast, expr.Attrs{Shape: shape}, shape, s))
	}
	return x
}

// plus adds values of which either may be absent.
func (f *factoring) plus(a, b ID) ID {
	switch {
	case a == none:
		return b
	case b == none:
		return a
	}
	return f.emit(expr.Add, expr.Attrs{}, f.p.Values[a].Shape, a, b)
}

// diagonal is c, the diagonal of PᵀQ.
func (f *factoring) diagonal(m factored) ID {
	s := f.p.Values[m.p].Shape
	return f.emit(expr.Sum, expr.Attrs{Axes: []int{0}}, s[1:], f.emit(expr.Mul, expr.Attrs{}, s, m.p, m.q))
}

// dot sums the products of the elements of two values.
func (f *factoring) dot(a, b ID, shape expr.Shape) ID {
	s := f.p.Values[a].Shape
	axes := make([]int, len(s))
	for i := range axes {
		axes[i] = i
	}
	return f.emit(expr.Sum, expr.Attrs{Axes: axes}, shape, f.emit(expr.Mul, expr.Attrs{}, s, a, b))
}

// sumSquares is Σ M∘M, in the shape of a scalar.
func (f *factoring) sumSquares(m factored, scalar expr.Shape) ID {
	total := none
	if m.p != none {
		n := f.p.Values[m.p].Shape[0]
		gram := func(x ID) ID { return f.emit(expr.MatMul, expr.Attrs{TransB: true}, expr.Shape{n, n}, x, x) }
		total = f.scaled(f.dot(gram(m.p), gram(m.q), scalar), m.scale*m.scale, append(slices.Clone(m.scalars), m.scalars...))
	}
	if m.v == none {
		return total
	}
	if m.p != none {
		total = f.plus(total, f.scaled(f.dot(m.v, f.diagonal(m), scalar), 2*m.scale, m.scalars))
	}
	return f.plus(total, f.dot(m.v, m.v, scalar))
}

// product is X M.
func (f *factoring) product(x ID, m factored) ID {
	result := none
	s := f.p.Values[x].Shape
	if m.p != none {
		t := f.emit(expr.MatMul, expr.Attrs{TransB: true}, expr.Shape{s[0], f.p.Values[m.p].Shape[0]}, x, m.p)
		result = f.emit(expr.MatMul, expr.Attrs{}, s, f.scaled(t, m.scale, m.scalars), m.q)
	}
	if m.v != none {
		result = f.plus(result, f.emit(expr.Mul, expr.Attrs{}, s, x, f.emit(expr.Broadcast, expr.Attrs{Shape: s}, s, m.v)))
	}
	return result
}

// sweep drops instructions whose results nobody wants.
func (p *Plan) sweep() {
	count := p.readers()
	gone := make([]bool, len(p.Instrs))
	for i := len(p.Instrs) - 1; i >= 0; i-- {
		in := p.Instrs[i]
		gone[i] = in.Kind != Sunk && !slices.ContainsFunc(in.Out, func(id ID) bool { return count[id] > 0 })
		if gone[i] {
			for _, id := range in.Reads() {
				count[id]--
			}
		}
	}
	p.drop(gone)
}
