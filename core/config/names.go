package config

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/sslctl/sslctl/core/fault"
)

// names resolves what users call a key to the full key and its kind.
type names struct {
	params   map[string]any            // the method's hyper-parameters with their defaults; nil while the method is unknown
	regs     map[string]map[string]any // the same of each known regulariser
	backbone map[string]any            // the same of the backbone; nil while it is unknown
	lenient  bool                      // unknown bare names are taken for hyper-parameters
}

// bareSections are the sections whose keys may be named by their last part. Those of evaluation are left out: a bare
// temperature must never set the neighbours' when a method's was meant.
var bareSections = []string{"data", "backbone", "train", "optimizer", "schedule", "augment"}

// resolve gives the full key and its kind. Three results are not leaves of Config and are expanded by the merge:
// "augment.FIELD" (every view), "augment.views" (a list), "reg.NAME" (weight or mere presence).
func (n names) resolve(key string) (string, kind, error) {
	if full, k, ok := n.full(key); ok {
		return full, k, nil
	}
	if !strings.Contains(key, ".") {
		if full, k, ok := n.bare(key); ok {
			return full, k, nil
		}
	}
	return "", free, n.unknown(key)
}

// full resolves a key that is written out.
func (n names) full(key string) (string, kind, bool) {
	head, tail, _ := strings.Cut(key, ".")
	switch {
	case key == "augment.views":
		return key, free, true
	case head == "params" && tail != "":
		k, ok := n.param(n.params, tail)
		return key, k, ok
	case head == "reg" && tail != "" && !isRegOption(tail):
		return n.regularizer(key, tail)
	case head == "augment":
		if k, ok := schema().byName["augment.views.*."+tail]; ok {
			return key, k.kind, true
		}
	}
	if k, ok := schema().lookup(key); ok || head != "backbone" {
		return key, k.kind, ok
	}
	k, ok := n.param(n.backbone, tail)
	return key, k, ok
}

// kindOfValue is the kind that a default value asks for; lists as YAML gives them count by their elements.
func kindOfValue(v any) kind {
	if typed, err := coerceFree(v); err == nil {
		return kindOf(reflect.TypeOf(typed))
	}
	return free
}

// regularizer resolves reg.NAME, reg.NAME.weight and reg.NAME.PARAM.
func (n names) regularizer(key, tail string) (string, kind, bool) {
	name, param, deeper := strings.Cut(tail, ".")
	switch {
	case name == "":
		return "", free, false
	case !deeper:
		return key, number, true
	case param == "weight":
		return key, number, true
	}
	k, ok := n.param(n.regs[name], param)
	return key, k, ok
}

// param is the kind of a hyper-parameter among known ones; where none are known every name passes, untyped.
func (n names) param(known map[string]any, name string) (kind, bool) {
	if name == "" || strings.Contains(name, ".") {
		return free, false
	}
	if known == nil {
		return free, true
	}
	v, ok := known[name]
	return kindOfValue(v), ok
}

// bare resolves a name without dots: a hyper-parameter of the method, a section, the last part of one key, or a
// hyper-parameter of the backbone.
func (n names) bare(name string) (string, kind, bool) {
	if v, ok := n.params[name]; ok {
		return "params." + name, kindOfValue(v), true
	}
	if k, ok := schema().byName[name+".name"]; ok {
		return k.Name, k.kind, true
	}
	if found := withLastPart(name); len(found) == 1 {
		full := strings.Replace(found[0].Name, "views.*.", "", 1)
		return full, found[0].kind, true
	}
	if v, ok := n.backbone[name]; ok {
		return "backbone." + name, kindOfValue(v), true
	}
	if n.lenient && name != "" {
		return "params." + name, free, true
	}
	return "", free, false
}

// withLastPart lists the keys of the sections open to bare names that end in name.
func withLastPart(name string) []Key {
	var found []Key
	for _, k := range schema().keys {
		section, _, _ := strings.Cut(k.Name, ".")
		if name != "name" && strings.HasSuffix(k.Name, "."+name) && slices.Contains(bareSections, section) {
			found = append(found, k)
		}
	}
	return found
}

// unknown is the error for a key that names nothing, with the nearest that does.
func (n names) unknown(key string) error {
	if near := n.nearest(key); near != "" {
		return fault.New(fault.Usage, "did you mean "+near+"? `sslctl config keys` lists all keys", "unknown key %s: the nearest is %s", key, near)
	}
	return fault.New(fault.Usage, "`sslctl config keys` lists all keys", "unknown key %s", key)
}

// nearest is the known key at the least edit distance, or "" where none is near. A bare name is compared with last parts.
func (n names) nearest(key string) string {
	best, least := "", max(2, len(key)/3)+1
	for _, c := range n.candidates() {
		d := levenshtein.ComputeDistance(key, c)
		if !strings.Contains(key, ".") {
			d = min(d, levenshtein.ComputeDistance(key, c[strings.LastIndexByte(c, '.')+1:]))
		}
		if d < least {
			best, least = c, d
		}
	}
	return best
}

// candidates lists full keys in a fixed order: hyper-parameters first, then shorter keys before longer.
func (n names) candidates() []string {
	var own, rest []string
	for name := range n.params {
		own = append(own, "params."+name)
	}
	for name := range n.backbone {
		own = append(own, "backbone."+name)
	}
	for reg, params := range n.regs {
		for name := range params {
			own = append(own, "reg."+reg+"."+name)
		}
	}
	for _, k := range schema().keys {
		switch {
		case strings.HasPrefix(k.Name, "augment.views.*."):
			rest = append(rest, strings.Replace(k.Name, "views.*.", "", 1))
		case !strings.Contains(k.Name, "*"):
			rest = append(rest, k.Name)
		}
	}
	slices.Sort(own)
	slices.SortStableFunc(rest, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	return append(own, rest...)
}
