package bench

import (
	"context"
	"math/rand/v2"
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

// TimeAugment measures reading and augmenting on the calling goroutine alone. A step's time is what the recipe with it takes
// longer than the one without: the steps are added one after the other, in the order in which they run, and every image that
// is read goes through all these recipes in turn.
func TimeAugment(ctx context.Context, o AugmentOptions) (AugmentResult, error) {
	if o.Size < 1 || o.Images < 1 || o.Repeats < 1 {
		return AugmentResult{}, fault.New(fault.Usage, "take --size 224, --images 300 and --repeats 3", "size %d, %d images, %d repeats: want at least 1", o.Size, o.Images, o.Repeats)
	}
	recipe := vicregViews(o.Size)
	names, pipelines, err := growing(recipe)
	if err != nil {
		return AugmentResult{}, err
	}
	read, n, err := o.source(ctx)
	if err != nil {
		return AugmentResult{}, err
	}
	r := AugmentResult{Recipe: recipe.String(), Size: o.Size, Data: o.Data, Images: n}
	reading, applying, err := timeViews(ctx, read, n, o.Repeats, pipelines)
	if err != nil {
		return r, err
	}
	r.Stages = append(r.Stages, AugmentStage{"read and decode", reading})
	before := 0.0
	for i, us := range applying {
		r.Stages = append(r.Stages, AugmentStage{names[i], us - before})
		before = us
	}
	r.TotalUs = reading + before
	r.PerSec = 1e6 / r.TotalUs
	return r, nil
}

// growing are the pipelines from crop alone to the whole recipe, each with the name of the step that it adds.
func growing(recipe augment.Recipe) (names []string, pipelines []*augment.Pipeline, err error) {
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
			return nil, nil, fault.New(fault.Usage, "take a size of 1 to 4096 pixels", "%w", err)
		}
		names, pipelines = append(names, step.name), append(pipelines, p)
	}
	return names, pipelines, nil
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

// timeViews are the medians over passes of the microseconds that an image takes to read, and then to go through each pipeline.
func timeViews(ctx context.Context, read func(int) (augment.Image, error), n, repeats int, pipelines []*augment.Pipeline) (reading float64, applying []float64, err error) {
	var s augment.Scratch
	view := make([]float32, pipelines[0].Len())
	passes := make([][]float64, 1+len(pipelines)) // of reading, then of each pipeline
	for pass := range repeats + 1 {               // the first warms caches up
		spent := make([]time.Duration, len(passes))
		for i := range n {
			if err := ctx.Err(); err != nil {
				return 0, nil, err
			}
			start := time.Now()
			img, err := read(i)
			if err != nil {
				return 0, nil, err
			}
			spent[0] += time.Since(start)
			for j, p := range pipelines {
				start := time.Now()
				p.Apply(view, img, augment.Key{Epoch: pass, Index: i}, &s)
				spent[1+j] += time.Since(start)
			}
		}
		if pass > 0 {
			for j, d := range spent {
				passes[j] = append(passes[j], 1e6*d.Seconds()/float64(n))
			}
		}
	}
	for _, times := range passes[1:] {
		applying = append(applying, middle(times))
	}
	return middle(passes[0]), applying, nil
}
