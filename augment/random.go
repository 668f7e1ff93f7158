package augment

import "math/bits"

// Key is all that a draw depends on, beside the recipe and the image's height and width. Epoch, Index and View count
// modulo 2^32.
type Key struct {
	Seed               uint64
	Epoch, Index, View int
}

// block gives the 128 random bits of a key in a slot: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy
// as 1, 2, 3") with the seed as key and (index, epoch, view, slot) as counter. Being a bijection of the counter, two keys
// never share a block, and every decision has a slot and a word of its own: one recipe's probability does not
// disturb the other draws.
func (k Key) block(slot uint32) [4]uint32 {
	const (
		multiplier0, multiplier1 = 0xd2511f53, 0xcd9e8d57
		weyl0, weyl1             = 0x9e3779b9, 0xbb67ae85
		rounds                   = 10
	)
	c := [4]uint32{uint32(k.Index), uint32(k.Epoch), uint32(k.View), slot}
	k0, k1 := uint32(k.Seed), uint32(k.Seed>>32)
	for range rounds {
		hi0, lo0 := bits.Mul32(multiplier0, c[0])
		hi1, lo1 := bits.Mul32(multiplier1, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k0, lo1, hi0 ^ c[3] ^ k1, lo0}
		k0 += weyl0
		k1 += weyl1
	}
	return c
}

// unit is a number in [0, 1) with 32 bits.
func unit(w uint32) float64 { return float64(w) * (1.0 / (1 << 32)) }

// between is uniform in [low, high).
func between(w uint32, low, high float64) float64 { return low + float64((high-low)*unit(w)) }

// below is uniform in 0..n-1; the bias is below n/2^32.
func below(w uint32, n int) int { return int(uint64(w) * uint64(n) >> 32) }
