// Package presets holds what the shipped methods' presets have in common: the augmentations that several publications
// share, each with its source, and the small preset. A method's own figures stand in the method's package.
package presets

import (
	"maps"

	"github.com/sslctl/sslctl/sdk/method"
)

// Small is the default preset: four epochs in about two minutes on two cores, on images of 28 to 32 pixels. Settings of
// the method itself are added to the shared ones, and win over them.
func Small(own map[string]any) method.Preset {
	settings := map[string]any{
		"backbone.name":               "resnet-tiny",
		"train.batch":                 256,
		"train.epochs":                4,
		"optimizer.name":              "adamw",
		"optimizer.lr":                3e-3,
		"optimizer.lr_scale":          "none",
		"optimizer.weight_decay":      0.01,
		"optimizer.exclude_norm_bias": true,
		"optimizer.beta1":             0.9,
		"optimizer.beta2":             0.999,
		"optimizer.eps":               1e-8,
		"schedule.name":               "cosine",
		"schedule.warmup_epochs":      0.3,
		"schedule.final":              0.0,
	}
	maps.Copy(settings, own)
	return method.Preset{
		Name: "small", Settings: settings, Views: both(Aligned()),
		Source: "tuned for Fashion-MNIST, four epochs; AdamW's decay and betas are PyTorch's defaults",
	}
}

// Aligned is for small pictures of centred things, in grey as in colour: large crops and strong changes of brightness and
// contrast, which leave shape as what two views share.
func Aligned() method.View {
	return method.View{
		CropMin: 0.3, CropMax: 1, RatioMin: 3.0 / 4, RatioMax: 4.0 / 3, Flip: 0.5,
		Jitter: 0.8, Brightness: 0.8, Contrast: 0.8,
		BlurSigmaMin: 0.1, BlurSigmaMax: 2,
	}
}

// Asymmetric is BYOL's pair of views, which Barlow Twins and VICReg's official code share: the first is always blurred,
// the second seldom, but sometimes solarised.
// Source: Grill et al. 2020, table 6 (arXiv 2006.07733).
func Asymmetric() []method.View {
	first, second := byol(), byol()
	first.Blur = 1
	second.Blur, second.Solarize = 0.1, 0.2
	return []method.View{first, second}
}

// AsymmetricCIFAR is the same without blur, as solo-learn trains 32-pixel images.
// Source: solo-learn, scripts/pretrain/cifar/augmentations/asymmetric.yaml.
func AsymmetricCIFAR() []method.View {
	views := Asymmetric()
	views[0].Blur, views[1].Blur = 0, 0
	return views
}

// SymmetricCIFAR is solo-learn's pair for VICReg on CIFAR: no blur, both views solarised at times, crops from a fifth.
// Source: solo-learn, scripts/pretrain/cifar/vicreg.yaml.
func SymmetricCIFAR() []method.View {
	v := byol()
	v.CropMin, v.Solarize = 0.2, 0.1
	return both(v)
}

// MoCoV2 is the augmentation of MoCo v2 and SimSiam, which solo-learn calls symmetric_weak.
// Source: Chen, Fan, Girshick, He 2020 (arXiv 2003.04297); github.com/facebookresearch/simsiam main_simsiam.py.
func MoCoV2() []method.View {
	v := byol()
	v.CropMin, v.Saturation, v.Blur = 0.2, 0.4, 0.5
	return both(v)
}

// byol is what BYOL's two views have in common.
func byol() method.View {
	return method.View{
		CropMin: 0.08, CropMax: 1, RatioMin: 3.0 / 4, RatioMax: 4.0 / 3, Flip: 0.5,
		Jitter: 0.8, Brightness: 0.4, Contrast: 0.4, Saturation: 0.2, Hue: 0.1,
		Gray:         0.2,
		BlurSigmaMin: 0.1, BlurSigmaMax: 2,
	}
}

func both(v method.View) []method.View { return []method.View{v, v} }
