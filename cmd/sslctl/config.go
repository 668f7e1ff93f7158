package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/session"
)

func (a *app) configCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "config",
		Short: "List configuration keys, or show a resolved configuration",
		Long: "A run is configured in layers, each over those before it: built-in defaults, the method's hyper-parameters, its preset, a\n" +
			"file (--config), the environment (SSLCTL_OPTIMIZER__LR), flags, --set.",
		Example: "  sslctl config keys\n  sslctl config show --method vicreg --data cifar10 --lr 0.01",
	}, a.configKeysCommand(), a.configShowCommand())
}

// keyJSON is a configuration key for programs.
type keyJSON struct {
	Key     string   `json:"key"`
	Type    string   `json:"type"`
	Default string   `json:"default"`
	Choices []string `json:"choices,omitempty"`
	Hashed  bool     `json:"hashed"`
	Help    string   `json:"help"`
}

func (a *app) configKeysCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keys",
		Short: "List every configuration key with type, default and meaning",
		Long: "Lists the keys that --set, files and the environment take. Short forms work: lr is optimizer.lr, blur is the blur of every\n" +
			"view. In names, * stands for the number of a view or the name of a regulariser. Hyper-parameters are the method's:\n" +
			"sslctl method describe NAME lists them.",
		Example: "  sslctl config keys\n  sslctl config keys --json | jq -r '.[].key'",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			keys := []keyJSON{}
			for _, k := range config.Keys() {
				keys = append(keys, keyJSON{k.Name, k.Type, k.Default, k.Choices, k.Hashed, k.Help})
			}
			if a.json {
				return a.printJSON(keys)
			}
			t := left(newTable("key", "type", "default", "meaning"), 4)
			for _, k := range keys {
				help := k.Help
				if len(k.Choices) > 0 {
					help += ": " + strings.Join(k.Choices, ", ")
				}
				t.AppendRow(table.Row{k.Key, k.Type, k.Default, help})
			}
			return a.print(render(t))
		},
	}
}

// valueJSON is a value of the configuration with its origin.
type valueJSON struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
	Layer string `json:"layer"`
	Where string `json:"where,omitempty"`
}

func (a *app) configShowCommand() *cobra.Command {
	var l layerFlags
	c := &cobra.Command{
		Use:   "show",
		Short: "Show the configuration of a run with the origin of each value",
		Long: "Resolves the configuration as `sslctl run` with the same flags would and prints it as YAML, with the layer that gave each\n" +
			"value as a comment. The output is a file for --config.",
		Example: "  sslctl config show --method vicreg --preset cifar\n" +
			"  sslctl config show --method byol --add-reg var,cov > byol.yaml\n" +
			"  sslctl config show --config runs/latest/config.yaml --set lr=0.1 --json",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			layers, err := l.layers(cmd, a.env)
			if err != nil {
				return err
			}
			return a.showConfig(cmd.Context(), layers)
		},
	}
	l.register(a, c)
	return c
}

func (a *app) showConfig(ctx context.Context, l config.Layers) error {
	resolved, err := a.resolve(ctx, l)
	if err != nil {
		return err
	}
	if !a.json {
		text, err := annotated(resolved)
		if err != nil {
			return err
		}
		return a.print(text)
	}
	values := []valueJSON{}
	for _, e := range resolved.Explain() {
		var v any
		if err := yaml.Unmarshal([]byte(e.Value), &v); err != nil {
			return fmt.Errorf("read %s: %w", e.Key, err)
		}
		values = append(values, valueJSON{e.Key, v, string(e.Origin.Layer), e.Origin.Where})
	}
	return a.printJSON(map[string]any{"hash": resolved.Config().Hash(), "values": values})
}

// resolve asks the method where one is named; without one the built-in defaults and the other layers stand alone.
func (a *app) resolve(ctx context.Context, l config.Layers) (*config.Resolved, error) {
	l.ReservedEnv = session.ReservedEnv()
	peek, err := config.Peek(l)
	if err != nil {
		return nil, err
	}
	s, closeSession := a.session(a.logger())
	defer closeSession()
	if peek.Method == "" {
		return s.ResolveMethodless(ctx, l)
	}
	return s.Resolve(ctx, l)
}

// annotated is the canonical YAML with each value's origin as a comment, aligned.
func annotated(r *config.Resolved) (string, error) {
	c := r.Config()
	text, err := c.Marshal()
	if err != nil {
		return "", err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return "", fmt.Errorf("read the canonical configuration: %w", err)
	}
	lineOf := map[string]int{}
	valueLines(lineOf, "", doc.Content[0])
	comments := map[int]string{}
	for _, e := range r.Explain() {
		comments[lineOf[e.Key]] = e.Origin.String()
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	var s strings.Builder
	fmt.Fprintf(&s, "# hash %s\n", c.Hash())
	for i, line := range lines {
		if comment, ok := comments[i+1]; ok {
			line = fmt.Sprintf("%-*s  # %s", commentColumn, line, strings.ReplaceAll(comment, "\n", " "))
		}
		s.WriteString(line + "\n")
	}
	return s.String(), nil
}

// commentColumn is where comments begin, for lines that are not longer.
const commentColumn = 36

// valueLines records the line of every leaf below n.
func valueLines(lines map[string]int, path string, n *yaml.Node) {
	at := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	switch {
	case n.Kind == yaml.MappingNode && len(n.Content) > 0:
		for i := 0; i < len(n.Content); i += 2 {
			valueLines(lines, at(n.Content[i].Value), n.Content[i+1])
		}
	case n.Kind == yaml.SequenceNode && n.Style != yaml.FlowStyle:
		for i, e := range n.Content {
			valueLines(lines, at(fmt.Sprint(i)), e)
		}
	default:
		lines[path] = n.Line
	}
}
