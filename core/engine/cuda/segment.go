package cuda

import (
	"fmt"

	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// segment is work that the device does at a stretch, up to an op that the host computes or to the end of the run.
type segment struct {
	work  []work
	host  *hostOp // nil at the end of the run
	warm  bool    // has run once: libraries and lazily loaded kernels are ready
	graph *drv.GraphExec
}

// work tells a stream one thing to do.
type work struct {
	name    string // for errors
	enqueue func(s *drv.Stream) error
}

func (g *segment) tell(name string, enqueue func(s *drv.Stream) error) {
	g.work = append(g.work, work{name, enqueue})
}

// start lets the stream do the work: as told the first time, recorded the second, and by one call from then on.
func (g *segment) start(s *drv.Stream) error {
	switch {
	case len(g.work) == 0:
		return nil
	case !g.warm:
		g.warm = true
		return g.enqueue(s)
	case g.graph == nil:
		if err := g.record(s); err != nil {
			return fmt.Errorf("record the launches: %w", err)
		}
	}
	return g.graph.Launch(s)
}

func (g *segment) enqueue(s *drv.Stream) error {
	for _, w := range g.work {
		if err := w.enqueue(s); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return nil
}

// record captures the work as a graph.
func (g *segment) record(s *drv.Stream) error {
	if err := s.BeginCapture(); err != nil {
		return err
	}
	told := g.enqueue(s)
	graph, err := s.EndCapture()
	if told != nil {
		return told
	}
	if err != nil {
		return err
	}
	g.graph, err = graph.Instantiate()
	if closing := graph.Close(); err == nil {
		err = closing
	}
	return err
}

func (g *segment) close() {
	if g.graph != nil {
		_ = g.graph.Close()
	}
}
