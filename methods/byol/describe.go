package byol

import (
	"github.com/sslctl/sslctl/methods/internal/presets"
	"github.com/sslctl/sslctl/sdk/method"
)

// Describe lists the hyper-parameters, the ablations of VICReg's Table 4 among them, and the presets with their sources.
func (Method) Describe() method.Description {
	return method.Description{
		Name: "byol", Title: "BYOL: predict a slowly moving copy of oneself", Version: "1.0.0",
		Formula: "L = (1/n) Σ (2 − 2 cos(pᵢ, t′ᵢ)) + (1/n) Σ (2 − 2 cos(p′ᵢ, tᵢ))\n" +
			"t: projection of the target branch ξ, without gradient;  ξ ← τξ + (1−τ)θ after each step\n" +
			"τ = 1 − (1−τ₀)·(cos(πk/K) + 1)/2",
		Sources: []string{
			"Grill et al.: Bootstrap Your Own Latent. NeurIPS 2020 (arXiv 2006.07733), eq. 2",
			"github.com/google-deepmind/deepmind-research, byol/byol_experiment.py",
		},
		Params: []method.Param{
			method.Float("tau", 0.99, "τ₀, momentum of the target branch at the start").AtLeast(0).AtMost(1),
			method.Float("tau_final", 1, "momentum at the end, reached by a cosine").AtLeast(0).AtMost(1),
			method.Ints("projector", []int{1024, 256}, "widths of the projector"),
			method.Int("predictor_hidden", 1024, "inner width of the predictor").AtLeast(1),
			method.Bool("predictor", true, "a predictor on the online branch (Table 4: PR)"),
			method.Bool("head_norm", true, "batch norm in projector and predictor (Table 4: BN)"),
		},
		Presets: []method.Preset{small(), cifar(), imagenet()},
	}
}

// small moves the target faster than the paper: there are hundreds of steps, not hundreds of thousands.
func small() method.Preset { return presets.Small(map[string]any{"tau": 0.99}) }

func cifar() method.Preset {
	return method.Preset{
		Name:   "cifar",
		Source: "solo-learn, scripts/pretrain/cifar/byol.yaml: 92.58 on CIFAR-10",
		Settings: map[string]any{
			"projector":                   []int{4096, 256},
			"predictor_hidden":            4096,
			"tau":                         0.99,
			"tau_final":                   1.0,
			"backbone.name":               "resnet18",
			"train.batch":                 256,
			"train.epochs":                1000,
			"optimizer.name":              "lars",
			"optimizer.lr":                1.0,
			"optimizer.lr_scale":          "batch/256",
			"optimizer.momentum":          0.9,
			"optimizer.weight_decay":      1e-5,
			"optimizer.eta":               0.02,
			"optimizer.clip":              true,
			"optimizer.exclude_norm_bias": true,
			"schedule.name":               "cosine",
			"schedule.warmup_epochs":      10.0,
			"schedule.final":              0.0,
		},
		Views: presets.AsymmetricCIFAR(),
	}
}

func imagenet() method.Preset {
	return method.Preset{
		Name:   "imagenet",
		Source: "byol_experiment.py, 1,000 epochs: 74.3 linear top-1",
		Settings: map[string]any{
			"projector":                   []int{4096, 256},
			"predictor_hidden":            4096,
			"tau":                         0.996,
			"tau_final":                   1.0,
			"backbone.name":               "resnet50",
			"train.batch":                 4096,
			"train.epochs":                1000,
			"optimizer.name":              "lars",
			"optimizer.lr":                0.2,
			"optimizer.lr_scale":          "batch/256",
			"optimizer.momentum":          0.9,
			"optimizer.weight_decay":      1.5e-6,
			"optimizer.eta":               0.001,
			"optimizer.clip":              false,
			"optimizer.exclude_norm_bias": true,
			"schedule.name":               "cosine",
			"schedule.warmup_epochs":      10.0,
			"schedule.final":              0.0,
		},
		Views: presets.Asymmetric(),
	}
}
