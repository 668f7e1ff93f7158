package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sslctl/sslctl/core/fault"
)

// cudaDevice is the form of one device among several: cuda:1.
var cudaDevice = regexp.MustCompile(`^cuda:[0-9]+$`)

// check holds every value against its key's bounds and choices, then what spans several keys.
func check(c Config, m *merge) error {
	values := m.k.All()
	for _, l := range leaves(c) {
		k, ok := schema().lookup(l.key)
		if !ok {
			continue
		}
		if err := checkValue(k, values[l.key]); err != nil {
			return fault.New(fault.Usage, helpOf(l.key), "%s %w (from %s)", l.key, err, m.origins[l.key])
		}
	}
	return checkTogether(c, m.origins)
}

// checkValue holds a value, or each element of a list, against the key's bounds and choices.
func checkValue(k Key, v any) error {
	if len(k.Choices) > 0 {
		return checkChoice(k, fmt.Sprint(v))
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Slice {
		for i := range rv.Len() {
			if err := k.bounds.check(rv.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}
	return k.bounds.check(rv)
}

func checkChoice(k Key, s string) error {
	if slices.Contains(k.Choices, s) || k.Name == "device" && cudaDevice.MatchString(s) {
		return nil
	}
	return fmt.Errorf("must be one of %s, got %q", strings.Join(k.Choices, ", "), s)
}

// check holds a number against the bounds; other values have none.
func (b bounds) check(v reflect.Value) error {
	var x float64
	switch {
	case v.CanInt():
		x = float64(v.Int())
	case v.CanUint():
		x = float64(v.Uint())
	case v.CanFloat():
		x = v.Float()
	default:
		return nil
	}
	switch {
	case b.above != nil && x <= *b.above:
		return fmt.Errorf("must be above %v, got %v", *b.above, v)
	case b.min != nil && x < *b.min:
		return fmt.Errorf("must be at least %v, got %v", *b.min, v)
	case b.max != nil && x > *b.max:
		return fmt.Errorf("must be at most %v, got %v", *b.max, v)
	}
	return nil
}

// checkTogether checks what no key can say alone.
func checkTogether(c Config, origins map[string]Origin) error {
	if c.Train.Epochs == 0 && c.Train.Steps == 0 {
		return fault.New(fault.Usage, "--set epochs=3, for one", "train.epochs and train.steps are both 0: nothing to train (from %s)", origins["train.epochs"])
	}
	if c.Device == "tapemachine" && c.Train.Precision != "fp32" && c.Train.Precision != "auto" {
		return fault.New(fault.Usage, "--device cpu, or --precision fp32", "the tapemachine stores everything in float32: no train.precision=%s there (from %s)", c.Train.Precision, origins["train.precision"])
	}
	if c.Device == "cpu" && c.Train.Precision == "tf32" {
		return fault.New(fault.Usage, "--device cuda, or --precision fp32", "tf32 is arithmetic of GPUs: no train.precision=tf32 on the cpu (from %s)", origins["train.precision"])
	}
	for i, v := range c.Augment.Views {
		at := viewsKey + "." + strconv.Itoa(i) + "."
		for _, p := range []struct {
			low, high string
			a, b      float64
		}{
			{"crop_min", "crop_max", v.CropMin, v.CropMax},
			{"ratio_min", "ratio_max", v.RatioMin, v.RatioMax},
			{"blur_sigma_min", "blur_sigma_max", v.BlurSigmaMin, v.BlurSigmaMax},
		} {
			if p.a > p.b {
				return fault.New(fault.Usage, "raise "+p.high+" or lower "+p.low, "%s%s is %v, more than %s with %v (from %s)", at, p.low, p.a, p.high, p.b, origins[at+p.low])
			}
		}
	}
	return nil
}
