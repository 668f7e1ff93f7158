package model

import "strings"

// Init gives every parameter and buffer its initial value, by name, in memory layout. Values depend on the seed and the name
// alone. The target branch starts as a copy of the online one.
func (m *Model) Init(seed uint64) map[string][]float32 {
	values := map[string][]float32{}
	for _, p := range m.Params {
		v := make([]float32, p.Shape.TotalSize())
		p.Init.Draw(v, seed, strings.TrimPrefix(p.Name, targetPrefix))
		values[p.Name] = v
	}
	for _, u := range m.Buffers {
		v := make([]float32, u.Shape.TotalSize())
		u.Init.Draw(v, seed, u.Name)
		values[u.Name] = v
	}
	return values
}
