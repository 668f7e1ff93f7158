package sdktest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
	"github.com/sslctl/sslctl/sdk/wire/fromproto"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// checkDescription holds the description to be complete, fit for the wire, and the same at each call.
func checkDescription(ctx context.Context, s Subject) (finding, error) {
	return described(ctx, s.Kind, s.Describe)
}

func described(ctx context.Context, kind wire.Kind, describe func(context.Context) (method.Description, error)) (finding, error) {
	d, err := describe(ctx)
	if err != nil {
		return finding{}, err
	}
	again, err := describe(ctx)
	if err != nil {
		return finding{}, err
	}
	if !reflect.DeepEqual(d, again) {
		return finding{}, fmt.Errorf("the description says something else at the second call")
	}
	message, err := toproto.Description(d)
	if err == nil {
		_, err = fromproto.Description(message)
	}
	if err != nil {
		return finding{}, err
	}
	for _, p := range d.Presets {
		if err := checkPreset(d, p); err != nil {
			return finding{}, fmt.Errorf("preset %q: %w", p.Name, err)
		}
	}
	var missing []string
	for name, text := range map[string]string{"title": d.Title, "version": d.Version, "formula": d.Formula, "sources": strings.Join(d.Sources, "")} {
		if text == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return warn("%s has no %s, which sslctl %s describe would show", d.Name, join(slices.Sorted(slices.Values(missing))), kind)
	}
	return ok("%s %s: %s", d.Name, d.Version, d.Title)
}

// checkPreset completes the preset's own hyper-parameters; a key with a dot is the host's.
func checkPreset(d method.Description, p method.Preset) error {
	own := map[string]any{}
	for key, v := range p.Settings {
		if !strings.Contains(key, ".") {
			own[key] = v
		}
	}
	_, err := method.Complete(d.Params, own)
	return err
}

// checkParams asks for values that the description forbids, each of which must be refused by the parameter's name, and for
// those at the edge of what it allows, which must trace or be refused likewise.
func checkParams(ctx context.Context, s Subject) (finding, error) {
	d, err := s.Describe(ctx)
	if err != nil {
		return finding{}, err
	}
	return limits(d, func(params map[string]any) error {
		_, err := s.Trace(ctx, params, small(s.Kind), false)
		return err
	})
}

// limits checks hyper-parameters by a trace that has to refuse or to take them.
func limits(d method.Description, trace func(params map[string]any) error) (finding, error) {
	if _, err := method.Complete(d.Params, nil); err != nil {
		return finding{}, err
	}
	refused := 0
	for _, p := range d.Params {
		if _, err := method.Complete(d.Params, map[string]any{p.Name: p.Default}); err != nil {
			return finding{}, fmt.Errorf("the default breaks the description: %w", err)
		}
		for _, v := range forbidden(p) {
			if err := refuses(trace, p.Name, v); err != nil {
				return finding{}, err
			}
			refused++
		}
		for _, v := range edges(p) {
			err := trace(map[string]any{p.Name: v})
			if err != nil && diagnose(err).Param != p.Name {
				return finding{}, &method.ParamError{Param: p.Name, Err: fmt.Errorf("the description allows %v, but: %w", v, err)}
			}
		}
	}
	if err := refuses(trace, "no_such_parameter", 1); err != nil {
		return finding{}, err
	}
	return ok("%d, whose defaults and limits trace; %d forbidden values are refused by name", len(d.Params), refused+1)
}

func refuses(trace func(params map[string]any) error, name string, v any) error {
	err := trace(map[string]any{name: v})
	switch {
	case err == nil:
		return &method.ParamError{Param: name, Err: fmt.Errorf("%v is accepted", v)}
	case diagnose(err).Param != name:
		return &method.ParamError{Param: name, Err: fmt.Errorf("%v is refused without naming it: %w", v, err)}
	}
	return nil
}

// forbidden are values that the description rules out: of another type, and beyond each bound.
func forbidden(p method.Param) []any {
	out := []any{[]string{"of another type"}}
	if p.Min != nil {
		out = append(out, *p.Min-1)
	}
	if p.Max != nil {
		out = append(out, *p.Max+1)
	}
	if len(p.Choices) > 0 {
		out = append(out, "no_such_choice")
	}
	if _, list := p.Default.([]int); list {
		out = append(out, []int{0})
	}
	return out
}

// edges are values at the limits of what the description allows. An upper bound may be far away on purpose and costs much,
// so only the lower one is tried of widths and the like.
func edges(p method.Param) []any {
	var out []any
	switch p.Default.(type) {
	case bool:
		return []any{false, true}
	case float64:
		if p.Max != nil {
			out = append(out, *p.Max)
		}
	}
	if p.Min != nil {
		out = append(out, *p.Min)
	}
	for _, c := range p.Choices {
		out = append(out, c)
	}
	return out
}
