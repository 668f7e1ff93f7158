package model

import (
	"github.com/sslctl/sslctl/sdk/expr"
	"gorgonia.org/gorgonia"
)

// reach is the set of nodes to which a gradient of the cost flows.
func reach(cost expr.Tensor) map[*gorgonia.Node]bool {
	reached := map[*gorgonia.Node]bool{cost.Node(): true}
	for next := []*gorgonia.Node{cost.Node()}; len(next) > 0; {
		n := next[len(next)-1]
		next = next[:len(next)-1]
		op, ok := n.Op().(*expr.Op)
		if !ok {
			continue
		}
		children := expr.Children(n)
		flows := op.DiffWRT(len(children))
		for i, child := range children {
			if flows[i] && !reached[child] {
				reached[child] = true
				next = append(next, child)
			}
		}
	}
	return reached
}
