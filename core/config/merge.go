package config

import (
	"maps"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"

	"github.com/sslctl/sslctl/core/fault"
)

// merge is the configuration while layers are laid over each other: koanf holds values under full keys, views by index.
type merge struct {
	names   names
	k       *koanf.Koanf
	origins map[string]Origin
	views   int
}

// alternatives say one thing in two units; see the package comment.
var alternatives = [][2]string{{"train.epochs", "train.steps"}, {"schedule.warmup_epochs", "schedule.warmup_steps"}}

func mergeLayers(l Layers, lenient bool) (*merge, error) {
	layers, err := l.entries()
	if err != nil {
		return nil, err
	}
	m := &merge{names: names{l.Params, l.Regs, l.Backbone, lenient}, k: koanf.New("."), origins: map[string]Origin{}}
	for _, es := range layers {
		if err := m.add(es); err != nil {
			return nil, err
		}
	}
	m.weigh()
	return m, nil
}

// weigh gives weight 1 to regularisers of which only hyper-parameters are set.
func (m *merge) weigh() {
	s := newStep()
	for _, name := range m.k.MapKeys("reg") {
		key := "reg." + name + ".weight"
		if !isRegOption(name) && !m.k.Exists(key) {
			s.values[key], s.origins[key] = 1.0, Origin{Layer: LayerDefault}
		}
	}
	m.load(s)
}

// step is the values that one layer sets, by full key.
type step struct {
	values  map[string]any
	origins map[string]Origin
}

func newStep() step { return step{map[string]any{}, map[string]Origin{}} }

// set records a value; a key that the layer has set under another name is an error.
func (s step) set(key string, v any, from Origin) error {
	if at, ok := s.origins[key]; ok {
		return fault.New(fault.Usage, "keep one of the two", "%s is set twice, by %s and by %s", key, at, from)
	}
	s.values[key], s.origins[key] = v, from
	return nil
}

// add lays one layer over what is there: first its list of views, then settings of every view, then the rest, so that
// within a layer the particular beats the general.
func (m *merge) add(es []entry) error {
	es, opened := m.openViews(es)
	m.load(opened)
	general, particular := newStep(), newStep()
	for _, e := range es {
		full, k, err := m.names.resolve(e.key)
		if err != nil {
			return located(err, e.from)
		}
		if e.value, err = coerceEntry(full, k, e); err != nil {
			return err
		}
		e.key = full
		if field, ok := everyView(full); ok {
			err = m.placeInAll(general, field, e)
		} else {
			err = m.place(particular, e)
		}
		if err != nil {
			return err
		}
	}
	m.load(general)
	if err := m.alternate(particular); err != nil {
		return err
	}
	m.load(particular)
	return nil
}

// openViews applies the marks of a list of views, clearing those of lower layers and starting each from plainView, and
// returns the other entries and the values of the views that were started.
func (m *merge) openViews(es []entry) ([]entry, step) {
	opened := newStep()
	var rest []entry
	for _, e := range es {
		mark, ok := e.value.(viewMark)
		switch {
		case !ok:
			rest = append(rest, e)
		case mark.clear:
			m.k.Delete(viewsKey)
			maps.DeleteFunc(m.origins, func(key string, _ Origin) bool { return strings.HasPrefix(key, viewsKey+".") })
			m.views = 0
		default:
			m.views++
			for name, v := range structValues(plainView()) {
				opened.values[e.key+"."+name], opened.origins[e.key+"."+name] = v, e.from
			}
		}
	}
	return rest, opened
}

// placeInAll records a field of every view.
func (m *merge) placeInAll(s step, field string, e entry) error {
	for i := range m.views {
		if err := s.set(viewsKey+"."+strconv.Itoa(i)+"."+field, e.value, e.from); err != nil {
			return err
		}
	}
	return nil
}

// structValues maps the koanf names of a flat struct to its values.
func structValues(s any) map[string]any {
	v := reflect.ValueOf(s)
	out := make(map[string]any, v.NumField())
	for i := range v.NumField() {
		out[v.Type().Field(i).Tag.Get("koanf")] = v.Field(i).Interface()
	}
	return out
}

// place records an entry whose key is full and whose value has its type.
func (m *merge) place(s step, e entry) error {
	if rest, ok := strings.CutPrefix(e.key, viewsKey+"."); ok && !m.hasView(rest) {
		if m.names.lenient { // a view of the preset, which is not known yet
			return nil
		}
		return fault.New(fault.Usage, "views count from 0; a list under augment.views in a file sets their number", "%s: there are %d views (from %s)", e.key, m.views, e.from)
	}
	if !isRegularizer(e.key) {
		return s.set(e.key, e.value, e.from)
	}
	weight := e.key + ".weight"
	if e.value != nil {
		return s.set(weight, e.value, e.from)
	}
	if !m.k.Exists(weight) {
		m.load(step{map[string]any{weight: 1.0}, map[string]Origin{weight: e.from}})
	}
	return nil
}

