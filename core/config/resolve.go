package config

import "fmt"

// Resolved is a configuration with the origin of each of its values. It does not change after Resolve returned it.
type Resolved struct {
	config  Config
	origins map[string]Origin
}

// Config is the resolved configuration; each call gives a copy of its own.
func (r *Resolved) Config() Config { return r.config.Clone() }

// Explanation says where the value of a key came from.
type Explanation struct {
	Key, Value string // full key, canonical text
	Origin     Origin
}

// Explain lists every key in canonical order with its value and origin.
func (r *Resolved) Explain() []Explanation {
	var out []Explanation
	for _, l := range leaves(r.config) {
		out = append(out, Explanation{l.key, l.text, r.origins[l.key]})
	}
	return out
}

// Resolve merges the layers and checks the result. Errors carry fault.Usage. Values of hyper-parameters have the types of
// their defaults; their ranges are the method's to check.
func Resolve(l Layers) (*Resolved, error) {
	m, err := mergeLayers(l, false)
	if err != nil {
		return nil, err
	}
	c, err := m.decode()
	if err != nil {
		return nil, fmt.Errorf("decode configuration: %w", err)
	}
	if err := check(c, m); err != nil {
		return nil, err
	}
	return &Resolved{c, m.origins}, nil
}

// Peek reads what is said of method, preset, data set, backbone and regularisers before the defaults of the method and of the
// backbone are known: unknown bare names are taken for hyper-parameters, and nothing is checked but types.
func Peek(l Layers) (Config, error) {
	l.Params, l.Regs, l.Backbone = nil, nil, nil
	m, err := mergeLayers(l, true)
	if err != nil {
		return Config{}, err
	}
	c, err := m.decode()
	if err != nil {
		return Config{}, fmt.Errorf("decode configuration: %w", err)
	}
	return c, nil
}

// Read is the configuration in a file that Marshal wrote, without other layers. Hyper-parameters keep the type that YAML
// gives them, so a whole number may stand where the method has a float64.
func Read(path string) (Config, error) {
	r, err := Resolve(Layers{File: path})
	if err != nil {
		return Config{}, err
	}
	return r.config, nil
}
