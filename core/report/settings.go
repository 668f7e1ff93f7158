package report

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// setting is a key of the configuration with its value in each run, "" where a run lacks it.
type setting struct {
	Key    string
	Values []string
	Differ bool
}

// settings lists the keys of all configurations, in the order of the first that has each.
func settings(runs []Run) ([]setting, error) {
	var keys []string
	values := make([]map[string]string, len(runs))
	for i, r := range runs {
		values[i] = map[string]string{}
		var root yaml.Node
		if err := yaml.Unmarshal(r.Config, &root); err != nil {
			return nil, fmt.Errorf("configuration of run %s: %w", r.ID, err)
		}
		flatten("", &root, func(key, value string) {
			if values[i][key] = value; !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		})
	}
	var out []setting
	for _, k := range keys {
		s := setting{Key: k}
		for i := range runs {
			s.Values = append(s.Values, values[i][k])
			s.Differ = s.Differ || s.Values[i] != s.Values[0]
		}
		out = append(out, s)
	}
	return out, nil
}

// flatten walks a YAML document in its order: "optimizer.lr" and its value. Lists of plain values stay on a line.
func flatten(prefix string, n *yaml.Node, visit func(key, value string)) {
	switch n.Kind {
	case yaml.DocumentNode:
		for _, c := range n.Content {
			flatten(prefix, c, visit)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			flatten(join(prefix, n.Content[i].Value), n.Content[i+1], visit)
		}
	case yaml.SequenceNode:
		if slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return c.Kind != yaml.ScalarNode }) {
			for i, c := range n.Content {
				flatten(join(prefix, fmt.Sprint(i)), c, visit)
			}
			return
		}
		var items []string
		for _, c := range n.Content {
			items = append(items, c.Value)
		}
		visit(prefix, "["+strings.Join(items, ", ")+"]")
	case yaml.AliasNode:
		flatten(prefix, n.Alias, visit)
	case yaml.ScalarNode:
		visit(prefix, n.Value)
	}
}

func join(prefix, key string) string {
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}

// group is the settings below one key of the first level.
type group struct {
	Name     string
	Settings []setting
}

// grouped cuts a list of settings into groups; keys without a group come first under "".
func grouped(list []setting) []group {
	out := []group{{}}
	for _, s := range list {
		name, rest, nested := strings.Cut(s.Key, ".")
		if !nested {
			out[0].Settings = append(out[0].Settings, s)
			continue
		}
		i := slices.IndexFunc(out, func(g group) bool { return g.Name == name })
		if i < 0 {
			out = append(out, group{Name: name})
			i = len(out) - 1
		}
		s.Key = rest
		out[i].Settings = append(out[i].Settings, s)
	}
	return out
}
