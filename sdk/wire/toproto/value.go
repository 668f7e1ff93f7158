package toproto

import (
	"fmt"
	"maps"
	"slices"

	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// Settings writes keys with their values, sorted by key.
func Settings(m map[string]any) ([]*methodv1.Setting, error) {
	var out []*methodv1.Setting
	for _, key := range slices.Sorted(maps.Keys(m)) {
		v, err := Value(m[key])
		if err != nil {
			return nil, fmt.Errorf("setting %q: %w", key, err)
		}
		out = append(out, &methodv1.Setting{Key: key, Value: v})
	}
	return out, nil
}

// Value writes a number, switch, word or list of these.
func Value(v any) (*methodv1.Value, error) {
	switch x := v.(type) {
	case float64:
		return &methodv1.Value{Kind: &methodv1.Value_Real{Real: x}}, nil
	case int:
		return &methodv1.Value{Kind: &methodv1.Value_Whole{Whole: int64(x)}}, nil
	case bool:
		return &methodv1.Value{Kind: &methodv1.Value_Flag{Flag: x}}, nil
	case string:
		return &methodv1.Value{Kind: &methodv1.Value_Word{Word: x}}, nil
	case []int:
		return &methodv1.Value{Kind: &methodv1.Value_Wholes{Wholes: &methodv1.Wholes{Items: wholes(x)}}}, nil
	case []float64:
		return &methodv1.Value{Kind: &methodv1.Value_Reals{Reals: &methodv1.Reals{Items: x}}}, nil
	case []string:
		return &methodv1.Value{Kind: &methodv1.Value_Words{Words: &methodv1.Words{Items: x}}}, nil
	case []any:
		list := &methodv1.Values{}
		for _, e := range x {
			item, err := Value(e)
			if err != nil {
				return nil, err
			}
			list.Items = append(list.Items, item)
		}
		return &methodv1.Value{Kind: &methodv1.Value_Values{Values: list}}, nil
	}
	return nil, fmt.Errorf("a value of type %T cannot be sent; use float64, int, bool, string or a list of them", v)
}
