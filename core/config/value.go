package config

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kind is the type that a key wants.
type kind int

const (
	free kind = iota // a scalar or list of whatever type
	boolean
	integer
	unsigned
	number
	text
	integers
	numbers
	texts
)

func (k kind) String() string {
	return [...]string{"any value", "true or false", "whole number", "whole number from 0", "number", "text",
		"list of whole numbers", "list of numbers", "list of texts"}[k]
}

// element is the kind of a list's elements, and whether k is a list.
func (k kind) element() (kind, bool) {
	switch k {
	case integers:
		return integer, true
	case numbers:
		return number, true
	case texts:
		return text, true
	}
	return free, false
}

// kindOf is the kind that holds a Go type.
func kindOf(t reflect.Type) kind {
	if t == nil {
		return free
	}
	switch t.Kind() {
	case reflect.Bool:
		return boolean
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return integer
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return unsigned
	case reflect.Float32, reflect.Float64:
		return number
	case reflect.String:
		return text
	case reflect.Slice:
		switch kindOf(t.Elem()) {
		case integer:
			return integers
		case number:
			return numbers
		case text:
			return texts
		}
	}
	return free
}

// word is a value that came as text, from the environment or --set: its type is the key's, not its own.
type word string

// coerce turns v into the Go type of k: bool, int, uint64, float64, string, []int, []float64 or []string. Whole floats count
// as integers and integers as floats, since YAML and people do not tell 25 from 25.0; nothing else is converted.
func coerce(k kind, v any) (any, error) {
	if w, ok := v.(word); ok {
		return coerceWord(k, string(w))
	}
	if e, ok := k.element(); ok {
		return coerceList(k, e, v)
	}
	rv := reflect.ValueOf(v)
	switch {
	case k == free:
		return coerceFree(v)
	case k == boolean && rv.Kind() == reflect.Bool:
		return rv.Bool(), nil
	case k == text && rv.Kind() == reflect.String:
		return rv.String(), nil
	case k == number && rv.IsValid():
		return coerceNumber(rv)
	case k == integer && rv.IsValid():
		if n, ok := whole(rv); ok {
			return n, nil
		}
	case k == unsigned && rv.IsValid():
		if rv.CanUint() {
			return rv.Uint(), nil
		}
		if n, ok := whole(rv); ok && n >= 0 {
			return uint64(n), nil
		}
	}
	return nil, wants(k, v)
}

func wants(k kind, v any) error {
	if v == nil {
		return fmt.Errorf("wants a %s, got nothing", k)
	}
	return fmt.Errorf("wants a %s, got %s", k, inline(v))
}

// dashed is a list of widths as the field writes it: 2048-2048-2048.
var dashed = regexp.MustCompile(`^[0-9]+(-[0-9]+)+$`)

// coerceWord reads text as a YAML value of kind k. Lists may go without brackets (32,64 or 32-64), truth may be spelled on, off, yes, no.
func coerceWord(k kind, s string) (any, error) {
	if e, ok := k.element(); ok && !strings.HasPrefix(strings.TrimSpace(s), "[") {
		if e == text {
			return splitTexts(s), nil
		}
		if e == integer && dashed.MatchString(strings.TrimSpace(s)) {
			s = strings.ReplaceAll(s, "-", ",")
		}
		s = "[" + s + "]"
	}
	var v any
	err := yaml.Unmarshal([]byte(s), &v)
	switch {
	case k == text: // 007 and true are names too
		if quoted, ok := v.(string); ok && err == nil {
			return quoted, nil
		}
		return s, nil
	case k == boolean:
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "on", "yes", "true", "1":
			return true, nil
		case "off", "no", "false", "0":
			return false, nil
		}
	}
	if err != nil {
		return nil, wants(k, s)
	}
	return coerce(k, v)
}

// splitTexts cuts at commas; what stands between them is text, whatever it looks like.
func splitTexts(s string) []string {
	out := []string{}
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func coerceNumber(rv reflect.Value) (any, error) {
	var f float64
	switch {
	case rv.CanInt():
		f = float64(rv.Int())
	case rv.CanUint():
		f = float64(rv.Uint())
	case rv.CanFloat():
		f = rv.Float()
	default:
		return nil, wants(number, rv.Interface())
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("wants a finite number, got %v", f)
	}
	return f, nil
}

// whole is rv as an int, and whether it is one.
func whole(rv reflect.Value) (int, bool) {
	switch {
	case rv.CanInt():
		return int(rv.Int()), true
	case rv.CanUint() && rv.Uint() <= math.MaxInt:
		return int(rv.Uint()), true
	case rv.CanFloat() && rv.Float() == math.Trunc(rv.Float()) && math.Abs(rv.Float()) < 1<<53:
		return int(rv.Float()), true
	}
	return 0, false
}

func coerceList(k, e kind, v any) (any, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice {
		return nil, wants(k, v)
	}
	out := map[kind]any{integer: []int{}, number: []float64{}, text: []string{}}[e]
	list := reflect.ValueOf(out)
	for i := range rv.Len() {
		x, err := coerce(e, rv.Index(i).Interface())
		if err != nil {
			return nil, wants(k, v)
		}
		list = reflect.Append(list, reflect.ValueOf(x))
	}
	return list.Interface(), nil
}

// coerceFree accepts scalars and lists of scalars of one kind, in the Go types that coerce gives.
func coerceFree(v any) (any, error) {
	if list, ok := v.([]any); ok {
		for _, k := range []kind{integers, numbers, texts} {
			if out, err := coerce(k, v); err == nil {
				return out, nil
			}
		}
		return nil, fmt.Errorf("wants values of one type in the list %s", inline(list))
	}
	if k := kindOf(reflect.TypeOf(v)); k != free {
		return coerce(k, v)
	}
	return nil, fmt.Errorf("wants a value or a list of values, got %s", inline(v))
}

// inline is v as one line of YAML, for messages.
func inline(v any) string {
	var n yaml.Node
	if err := n.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	if n.Kind != yaml.ScalarNode {
		n.Style = yaml.FlowStyle
	} else if n.Tag == "!!str" {
		return fmt.Sprintf("%q", n.Value)
	}
	b, err := yaml.Marshal(&n)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(string(b))
}
