package main

import (
	"io"
	"sync"
)

// screen writes lines to a terminal on which bars may be drawn: then what draws them puts the lines above.
type screen struct {
	out io.Writer

	mu   sync.Mutex
	bars io.Writer // nil while nothing is drawn
}

// above lets lines go through what draws bars; nil ends that.
func (s *screen) above(bars io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bars = bars
}

// Write writes whole lines.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bars != nil {
		return s.bars.Write(p)
	}
	return s.out.Write(p)
}
