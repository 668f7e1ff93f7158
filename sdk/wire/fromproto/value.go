package fromproto

import (
	"fmt"

	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// maxNesting is how deep a list of lists may be.
const maxNesting = 8

// Settings reads keys with their values; nil where there are none.
func Settings(all []*methodv1.Setting) (map[string]any, error) {
	if len(all) == 0 {
		return nil, nil
	}
	out := make(map[string]any, len(all))
	for _, s := range all {
		if _, twice := out[s.GetKey()]; twice || s.GetKey() == "" {
			return nil, fmt.Errorf("setting %q is without a name or stands twice", s.GetKey())
		}
		v, err := Value(s.GetValue())
		if err != nil {
			return nil, fmt.Errorf("setting %q: %w", s.GetKey(), err)
		}
		out[s.GetKey()] = v
	}
	return out, nil
}

// Value reads a number, switch, word or list of these; numbers are finite.
func Value(m *methodv1.Value) (any, error) { return value(m, 0) }

func value(m *methodv1.Value, depth int) (any, error) {
	switch x := m.GetKind().(type) {
	case *methodv1.Value_Real:
		return x.Real, bounded(x.Real)
	case *methodv1.Value_Whole:
		return whole(x.Whole)
	case *methodv1.Value_Flag:
		return x.Flag, nil
	case *methodv1.Value_Word:
		return x.Word, nil
	case *methodv1.Value_Wholes:
		return list(x.Wholes.GetItems(), whole)
	case *methodv1.Value_Reals:
		return list(x.Reals.GetItems(), func(v float64) (float64, error) { return v, bounded(v) })
	case *methodv1.Value_Words:
		return list(x.Words.GetItems(), func(v string) (string, error) { return v, nil })
	case *methodv1.Value_Values:
		if depth == maxNesting {
			return nil, fmt.Errorf("lists are nested deeper than %d", maxNesting)
		}
		return list(x.Values.GetItems(), func(v *methodv1.Value) (any, error) { return value(v, depth+1) })
	}
	return nil, fmt.Errorf("the value is missing or of an unknown kind")
}

func list[From, To any](items []From, read func(From) (To, error)) ([]To, error) {
	out := make([]To, len(items))
	for i, item := range items {
		var err error
		if out[i], err = read(item); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func bounded(v float64) error {
	if !finite(v) {
		return fmt.Errorf("%g is not finite", v)
	}
	return nil
}
