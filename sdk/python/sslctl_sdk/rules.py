"""The op set, version 1, with the shape rule of each op: the mirror of ``sdk/expr``.

The host infers every shape again and refuses a difference; the rules stand here as well so that an error points to the
author's line. A rule takes the constants and the operands' shapes, and returns the result's or raises ``ValueError``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .attrs import Attrs, Shape, count

__all__ = ["CUSTOM", "OPS", "OP_SET", "Op", "check_shape", "infer"]

OP_SET = 1
"""The version of the op set that this package speaks."""

_MAX_ELEMENTS = 1 << 32
_MAX_RANK = 8

Rule = Callable[[Attrs, list[Shape]], Shape]


@dataclass(frozen=True)
class Op:
    """What the set knows of an op."""

    rule: Rule
    arity: int | None  # None: any number
    optional: int = 0  # operands that may follow, all or none


def infer(kind: str, attrs: Attrs, shapes: list[Shape]) -> Shape:
    """The shape of an op's result; ``ValueError`` says what contradicts what."""
    op = CUSTOM if kind == "custom" else OPS.get(kind)
    if op is None:
        raise ValueError(f'unknown op "{kind}"')
    if op.arity is not None and len(shapes) not in (op.arity, op.arity + op.optional):
        raise ValueError(f"{kind} takes {op.arity} operands, got {len(shapes)}")
    try:
        return op.rule(attrs, shapes)
    except ValueError as e:
        raise ValueError(f"{kind}: {e}") from None


def check_shape(shape: Shape) -> None:
    """Refuse what no tensor can be."""
    if len(shape) > _MAX_RANK:
        raise ValueError(f"shape of {len(shape)} axes; at most {_MAX_RANK}")
    if any(d < 1 for d in shape) or count(shape) > _MAX_ELEMENTS:
        raise ValueError(f"{shape} is not a shape of at least 1 an axis and at most 2^32 elements")


def _same(_: Attrs, shapes: list[Shape]) -> Shape:
    return shapes[0]


def _equal(_: Attrs, shapes: list[Shape]) -> Shape:
    if shapes[0] != shapes[1]:
        raise ValueError(f"shapes {shapes[0]} and {shapes[1]} differ")
    return shapes[0]


def _broadcast(a: Attrs, shapes: list[Shape]) -> Shape:
    source, to = shapes[0], a.shape
    check_shape(to)
    tail = to[len(to) - len(source) :]
    if len(source) > len(to) or any(d not in (1, t) for d, t in zip(source, tail)):
        raise ValueError(f"cannot broadcast {source} to {to}")
    return to


def _reshape(a: Attrs, shapes: list[Shape]) -> Shape:
    check_shape(a.shape)
    if count(a.shape) != count(shapes[0]):
        raise ValueError(f"{shapes[0]} has {count(shapes[0])} elements, {a.shape} has {count(a.shape)}")
    return a.shape


def _transpose(_: Attrs, shapes: list[Shape]) -> Shape:
    if len(shapes[0]) != 2:
        raise ValueError(f"takes a matrix, got {shapes[0]}")
    return shapes[0][::-1]


def _slice(a: Attrs, shapes: list[Shape]) -> Shape:
    x = shapes[0]
    _has_axis(x, a.axis)
    if not 0 <= a.start < a.stop <= x[a.axis]:
        raise ValueError(f"[{a.start}, {a.stop}) is not within axis {a.axis} of {x}")
    return x[: a.axis] + (a.stop - a.start,) + x[a.axis + 1 :]


def _embed(a: Attrs, shapes: list[Shape]) -> Shape:
    part, whole = shapes[0], a.shape
    check_shape(whole)
    fits = len(whole) == len(part) and 0 <= a.axis < len(whole) and 0 <= a.start <= whole[a.axis] - part[a.axis]
    if not fits or any(i != a.axis and w != p for i, (w, p) in enumerate(zip(whole, part))):
        raise ValueError(f"cannot embed {part} at {a.start} of axis {a.axis} of {whole}")
    return whole


def _concat(a: Attrs, shapes: list[Shape]) -> Shape:
    if not shapes:
        raise ValueError("needs an operand")
    first = shapes[0]
    _has_axis(first, a.axis)
    for s in shapes[1:]:
        if len(s) != len(first) or any(i != a.axis and p != q for i, (p, q) in enumerate(zip(first, s))):
            raise ValueError(f"shapes {first} and {s} differ outside axis {a.axis}")
    return first[: a.axis] + (sum(s[a.axis] for s in shapes),) + first[a.axis + 1 :]


def _gather(a: Attrs, shapes: list[Shape]) -> Shape:
    _has_rows(a.index, shapes[0])
    return (len(a.index), shapes[0][1])


