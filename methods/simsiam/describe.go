package simsiam

import (
	"github.com/sslctl/sslctl/methods/internal/presets"
	"github.com/sslctl/sslctl/sdk/method"
)

// fixed is the prefix of the parameters whose learning rate is not scheduled (official: --fix-pred-lr).
const fixed = "predictor"

// Describe lists the hyper-parameters, the paper's ablations among them, and the presets with their sources.
func (Method) Describe() method.Description {
	return method.Description{
		Name: "simsiam", Title: "SimSiam: a predictor and a stopped gradient", Version: "1.0.0",
		Formula: "L = −½ (1/n) Σ cos(pᵢ, sg z′ᵢ) − ½ (1/n) Σ cos(p′ᵢ, sg zᵢ)",
		Sources: []string{
			"Chen, He: Exploring Simple Siamese Representation Learning. CVPR 2021 (arXiv 2011.10566), eqs. 2 and 4",
			"github.com/facebookresearch/simsiam, simsiam/builder.py and main_simsiam.py",
		},
		Params: []method.Param{
			method.Ints("projector", []int{512, 512, 512}, "widths of the projector"),
			method.Int("predictor_hidden", 128, "inner width of the predictor, a quarter of the embedding's in the paper").AtLeast(1),
			method.Bool("predictor", true, "a predictor on one side; without it the embeddings collapse (PR)"),
			method.Bool("stop_gradient", true, "no gradient through the other side; with it the embeddings collapse (SG)"),
			method.Bool("head_norm", true, "batch norm in projector and predictor (BN)"),
		},
		Presets: []method.Preset{small(), cifar(), imagenet()},
	}
}

func small() method.Preset {
	return presets.Small(map[string]any{"optimizer.fixed_lr": []string{fixed}})
}

func cifar() method.Preset {
	return method.Preset{
		Name:   "cifar",
		Source: "solo-learn, scripts/pretrain/cifar/simsiam.yaml: 90.51 on CIFAR-10",
		Settings: map[string]any{
			"projector":                   []int{2048, 2048, 2048},
			"predictor_hidden":            512,
			"backbone.name":               "resnet18",
			"train.batch":                 256,
			"train.epochs":                1000,
			"optimizer.name":              "sgd",
			"optimizer.lr":                0.5,
			"optimizer.lr_scale":          "batch/256",
			"optimizer.momentum":          0.9,
			"optimizer.nesterov":          false,
			"optimizer.weight_decay":      1e-5,
			"optimizer.exclude_norm_bias": false,
			"optimizer.fixed_lr":          []string{fixed},
			"schedule.name":               "cosine",
			"schedule.warmup_epochs":      10.0,
			"schedule.final":              0.0,
		},
		Views: presets.MoCoV2(),
	}
}

func imagenet() method.Preset {
	return method.Preset{
		Name:   "imagenet",
		Source: "main_simsiam.py, 100 epochs: 68.1 linear top-1",
		Settings: map[string]any{
			"projector":                   []int{2048, 2048, 2048},
			"predictor_hidden":            512,
			"backbone.name":               "resnet50",
			"train.batch":                 512,
			"train.epochs":                100,
			"optimizer.name":              "sgd",
			"optimizer.lr":                0.05,
			"optimizer.lr_scale":          "batch/256",
			"optimizer.momentum":          0.9,
			"optimizer.nesterov":          false,
			"optimizer.weight_decay":      1e-4,
			"optimizer.exclude_norm_bias": false,
			"optimizer.fixed_lr":          []string{fixed},
			"schedule.name":               "cosine",
			"schedule.warmup_epochs":      0.0,
			"schedule.final":              0.0,
		},
		Views: presets.MoCoV2(),
	}
}
