package config

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// Key is what is known of a configuration key: for help, completion and documentation. In the name of a key that every view
// or every regulariser has, * stands for the view's number or the regulariser's name.
type Key struct {
	Name    string
	Type    string   // "whole number", "number", "text", "true or false", or a list of these
	Help    string   // one line
	Default string   // canonical text; empty for keys with a *
	Choices []string // allowed values; nil for any
	Hashed  bool     // part of Config.Hash

	kind   kind
	bounds bounds
}

// bounds limits a number: above is exclusive, min and max inclusive; nil for no limit.
type bounds struct{ min, max, above *float64 }

// Keys lists the configuration keys in the order of the canonical form. Keys of hyper-parameters belong to the method and
// are not in it.
func Keys() []Key {
	return append([]Key(nil), schema().keys...)
}

// OwnBackboneKeys are the names below backbone that no hyper-parameter of a plugin can have.
func OwnBackboneKeys() (names []string) {
	for _, k := range schema().keys {
		if name, below := strings.CutPrefix(k.Name, "backbone."); below {
			names = append(names, name)
		}
	}
	return names
}

// table is the schema read from Config's tags, once.
type table struct {
	keys   []Key
	byName map[string]Key
}

var schema = sync.OnceValue(func() table {
	var t table
	t.add("", reflect.TypeFor[Config](), true)
	t.byName = make(map[string]Key, len(t.keys))
	defaults := map[string]string{}
	for _, l := range leaves(Default()) {
		defaults[l.key] = l.text
	}
	for i, k := range t.keys {
		t.keys[i].Default = defaults[k.Name]
		t.byName[k.Name] = t.keys[i]
	}
	return t
})

// add appends the keys of a struct type under prefix.
func (t *table) add(prefix string, typ reflect.Type, hashed bool) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("koanf"), ",")
		switch {
		case opts == "remain" && f.Type.Elem().Kind() == reflect.Struct:
			t.add(prefix+"*.", f.Type.Elem(), hashed)
		case f.Type.Kind() == reflect.Map: // hyper-parameters: the method's, not ours
		case f.Type.Kind() == reflect.Struct:
			t.add(prefix+name+".", f.Type, hashed)
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			t.add(prefix+name+".*.", f.Type.Elem(), hashed)
		default:
			t.keys = append(t.keys, leafKey(prefix+name, f))
		}
	}
}

func leafKey(name string, f reflect.StructField) Key {
	k := kindOf(f.Type)
	return Key{
		Name:    name,
		Type:    k.String(),
		Help:    f.Tag.Get("help"),
		Choices: strings.Fields(f.Tag.Get("oneof")),
		Hashed:  f.Tag.Get("hash") != "no",
		kind:    k,
		bounds:  bounds{limit(f, "min"), limit(f, "max"), limit(f, "above")},
	}
}

// limit is the bound in a tag; a tag that is not a number is a mistake in Config and panics at the first use of the schema.
func limit(f reflect.StructField, tag string) *float64 {
	text, ok := f.Tag.Lookup(tag)
	if !ok {
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic("config: tag " + tag + " of " + f.Name + ": " + err.Error())
	}
	return &v
}

// lookup finds the schema's entry for a full key, in which a view's number or a regulariser's name stands for the *.
func (t table) lookup(key string) (Key, bool) {
	if k, ok := t.byName[key]; ok {
		return k, ok
	}
	parts := strings.Split(key, ".")
	switch {
	case len(parts) == 4 && parts[0] == "augment" && parts[1] == "views" && isIndex(parts[2]):
		parts[2] = "*"
	case len(parts) == 3 && parts[0] == "reg":
		parts[1] = "*"
	default:
		return Key{}, false
	}
	k, ok := t.byName[strings.Join(parts, ".")]
	return k, ok
}

// isIndex reports whether s is a list index in its canonical form.
func isIndex(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && strconv.Itoa(n) == s
}