def _scatter_add(a: Attrs, shapes: list[Shape]) -> Shape:
    x = shapes[0]
    if len(x) != 2 or len(a.shape) != 2 or x != (len(a.index), a.shape[1]):
        raise ValueError(f"cannot scatter {x} by {len(a.index)} indices into {a.shape}")
    _has_rows(a.index, a.shape)
    return a.shape


def _sum(a: Attrs, shapes: list[Shape]) -> Shape:
    x = shapes[0]
    if len(set(a.axes)) != len(a.axes) or any(not 0 <= axis < len(x) for axis in a.axes):
        raise ValueError(f"axes {list(a.axes)} are not distinct axes of {x}")
    if a.keep:
        return tuple(1 if i in a.axes else d for i, d in enumerate(x))
    return tuple(d for i, d in enumerate(x) if i not in a.axes)


def _matmul(a: Attrs, shapes: list[Shape]) -> Shape:
    x, y = shapes
    if len(x) != 2 or len(y) != 2:
        raise ValueError(f"takes two matrices, got {x} and {y}")
    m, k = x[::-1] if a.trans_a else x
    k2, n = y[::-1] if a.trans_b else y
    if k != k2:
        flags = [str(v).lower() for v in (a.trans_a, a.trans_b)]
        raise ValueError(f"inner axes differ: {x} (transposed: {flags[0]}) and {y} (transposed: {flags[1]})")
    return (m, n)


def _square(_: Attrs, shapes: list[Shape]) -> Shape:
    x = shapes[0]
    if len(x) != 2 or x[0] != x[1]:
        raise ValueError(f"takes a square matrix, got {x}")
    return x


def _diagonal(a: Attrs, shapes: list[Shape]) -> Shape:
    return _square(a, shapes)[:1]


def _diag_embed(_: Attrs, shapes: list[Shape]) -> Shape:
    if len(shapes[0]) != 1:
        raise ValueError(f"takes a vector, got {shapes[0]}")
    return shapes[0] * 2


def _last_axis(_: Attrs, shapes: list[Shape]) -> Shape:
    if not shapes[0]:
        raise ValueError("takes at least one axis, got a scalar")
    return shapes[0]


def _conv2d(a: Attrs, shapes: list[Shape]) -> Shape:
    x, w = shapes
    if len(x) != 4 or len(w) != 4:
        raise ValueError(f"takes images [n, h, w, c] and weights [r, s, c, k], got {x} and {w}")
    if x[3] != w[2]:
        raise ValueError(f"images have {x[3]} channels, weights take {w[2]}")
    return (x[0], _extent(x[1], w[0], a), _extent(x[2], w[1], a), w[3])


def _conv2d_grad_x(a: Attrs, shapes: list[Shape]) -> Shape:
    return _adjoint(a, a.shape, shapes[1], shapes[0])


def _conv2d_grad_w(a: Attrs, shapes: list[Shape]) -> Shape:
    return _adjoint(a, shapes[0], a.shape, shapes[1])


def _adjoint(a: Attrs, x: Shape, w: Shape, y: Shape) -> Shape:
    check_shape(a.shape)
    want = _conv2d(a, [x, w])
    if want != y:
        raise ValueError(f"output gradient is {y}, the convolution of {x} and {w} gives {want}")
    return a.shape


def _bn_stats(a: Attrs, shapes: list[Shape]) -> Shape:
    _grouped(a, shapes[0])
    return (a.groups, 2, shapes[0][-1])


def _bn_apply(a: Attrs, shapes: list[Shape]) -> Shape:
    _normalised(a, shapes[0], shapes[1], shapes[2:])
    return shapes[0]


def _bn_reduce(a: Attrs, shapes: list[Shape]) -> Shape:
    g, x, stats = shapes
    if g != x:
        raise ValueError(f"gradient {g} and input {x} differ")
    _normalised(a, x, stats, [])
    return stats


def _bn_grad(a: Attrs, shapes: list[Shape]) -> Shape:
    g, x, stats, sums = shapes[:4]
    if g != x or stats != sums:
        raise ValueError(f"gradient {g} and input {x}, or statistics {stats} and sums {sums}, differ")
    _normalised(a, x, stats, shapes[4:])
    return g


def _max_pool(a: Attrs, shapes: list[Shape]) -> Shape:
    x = shapes[0]
    if len(x) != 4:
        raise ValueError(f"takes images [n, h, w, c], got {x}")
    return (x[0], _extent(x[1], a.kernel, a), _extent(x[2], a.kernel, a), x[3])


