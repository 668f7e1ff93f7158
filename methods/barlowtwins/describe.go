package barlowtwins

import (
	"github.com/sslctl/sslctl/methods/internal/presets"
	"github.com/sslctl/sslctl/sdk/method"
)

// Describe lists the hyper-parameters with the paper's values and the presets with their sources.
func (Method) Describe() method.Description {
	return method.Description{
		Name: "barlowtwins", Title: "Barlow Twins: cross-correlation drawn to the identity", Version: "1.0.0",
		Formula: "L = s·[Σᵢ (Cᵢᵢ − 1)² + λ·Σᵢ≠ⱼ Cᵢⱼ²]\n" +
			"C = (1/n) BN(Z)ᵀ BN(Z′), with the biased variance",
		Sources: []string{
			"Zbontar, Jing, Misra, LeCun, Deny: Barlow Twins. ICML 2021 (arXiv 2103.03230), eq. 1",
			"github.com/facebookresearch/barlowtwins, main.py",
		},
		Params: []method.Param{
			method.Float("lambda", 0.0051, "λ, weight of the off-diagonal").AtLeast(0),
			method.Float("scale", 1, "s, factor of the whole loss").AtLeast(0),
			method.Choice("std", "deviation that divides the embeddings: biased with ε (official code) or unbiased (paper, Algorithm 1)", "official", "paper"),
			method.Ints("projector", []int{512, 512, 512}, "widths of the projector"),
			method.Bool("head_norm", true, "batch norm after the projector's inner layers"),
			method.Bool("unshared", false, "backbone and projector of their own for each view (VICReg's Table 5)"),
		},
		Presets: []method.Preset{small(), cifar(), imagenet()},
	}
}

func small() method.Preset { return presets.Small(nil) }

func cifar() method.Preset {
	return method.Preset{
		Name:   "cifar",
		Source: "solo-learn, scripts/pretrain/cifar/barlow.yaml: 92.10 on CIFAR-10",
		Settings: map[string]any{
			"projector":                   []int{2048, 2048, 2048},
			"scale":                       0.1,
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
		Views: presets.AsymmetricCIFAR(),
	}
}

// imagenet replaces the official learning rate of biases and batch norm, 0.0048 beside the weights' 0.2, by a scaled loss:
// LARS makes the weights blind to the scale, so 0.2 times 0.024 is the same.
func imagenet() method.Preset {
	return method.Preset{
		Name:   "imagenet",
		Source: "github.com/facebookresearch/barlowtwins, main.py: 73.5 linear top-1 after 1,000 epochs",
		Settings: map[string]any{
			"projector":                   []int{8192, 8192, 8192},
			"scale":                       0.024,
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
