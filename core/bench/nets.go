package bench

import "github.com/sslctl/sslctl/backbones"

// Net is a network whose training step is timed: VICReg's, two views, with SGD.
type Net struct {
	Name           string
	Backbone       string
	Options        backbones.Options
	Channels, Size int
	Batch          int   // images in a view, where none is asked for
	Expander       []int // widths
}

// Nets are those that the peer's script times, and the demo's.
func Nets() []Net {
	return []Net{
		{"tiny", "resnet-tiny", backbones.Options{Widths: []int{32, 64, 128}}, 1, 28, 128, []int{512, 512, 512}},
		{"small", "resnet18", backbones.Options{Widths: []int{32, 64, 128, 256}, Stem: backbones.CIFARStem}, 1, 28, 256, []int{512, 512, 512}},
		{"r18", "resnet18", backbones.Options{Widths: []int{64, 128, 256, 512}, Stem: backbones.CIFARStem}, 3, 32, 64, []int{2048, 2048, 2048}},
		{"resnet50", "resnet50", backbones.Options{Widths: []int{64, 128, 256, 512}, Stem: backbones.ImageNetStem}, 3, 224, 8, []int{8192, 8192, 8192}},
	}
}

// names are the networks that can be asked for.
func names() []string {
	var out []string
	for _, n := range Nets() {
		out = append(out, n.Name)
	}
	return out
}

// widened is the network with all its widths times a factor.
func (n Net) widened(by int) Net {
	times := func(widths []int) []int {
		out := make([]int, len(widths))
		for i, w := range widths {
			out[i] = by * w
		}
		return out
	}
	n.Options.Widths, n.Expander = times(n.Options.Widths), times(n.Expander)
	return n
}
