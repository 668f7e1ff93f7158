package toproto

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/method"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// Description writes what a method is. The error names a default or setting of a type that the format lacks.
func Description(d method.Description) (*methodv1.Description, error) {
	out := &methodv1.Description{
		Name: d.Name, Title: d.Title, Version: d.Version, Formula: d.Formula, Sources: d.Sources,
	}
	for _, p := range d.Params {
		param, err := param(p)
		if err != nil {
			return nil, err
		}
		out.Params = append(out.Params, param)
	}
	for _, p := range d.Presets {
		preset, err := preset(p)
		if err != nil {
			return nil, err
		}
		out.Presets = append(out.Presets, preset)
	}
	return out, nil
}

func param(p method.Param) (*methodv1.Param, error) {
	def, err := Value(p.Default)
	if err != nil {
		return nil, fmt.Errorf("hyper-parameter %q: %w", p.Name, err)
	}
	return &methodv1.Param{Name: p.Name, Doc: p.Doc, Default: def, Min: p.Min, Max: p.Max, Choices: p.Choices}, nil
}

func preset(p method.Preset) (*methodv1.Preset, error) {
	settings, err := Settings(p.Settings)
	if err != nil {
		return nil, fmt.Errorf("preset %q: %w", p.Name, err)
	}
	out := &methodv1.Preset{Name: p.Name, Source: p.Source, Settings: settings}
	for _, v := range p.Views {
		out.Views = append(out.Views, view(v))
	}
	return out, nil
}

func view(v method.View) *methodv1.View {
	return &methodv1.View{
		CropMin: v.CropMin, CropMax: v.CropMax, RatioMin: v.RatioMin, RatioMax: v.RatioMax,
		Flip: v.Flip, Jitter: v.Jitter,
		Brightness: v.Brightness, Contrast: v.Contrast, Saturation: v.Saturation, Hue: v.Hue,
		Gray: v.Gray, Blur: v.Blur, BlurSigmaMin: v.BlurSigmaMin, BlurSigmaMax: v.BlurSigmaMax,
		Solarize: v.Solarize,
	}
}
