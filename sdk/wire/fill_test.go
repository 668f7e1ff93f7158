package wire_test

import (
	"fmt"
	"reflect"
)

// filler sets every field of a value, at any depth, to something that is not its zero value and differs from the field
// before it: a field that a conversion forgets cannot come back equal.
type filler struct{ n int }

func fill[T any]() T {
	var v T
	(&filler{}).set(reflect.ValueOf(&v).Elem())
	return v
}

func (f *filler) set(v reflect.Value) {
	f.n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d", f.n))
	case reflect.Int:
		v.SetInt(int64(f.n))
	case reflect.Float64:
		v.SetFloat(float64(f.n) + 0.5)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.set(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			f.set(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.set(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("number"), reflect.ValueOf(f.n))
	case reflect.Interface: // of a default or setting
		kinds := []any{float64(f.n) + 0.5, f.n, true, fmt.Sprint(f.n), []int{f.n, f.n + 1}}
		v.Set(reflect.ValueOf(kinds[f.n%len(kinds)]))
	default:
		panic("a field of kind " + v.Kind().String() + " is not known here")
	}
}
