package data

import (
	"math/bits"
	"math/rand/v2"
)

// Streams of random numbers, so that the same seed serves several purposes without correlation.
const (
	streamEpoch uint64 = 0x9e3779b97f4a7c15 // orders of epochs
	streamLimit uint64 = 0xd1b54a32d192ed03 // choices of a subset
)

// permute fills p with a permutation of 0..len(p)-1 that depends on seed, stream and round alone:
// Fisher and Yates's shuffle over PCG-DXSM (rand.PCG), whose sequence Go keeps stable. A bounded number is the high
// half of a 64x64-bit product, whose bias for up to 2^32 images is below 2^-32.
func permute(p []int, seed, stream uint64, round int) {
	for i := range p {
		p[i] = i
	}
	src := rand.NewPCG(seed, stream^uint64(round)*0xff51afd7ed558ccd)
	for i := len(p) - 1; i > 0; i-- {
		j, _ := bits.Mul64(src.Uint64(), uint64(i+1))
		p[i], p[j] = p[j], p[i]
	}
}
