"""TiCo: transformation invariance and covariance contrast (Zhu et al., arXiv 2206.10698), as a method of sslctl.

The embedding of one view is drawn to the target branch's embedding of the other, and away from the directions that the
embeddings of the batch share. The paper's covariance is a moving average over batches; a program keeps no memory, so here it
is the batch's own, with the gradient that the paper's has once its memory has settled: of the share 1 - beta only.
"""

from sslctl_sdk import (
    Description, Float, Ints, Layer, Loss, Method, Norm, Preset, Recipe, Target, Tensor, Term, View, serve,
)  # fmt: skip


def covariance(z: Tensor, beta: float) -> Tensor:
    """C = (1/n) sum z z', through whose share beta no gradient flows."""
    c = z.T @ z / z.dim(0)
    return beta * c.stop_gradient() + (1 - beta) * c


def small() -> Preset:
    """The training of the shipped methods' preset of this name, so that a comparison is one of objectives alone."""
    view = View(crop_min=0.3, flip=0.5, jitter=0.8, brightness=0.8, contrast=0.8)
    return Preset(
        name="small",
        source="as the shipped methods: tuned for Fashion-MNIST, four epochs",
        settings={
            "backbone.name": "resnet-tiny",
            "train.batch": 256,
            "train.epochs": 4,
            "optimizer.name": "adamw",
            "optimizer.lr": 3e-3,
            "optimizer.lr_scale": "none",
            "optimizer.weight_decay": 0.01,
            "optimizer.exclude_norm_bias": True,
            "schedule.name": "cosine",
            "schedule.warmup_epochs": 0.3,
            "schedule.final": 0.0,
        },
        views=[view, view],
    )


class TiCo(Method):
    def describe(self) -> Description:
        return Description(
            name="tico",
            title="TiCo: transformation invariance, covariance contrast",
            version="1.0.0",
            formula="L = ½ Σ over both directions of (1/n) Σᵢ (1 − zᵢ·t′ᵢ) + ρ·(1/n) Σᵢ zᵢᵀ C zᵢ\n"
            "z, t: l2-normalised embeddings of the online and the target branch;  C = (1/n) Σ z zᵀ",
            sources=[
                "Zhu et al.: TiCo. 2022 (arXiv 2206.10698)",
                "github.com/lightly-ai/lightly, lightly/loss/tico_loss.py (β = 0.9, ρ = 20)",
            ],
            params=[
                Float("rho", 20, "ρ, weight of the covariance term", min=0),
                Float("beta", 0.9, "β, share of the covariance without gradient", min=0, max=1),
                Float("tau", 0.99, "momentum of the target branch at the start", min=0, max=1),
                Ints("projector", [1024, 256], "widths of the projector"),
            ],
            presets=[small()],
        )

    def recipe(self, h) -> Recipe:
        *inner, last = h.projector
        projector = [Layer(w, norm=Norm.AFFINE, relu=True) for w in inner] + [Layer(last)]
        return Recipe(projector, target=Target(h.tau))

    def objective(self, e, h) -> Loss:
        z = [e.z(view).l2_normalise() for view in (0, 1)]
        t = [e.t(view).l2_normalise() for view in (0, 1)]
        cosine = (z[0] * t[1]).sum(1).mean() + (z[1] * t[0]).sum(1).mean()
        contrast = sum((x @ covariance(x, h.beta) * x).sum(1).mean() for x in z)
        return Loss(
            Term("invariance", 1, 1 - cosine / 2),
            Term("covariance", h.rho, contrast / 2),
        )


def main() -> None:
    serve(TiCo())


if __name__ == "__main__":
    main()
