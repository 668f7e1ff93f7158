package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/core/fault"
)

// Assignments is what one run of a sweep sets: KEY=VALUE, as in Layers.Set.
type Assignments []string

// Expand is the cartesian product of the values of each key, the last key in alphabetical order varying fastest. A key
// without values leaves no combination; no keys leave one, which sets nothing.
func Expand(values map[string][]string) []Assignments {
	out := []Assignments{nil}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		var next []Assignments
		for _, prefix := range out {
			for _, v := range values[key] {
				next = append(next, append(slices.Clone(prefix), key+"="+v))
			}
		}
		out = next
	}
	return out
}

// SplitValues cuts the values of a sweep's key at commas outside brackets: "1,2" is two values, "[32,64],[64,128]" also.
func SplitValues(s string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range s {
		switch r {
		case '[':
			depth++
		case ']':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(s[start:i]))
				start = i + 1
			}
		}
	}
	return append(out, strings.TrimSpace(s[start:]))
}

// ParseRegs reads the value of --add-reg, "var,cov" or "var=1,cov=0.01", into keys of the flags' layer. A name without a
// weight takes the regulariser's own.
func ParseRegs(s string) (map[string]any, error) {
	out := map[string]any{}
	for _, part := range strings.Split(s, ",") {
		name, weight, hasWeight := strings.Cut(strings.TrimSpace(part), "=")
		if name == "" || strings.Contains(name, ".") || isRegOption(name) {
			return nil, fault.New(fault.Usage, "write --add-reg var,cov or --add-reg var=1,cov=0.01", "--add-reg %s: %q is no name of a regulariser", s, name)
		}
		if _, twice := out["reg."+name]; twice {
			return nil, fault.New(fault.Usage, "name each regulariser once", "--add-reg %s names %s twice", s, name)
		}
		out["reg."+name] = word(weight)
		if hasWeight && weight == "" {
			return nil, fault.New(fault.Usage, "write a number after =, or leave = out", "--add-reg %s: %s has an empty weight", s, name)
		}
	}
	return out, nil
}
