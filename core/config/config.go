package config

import (
	"maps"
	"slices"
)

// Config is the resolved configuration of a run. Tags hold what the schema needs to know of a key: its name (koanf), bounds
// (min, max: inclusive; above: exclusive), choices (oneof), whether it stays out of the hash (hash:"no"), and help.
type Config struct {
	Method     string         `koanf:"method" help:"method to train: vicreg, byol, simsiam, barlowtwins or an installed plugin"`
	Preset     string         `koanf:"preset" hash:"no" help:"named settings of the method; empty for its first"`
	Params     map[string]any `koanf:"params" help:"hyper-parameters of the method"`
	Reg        Reg            `koanf:"reg"`
	Data       Data           `koanf:"data"`
	Backbone   Backbone       `koanf:"backbone"`
	Train      Train          `koanf:"train"`
	Optimizer  Optimizer      `koanf:"optimizer"`
	Schedule   Schedule       `koanf:"schedule"`
	Augment    Augment        `koanf:"augment"`
	Probe      Probe          `koanf:"probe"`
	Collapse   Collapse       `koanf:"collapse"`
	Checkpoint Checkpoint     `koanf:"checkpoint"`
	Device     string         `koanf:"device" oneof:"cpu cuda auto tapemachine" help:"device that runs the training step; auto takes a GPU where one can be used"`
	CPUISA     string         `koanf:"cpu_isa" oneof:"auto avx512-bf16 avx512 avx2 generic" help:"instruction set of the CPU kernels; avx512-bf16 multiplies in bfloat16 what is stored so, which auto does where it is quicker"`
	Threads    int            `koanf:"threads" min:"0" hash:"no" help:"threads of the CPU kernels; 0 for one a core"`
	LogLevel   string         `koanf:"log_level" oneof:"debug info warn error" hash:"no" help:"least severe message that is shown"`
	Quiet      bool           `koanf:"quiet" hash:"no" help:"show results and errors only"`
	Progress   string         `koanf:"progress" oneof:"auto on off" hash:"no" help:"progress bars; auto shows them on a terminal"`
	Out        string         `koanf:"out" hash:"no" help:"folder that holds the run folders"`
}

// Reg says which regularisers join the method's objective and where.
type Reg struct {
	On    string          `koanf:"on" oneof:"z p y" help:"what is regularised: embedding z, prediction p or representation y"`
	Space string          `koanf:"space" oneof:"auto raw l2" help:"rows as they are (raw; auto means the same), or l2-normalised (l2)"`
	Terms map[string]Term `koanf:",remain"`
}

// Names lists the regularisers in the order in which they join the loss, which is alphabetical.
func (r Reg) Names() []string { return slices.Sorted(maps.Keys(r.Terms)) }

// Term is a regulariser with its weight in the loss and its own hyper-parameters.
type Term struct {
	Weight float64        `koanf:"weight" min:"0" help:"factor of the regulariser in the loss"`
	Params map[string]any `koanf:",remain"`
}

// Data says which images are learned from.
type Data struct {
	Name      string `koanf:"name" help:"data set: fashion-mnist, mnist, cifar10, cifar100, a folder of images or a pack"`
	Dir       string `koanf:"dir" hash:"no" help:"folder of the data set's files; empty for where data fetch puts them"`
	Limit     int    `koanf:"limit" min:"0" help:"train on the first N images; 0 for all"`
	OnCorrupt string `koanf:"on_corrupt" oneof:"fail skip" help:"what to do with an image that cannot be decoded"`
	Size      int    `koanf:"size" min:"0" help:"edge of a view in pixels; 0 for the data set's own"`
}

// Backbone says which network makes the representation y. Zero values leave the choice to the backbone. Widths, Pool and Stem
// are of shipped backbones, Plugin and Params of installed ones.
type Backbone struct {
	Name   string `koanf:"name" help:"network: resnet-tiny, resnet10, resnet18, resnet34, resnet50, mlp or an installed plugin"`
	Widths []int  `koanf:"widths" min:"1" help:"channels of each stage; empty for the backbone's own"`
	Pool   int    `koanf:"pool" min:"0" help:"edge of the grid that features are pooled to; 0 for the backbone's own"`
	Stem   string `koanf:"stem" oneof:"auto cifar strided imagenet" help:"first layer of a ResNet; auto for the backbone's own"`
	// Plugin is in the hash, and in the canonical form where there is one, since a network has no other name.
	Plugin string         `koanf:"plugin,omitempty" help:"SHA-256 of the executable of the backbone's plugin; sslctl sets it, and holds the plugin to it"`
	Params map[string]any `koanf:",remain"` // hyper-parameters of the plugin
}

