//go:build !amd64

package kernel

// run computes the tile with the given number of rows, which is at most maxRows. A narrow tile's panel is one vector wide
// instead of two.
func (t *tile) run(isa ISA, rows int, narrow bool) {
	if t.dot {
		t.runDot(isa, rows, narrow)
		return
	}
	width := Plain.panel()
	if narrow {
		width = Plain.lanes()
	}
	tilePlain(t, rows, width)
}
