package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// descriptionJSON is all that is known of a method or regulariser.
type descriptionJSON struct {
	Kind    string       `json:"kind"`
	Name    string       `json:"name"`
	Title   string       `json:"title"`
	Version string       `json:"version"`
	Source  string       `json:"source"`
	Formula string       `json:"formula"`
	Preset  string       `json:"preset,omitempty"`  // that of the network
	Network *networkJSON `json:"network,omitempty"` // of a method
	Params  []paramJSON  `json:"params"`
	Presets []presetJSON `json:"presets,omitempty"`
	Sources []string     `json:"sources"`
}

type paramJSON struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Default any      `json:"default"`
	Min     *float64 `json:"min,omitempty"`
	Max     *float64 `json:"max,omitempty"`
	Choices []string `json:"choices,omitempty"`
	Doc     string   `json:"doc"`
}

type presetJSON struct {
	Name     string         `json:"name"`
	Source   string         `json:"source"`
	Settings map[string]any `json:"settings"`
	Views    []string       `json:"views,omitempty"` // augmentation of each view, in words
}

func describe(kind wire.Kind, ref host.Ref, d method.Description) *descriptionJSON {
	j := &descriptionJSON{Kind: string(kind), Name: d.Name, Title: d.Title, Version: d.Version, Source: ref.Path, Formula: d.Formula,
		Params: []paramJSON{}, Sources: d.Sources}
	if ref.Shipped() {
		j.Source = "shipped"
	}
	for _, p := range d.Params {
		j.Params = append(j.Params, paramJSON{p.Name, typeOf(p.Default), p.Default, p.Min, p.Max, p.Choices, p.Doc})
	}
	for _, p := range d.Presets {
		preset := presetJSON{Name: p.Name, Source: p.Source, Settings: p.Settings}
		for _, v := range p.Views {
			preset.Views = append(preset.Views, viewWords(v))
		}
		j.Presets = append(j.Presets, preset)
	}
	return j
}

func typeOf(v any) string {
	switch v.(type) {
	case float64:
		return "number"
	case int:
		return "whole number"
	case bool:
		return "true or false"
	case []int:
		return "whole numbers"
	}
	return "text"
}

// viewWords is an augmentation on one line; steps of probability 0 are left out.
func viewWords(v method.View) string {
	parts := []string{fmt.Sprintf("crop %g to %g of the area, ratio %.3g to %.3g", v.CropMin, v.CropMax, v.RatioMin, v.RatioMax)}
	step := func(p float64, format string, args ...any) {
		if p > 0 {
			parts = append(parts, fmt.Sprintf(format, args...)+fmt.Sprintf(" (%g %%)", 100*p))
		}
	}
	step(v.Flip, "flip")
	step(v.Jitter, "jitter brightness %g contrast %g saturation %g hue %g", v.Brightness, v.Contrast, v.Saturation, v.Hue)
	step(v.Gray, "gray")
	step(v.Blur, "blur %g to %g px", v.BlurSigmaMin, v.BlurSigmaMax)
	step(v.Solarize, "solarise")
	return strings.Join(parts, ", ")
}

// prefix is what stands before a hyper-parameter's name in --set.
func (j *descriptionJSON) prefix() string {
	switch wire.Kind(j.Kind) {
	case wire.Regulariser:
		return "reg." + j.Name + "."
	case wire.Backbone:
		return "backbone."
	}
	return ""
}

// text is the page for people.
func (j *descriptionJSON) text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s\n%s %s %s, %s\n\n", j.Title, j.Kind, j.Name, j.Version, j.Source)
	section := func(title string, lines ...string) {
		fmt.Fprintf(&s, "%s\n", title)
		for _, l := range lines {
			fmt.Fprintf(&s, "  %s\n", strings.TrimRight(l, " "))
		}
		s.WriteString("\n")
	}
	section("Formula", strings.Split(j.Formula, "\n")...)
	if j.Network != nil {
		section("Network of preset "+j.Preset, j.Network.diagram()...)
	}
	if len(j.Params) > 0 {
		section("Hyper-parameters (--set "+j.prefix()+"NAME=VALUE)", strings.Split(strings.TrimSuffix(render(j.params()), "\n"), "\n")...)
	}
	for i, p := range j.Presets {
		title := "Preset " + p.Name
		if i == 0 {
			title += " (the default)"
		}
		section(title, p.lines()...)
	}
	section("Sources", j.Sources...)
	return strings.TrimSuffix(s.String(), "\n")
}

func (j *descriptionJSON) params() table.Writer {
	t := left(newTable("name", "default", "range", "meaning"), 4)
	for _, p := range j.Params {
		t.AppendRow(table.Row{p.Name, valueWord(p.Default), p.limits(), p.Doc})
	}
	return t
}

func (p paramJSON) limits() string {
	switch {
	case len(p.Choices) > 0:
		return strings.Join(p.Choices, ", ")
	case p.Min != nil && p.Max != nil:
		return fmt.Sprintf("%g to %g", *p.Min, *p.Max)
	case p.Min != nil:
		return fmt.Sprintf("from %g", *p.Min)
	case p.Max != nil:
		return fmt.Sprintf("to %g", *p.Max)
	}
	return p.Type
}

// valueWord is a value as it may stand after --set.
func valueWord(v any) string {
	if list, ok := v.([]int); ok {
		return widths(list)
	}
	if list, ok := v.([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v)
}

// widths is "2048-2048-2048".
func widths(list []int) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = fmt.Sprint(n)
	}
	return strings.Join(parts, "-")
}

func (p presetJSON) lines() []string {
	lines := []string{p.Source}
	var settings []string
	for _, key := range slices.Sorted(maps.Keys(p.Settings)) {
		settings = append(settings, key+"="+valueWord(p.Settings[key]))
	}
	lines = append(lines, wrap(settings, 110)...)
	for i, v := range p.Views {
		if i > 0 && v == p.Views[i-1] {
			lines = append(lines, fmt.Sprintf("view %d: the same", i))
			continue
		}
		lines = append(lines, fmt.Sprintf("view %d: %s", i, v))
	}
	return lines
}

// wrap joins words by spaces into lines of at most width characters.
func wrap(words []string, width int) []string {
	var lines []string
	line := ""
	for _, w := range words {
		if line != "" && len(line)+1+len(w) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+w, " ")
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
