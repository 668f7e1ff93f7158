"""VICReg as methods/vicreg writes it: the same program, step by step, is what the SDK is held to."""

from sslctl_sdk import Bool, Choice, Description, Float, Ints, Layer, Loss, Method, Norm, Recipe, Tensor, Term, serve


def hinge(z: Tensor, gamma: float) -> Tensor:
    std = (z.var() + 1e-4).sqrt()
    return (gamma - std).relu().mean()


def off_diagonal(z: Tensor) -> Tensor:
    n, d = z.shape
    centred = z - z.mean(0, keep=True)
    c = (centred.T @ centred) / (n - 1)
    return c.off_diagonal().square().sum() / d


def expander(norm: Norm, *widths: int) -> list[Layer]:
    return [Layer(w, bias=True, norm=norm, relu=True) for w in widths[:-1]] + [Layer(widths[-1])]


class VICReg(Method):
    def describe(self):
        return Description(
            name="vicreg", version="1.0.0",
            params=[
                Float("lambda", 25, "weight of the invariance term", min=0),
                Float("mu", 25, "weight of the variance term", min=0),
                Float("nu", 1, "weight of the covariance term", min=0),
                Float("gamma", 1, "standard deviation that each dimension shall reach", min=0),
                Choice("var_reduction", "variance over the branches: mean or sum", "official", "paper"),
                Ints("projector", [512, 512, 512], "widths of the expander"),
                Bool("head_norm", True, "batch norm after the expander's inner layers"),
                Bool("predictor", False, "compare predictions with embeddings"),
                Bool("unshared", False, "backbone and expander of their own for each view"),
            ],
        )  # fmt: skip

    def recipe(self, h):
        norm = Norm.AFFINE if h.head_norm else Norm.NONE
        d = h.projector[-1]
        predictor = expander(norm, d, d) if h.predictor else None
        return Recipe(expander(norm, *h.projector), predictor, unshared=h.unshared)

    def objective(self, e, h):
        z, zp = e.z(0), e.z(1)
        invariance = (e.p(0).mse(zp) + e.p(1).mse(z)) * 0.5 if h.predictor else z.mse(zp)
        variance = (hinge(z, h.gamma) + hinge(zp, h.gamma)) / 2
        if h.var_reduction == "paper":
            variance = variance * 2
        return Loss(
            Term("invariance", h["lambda"], invariance),
            Term("variance", h.mu, variance),
            Term("covariance", h.nu, off_diagonal(z) + off_diagonal(zp)),
        )


def main() -> None:
    serve(VICReg())
