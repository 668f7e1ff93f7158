package kernels

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
)

// softmax gives each row a team of threads that grows with its length.
func (l *lowering) softmax() error {
	s := l.shape(l.in.Out[0])
	cols := s[len(s)-1]
	rows := l.size(l.in.Out[0]) / cols
	team := 32
	for team < threads && team*4 <= cols {
		team *= 2
	}
	function := fmt.Sprintf("softmax<%d, %t>", team, l.in.Kind == expr.LogSoftmax)
	l.launch(function, line(ceilDiv(rows, threads/team)), Extent{uint32(team), uint32(threads / team), 1}, l.result(0), l.operand(0),
		pass(Int64(rows)), pass(Int32(cols)))
	return nil
}
