package vicreg

import (
	"github.com/sslctl/sslctl/methods/internal/presets"
	"github.com/sslctl/sslctl/sdk/method"
)

// small weighs the covariance more than the paper: in few steps of few images the published weight leaves the variance in
// some twenty of the 512 directions, and at 16 it fills about a hundred, for the same accuracy.
func small() method.Preset { return presets.Small(map[string]any{"nu": 16.0}) }

func cifar() method.Preset {
	return method.Preset{
		Name:   "cifar",
		Source: "solo-learn, scripts/pretrain/cifar/vicreg.yaml: 92.07 on CIFAR-10 (warm-up from 0 in place of 3e-5)",
		Settings: map[string]any{
			"projector":                   []int{2048, 2048, 2048},
			"var_reduction":               "paper", // solo-learn sums over the branches
			"backbone.name":               "resnet18",
			"train.batch":                 256,
			"train.epochs":                1000,
			"optimizer.name":              "lars",
			"optimizer.lr":                0.3,
			"optimizer.lr_scale":          "batch/256",
			"optimizer.momentum":          0.9,
			"optimizer.weight_decay":      1e-4,
			"optimizer.eta":               0.02,
			"optimizer.clip":              true,
			"optimizer.exclude_norm_bias": true,
			"schedule.name":               "cosine",
			"schedule.warmup_epochs":      10.0,
			"schedule.final":              0.0,
		},
		Views: presets.SymmetricCIFAR(),
	}
}

func imagenet() method.Preset {
	return method.Preset{
		Name:   "imagenet",
		Source: "github.com/facebookresearch/vicreg, README and main_vicreg.py: 73.2 linear top-1 after 1,000 epochs",
		Settings: map[string]any{
			"projector":                   []int{8192, 8192, 8192},
			"backbone.name":               "resnet50",
			"train.batch":                 2048,
			"train.epochs":                1000,
			"optimizer.name":              "lars",
			"optimizer.lr":                0.2,
			"optimizer.lr_scale":          "batch/256",
			"optimizer.momentum":          0.9,
			"optimizer.weight_decay":      1e-6,
			"optimizer.eta":               0.001,
			"optimizer.clip":              false,
			"optimizer.exclude_norm_bias": true,
			"schedule.name":               "cosine",
			"schedule.warmup_epochs":      10.0,
			"schedule.final":              0.001,
		},
		Views: presets.Asymmetric(),
	}
}