def _max_pool_grad(a: Attrs, shapes: list[Shape]) -> Shape:
    g, x = shapes
    want = _max_pool(a, [x])
    if want != g:
        raise ValueError(f"gradient is {g}, the pooling of {x} gives {want}")
    return x


def _avg_pool(a: Attrs, shapes: list[Shape]) -> Shape:
    x = shapes[0]
    if len(x) != 4 or len(a.shape) != 2 or any(not 1 <= d <= n for d, n in zip(a.shape, x[1:3])):
        raise ValueError(f"cannot average {x} to {a.shape}")
    return (x[0], *a.shape, x[3])


def _avg_pool_grad(a: Attrs, shapes: list[Shape]) -> Shape:
    y = shapes[0]
    if len(y) != 4 or len(a.shape) != 2 or any(d < n for d, n in zip(a.shape, y[1:3])):
        raise ValueError(f"cannot spread {y} over {a.shape}")
    out = (y[0], *a.shape, y[3])
    check_shape(out)
    return out


def _extent(n: int, window: int, a: Attrs) -> int:
    """The number of positions of a window along an axis."""
    if window < 1 or a.stride < 1 or not 0 <= a.pad < window:
        raise ValueError(
            f"window {window}, stride {a.stride}, padding {a.pad}: "
            "need window and stride of at least 1 and padding below the window"
        )
    if n + 2 * a.pad < window:
        raise ValueError(f"a window of {window} is larger than {n} with padding {a.pad}")
    return (n + 2 * a.pad - window) // a.stride + 1


def _grouped(a: Attrs, x: Shape) -> None:
    if len(x) < 2 or a.groups < 1 or x[0] % a.groups:
        raise ValueError(f"cannot split the batch of {x} into {a.groups} groups")


def _normalised(a: Attrs, x: Shape, stats: Shape, scale: list[Shape]) -> None:
    _grouped(a, x)
    if not a.eps > 0:
        raise ValueError(f"eps must be positive, got {a.eps:g}")
    if stats != (a.groups, 2, x[-1]):
        raise ValueError(f"statistics are {stats}, want {(a.groups, 2, x[-1])}")
    for s in scale:
        if s != x[-1:]:
            raise ValueError(f"scale and shift must be {x[-1:]}, got {s}")


def _has_axis(x: Shape, axis: int) -> None:
    if not 0 <= axis < len(x):
        raise ValueError(f"{x} has no axis {axis}")


def _has_rows(index: tuple[int, ...], x: Shape) -> None:
    if len(x) != 2 or not index:
        raise ValueError(f"takes a matrix and at least one index, got {x} and {len(index)}")
    for i in index:
        if not 0 <= i < x[0]:
            raise ValueError(f"row {i} is not within {x}")


def _custom(a: Attrs, shapes: list[Shape]) -> Shape:
    if not shapes or len(a.shape) != 1:
        raise ValueError(f"{len(shapes)} inputs and the result {a.shape}; at least one input and a vector")
    check_shape(a.shape)
    return a.shape


CUSTOM = Op(_custom, None)
"""An op of the author's own, which is not part of the set: inputs... -> its outputs, flat, one after another."""

OPS: dict[str, Op] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "relu_grad", "abs_grad"), Op(_equal, 2)),
    **dict.fromkeys(("affine", "square", "sqrt", "exp", "log", "abs", "reciprocal", "relu", "stop_gradient"), Op(_same, 1)),
    "broadcast": Op(_broadcast, 1),
    "reshape": Op(_reshape, 1),
    "transpose": Op(_transpose, 1),
    "slice": Op(_slice, 1),
    "embed": Op(_embed, 1),
    "concat": Op(_concat, None),
    "gather": Op(_gather, 1),
    "scatter_add": Op(_scatter_add, 1),
    "sum": Op(_sum, 1),
    "matmul": Op(_matmul, 2),
    "diagonal": Op(_diagonal, 1),
    "diag_embed": Op(_diag_embed, 1),
    "off_diagonal": Op(_square, 1),
    "softmax": Op(_last_axis, 1),
    "log_softmax": Op(_last_axis, 1),
    "conv2d": Op(_conv2d, 2),
    "conv2d_grad_x": Op(_conv2d_grad_x, 2),
    "conv2d_grad_w": Op(_conv2d_grad_w, 2),
    "bn_stats": Op(_bn_stats, 1),
    "bn_apply": Op(_bn_apply, 2, 2),
    "bn_reduce": Op(_bn_reduce, 3),
    "bn_grad": Op(_bn_grad, 4, 1),
    "max_pool": Op(_max_pool, 1),
    "max_pool_grad": Op(_max_pool_grad, 2),
    "avg_pool": Op(_avg_pool, 1),
    "avg_pool_grad": Op(_avg_pool_grad, 1),
}
