package bench

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/fault"
)

// AugmentOptions say what views to time.
type AugmentOptions struct {
	Size    int    // edge of a view; above 32 pixels the recipe blurs
	Data    string // folder or pack of images; "" for random ones of 32 x 32 pixels in memory
	Images  int    // how many of them, at even distances
	Repeats int    // passes over them, of which the median counts
}

// AugmentResult is the speed of feeding on one core: one view an image.
type AugmentResult struct {
	Recipe  string         `json:"recipe"`
	Size    int            `json:"size"`
	Data    string         `json:"data"`
	Images  int            `json:"images"`
	PerSec  float64        `json:"images_per_s"`
	TotalUs float64        `json:"us_per_image"`
	Stages  []AugmentStage `json:"stages"`
}

// AugmentStage is the part that one step takes of an image's time, averaged over images that draw it and those that do not.
type AugmentStage struct {
	Name string  `json:"name"`
	Us   float64 `json:"us_per_image"`
}

// vicregViews is the recipe that the peer's script times: VICReg's, without blur up to 32 pixels.
func vicregViews(size int) augment.Recipe {
	r := augment.Recipe{Size: size, CropMin: 0.08, CropMax: 1, RatioMin: 3.0 / 4, RatioMax: 4.0 / 3, Flip: 0.5,
		Jitter: 0.8, Brightness: 0.4, Contrast: 0.4, Saturation: 0.2, Hue: 0.1, Gray: 0.2, BlurSigmaMin: 0.1, BlurSigmaMax: 2, Solarize: 0.1,
		Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}}
	if size > 32 {
		r.Blur = 0.5
	}
	return r
}

// TimeAugment measures reading and augmenting on the calling goroutine alone. A stage's time is what the recipe with it takes longer than
// the one without: the steps are added one after the other, in the order in which they run.
func TimeAugment(ctx context.Context, o AugmentOptions) (AugmentResult, error) {
	if o.Size < 1 || o.Images < 1 || o.Repeats < 1 {
		return AugmentResult{}, fault.New(fault.Usage, "take --size 224, --images 300 and --repeats 3", "size %d, %d images, %d repeats: want at least 1", o.Size, o.Images, o.Repeats)
	}
	read, n, err := o.source(ctx)
	if err != nil {
		return AugmentResult{}, err
	}
	recipe := vicregViews(o.Size)
	r := AugmentResult{Recipe: recipe.String(), Size: o.Size, Data: o.Data, Images: n}
	before, err := timeViews(ctx, read, n, o.Repeats, nil)
	if err != nil {
		return r, err
	}
	r.Stages = append(r.Stages, AugmentStage{"read and decode", before})
	part := recipe
	part.Jitter, part.Gray, part.Blur, part.Solarize = 0, 0, 0, 0
	for _, step := range []struct {
		name string
		add  func()
	}{
		{"crop, resize, flip, normalise", func() {}},
		{"jitter", func() { part.Jitter = recipe.Jitter }},
		{"gray", func() { part.Gray = recipe.Gray }},
		{"blur", func() { part.Blur = recipe.Blur }},
		{"solarise", func() { part.Solarize = recipe.Solarize }},
	} {
		step.add()
		p, err := augment.New(part, 3)
		if err != nil {
			return r, fault.New(fault.Usage, "take a size of 1 to 4096 pixels", "%w", err)
		}
		if r.TotalUs, err = timeViews(ctx, read, n, o.Repeats, p); err != nil {
			return r, err
		}
		r.Stages = append(r.Stages, AugmentStage{step.name, r.TotalUs - before})
		before = r.TotalUs
	}
	r.PerSec = 1e6 / r.TotalUs
	return r, nil
}

// source gives the images: read and decoded anew at every call, but for random ones.
func (o AugmentOptions) source(ctx context.Context) (read func(i int) (augment.Image, error), n int, err error) {
	if o.Data == "" {
		const edge = 32
		pix := make([]uint8, o.Images*edge*edge*3)
		r := rand.New(rand.NewPCG(0, 0))
		for i := range pix {
			pix[i] = uint8(r.Uint32())
		}
		return func(i int) (augment.Image, error) {
			return augment.Image{Pix: pix[i*edge*edge*3:][:edge*edge*3], H: edge, W: edge, C: 3}, nil
		}, o.Images, nil
	}
	s, err := data.Open(ctx, data.Options{Name: o.Data, Size: o.Size, CacheBytes: -1})
	if err != nil {
		return nil, 0, err
	}
	if s.Train.Channels() != 3 {
		return nil, 0, fault.New(fault.Usage, "name a data set in colour", "the recipe is for colour, the images of %s are gray", o.Data)
	}
	n = min(o.Images, s.Train.Len())
	return func(i int) (augment.Image, error) { return s.Train.Image(i * s.Train.Len() / n) }, n, nil
}

// timeViews is the median over passes of the microseconds that an image takes; without a pipeline it is only read.
func timeViews(ctx context.Context, read func(int) (augment.Image, error), n, repeats int, p *augment.Pipeline) (float64, error) {
	var s augment.Scratch
	var view []float32
	if p != nil {
		view = make([]float32, p.Len())
	}
	var times []float64
	for pass := range repeats + 1 { // the first warms caches up
		start := time.Now()
		for i := range n {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			img, err := read(i)
			if err != nil {
				return 0, err
			}
			if p != nil {
				p.Apply(view, img, augment.Key{Epoch: pass, Index: i}, &s)
			}
		}
		if pass > 0 {
			times = append(times, 1e6*time.Since(start).Seconds()/float64(n))
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