// hasView reports whether there is a view of the number that opens rest.
func (m *merge) hasView(rest string) bool {
	number, _, _ := strings.Cut(rest, ".")
	i, err := strconv.Atoi(number)
	return err == nil && i < m.views
}

// isRegularizer reports whether key is reg.NAME, neither an option of the section nor a hyper-parameter.
func isRegularizer(key string) bool {
	name, ok := strings.CutPrefix(key, "reg.")
	return ok && !strings.Contains(name, ".") && !isRegOption(name)
}

func isRegOption(name string) bool { return name == "on" || name == "space" }

// coerceEntry gives the entry's value the type of its key. A regulariser without content, which only joins, keeps nil.
func coerceEntry(full string, k kind, e entry) (any, error) {
	if full == viewsKey {
		return nil, fault.New(fault.Usage, "write augment.views.0.blur for one view, augment.blur for all", "%s wants a list of mappings, got %s (from %s)", viewsKey, inline(e.value), e.from)
	}
	if isRegularizer(full) && isEmpty(e.value) {
		return nil, nil
	}
	v, err := coerce(k, e.value)
	if err != nil {
		return nil, fault.New(fault.Usage, helpOf(full), "%s %w (from %s)", full, err, e.from)
	}
	return v, nil
}

func isEmpty(v any) bool {
	m, ok := v.(map[string]any)
	return v == nil || v == word("") || ok && len(m) == 0
}

// alternate sets to zero the other of two alternatives where the layer sets one, and refuses two that are both set.
func (m *merge) alternate(s step) error {
	for _, pair := range alternatives {
		a, inA := s.values[pair[0]]
		b, inB := s.values[pair[1]]
		switch {
		case inA && inB && !isZero(a) && !isZero(b):
			return fault.New(fault.Usage, "set one and leave the other out", "%s and %s exclude each other (from %s)", pair[0], pair[1], s.origins[pair[0]])
		case inA && !inB && !isZero(a):
			m.reset(s, pair[1], s.origins[pair[0]])
		case inB && !inA && !isZero(b):
			m.reset(s, pair[0], s.origins[pair[1]])
		}
	}
	return nil
}

func (m *merge) reset(s step, key string, from Origin) {
	if old := m.k.Get(key); old != nil && !isZero(old) {
		s.values[key], s.origins[key] = reflect.Zero(reflect.TypeOf(old)).Interface(), from
	}
}

func isZero(v any) bool { return reflect.ValueOf(v).IsZero() }

// load lays values over those that are there. The provider's only error is for reading bytes.
func (m *merge) load(s step) {
	if err := m.k.Load(confmap.Provider(s.values, "."), nil); err != nil {
		panic("config: " + err.Error())
	}
	maps.Copy(m.origins, s.origins)
}

// located adds the origin to an error about a key.
func located(err error, from Origin) error {
	return fault.New(fault.CodeOf(err), fault.HintOf(err), "%w (from %s)", err, from)
}

// helpOf is the hint for a wrong value: what the key is for.
func helpOf(full string) string {
	name := full
	if field, ok := everyView(full); ok {
		name = viewsKey + ".0." + field
	}
	k, ok := schema().lookup(name)
	switch {
	case !ok && strings.HasPrefix(full, "params."):
		return "`sslctl method describe` prints the hyper-parameters of a method"
	case !ok && strings.HasPrefix(full, "backbone."):
		return "`sslctl backbone describe` prints the hyper-parameters of a backbone"
	case !ok:
		return ""
	case len(k.Choices) > 0:
		return full + ": " + k.Help + "; one of " + strings.Join(k.Choices, ", ")
	}
	return full + ": " + k.Help
}

// decode gives the merged values their Go form.
func (m *merge) decode() (Config, error) {
	c := Config{Params: map[string]any{}, Reg: Reg{Terms: map[string]Term{}}}
	err := m.k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		TagName: "koanf", ErrorUnused: true, DecodeHook: viewHook, Result: &c,
	}})
	if err != nil {
		return Config{}, err
	}
	if c.Backbone.Params == nil {
		c.Backbone.Params = map[string]any{}
	}
	for name, term := range c.Reg.Terms {
		if term.Params == nil {
			term.Params = map[string]any{}
			c.Reg.Terms[name] = term
		}
	}
	return c, nil
}
