"""Barlow Twins as methods/barlowtwins writes it."""

from sslctl_sdk import Bool, Choice, Description, Float, Ints, Layer, Loss, Method, Norm, Recipe, Tensor, Term, serve


def standardise(z: Tensor, convention: str) -> Tensor:
    variance = z.var(1) if convention == "paper" else z.var(0) + 1e-5
    return (z - z.mean(0, keep=True)) / variance.sqrt()


class BarlowTwins(Method):
    def describe(self):
        return Description(
            name="barlowtwins", version="1.0.0",
            params=[
                Float("lambda", 0.0051, "weight of the off-diagonal term", min=0),
                Float("scale", 1, "factor of the whole loss", min=0),
                Choice("std", "deviation: of the official code or of the paper", "official", "paper"),
                Ints("projector", [512, 512, 512], "widths of the projector"),
                Bool("head_norm", True, "batch norm after the projector's inner layers"),
                Bool("unshared", False, "backbone and projector of their own for each view"),
            ],
        )  # fmt: skip

    def recipe(self, h):
        norm = Norm.AFFINE if h.head_norm else Norm.NONE
        projector = [Layer(w, norm=norm, relu=True) for w in h.projector[:-1]] + [Layer(h.projector[-1])]
        return Recipe(projector, unshared=h.unshared)

    def objective(self, e, h):
        n = e.z(0).dim(0)
        c = (standardise(e.z(0), h["std"]).T @ standardise(e.z(1), h["std"])) / n
        return Loss(
            Term("on_diagonal", h.scale, (c.diagonal() - 1).square().sum()),
            Term("off_diagonal", h.scale * h["lambda"], c.off_diagonal().square().sum()),
        )


def main() -> None:
    serve(BarlowTwins())
