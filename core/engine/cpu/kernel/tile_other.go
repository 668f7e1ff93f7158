//go:build !amd64

package kernel

// run computes the tile with the given number of rows, which is at most maxRows. A narrow tile's panel is one vector wide
// instead of two.
func (t *tile) run(_ ISA, rows int, narrow bool) {
	width := Plain.panel()
	if narrow {
		width = Plain.lanes()
	}
	tilePlain(t, rows, width)
}
