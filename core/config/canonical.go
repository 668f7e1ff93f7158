package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// hashVersion opens the hashed text; it changes when the meaning of a key does.
const hashVersion = "sslctl configuration 1\n"

// Marshal is the canonical YAML of c: every key, in the order of Config's fields, hyper-parameters and regularisers by name,
// numbers in their shortest form, no comments. Equal configurations give equal bytes.
func (c Config) Marshal() ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(node(reflect.ValueOf(c))); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	if err := e.Close(); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return b.Bytes(), nil
}

// Hash is SHA-256, in hexadecimal, over all keys that determine the result; the package comment says which do not.
func (c Config) Hash() string {
	h := sha256.New()
	h.Write([]byte(hashVersion))
	for _, l := range leaves(c) {
		if k, ok := schema().lookup(l.key); !ok || k.Hashed {
			fmt.Fprintf(h, "%s=%q\n", l.key, l.text)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Difference is a key on which two configurations disagree, with its canonical text in each; "" where one lacks it.
type Difference struct{ Key, A, B string }

// Diff lists the keys that differ, a's in canonical order and then those that only b has.
func Diff(a, b Config) []Difference {
	left, right := leaves(a), leaves(b)
	inA, inB := textOf(left), textOf(right)
	var out []Difference
	for _, l := range left {
		if inB[l.key] != l.text {
			out = append(out, Difference{l.key, l.text, inB[l.key]})
		}
	}
	for _, r := range right {
		if _, ok := inA[r.key]; !ok {
			out = append(out, Difference{r.key, "", r.text})
		}
	}
	return out
}

// leaf is a full key with its value in canonical text.
type leaf struct{ key, text string }

// leaves lists c's keys in canonical order.
func leaves(c Config) []leaf {
	return flatten(nil, "", node(reflect.ValueOf(c)))
}

func textOf(ls []leaf) map[string]string {
	m := make(map[string]string, len(ls))
	for _, l := range ls {
		m[l.key] = l.text
	}
	return m
}

func flatten(out []leaf, path string, n *yaml.Node) []leaf {
	join := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	switch {
	case n.Kind == yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			out = flatten(out, join(n.Content[i].Value), n.Content[i+1])
		}
	case n.Kind == yaml.SequenceNode && n.Style != yaml.FlowStyle:
		for i, e := range n.Content {
			out = flatten(out, join(strconv.Itoa(i)), e)
		}
	default:
		out = append(out, leaf{path, nodeText(n)})
	}
	return out
}

func nodeText(n *yaml.Node) string {
	b, err := yaml.Marshal(n)
	if err != nil { // a node of our own making: scalars and flat lists always marshal
		panic("config: " + err.Error())
	}
	return strings.TrimSuffix(string(b), "\n")
}

// node is the canonical YAML of a value: lists of structs a line each, lists of scalars within brackets.
func node(v reflect.Value) *yaml.Node {
	switch v.Kind() {
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		addFields(n, v)
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		addEntries(n, v)
		return n
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		if v.Type().Elem().Kind() != reflect.Struct {
			n.Style = yaml.FlowStyle
		}
		for i := range v.Len() {
			n.Content = append(n.Content, node(v.Index(i)))
		}
		return n
	case reflect.Interface:
		return node(v.Elem())
	}
	return scalar(v)
}

func scalar(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch {
	case v.Kind() == reflect.Bool:
		n.Value = strconv.FormatBool(v.Bool())
	case v.CanInt():
		n.Value = strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		n.Value = strconv.FormatUint(v.Uint(), 10)
	case v.CanFloat():
		n.Value = strconv.FormatFloat(v.Float()+0, 'g', -1, 64) // +0 makes -0 a plain 0
	default:
		return textNode(v.String())
	}
	return n
}

// textNode quotes what another YAML reader may take for something else (on, 007), and keeps to one line.
func textNode(s string) *yaml.Node {
	n := &yaml.Node{}
	if err := n.Encode(s); err != nil { // encoding a string cannot fail
		panic("config: " + err.Error())
	}
	if strings.Contains(s, "\n") {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func addFields(n *yaml.Node, v reflect.Value) {
	for i := range v.NumField() {
		name, opts, _ := strings.Cut(v.Type().Field(i).Tag.Get("koanf"), ",")
		if opts == "remain" {
			addEntries(n, v.Field(i))
			continue
		}
		if opts == "omitempty" && v.Field(i).IsZero() {
			continue
		}
		addEntry(n, name, v.Field(i))
	}
}

func addEntries(n *yaml.Node, m reflect.Value) {
	entries := make(map[string]reflect.Value, m.Len())
	for _, k := range m.MapKeys() {
		entries[k.String()] = m.MapIndex(k)
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		addEntry(n, name, entries[name])
	}
}

func addEntry(n *yaml.Node, name string, v reflect.Value) {
	n.Content = append(n.Content, textNode(name), node(v))
}