// Train says how long and how the loop runs.
type Train struct {
	Batch   int    `koanf:"batch" min:"2" help:"images in a step"`
	Epochs  int    `koanf:"epochs" min:"0" help:"passes over the data"`
	Steps   int    `koanf:"steps" min:"0" help:"optimiser steps, in place of epochs"`
	Seed    uint64 `koanf:"seed" help:"seed of every random draw"`
	Workers int    `koanf:"workers" min:"0" hash:"no" help:"goroutines that decode and augment; 0 for one a core"`
	// Views is not in the hash: the pixels are the same.
	Views string `koanf:"views" oneof:"auto host" hash:"no" help:"what makes the augmented views: a GPU that trains, where it can (auto), or the workers (host)"`
	// Precision is that of training; what evaluation computes is stored in float32 always.
	Precision string `koanf:"precision" oneof:"auto fp32 tf32 bf16" help:"arithmetic of training: bf16 stores activations in half the memory; tf32 lets a GPU round what it multiplies; auto takes bf16 on GPUs of compute capability 8.0 and more, else fp32"`
}

// Optimizer says how gradients move weights.
type Optimizer struct {
	Name            string   `koanf:"name" oneof:"sgd lars adamw" help:"optimiser"`
	LR              float64  `koanf:"lr" above:"0" help:"learning rate at its peak, before lr_scale"`
	LRScale         string   `koanf:"lr_scale" oneof:"none batch/256" help:"factor of lr: none, or the batch divided by 256"`
	Momentum        float64  `koanf:"momentum" min:"0" max:"1" help:"momentum of sgd and lars"`
	Nesterov        bool     `koanf:"nesterov" help:"Nesterov's form of sgd's momentum"`
	WeightDecay     float64  `koanf:"weight_decay" min:"0" help:"weight decay: decoupled in adamw, added to the gradient in sgd and lars"`
	ExcludeNormBias bool     `koanf:"exclude_norm_bias" help:"biases and batch-norm parameters get no weight decay and no lars adaptation"`
	Eta             float64  `koanf:"eta" above:"0" help:"trust coefficient of lars"`
	Clip            bool     `koanf:"clip" help:"lars: limit the adapted rate to lr, as solo-learn's clip_lr"`
	Beta1           float64  `koanf:"beta1" min:"0" max:"1" help:"adamw's decay of the first moment"`
	Beta2           float64  `koanf:"beta2" min:"0" max:"1" help:"adamw's decay of the second moment"`
	Eps             float64  `koanf:"eps" above:"0" help:"adamw's term in the denominator"`
	FixedLR         []string `koanf:"fixed_lr" help:"prefixes of parameters whose rate is not scheduled, as SimSiam's predictor"`
}

// Schedule says how the learning rate goes from zero to its peak and down.
type Schedule struct {
	Name         string  `koanf:"name" oneof:"cosine constant" help:"course of the learning rate after the warm-up"`
	WarmupEpochs float64 `koanf:"warmup_epochs" min:"0" help:"epochs of linear warm-up from zero"`
	WarmupSteps  int     `koanf:"warmup_steps" min:"0" help:"steps of linear warm-up, in place of warmup_epochs"`
	Final        float64 `koanf:"final" min:"0" max:"1" help:"learning rate at the end, as a share of its peak"`
}

// Augment holds the augmentation of each view.
type Augment struct {
	Views []View `koanf:"views"`
}

// View is the augmentation of one view, in the order in which the field applies it. It has method.View's fields in its
// order, so that a View converts into the other.
type View struct {
	CropMin      float64 `koanf:"crop_min" above:"0" max:"1" help:"least area of the crop, as a share of the image"`
	CropMax      float64 `koanf:"crop_max" above:"0" max:"1" help:"largest area of the crop"`
	RatioMin     float64 `koanf:"ratio_min" above:"0" help:"least width of the crop divided by its height"`
	RatioMax     float64 `koanf:"ratio_max" above:"0" help:"largest width of the crop divided by its height"`
	Flip         float64 `koanf:"flip" min:"0" max:"1" help:"probability of a horizontal flip"`
	Jitter       float64 `koanf:"jitter" min:"0" max:"1" help:"probability of colour jitter"`
	Brightness   float64 `koanf:"brightness" min:"0" help:"brightness factor is drawn from 1-s to 1+s"`
	Contrast     float64 `koanf:"contrast" min:"0" help:"contrast factor is drawn from 1-s to 1+s"`
	Saturation   float64 `koanf:"saturation" min:"0" help:"saturation factor is drawn from 1-s to 1+s"`
	Hue          float64 `koanf:"hue" min:"0" max:"0.5" help:"hue shift is drawn from -s to s turns"`
	Gray         float64 `koanf:"gray" min:"0" max:"1" help:"probability of grayscale"`
	Blur         float64 `koanf:"blur" min:"0" max:"1" help:"probability of Gaussian blur"`
	BlurSigmaMin float64 `koanf:"blur_sigma_min" above:"0" help:"least sigma of the blur, in pixels"`
	BlurSigmaMax float64 `koanf:"blur_sigma_max" above:"0" help:"largest sigma of the blur"`
	Solarize     float64 `koanf:"solarize" min:"0" max:"1" help:"probability of solarisation"`
}

