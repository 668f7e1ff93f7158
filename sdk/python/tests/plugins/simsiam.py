"""SimSiam as methods/simsiam writes it."""

from sslctl_sdk import Bool, Description, Int, Ints, Layer, Loss, Method, Norm, Recipe, Term, serve


class SimSiam(Method):
    def describe(self):
        return Description(
            name="simsiam", version="1.0.0",
            params=[
                Ints("projector", [512, 512, 512], "widths of the projector"),
                Int("predictor_hidden", 128, "inner width of the predictor", min=1),
                Bool("predictor", True, "a predictor"),
                Bool("stop_gradient", True, "stop the gradient on the other side"),
                Bool("head_norm", True, "batch norm in projector and predictor"),
            ],
        )  # fmt: skip

    def recipe(self, h):
        inner, last = (Norm.AFFINE, Norm.STANDARDISE) if h.head_norm else (Norm.NONE, Norm.NONE)
        out = h.projector[-1]
        projector = [Layer(w, norm=inner, relu=True) for w in h.projector[:-1]] + [Layer(out, norm=last)]
        predictor = [Layer(h.predictor_hidden, norm=inner, relu=True), Layer(out, bias=True)]
        return Recipe(projector, predictor if h.predictor else None)

    def objective(self, e, h):
        p = e.p if h.predictor else e.z
        z = (lambda view: e.z(view).stop_gradient()) if h.stop_gradient else e.z
        similarity = p(0).cosine(z(1)).mean() + p(1).cosine(z(0)).mean()
        return Loss(Term("similarity", 1, -0.5 * similarity))


def main() -> None:
    serve(SimSiam())
