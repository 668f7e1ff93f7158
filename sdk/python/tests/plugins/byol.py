"""BYOL as methods/byol writes it."""

from sslctl_sdk import Bool, Description, Float, Int, Ints, Layer, Loss, Method, Norm, Recipe, Target, Tensor, Term, serve


def regression(p: Tensor, target: Tensor) -> Tensor:
    return p.cosine(target).affine(-2, 2).mean()


def head(norm: Norm, *widths: int) -> list[Layer]:
    return [Layer(w, bias=True, norm=norm, relu=True) for w in widths[:-1]] + [Layer(widths[-1])]


class BYOL(Method):
    def describe(self):
        return Description(
            name="byol", version="1.0.0",
            params=[
                Float("tau", 0.99, "momentum of the target branch at the start", min=0, max=1),
                Float("tau_final", 1, "momentum at the end, reached by a cosine", min=0, max=1),
                Ints("projector", [1024, 256], "widths of the projector"),
                Int("predictor_hidden", 1024, "inner width of the predictor", min=1),
                Bool("predictor", True, "a predictor on the online branch"),
                Bool("head_norm", True, "batch norm in projector and predictor"),
            ],
        )  # fmt: skip

    def recipe(self, h):
        norm = Norm.AFFINE if h.head_norm else Norm.NONE
        predictor = head(norm, h.predictor_hidden, h.projector[-1]) if h.predictor else None
        return Recipe(head(norm, *h.projector), predictor, Target(h.tau, h.tau_final, "cosine"))

    def objective(self, e, h):
        online = e.p if h.predictor else e.z
        return Loss(Term("regression", 1, regression(online(0), e.t(1)) + regression(online(1), e.t(0))))


def main() -> None:
    serve(BYOL())
