package train

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
)

// viewSet is the augmentation of each view, and the plain pipeline of evaluation.
type viewSet struct {
	pipelines []*augment.Pipeline
	plain     *augment.Pipeline
	size      int
	mean, std []float32
}

func newViewSet(c config.Config, d *data.Splits) (viewSet, error) {
	v := viewSet{size: c.Data.Size, mean: d.Info.Mean, std: d.Info.Std}
	if v.size == 0 {
		v.size = d.Train.Size()
	}
	for i, view := range c.Augment.Views {
		p, err := augment.New(v.recipe(view), d.Train.Channels())
		if err != nil {
			return v, fault.New(fault.Usage, "see the keys augment.* of the configuration", "view %d: %w", i, err)
		}
		v.pipelines = append(v.pipelines, p)
	}
	if len(v.pipelines) == 0 {
		return v, fault.New(fault.Usage, "give augment.views at least one view", "no views")
	}
	var err error
	v.plain, err = augment.New(v.recipe(c.Augment.Views[0]), d.Train.Channels())
	return v, err
}

func (v viewSet) recipe(c config.View) augment.Recipe {
	return augment.Recipe{Size: v.size, CropMin: c.CropMin, CropMax: c.CropMax, RatioMin: c.RatioMin, RatioMax: c.RatioMax, Flip: c.Flip,
		Jitter: c.Jitter, Brightness: c.Brightness, Contrast: c.Contrast, Saturation: c.Saturation, Hue: c.Hue, Gray: c.Gray,
		Blur: c.Blur, BlurSigmaMin: c.BlurSigmaMin, BlurSigmaMax: c.BlurSigmaMax, Solarize: c.Solarize, Mean: v.mean, Std: v.std}
}

// The sheet of samples: pictures of the data set, each beside the views that training draws of it in the first epoch.
const (
	sampleCount = 12
	sampleGap   = 2
)

// saveSamples draws the sheet: a row for the pictures and one for each view.
func (t *trainer) saveSamples() error {
	rows := append([]*augment.Pipeline{t.views.plain}, t.views.pipelines...)
	count := min(sampleCount, t.job.Data.Train.Len())
	cell := t.views.size + sampleGap
	sheet := image.NewRGBA(image.Rect(0, 0, count*cell-sampleGap, len(rows)*cell-sampleGap))
	var scratch augment.Scratch
	pixels := make([]float32, t.views.plain.Len())
	for i := range count {
		picture, err := t.job.Data.Train.Image(i)
		if err != nil {
			return err
		}
		for row, p := range rows {
			if row == 0 {
				p.Eval(pixels, picture, &scratch)
			} else {
				p.Apply(pixels, picture, augment.Key{Seed: t.job.Config.Train.Seed, Index: i, View: row - 1}, &scratch)
			}
			t.views.paint(sheet, i*cell, row*cell, pixels)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, sheet); err != nil {
		return fmt.Errorf("encode %s: %w", run.SamplesFile, err)
	}
	return t.job.Folder.WriteFile(run.SamplesFile, b.Bytes())
}

// paint undoes the normalisation.
func (v viewSet) paint(sheet *image.RGBA, left, top int, pixels []float32) {
	channels := len(pixels) / (v.size * v.size)
	for i := range v.size * v.size {
		var rgb [3]uint8
		for c := range rgb {
			ch := min(c, channels-1)
			x := pixels[i*channels+ch]
			if len(v.mean) > 0 {
				x = x*v.std[ch] + v.mean[ch]
			}
			rgb[c] = uint8(min(max(x*255+0.5, 0), 255))
		}
		sheet.SetRGBA(left+i%v.size, top+i/v.size, color.RGBA{rgb[0], rgb[1], rgb[2], 255})
	}
}
