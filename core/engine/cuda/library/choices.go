package library

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/internal/cuda/cudnn"
)

// choices are the algorithms chosen for convolutions, by problem, on one GPU and version of cuDNN.
type choices struct {
	path  string
	key   string // GPU and version
	found map[string]choice
}

// choice is an algorithm in the file.
type choice struct {
	Algorithm int     `json:"algorithm"`
	Math      int     `json:"math"`
	Time      float32 `json:"ms"` // when it was measured
}

// file is what the file holds: choices by GPU and version, then by problem.
type file map[string]map[string]choice

// readChoices reads the file. One that cannot be read or makes no sense holds nothing, and is replaced.
func readChoices(path, gpu string, version int) *choices {
	c := &choices{path: path, key: fmt.Sprintf("%s, cuDNN %d", gpu, version), found: map[string]choice{}}
	for problem, a := range readFile(path)[c.key] {
		c.found[problem] = a
	}
	return c
}

func readFile(path string) file {
	f := file{}
	if text, err := os.ReadFile(path); err != nil || json.Unmarshal(text, &f) != nil || f == nil {
		return file{}
	}
	return f
}

// find is the choice for a problem, where there is one, and the library lists it among what adds in a fixed order.
func (c *choices) find(problem string, listed []cudnn.Algorithm) (cudnn.Algorithm, bool) {
	a, ok := c.found[problem]
	fixed := slices.ContainsFunc(listed, func(l cudnn.Algorithm) bool { return l.ID == a.Algorithm && l.Deterministic })
	return cudnn.Algorithm{ID: a.Algorithm, Math: cudnn.Math(a.Math), Milliseconds: a.Time, Deterministic: true}, ok && fixed
}

// add adds choices, and writes the file, beside what other processes put there meanwhile.
func (c *choices) add(measured map[string]cudnn.Algorithm) error {
	for problem, a := range measured {
		c.found[problem] = choice{a.ID, int(a.Math), a.Milliseconds}
	}
	if c.path == "" {
		return nil
	}
	f := readFile(c.path)
	if f[c.key] == nil {
		f[c.key] = map[string]choice{}
	}
	for problem, a := range c.found {
		f[c.key][problem] = a
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("algorithms of convolutions: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o755); err != nil {
		return fmt.Errorf("algorithms of convolutions: %w", err)
	}
	return durable.WriteFile(c.path, text)
}
