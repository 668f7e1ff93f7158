package method

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Loss is a weighted sum of named terms. Terminal, report and golden files show the terms under these names, unweighted.
type Loss struct{ Terms []WeightedTerm }

// WeightedTerm is one term of a loss.
type WeightedTerm struct {
	Name   string
	Weight float64
	Value  expr.Tensor // a scalar, unweighted
}

// Term is one term of a loss: its name, weight and unweighted scalar value.
func Term(name string, weight float64, value expr.Tensor) WeightedTerm {
	return WeightedTerm{Name: name, Weight: weight, Value: value}
}

// Sum is the loss of several terms.
func Sum(terms ...WeightedTerm) Loss { return Loss{terms} }

// Total is the weighted sum, a scalar.
func (l Loss) Total() (expr.Tensor, error) {
	if len(l.Terms) == 0 {
		return expr.Tensor{}, fmt.Errorf("a loss without a term")
	}
	var total expr.Tensor
	seen := map[string]bool{}
	for i, t := range l.Terms {
		if t.Name == "" || seen[t.Name] {
			return total, fmt.Errorf("term name %q is empty or stands twice", t.Name)
		}
		seen[t.Name] = true
		if len(t.Value.Shape()) != 0 {
			return total, fmt.Errorf("term %q has the shape %v; it must be a scalar", t.Name, t.Value.Shape())
		}
		weighted := t.Value.Scale(t.Weight)
		if i == 0 {
			total = weighted
		} else {
			total = total.Add(weighted)
		}
	}
	return total, nil
}
