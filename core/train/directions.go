package train

import (
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/sdk/expr"
)

// readsDirections reports whether the whole objective sees directions of embeddings only, as the cosine of BYOL and SimSiam
// does: the method's program takes each input through nothing but an l2-normalisation, and no regulariser acts on raw
// embeddings. Then lengths and their spread hide nothing, and embeddings that point one way have collapsed.
func readsDirections(s model.Spec) bool {
	for _, r := range s.Regularisers {
		if !r.Unit && r.On != "y" {
			return false
		}
	}
	p := s.Method.Program
	normalised := false
	for input := range p.Inputs {
		n, only := usedNormalised(p, input)
		if !only {
			return false
		}
		normalised = normalised || n
	}
	return normalised
}

// usedNormalised reports whether a value of the program is divided, and whether nothing else is done with it but to square it
// for the norm and to stop its gradient.
func usedNormalised(p *expr.Program, value int) (divided, only bool) {
	for i, step := range p.Steps {
		for place, in := range step.In {
			if in != value {
				continue
			}
			switch {
			case step.Kind == expr.Div && place == 0:
				divided = true
			case step.Kind == expr.Square:
			case step.Kind == expr.StopGradient:
				d, o := usedNormalised(p, len(p.Inputs)+i)
				if !o {
					return false, false
				}
				divided = divided || d
			default:
				return false, false
			}
		}
	}
	return divided, true
}
