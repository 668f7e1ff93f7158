package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	yamlparser "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"

	"github.com/sslctl/sslctl/core/fault"
)

// EnvPrefix opens the names of environment variables that are configuration.
const EnvPrefix = "SSLCTL_"

// Layer is where a value came from. Later layers win.
type Layer string

// The layers, lowest first.
const (
	LayerDefault  Layer = "default"
	LayerMethod   Layer = "method"
	LayerBackbone Layer = "backbone"
	LayerPreset   Layer = "preset"
	LayerStudy    Layer = "study"
	LayerFile     Layer = "file"
	LayerEnv      Layer = "environment"
	LayerFlag     Layer = "flag"
	LayerSet      Layer = "set"
)

// Layers is what Resolve merges; the zero value gives the built-in defaults.
type Layers struct {
	// Params holds the method's hyper-parameters by bare name with their defaults, whose Go types are the types wanted.
	// nil says that the method is not known: then every params key passes unchecked.
	Params map[string]any
	// Regs is the same for each regulariser that Peek's Reg.Terms names; "weight" is its weight where the user gives none.
	Regs map[string]map[string]any
	// Backbone is the same for a backbone that is a plugin, by bare name; "plugin" is its SHA-256. Empty says that it has no
	// hyper-parameters, nil that it is not known: then every key below backbone passes unchecked.
	Backbone map[string]any
	// Preset holds the settings of the preset: dotted keys, or hyper-parameters by bare name; "augment.views" a []View.
	Preset map[string]any
	// Study holds what a study gives all its runs, such as an ablation's budget: dotted keys, beneath what the user says.
	Study map[string]any
	// File is the path of a YAML file; "" for none.
	File string
	// Env is the environment in os.Environ's form. Only names with EnvPrefix count.
	Env []string
	// ReservedEnv lists prefixes of variables that are not configuration, such as the plugin handshake's.
	ReservedEnv []string
	// Flags holds flags that the user gave, by dotted key.
	Flags map[string]any
	// Set holds KEY=VALUE assignments in their order; the last of a key wins.
	Set []string
}

// entry is one key of a layer as it was written, not yet resolved or checked.
type entry struct {
	key   string
	value any
	from  Origin
}

// Origin says which layer gave a value and where in it: "run.yaml:12", "SSLCTL_LR", "--set lr=0.1"; Where may be empty.
type Origin struct {
	Layer Layer
	Where string
}

// String is the origin for messages.
func (o Origin) String() string {
	if o.Where == "" {
		return string(o.Layer)
	}
	return o.Where
}

// entries reads all layers, lowest first.
func (l Layers) entries() ([][]entry, error) {
	file, err := fileEntries(l.File)
	if err != nil {
		return nil, err
	}
	environment, err := l.envEntries()
	if err != nil {
		return nil, err
	}
	set, err := setEntries(l.Set)
	if err != nil {
		return nil, err
	}
	defaults, err := defaultEntries()
	if err != nil {
		return nil, err
	}
	preset, err := mapEntries(l.Preset, LayerPreset)
	if err != nil {
		return nil, err
	}
	study, err := mapEntries(l.Study, LayerStudy)
	if err != nil {
		return nil, err
	}
	flags, err := mapEntries(l.Flags, LayerFlag)
	if err != nil {
		return nil, err
	}
	return append([][]entry{defaults, l.methodEntries(), preset, study, file, environment, flags}, set...), nil
}

// defaultEntries reads the built-in defaults through their canonical form.
func defaultEntries() ([]entry, error) {
	data, err := Default().Marshal()
	if err != nil {
		return nil, err
	}
	es, err := yamlEntries(data, "built-in defaults")
	for i := range es {
		es[i].from = Origin{Layer: LayerDefault}
	}
	return es, err
}

func (l Layers) methodEntries() []entry {
	from := Origin{Layer: LayerMethod}
	var out []entry
	for _, name := range slices.Sorted(maps.Keys(l.Params)) {
		out = append(out, entry{"params." + name, l.Params[name], from})
	}
	for _, reg := range slices.Sorted(maps.Keys(l.Regs)) {
		out = append(out, entry{"reg." + reg, nil, from})
		for _, name := range slices.Sorted(maps.Keys(l.Regs[reg])) {
			out = append(out, entry{"reg." + reg + "." + name, l.Regs[reg][name], from})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Backbone)) {
		out = append(out, entry{"backbone." + name, l.Backbone[name], Origin{Layer: LayerBackbone}})
	}
	return out
}

