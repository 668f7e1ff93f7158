//go:build !amd64

package kernel

// runDot computes the tile of pairs.
func (t *tile) runDot(_ ISA, rows int, narrow bool) {
	width := Plain.panel()
	if narrow {
		width = Plain.lanes()
	}
	tileDotPlain(t, rows, width)
}

func (i ISA) pairFloatsFast(_, _, _ []float32) int        { return 0 }
func (i ISA) pairHalvesFast(_ []float32, _, _ []BF16) int { return 0 }
