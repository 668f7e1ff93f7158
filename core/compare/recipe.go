package compare

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/fault"
)

//go:embed recipes/*.yaml
var shipped embed.FS

// Recipe is an ablation as data: rows and columns of settings with the figures that a paper has for them.
type Recipe struct {
	Name      string         `yaml:"-"` // of the file, without its extension
	Title     string         `yaml:"title"`
	Source    string         `yaml:"source"`    // of the paper's figures
	Notes     []string       `yaml:"notes"`     // printed below the table
	Axes      []string       `yaml:"axes"`      // what the rows' labels are
	Columns   []string       `yaml:"columns"`   // names
	Budget    map[string]any `yaml:"budget"`    // keys of the configuration for all cells, which the user may override
	Seeds     int            `yaml:"seeds"`     // where the user gives none
	Reference string         `yaml:"reference"` // row against which the others are tested; "": the first column of each row
	Rows      []RecipeRow    `yaml:"rows"`
}

// RecipeRow is a row of an ablation.
type RecipeRow struct {
	Labels   []string       `yaml:"labels"` // one for each axis
	Settings map[string]any `yaml:"settings"`
	Cells    []RecipeCell   `yaml:"cells"` // one for each column
}

// mark is a label that says that the row has what its axis names.
const mark = "✓"

// rowName is a row in a few words: its labels, with the axis's name in the place of a mark.
func (r Recipe) rowName(row RecipeRow) string {
	var parts []string
	for i, l := range row.Labels {
		if l == mark {
			l = r.Axes[i]
		}
		if l != "" {
			parts = append(parts, l)
		}
	}
	return strings.Join(parts, " ")
}

// RecipeCell is a cell of an ablation. Its settings win over its row's, and both over what the user says.
type RecipeCell struct {
	Paper    *Paper         `yaml:"paper"`
	Settings map[string]any `yaml:"settings"`
}

// Paper is a paper's figure: an accuracy in percent, or collapse.
type Paper struct {
	Accuracy float64 `json:"accuracy,omitempty"`
	Collapse bool    `json:"collapse"`
}

// collapsed is how a recipe writes a cell of collapse.
const collapsed = "collapse"

// UnmarshalYAML reads a number, or the word collapse.
func (p *Paper) UnmarshalYAML(n *yaml.Node) error {
	if n.Value == collapsed {
		p.Collapse = true
		return nil
	}
	var err error
	if p.Accuracy, err = strconv.ParseFloat(n.Value, 64); err != nil {
		return fmt.Errorf("line %d: paper is %q, want a number or %s", n.Line, n.Value, collapsed)
	}
	return nil
}

// String is the figure as the paper prints it.
func (p Paper) String() string {
	if p.Collapse {
		return collapsed
	}
	return strconv.FormatFloat(p.Accuracy, 'f', 1, 64)
}

// Recipes lists the shipped recipes in alphabetical order.
func Recipes() ([]Recipe, error) {
	entries, err := shipped.ReadDir("recipes")
	if err != nil {
		return nil, fmt.Errorf("list recipes: %w", err)
	}
	var out []Recipe
	for _, e := range entries {
		r, err := LoadRecipe(strings.TrimSuffix(e.Name(), ".yaml"))
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// LoadRecipe reads a shipped recipe by its name, or a user's by the path of its file.
func LoadRecipe(name string) (Recipe, error) {
	b, err := shipped.ReadFile(path.Join("recipes", name+".yaml"))
	if err != nil {
		if b, err = os.ReadFile(name); errors.Is(err, fs.ErrNotExist) {
			return Recipe{}, fault.New(fault.Usage, "sslctl ablate --list shows the recipes; the path of a YAML file works too", "there is no recipe %q", name)
		}
	}
	if err != nil {
		return Recipe{}, fmt.Errorf("read recipe: %w", err)
	}
	r, err := parseRecipe(b)
	if err != nil {
		return r, fault.New(fault.Usage, "docs/ablations.md describes the format", "recipe %s: %w", name, err)
	}
	r.Name = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	return r, nil
}

func parseRecipe(b []byte) (Recipe, error) {
	var r Recipe
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&r); err != nil && !errors.Is(err, io.EOF) {
		return r, err
	}
	return r, r.check()
}

func (r Recipe) check() error {
	if r.Title == "" || len(r.Axes) == 0 || len(r.Columns) == 0 || len(r.Rows) == 0 {
		return fmt.Errorf("title, axes, columns and rows must all be given")
	}
	seen := map[string]bool{}
	for i, row := range r.Rows {
		switch {
		case len(row.Labels) != len(r.Axes):
			return fmt.Errorf("row %d has %d labels for %d axes", i+1, len(row.Labels), len(r.Axes))
		case len(row.Cells) != len(r.Columns):
			return fmt.Errorf("row %d has %d cells for %d columns", i+1, len(row.Cells), len(r.Columns))
		case seen[r.rowName(row)]:
			return fmt.Errorf("two rows have the labels %q", r.rowName(row))
		}
		seen[r.rowName(row)] = true
	}
	if r.Reference != "" && !seen[r.Reference] {
		return fmt.Errorf("reference %q is no row", r.Reference)
	}
	return nil
}

// Study makes a cell of each cell of the recipe, row by row. The budget stands beneath what the user says; a key that a cell
// sets is the ablation itself and cannot be overridden.
func (r Recipe) Study(ctx context.Context, resolve Resolve, l config.Layers) (Study, error) {
	s := Study{Title: r.Title, Axes: r.Axes}
	for _, row := range r.Rows {
		for i, c := range row.Cells {
			settings := maps.Clone(row.Settings)
			if settings == nil {
				settings = map[string]any{}
			}
			maps.Copy(settings, c.Settings)
			if err := free(settings, l.Set); err != nil {
				return s, err
			}
			own := l
			own.Study, own.Set = r.Budget, append(slices.Clone(l.Set), assignments(settings)...)
			name := r.rowName(row)
			if len(r.Columns) > 1 {
				name += ", " + r.Columns[i]
			}
			resolved, err := resolve(ctx, own)
			if err != nil {
				return s, fmt.Errorf("%s: %w", name, err)
			}
			s.Cells = append(s.Cells, Cell{Name: name, Labels: row.Labels, Config: resolved})
		}
	}
	return s, nil
}

// free refuses assignments of keys that a cell sets.
func free(settings map[string]any, set []string) error {
	bare := func(key string) string { return strings.TrimPrefix(strings.TrimSpace(key), "params.") }
	for key := range settings {
		for _, s := range set {
			if given, _, _ := strings.Cut(s, "="); bare(given) == bare(key) {
				return fault.New(fault.Usage, "leave it out, or copy the recipe and change it there", "the recipe itself sets %s, so --set %s cannot", key, s)
			}
		}
	}
	return nil
}

// assignments writes settings as KEY=VALUE, by key.
func assignments(settings map[string]any) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		out = append(out, key+"="+inline(settings[key]))
	}
	return out
}

func inline(v any) string {
	list, ok := v.([]any)
	if !ok {
		if v == nil {
			return ""
		}
		return fmt.Sprint(v)
	}
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = inline(e)
	}
	return "[" + strings.Join(parts, ",") + "]"
}