// Probe says how representations are judged.
type Probe struct {
	Every       int     `koanf:"every" min:"0" help:"epochs between probes; 0 for one at the end"`
	Linear      bool    `koanf:"linear" help:"train a linear classifier on the representations"`
	Online      bool    `koanf:"online" help:"train a linear classifier beside the method, on the representations of its views"`
	KNN         bool    `koanf:"knn" help:"classify by the nearest neighbours"`
	Few         float64 `koanf:"few" min:"0" max:"1" help:"also a linear classifier on this share of the labels; 0 for none"`
	K           int     `koanf:"k" min:"1" help:"neighbours that vote"`
	Temperature float64 `koanf:"temperature" above:"0" help:"temperature of the neighbours' votes"`
	Baselines   bool    `koanf:"baselines" help:"also probe the untrained network and the raw pixels, which training has to beat"`
}

// Collapse says how collapse is watched for.
type Collapse struct {
	Stop  bool `koanf:"stop" help:"end the run when the embeddings have collapsed"`
	Every int  `koanf:"every" min:"1" help:"steps between measurements"`
}

// Checkpoint says how often state is saved.
type Checkpoint struct {
	EverySteps   int     `koanf:"every_steps" min:"0" hash:"no" help:"steps between checkpoints; 0 for by time only"`
	EveryMinutes float64 `koanf:"every_minutes" min:"0" hash:"no" help:"minutes between checkpoints; 0 for by steps only"`
	Keep         int     `koanf:"keep" min:"1" hash:"no" help:"newest checkpoints that are kept"`
}

// Default is the lowest layer: three epochs on Fashion-MNIST's scale in about a minute on two cores. Method and data set are
// left for the user to name.
func Default() Config {
	view := View{CropMin: 0.3, CropMax: 1, RatioMin: 0.75, RatioMax: 4.0 / 3, Flip: 0.5,
		Jitter: 0.8, Brightness: 0.8, Contrast: 0.8, BlurSigmaMin: 0.1, BlurSigmaMax: 2}
	return Config{
		Params:     map[string]any{},
		Reg:        Reg{On: "z", Space: "auto", Terms: map[string]Term{}},
		Data:       Data{OnCorrupt: "fail"},
		Backbone:   Backbone{Name: "resnet-tiny", Widths: []int{}, Stem: "auto", Params: map[string]any{}},
		Train:      Train{Batch: 128, Epochs: 3, Views: "auto", Precision: "auto"},
		Optimizer:  Optimizer{Name: "adamw", LR: 2e-3, LRScale: "none", Momentum: 0.9, WeightDecay: 0.01, ExcludeNormBias: true, Eta: 0.001, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, FixedLR: []string{}},
		Schedule:   Schedule{Name: "cosine", WarmupEpochs: 0.3},
		Augment:    Augment{Views: []View{view, view}},
		Probe:      Probe{Baselines: true, Linear: true, Online: true, KNN: true, Few: 0.01, K: 20, Temperature: 0.07},
		Collapse:   Collapse{Every: 50},
		Checkpoint: Checkpoint{EveryMinutes: 10, Keep: 2},
		Device:     "cpu",
		CPUISA:     "auto",
		LogLevel:   "info",
		Progress:   "auto",
		Out:        "runs",
	}
}

// PeakLR is the learning rate at the end of the warm-up: lr, times batch/256 where lr_scale says so (Goyal et al. 2017).
func (c Config) PeakLR() float64 {
	if c.Optimizer.LRScale == "batch/256" {
		return c.Optimizer.LR * float64(c.Train.Batch) / 256
	}
	return c.Optimizer.LR
}

// Clone is a copy that shares no map or slice with c.
func (c Config) Clone() Config {
	c.Params = maps.Clone(c.Params)
	c.Reg.Terms = maps.Clone(c.Reg.Terms)
	for name, term := range c.Reg.Terms {
		term.Params = maps.Clone(term.Params)
		c.Reg.Terms[name] = term
	}
	c.Backbone.Widths = slices.Clone(c.Backbone.Widths)
	c.Backbone.Params = maps.Clone(c.Backbone.Params)
	c.Optimizer.FixedLR = slices.Clone(c.Optimizer.FixedLR)
	c.Augment.Views = slices.Clone(c.Augment.Views)
	return c
}
