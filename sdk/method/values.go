package method

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Param describes a hyper-parameter. The name is what stands after `--set`.
type Param struct {
	Name     string
	Doc      string
	Default  any      // float64, int, bool, string or []int; its type is the parameter's
	Min, Max *float64 // bounds of a number, inclusive; nil for none
	Choices  []string // of a string
}

// Float is a real hyper-parameter.
func Float(name string, value float64, doc string) Param {
	return Param{Name: name, Default: value, Doc: doc}
}

// Int is a whole hyper-parameter.
func Int(name string, value int, doc string) Param {
	return Param{Name: name, Default: value, Doc: doc}
}

// Bool is a switch.
func Bool(name string, value bool, doc string) Param {
	return Param{Name: name, Default: value, Doc: doc}
}

// Choice is one of several words; the first is the default.
func Choice(name, doc string, choices ...string) Param {
	return Param{Name: name, Default: choices[0], Doc: doc, Choices: choices}
}

// Ints is a list of whole numbers, such as the widths of a head: "2048-2048-2048" on the command line.
func Ints(name string, value []int, doc string) Param {
	return Param{Name: name, Default: value, Doc: doc}
}

// AtLeast bounds a number from below.
func (p Param) AtLeast(v float64) Param { p.Min = &v; return p }

// AtMost bounds a number from above.
func (p Param) AtMost(v float64) Param { p.Max = &v; return p }

// Values are hyper-parameters by name, checked and complete. Reading a name that the description lacks is a
// programming error of the method and panics; the host reports it as such.
type Values map[string]any

// Float is a real hyper-parameter.
func (v Values) Float(name string) float64 { return value[float64](v, name) }

// Int is a whole hyper-parameter.
func (v Values) Int(name string) int { return value[int](v, name) }

// Bool is a switch.
func (v Values) Bool(name string) bool { return value[bool](v, name) }

// String is a word.
func (v Values) String(name string) string { return value[string](v, name) }

// Ints is a list of whole numbers.
func (v Values) Ints(name string) []int { return value[[]int](v, name) }

func value[T any](v Values, name string) T {
	x, ok := v[name].(T)
	if !ok {
		panic(fmt.Sprintf("hyper-parameter %q is %T, read as %T; does the description list it?", name, v[name], x))
	}
	return x
}

// ParamError is a hyper-parameter that does not fit its description.
type ParamError struct {
	Param string
	Err   error
}

func (e *ParamError) Error() string { return fmt.Sprintf("hyper-parameter %q: %v", e.Param, e.Err) }
func (e *ParamError) Unwrap() error { return e.Err }

// Complete checks given values against the parameters, converts them (a whole number to a real one, "512-512" to a
// list) and fills in the defaults. The error names the parameter; an unknown one is an error too.
func Complete(params []Param, given map[string]any) (Values, error) {
	out := Values{}
	for _, p := range params {
		out[p.Name] = p.Default
	}
	for name, raw := range given {
		i := slices.IndexFunc(params, func(p Param) bool { return p.Name == name })
		if i < 0 {
			return nil, &ParamError{name, fmt.Errorf("unknown; there are %s", strings.Join(names(params), ", "))}
		}
		v, err := params[i].convert(raw)
		if err == nil {
			err = params[i].check(v)
		}
		if err != nil {
			return nil, &ParamError{name, err}
		}
		out[name] = v
	}
	return out, nil
}

func names(params []Param) []string {
	out := make([]string, len(params))
	for i, p := range params {
		out[i] = p.Name
	}
	return out
}

func (p Param) convert(raw any) (any, error) {
	switch p.Default.(type) {
	case float64:
		switch x := raw.(type) {
		case float64:
			return x, nil
		case int:
			return float64(x), nil
		}
		return nil, fmt.Errorf("%v is not a number", raw)
	case int:
		switch x := raw.(type) {
		case int:
			return x, nil
		case float64:
			if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
				return int(x), nil
			}
		}
		return nil, fmt.Errorf("%v is not a whole number", raw)
	case bool:
		if x, ok := raw.(bool); ok {
			return x, nil
		}
		return nil, fmt.Errorf("%v is not true or false", raw)
	case string:
		if x, ok := raw.(string); ok {
			return x, nil
		}
		return nil, fmt.Errorf("%v is not a word", raw)
	case []int:
		return toInts(raw)
	}
	return nil, fmt.Errorf("the description gives a default of type %T; use float64, int, bool, string or []int", p.Default)
}

func toInts(raw any) ([]int, error) {
	bad := fmt.Errorf("%v is not a list of whole numbers such as 512-512-512", raw)
	switch x := raw.(type) {
	case []int:
		return slices.Clone(x), nil
	case int:
		return []int{x}, nil
	case []any:
		out := make([]int, len(x))
		for i, e := range x {
			n, err := (Param{Default: 0}).convert(e)
			if err != nil {
				return nil, bad
			}
			out[i] = n.(int)
		}
		return out, nil
	case string:
		var out []int
		for part := range strings.SplitSeq(x, "-") {
			var n int
			if _, err := fmt.Sscanf(part, "%d", &n); err != nil || fmt.Sprint(n) != part {
				return nil, bad
			}
			out = append(out, n)
		}
		return out, nil
	}
	return nil, bad
}

func (p Param) check(v any) error {
	var n float64
	switch x := v.(type) {
	case float64:
		n = x
	case int:
		n = float64(x)
	case string:
		if len(p.Choices) > 0 && !slices.Contains(p.Choices, x) {
			return fmt.Errorf("%q is not one of %s", x, strings.Join(p.Choices, ", "))
		}
		return nil
	case []int:
		for _, e := range x {
			if e < 1 {
				return fmt.Errorf("%v holds a number below 1", x)
			}
		}
		if len(x) == 0 {
			return fmt.Errorf("an empty list")
		}
		return nil
	default:
		return nil
	}
	switch {
	case math.IsNaN(n) || math.IsInf(n, 0):
		return fmt.Errorf("%v is not finite", v)
	case p.Min != nil && n < *p.Min:
		return fmt.Errorf("%v is below %g", v, *p.Min)
	case p.Max != nil && n > *p.Max:
		return fmt.Errorf("%v is above %g", v, *p.Max)
	}
	return nil
}