func mapEntries(m map[string]any, layer Layer) ([]entry, error) {
	k := koanf.New(".")
	if err := k.Load(confmap.Provider(m, "."), nil); err != nil {
		return nil, fmt.Errorf("read %s layer: %w", layer, err)
	}
	return flat(k, func(string) Origin { return Origin{Layer: layer} }), nil
}

func fileEntries(path string) ([]entry, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		hint := "check the path after --config"
		if errors.Is(err, fs.ErrNotExist) {
			hint = "`sslctl config show > " + path + "` writes one to start from"
		}
		return nil, fault.New(fault.Usage, hint, "read configuration: %w", err)
	}
	return yamlEntries(data, path)
}

// yamlEntries reads a YAML document; path is for messages.
func yamlEntries(data []byte, path string) ([]entry, error) {
	const hint = "a configuration is a YAML mapping; `sslctl config show` prints one"
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fault.New(fault.Usage, hint, "read configuration %s: %w", path, err)
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	m, err := yamlparser.Parser().Unmarshal(data)
	if err != nil {
		return nil, fault.New(fault.Usage, hint, "read configuration %s: %w", path, err)
	}
	k := koanf.New(".")
	if err := k.Load(confmap.Provider(m, ""), nil); err != nil {
		return nil, fault.New(fault.Usage, hint, "read configuration %s: %w", path, err)
	}
	lines := map[string]int{}
	addLines(lines, "", doc.Content[0])
	return flat(k, func(key string) Origin {
		if line := lines[key]; line > 0 {
			return Origin{LayerFile, fmt.Sprintf("%s:%d", path, line)}
		}
		return Origin{LayerFile, path}
	}), nil
}

// addLines records the line of every key and list element below n.
func addLines(lines map[string]int, path string, n *yaml.Node) {
	add := func(name string, at, value *yaml.Node) {
		full := strings.TrimPrefix(path+"."+name, ".")
		lines[full] = at.Line
		addLines(lines, full, value)
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			add(n.Content[i].Value, n.Content[i], n.Content[i+1])
		}
	case yaml.SequenceNode:
		for i, e := range n.Content {
			add(strconv.Itoa(i), e, e)
		}
	}
}

// envEntries reads SSLCTL_A__B as a.b; keys are lower-case, values are words.
func (l Layers) envEntries() ([]entry, error) {
	reserved := func(name string) bool {
		return slices.ContainsFunc(l.ReservedEnv, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	variables := map[string]string{} // full variable name of a key
	k := koanf.New(".")
	err := k.Load(env.Provider(".", env.Opt{
		Prefix:      EnvPrefix,
		EnvironFunc: func() []string { return l.Env },
		TransformFunc: func(name, value string) (string, any) {
			if reserved(name) {
				return "", nil
			}
			key := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, EnvPrefix)), "__", ".")
			variables[key] = name
			return key, word(value)
		},
	}), nil)
	if err != nil {
		return nil, fmt.Errorf("read environment: %w", err)
	}
	return flat(k, func(key string) Origin { return Origin{LayerEnv, variables[key]} }), nil
}

// setEntries makes a layer of each assignment, so that a later one of the same key wins.
func setEntries(set []string) ([][]entry, error) {
	var out [][]entry
	for _, s := range set {
		key, value, ok := strings.Cut(s, "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" {
			return nil, fault.New(fault.Usage, "write --set KEY=VALUE, as in --set optimizer.lr=0.1", "--set %s has no key and value", s)
		}
		out = append(out, []entry{{key, word(value), Origin{LayerSet, "--set " + s}}})
	}
	return out, nil
}

// flat lists a layer's keys in order; origin is asked with the key as written. Sections without content are dropped.
func flat(k *koanf.Koanf, origin func(key string) Origin) []entry {
	values := k.All()
	var out []entry
	for _, key := range slices.Sorted(maps.Keys(values)) {
		v := values[key]
		if m, ok := v.(map[string]any); ok && len(m) == 0 && isSection(key) {
			continue
		}
		if key == viewsKey {
			out = append(out, viewEntries(v, origin)...)
			continue
		}
		out = append(out, entry{key, v, origin(key)})
	}
	return out
}

// isSection reports whether keys stand below key.
func isSection(key string) bool {
	below := func(k Key) bool { return strings.HasPrefix(k.Name, key+".") }
	return key == "params" || slices.ContainsFunc(schema().keys, below)
}
