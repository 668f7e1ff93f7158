package main

import (
	"fmt"
	"strings"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/sdk/method"
)

// networkJSON is the way from the views to the objective.
type networkJSON struct {
	Views          int         `json:"views"`
	Backbone       string      `json:"backbone"`
	Representation int         `json:"representation"` // width of y
	Projector      []layerJSON `json:"projector"`
	Predictor      []layerJSON `json:"predictor,omitempty"`
	Target         *targetJSON `json:"target,omitempty"`
	Unshared       bool        `json:"unshared"` // each view has weights of its own
}

type layerJSON struct {
	Width int    `json:"width"`
	Bias  bool   `json:"bias"`
	Norm  string `json:"norm"` // "none", "affine" or "standardise"
	ReLU  bool   `json:"relu"`
}

type targetJSON struct {
	Momentum float64 `json:"momentum"`
	Final    float64 `json:"final"`
	Schedule string  `json:"schedule"`
}

func networkOf(c config.Config, p *session.Program) (*networkJSON, error) {
	r := p.Method.Recipe
	backbone, err := p.Network(c)
	if err != nil {
		return nil, err
	}
	n := &networkJSON{Views: len(c.Augment.Views), Backbone: c.Backbone.Name, Representation: backbone.Features(), Projector: layersOf(r.Projector), Unshared: r.Unshared}
	if r.Predictor != nil {
		n.Predictor = layersOf(*r.Predictor)
	}
	if r.Target != nil {
		n.Target = &targetJSON{r.Target.Momentum, r.Target.Final, r.Target.Schedule}
	}
	return n, nil
}

func layersOf(h method.Head) []layerJSON {
	norms := map[method.Norm]string{method.NoNorm: "none", method.Affine: "affine", method.Standardise: "standardise"}
	out := make([]layerJSON, len(h))
	for i, l := range h {
		out[i] = layerJSON{l.Width, l.Bias, norms[l.Norm], l.ReLU}
	}
	return out
}

// diagram draws a line a branch, what a layer is below, and how the branches hang together.
func (n *networkJSON) diagram() []string {
	width := n.Projector[len(n.Projector)-1].Width
	way := func(view int, target bool) string {
		backbone, projector, end := n.Backbone, "projector", "z"
		if target {
			backbone, projector, end = backbone+"′", "projector′", "t"
		}
		parts := []string{fmt.Sprintf("view %d", view), backbone, fmt.Sprintf("y%d (%d)", view, n.Representation),
			projector + " " + layerWidths(n.Projector), fmt.Sprintf("%s%d (%d)", end, view, width)}
		if n.Predictor != nil && !target {
			parts = append(parts, "predictor "+layerWidths(n.Predictor), fmt.Sprintf("p%d (%d)", view, n.Predictor[len(n.Predictor)-1].Width))
		}
		return strings.Join(parts, " → ")
	}
	var lines []string
	for view := range n.Views {
		lines = append(lines, way(view, false))
	}
	if n.Target != nil {
		for view := range n.Views {
			lines = append(lines, way(view, true))
		}
	}
	lines = bracket(lines, "objective")
	lines = append(lines, "", "projector  "+layerWords(n.Projector))
	if n.Predictor != nil {
		lines = append(lines, "predictor  "+layerWords(n.Predictor))
	}
	if n.Unshared {
		lines = append(lines, "weights    of their own for each view")
	} else {
		lines = append(lines, "weights    shared by the views")
	}
	if t := n.Target; t != nil {
		lines = append(lines, "target ′   "+t.words())
	}
	return lines
}

func (t *targetJSON) words() string {
	course := fmt.Sprintf("m = %g", t.Momentum)
	if t.Schedule != "constant" && t.Final != t.Momentum {
		course = fmt.Sprintf("m from %g to %g by a %s", t.Momentum, t.Final, t.Schedule)
	}
	return "follows the online branch after each step: ′ ← m·′ + (1−m)·online, " + course + "; no gradient"
}

// bracket joins lines at their right ends: ─┐ ─┤ ─┘, with a word at the middle.
func bracket(lines []string, word string) []string {
	longest := 0
	for _, l := range lines {
		longest = max(longest, len([]rune(l)))
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		end := "┤"
		switch {
		case len(lines) == 1:
			end = "─"
		case i == 0:
			end = "┐"
		case i == len(lines)-1:
			end = "┘"
		}
		if i == (len(lines)-1)/2 {
			end = map[string]string{"┐": "┬", "┤": "┼", "┘": "┴", "─": "─"}[end] + "→ " + word
		}
		out[i] = l + " " + strings.Repeat("─", longest-len([]rune(l))+1) + end
	}
	return out
}

func layerWidths(layers []layerJSON) string {
	list := make([]int, len(layers))
	for i, l := range layers {
		list[i] = l.Width
	}
	return widths(list)
}

// layerWords is "linear 512 + bias, batch norm, ReLU; linear 512".
func layerWords(layers []layerJSON) string {
	parts := make([]string, len(layers))
	for i, l := range layers {
		s := fmt.Sprintf("linear %d", l.Width)
		if l.Bias {
			s += " + bias"
		}
		switch l.Norm {
		case "affine":
			s += ", batch norm"
		case "standardise":
			s += ", batch norm without scale and shift"
		}
		if l.ReLU {
			s += ", ReLU"
		}
		parts[i] = s
	}
	return strings.Join(parts, "; ")
}
