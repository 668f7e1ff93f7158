package data

import "github.com/sslctl/sslctl/augment"

// memory is a dataset whose pixels are in memory: images of one size, interleaved rows, one after the other.
type memory struct {
	name    string
	classes []string
	size    int // edge
	c       int
	pix     []uint8
	labels  []uint8
}

func (m *memory) Name() string      { return m.name }
func (m *memory) Len() int          { return len(m.labels) }
func (m *memory) Classes() []string { return m.classes }
func (m *memory) Channels() int     { return m.c }
func (m *memory) Size() int         { return m.size }
func (m *memory) Label(i int) int   { return int(m.labels[i]) }

func (m *memory) bounds() (height, width int) { return m.size, m.size }

func (m *memory) Image(i int) (augment.Image, error) {
	n := m.size * m.size * m.c
	return augment.Image{Pix: m.pix[i*n : (i+1)*n : (i+1)*n], H: m.size, W: m.size, C: m.c}, nil
}
