package augment

import (
	"math"
	"strings"
	"testing"
)

func TestValidateNamesTheField(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		field string
		set   func(*Recipe)
	}{
		{"Size", func(r *Recipe) { r.Size = 0 }},
		{"Size", func(r *Recipe) { r.Size = maxSize + 1 }},
		{"EvalShort", func(r *Recipe) { r.EvalShort = 31 }},
		{"EvalShort", func(r *Recipe) { r.EvalShort = maxSize + 1 }},
		{"CropMin", func(r *Recipe) { r.CropMin = 0 }},
		{"CropMin", func(r *Recipe) { r.CropMin = 1.1 }},
		{"CropMin", func(r *Recipe) { r.CropMin = nan }},
		{"CropMax", func(r *Recipe) { r.CropMax = 0.05 }},
		{"CropMax", func(r *Recipe) { r.CropMax = 1.5 }},
		{"RatioMin", func(r *Recipe) { r.RatioMin = 0 }},
		{"RatioMax", func(r *Recipe) { r.RatioMax = 0.5 }},
		{"RatioMax", func(r *Recipe) { r.RatioMax = inf }},
		{"Flip", func(r *Recipe) { r.Flip = -0.1 }},
		{"Jitter", func(r *Recipe) { r.Jitter = 1.1 }},
		{"Gray", func(r *Recipe) { r.Gray = nan }},
		{"Blur", func(r *Recipe) { r.Blur = 2 }},
		{"Solarize", func(r *Recipe) { r.Solarize = -1 }},
		{"Brightness", func(r *Recipe) { r.Brightness = -1 }},
		{"Contrast", func(r *Recipe) { r.Contrast = inf }},
		{"Saturation", func(r *Recipe) { r.Saturation = nan }},
		{"Hue", func(r *Recipe) { r.Hue = 0.6 }},
		{"BlurSigmaMin", func(r *Recipe) { r.BlurSigmaMin = 0 }},
		{"BlurSigmaMax", func(r *Recipe) { r.BlurSigmaMax = 0.05 }},
		{"Mean", func(r *Recipe) { r.Mean = []float32{1, 2} }},
		{"Std", func(r *Recipe) { r.Std = nil }},
		{"Mean[1]", func(r *Recipe) { r.Mean[1] = float32(nan) }},
		{"Mean[0]", func(r *Recipe) { r.Mean[0] = 2e3 }},
		{"Std[0]", func(r *Recipe) { r.Std[0] = 1e-7 }},
		{"Std[2]", func(r *Recipe) { r.Std[2] = 0 }},
	} {
		r := vicreg(32, 0.5)
		c.set(&r)
		_, err := New(r, 3)
		if err == nil || !strings.Contains(err.Error(), ": field "+c.field+" ") {
			t.Errorf("want an error that names %s, got %v", c.field, err)
		}
	}
}

func TestNewChecksChannels(t *testing.T) {
	if _, err := New(vicreg(32, 0), 2); err == nil {
		t.Error("2 channels were accepted")
	}
	if _, err := New(vicreg(32, 0), 1); err == nil {
		t.Error("the moments of 3 channels were accepted for 1")
	}
	r := vicreg(32, 0)
	r.Mean, r.Std = nil, nil
	for _, c := range []int{1, 3} {
		if _, err := New(r, c); err != nil {
			t.Errorf("no moments, %d channels: %v", c, err)
		}
	}
}

func TestRecipeString(t *testing.T) {
	for _, c := range []struct {
		recipe Recipe
		want   string
	}{
		{vicreg(224, 0.5), "224 px: crop 0.08-1 (ratio 0.75-1.33), flip 0.5, jitter 0.8 (0.4 0.4 0.2 0.1), gray 0.2, blur 0.5 (23 px, sigma 0.1-2), solarize 0.1"},
		{demo(), "28 px: crop 0.3-1 (ratio 0.75-1.33), flip 0.5, jitter 0.8 (0.8 0.8 0 0)"},
	} {
		if got := c.recipe.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestKernelSize(t *testing.T) {
	for size, want := range map[int]int{5: 1, 28: 3, 32: 3, 64: 7, 96: 9, 160: 17, 224: 23} {
		if got := (Recipe{Size: size}).KernelSize(); got != want {
			t.Errorf("%d px: %d, want %d", size, got, want)
		}
	}
}
