package fromproto

import (
	"fmt"
	"regexp"

	"github.com/sslctl/sslctl/sdk/method"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

var (
	nameForm  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
	paramForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

// Name checks the name of a plugin: lower-case, at most 64 letters, digits, - and _.
func Name(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("name %q is not lower-case letters, digits, - and _ (at most 64)", name)
	}
	return nil
}

// Description reads what a method is.
func Description(m *methodv1.Description) (d method.Description, err error) {
	if m == nil {
		return d, fmt.Errorf("the description is missing")
	}
	if err := Name(m.GetName()); err != nil {
		return d, err
	}
	d = method.Description{
		Name: m.GetName(), Title: m.GetTitle(), Version: m.GetVersion(), Formula: m.GetFormula(), Sources: m.GetSources(),
	}
	seen := map[string]bool{}
	for _, p := range m.GetParams() {
		param, err := param(p)
		if err == nil && seen[param.Name] {
			err = fmt.Errorf("it stands twice")
		}
		if err != nil {
			return d, fmt.Errorf("hyper-parameter %q: %w", p.GetName(), err)
		}
		seen[param.Name] = true
		d.Params = append(d.Params, param)
	}
	seen = map[string]bool{}
	for _, p := range m.GetPresets() {
		preset, err := preset(p)
		if err == nil && (seen[preset.Name] || preset.Name == "") {
			err = fmt.Errorf("its name is empty or stands twice")
		}
		if err != nil {
			return d, fmt.Errorf("preset %q: %w", p.GetName(), err)
		}
		seen[preset.Name] = true
		d.Presets = append(d.Presets, preset)
	}
	return d, nil
}

func param(m *methodv1.Param) (p method.Param, err error) {
	if !paramForm.MatchString(m.GetName()) {
		return p, fmt.Errorf("the name is not lower-case letters, digits and _ (at most 64)")
	}
	p = method.Param{Name: m.GetName(), Doc: m.GetDoc(), Min: m.Min, Max: m.Max, Choices: m.GetChoices()}
	if p.Default, err = Value(m.GetDefault()); err != nil {
		return p, err
	}
	switch p.Default.(type) {
	case float64, int, bool, string, []int:
		return p, nil
	}
	return p, fmt.Errorf("a default of type %T; use float64, int, bool, string or []int", p.Default)
}

func preset(m *methodv1.Preset) (p method.Preset, err error) {
	p = method.Preset{Name: m.GetName(), Source: m.GetSource()}
	if p.Settings, err = Settings(m.GetSettings()); err != nil {
		return p, err
	}
	for _, v := range m.GetViews() {
		p.Views = append(p.Views, view(v))
	}
	return p, nil
}

func view(m *methodv1.View) method.View {
	return method.View{
		CropMin: m.GetCropMin(), CropMax: m.GetCropMax(), RatioMin: m.GetRatioMin(), RatioMax: m.GetRatioMax(),
		Flip: m.GetFlip(), Jitter: m.GetJitter(),
		Brightness: m.GetBrightness(), Contrast: m.GetContrast(), Saturation: m.GetSaturation(), Hue: m.GetHue(),
		Gray: m.GetGray(), Blur: m.GetBlur(), BlurSigmaMin: m.GetBlurSigmaMin(), BlurSigmaMax: m.GetBlurSigmaMax(),
		Solarize: m.GetSolarize(),
	}
}
