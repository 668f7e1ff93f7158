package config

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

// viewsKey is the one key that holds a list of sections.
const viewsKey = "augment.views"

// viewMark is the value of two entries that a list of views makes besides its fields: clear drops the views of the layers
// below, otherwise the entry opens a view.
type viewMark struct{ clear bool }

// plainView is what a view in a list starts from: the whole image, no other step. The ratio is torchvision's; it plays no
// part until a crop is asked for.
func plainView() View {
	return View{CropMin: 1, CropMax: 1, RatioMin: 0.75, RatioMax: 4.0 / 3, BlurSigmaMin: 0.1, BlurSigmaMax: 2}
}

// viewEntries spreads a []View, or a list of mappings as YAML gives it, into entries for each field. Anything else stays one
// entry, which the merge refuses.
func viewEntries(v any, origin func(key string) Origin) []entry {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice || rv.Len() == 0 {
		return []entry{{viewsKey, v, origin(viewsKey)}}
	}
	out := []entry{{viewsKey, viewMark{clear: true}, origin(viewsKey)}}
	for i := range rv.Len() {
		at := viewsKey + "." + strconv.Itoa(i)
		out = append(out, entry{at, viewMark{}, origin(at)})
		switch view := rv.Index(i).Interface().(type) {
		case View:
			out = append(out, fieldEntries(view, at, origin(at))...)
		case map[string]any:
			k := koanf.New(".")
			if err := k.Load(confmap.Provider(view, ""), nil); err != nil {
				return []entry{{viewsKey, v, origin(viewsKey)}}
			}
			fields := k.All()
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				out = append(out, entry{at + "." + name, fields[name], origin(at + "." + name)})
			}
		default:
			return []entry{{viewsKey, v, origin(viewsKey)}}
		}
	}
	return out
}

// fieldEntries spreads a view; a field of zero is left to plainView, as where a method's author did not set it.
func fieldEntries(view View, at string, from Origin) []entry {
	v := reflect.ValueOf(view)
	var out []entry
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			out = append(out, entry{at + "." + v.Type().Field(i).Tag.Get("koanf"), f.Interface(), from})
		}
	}
	return out
}

// everyView is the field that a key sets in all views: augment.blur is blur.
func everyView(full string) (string, bool) {
	field, ok := strings.CutPrefix(full, "augment.")
	return field, ok && !strings.Contains(field, ".") && full != viewsKey
}

// viewHook lets mapstructure decode the views, kept by index while layers merge, into a list.
func viewHook(from, to reflect.Type, data any) (any, error) {
	byIndex, ok := data.(map[string]any)
	if !ok || to != reflect.TypeFor[[]View]() {
		return data, nil
	}
	list := make([]any, len(byIndex))
	for i := range list {
		list[i] = byIndex[strconv.Itoa(i)]
	}
	return list, nil
}
