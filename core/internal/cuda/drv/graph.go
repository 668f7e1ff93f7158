package drv

import "unsafe"

// Graph is recorded work.
type Graph struct {
	context *Context
	handle  uintptr
}

// captureThreadLocal forbids only this thread what would end a capture, such as allocation.
const captureThreadLocal = 1

// BeginCapture records what the stream is told from now on, instead of doing it. Allocating and synchronising are forbidden
// meanwhile and spoil the capture.
func (s *Stream) BeginCapture() error {
	return s.context.driver.call("cuStreamBeginCapture_v2", s.handle, captureThreadLocal)
}

// EndCapture ends the recording. Where the capture was spoilt it fails, and the stream is usable again all the same.
func (s *Stream) EndCapture() (*Graph, error) {
	g := &Graph{context: s.context}
	if err := s.context.driver.call("cuStreamEndCapture", s.handle, uintptr(unsafe.Pointer(&g.handle))); err != nil {
		return nil, err
	}
	return g, nil
}

// Close destroys the graph; what was instantiated from it stays.
func (g *Graph) Close() error { return g.context.driver.call("cuGraphDestroy", g.handle) }

// GraphExec is a graph made ready for the device. Kernels' arguments are those of the capture; the memory they point to is read
// at each launch.
type GraphExec struct {
	context *Context
	handle  uintptr
}

// Instantiate makes the graph ready.
func (g *Graph) Instantiate() (*GraphExec, error) {
	x := &GraphExec{context: g.context}
	if err := g.context.driver.call("cuGraphInstantiateWithFlags", uintptr(unsafe.Pointer(&x.handle)), g.handle, 0); err != nil {
		return nil, err
	}
	return x, nil
}

// Launch starts the graph on a stream; launches of one graph run one after the other.
func (x *GraphExec) Launch(s *Stream) error {
	return x.context.driver.call("cuGraphLaunch", x.handle, s.handle)
}

// Close destroys the graph.
func (x *GraphExec) Close() error { return x.context.driver.call("cuGraphExecDestroy", x.handle) }
