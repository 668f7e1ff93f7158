"""A penalty that uses every op of the set, so that the host infers every shape again."""

from functools import reduce
from operator import add

from sslctl_sdk import Attrs, Description, Regulariser, Tensor, join, serve


class Everything(Regulariser):
    def describe(self):
        return Description(name="everything", version="1.0.0")

    def penalty(self, z, unit, h):
        x, y = z[0][:8, :12], z[1][:8, :12]
        apply = x._builder.apply
        parts = [*elementwise(x, y), *shaping(x, apply), *linear(x, y, apply), *network(x, apply)]
        return reduce(add, [part.sum() for part in parts])


def elementwise(x: Tensor, y: Tensor) -> list[Tensor]:
    positive = abs(x) + 1
    masked = [x._builder.apply(kind, Attrs(), x, y) for kind in ("relu_grad", "abs_grad")]
    return [x + y, x - y, x * y, x / positive, -x, 1 - x, 2 / positive, x**2, positive**0.5, positive**-1, x.exp(),
            positive.log(), x.relu(), x.stop_gradient(), *masked]  # fmt: skip


def shaping(x: Tensor, apply) -> list[Tensor]:
    embedded = apply("embed", Attrs(axis=1, start=3, shape=(8, 20)), x)
    scattered = apply("scatter_add", Attrs(index=(4, 0, 4, 1, 2, 3, 0, 0), shape=(5, 12)), x)
    return [x.T, x.reshape(4, 24), x.sum(0).broadcast_to(3, 12), x[2:5], x[:, -4:], join(1, x, x), join(0, x, x[:1]),
            x.gather([7, 0, 7]), embedded, scattered, x.mean(0, keep=True), x.mean(1), x.var()]  # fmt: skip


def linear(x: Tensor, y: Tensor, apply) -> list[Tensor]:
    square = x @ y.T
    return [square, x.T @ y, x.T @ x.T.T, x @ y.reshape(12, 8), x.T @ y.reshape(12, 8).T, square.diagonal(),
            square.off_diagonal(), apply("diag_embed", Attrs(), square.diagonal()), x.softmax(), x.log_softmax(),
            x.l2_normalise(), x.cosine(y), x.mse(y)]  # fmt: skip


def network(x: Tensor, apply) -> list[Tensor]:
    images, weights = x.reshape(2, 4, 4, 3), x.sum(0).reshape(1, 1, 3, 4).broadcast_to(3, 3, 3, 4)
    conv = Attrs(stride=2, pad=1)
    out = apply("conv2d", conv, images, weights)
    norm = Attrs(groups=2, eps=1e-5)
    stats = apply("bn_stats", norm, x)
    gamma = x.sum(0)
    sums = apply("bn_reduce", norm, x, x, stats)
    window = Attrs(kernel=3, stride=2, pad=1)
    pooled = apply("max_pool", window, images)
    averaged = apply("avg_pool", Attrs(shape=(2, 3)), images)
    return [
        out,
        apply("conv2d_grad_x", Attrs(stride=2, pad=1, shape=images.shape), out, weights),
        apply("conv2d_grad_w", Attrs(stride=2, pad=1, shape=weights.shape), images, out),
        apply("bn_apply", norm, x, stats),
        apply("bn_apply", norm, x, stats, gamma, gamma),
        apply("bn_grad", norm, x, x, stats, sums),
        apply("bn_grad", norm, x, x, stats, sums, gamma),
        pooled,
        apply("max_pool_grad", window, pooled, images),
        averaged,
        apply("avg_pool_grad", Attrs(shape=(4, 4)), averaged),
    ]


def main() -> None:
    serve(Everything())
