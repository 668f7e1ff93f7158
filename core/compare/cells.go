package compare

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/fault"
)

// Resolve merges layers into a configuration: session.Session.Resolve.
type Resolve func(ctx context.Context, l config.Layers) (config.Config, error)

// Methods makes a cell of each method, with the method's own preset; all else that the layers say is shared. An assignment
// METHOD.KEY=VALUE is that method's alone.
func Methods(ctx context.Context, resolve Resolve, l config.Layers, names []string) (Study, error) {
	s := Study{Title: "Comparison of methods", Axes: []string{"method"}}
	for i, name := range names {
		if name == "" || slices.Contains(names[:i], name) {
			return s, fault.New(fault.Usage, "write --methods vicreg,byol, each method once", "--methods %s: %q is empty or stands twice", strings.Join(names, ","), name)
		}
		own := l
		own.Set = assignmentsOf(name, names, l.Set)
		own.Flags = maps.Clone(l.Flags)
		if own.Flags == nil {
			own.Flags = map[string]any{}
		}
		own.Flags["method"] = name
		c, err := resolve(ctx, own)
		if err != nil {
			return s, fmt.Errorf("%s: %w", name, err)
		}
		s.Cells = append(s.Cells, Cell{Name: name, Labels: []string{name}, Config: c})
	}
	return s, nil
}

// assignmentsOf are the assignments that concern a method: those without a method's name in front, and its own.
func assignmentsOf(name string, names, set []string) []string {
	var out []string
	for _, s := range set {
		head, rest, found := strings.Cut(s, ".")
		switch {
		case !found || !slices.Contains(names, head):
			out = append(out, s)
		case head == name:
			out = append(out, rest)
		}
	}
	return out
}

// Sweep makes a cell of each combination of the layers' assignments: "lr=0.1,0.2" has two values. An assignment of one value
// is shared.
func Sweep(ctx context.Context, resolve Resolve, l config.Layers) (Study, error) {
	s := Study{Title: "Sweep"}
	grid, shared := map[string][]string{}, []string(nil)
	for _, set := range l.Set {
		key, values, ok := strings.Cut(set, "=")
		list := config.SplitValues(values)
		key = strings.TrimSpace(key)
		switch {
		case !ok || len(list) < 2:
			shared = append(shared, set)
		case grid[key] != nil:
			return s, fault.New(fault.Usage, "write all values of a key in one --set", "--set %s stands twice", key)
		default:
			grid[key] = list
		}
	}
	if len(grid) == 0 {
		return s, fault.New(fault.Usage, "give a key several values: --set lr=0.1,0.2", "nothing is swept")
	}
	s.Axes = slices.Sorted(maps.Keys(grid))
	s.Title = "Sweep of " + strings.Join(s.Axes, ", ")
	for _, combination := range config.Expand(grid) {
		own := l
		own.Set = append(slices.Clone(shared), combination...)
		c, err := resolve(ctx, own)
		if err != nil {
			return s, fmt.Errorf("%s: %w", strings.Join(combination, " "), err)
		}
		cell := Cell{Name: strings.Join(combination, " "), Config: c}
		for _, assignment := range combination {
			_, value, _ := strings.Cut(assignment, "=")
			cell.Labels = append(cell.Labels, value)
		}
		s.Cells = append(s.Cells, cell)
	}
	return s, nil
}
