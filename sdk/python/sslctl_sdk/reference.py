"""Plain values of a program, with NumPy in float64: what a test of an objective holds against another implementation.

:func:`evaluate` is all that most tests need. It knows the ops of objectives and of networks, but for the gradients
that the host makes. NumPy comes with ``pip install sslctl-sdk[test]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .attrs import Attrs
from .expr import Program, Step

__all__ = ["evaluate", "gradient"]

Array = np.ndarray


def evaluate(p: Program, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs of a program by name, each a float64 array of the output's shape."""
    values = [_given(port.name, port.shape, inputs) for port in p.inputs]
    for s in p.steps:
        op = _custom(p, s) if s.kind == "custom" else _OPS.get(s.kind)
        if op is None:
            raise NotImplementedError(f"the reference has no {s.kind}; sslctl objective computes it")
        values.append(np.asarray(op(s.attrs, *(values[i] for i in s.operands))))
        if values[-1].shape != s.shape:
            raise AssertionError(f"{s.kind} gives {values[-1].shape}, the program claims {s.shape}")
    return {o.name: values[o.value] for o in p.outputs}


def gradient(p: Program, inputs: Mapping[str, Array], wrt: str, output: str = "loss", step: float = 1e-5) -> Array:
    """The gradient of a scalar output by central differences, f(x+h) - f(x-h) over 2h. It looks through a stopped
    gradient, which the host does not."""
    at = {name: np.asarray(x, dtype=np.float64) for name, x in inputs.items()}
    out = np.zeros_like(at[wrt])
    for i in np.ndindex(out.shape):
        sides = []
        for sign in (1, -1):
            moved = at[wrt].copy()
            moved[i] += sign * step
            sides.append(float(evaluate(p, {**at, wrt: moved})[output]))
        out[i] = (sides[0] - sides[1]) / (2 * step)
    return out


def _given(name: str, shape: tuple[int, ...], inputs: Mapping[str, Array]) -> Array:
    if name not in inputs:
        raise KeyError(f'the program reads "{name}"; there are {", ".join(sorted(inputs))}')
    x = np.asarray(inputs[name], dtype=np.float64)
    if x.shape != shape:
        raise ValueError(f'the program takes "{name}" as {shape}, it is {x.shape}')
    return x


def _custom(p: Program, s: Step) -> Callable[..., Array]:
    op = p.ops[s.attrs.custom]
    return lambda _, *inputs: np.concatenate([np.ravel(x) for x in op.forward(*inputs)])


def _slice(a: Attrs, x: Array) -> Array:
    return x[(slice(None),) * a.axis + (slice(a.start, a.stop),)]


def _embed(a: Attrs, x: Array) -> Array:
    out = np.zeros(a.shape)
    out[(slice(None),) * a.axis + (slice(a.start, a.start + x.shape[a.axis]),)] = x
    return out


def _scatter_add(a: Attrs, x: Array) -> Array:
    out = np.zeros(a.shape)
    np.add.at(out, list(a.index), x)
    return out


def _matmul(a: Attrs, x: Array, y: Array) -> Array:
    return (x.T if a.trans_a else x) @ (y.T if a.trans_b else y)


def _log_softmax(_: Attrs, x: Array) -> Array:
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _windows(x: Array, rows: int, columns: int, stride: int, pad: int, fill: float) -> Array:
    """[n, p, q, c, rows, columns]: what each place of a window sees of images."""
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(1, 2))[:, ::stride, ::stride]


def _conv2d(a: Attrs, x: Array, w: Array) -> Array:
    return np.einsum("npqcrs,rsck->npqk", _windows(x, w.shape[0], w.shape[1], a.stride, a.pad, 0), w)


def _max_pool(a: Attrs, x: Array) -> Array:
    return _windows(x, a.kernel, a.kernel, a.stride, a.pad, -np.inf).max((4, 5))


def _avg_pool(a: Attrs, x: Array) -> Array:
    """Cell i of k spans rows floor(i*h/k) to ceil((i+1)*h/k), and columns likewise."""
    cells = [[(i * size // k, -(-(i + 1) * size // k)) for i in range(k)] for size, k in zip(x.shape[1:3], a.shape)]
    rows = [np.stack([x[:, p:q, r:s].mean((1, 2)) for r, s in cells[1]], 1) for p, q in cells[0]]
    return np.stack(rows, 1)


def _bn_stats(a: Attrs, x: Array) -> Array:
    rows = x.reshape(a.groups, -1, x.shape[-1])
    return np.stack([rows.mean(1), rows.var(1)], 1)


def _bn_apply(a: Attrs, x: Array, stats: Array, gamma: float | Array = 1.0, beta: float | Array = 0.0) -> Array:
    rows = x.reshape(a.groups, -1, x.shape[-1])
    xhat = (rows - stats[:, :1]) / np.sqrt(stats[:, 1:] + a.eps)
    return (gamma * xhat + beta).reshape(x.shape)


_OPS: dict[str, Callable[..., Array]] = {
    "add": lambda _, x, y: x + y,
    "sub": lambda _, x, y: x - y,
    "mul": lambda _, x, y: x * y,
    "div": lambda _, x, y: x / y,
    "affine": lambda a, x: a.alpha * x + a.beta,
    "square": lambda _, x: x * x,
    "sqrt": lambda _, x: np.sqrt(x),
    "exp": lambda _, x: np.exp(x),
    "log": lambda _, x: np.log(x),
    "abs": lambda _, x: np.abs(x),
    "reciprocal": lambda _, x: 1 / x,
    "relu": lambda _, x: np.maximum(x, 0),
    "relu_grad": lambda _, g, y: np.where(y > 0, g, 0),
    "abs_grad": lambda _, g, x: g * np.sign(x),
    "stop_gradient": lambda _, x: x,
    "broadcast": lambda a, x: np.broadcast_to(x, a.shape),
    "reshape": lambda a, x: x.reshape(a.shape),
    "transpose": lambda _, x: x.T,
    "slice": _slice,
    "embed": _embed,
    "concat": lambda a, *parts: np.concatenate(parts, a.axis),
    "gather": lambda a, x: x[list(a.index)],
    "scatter_add": _scatter_add,
    "sum": lambda a, x: x.sum(axis=a.axes, keepdims=a.keep),
    "matmul": _matmul,
    "diagonal": lambda _, x: np.diagonal(x),
    "diag_embed": lambda _, x: np.diag(x),
    "off_diagonal": lambda _, x: x - np.diag(np.diagonal(x)),
    "softmax": lambda a, x: np.exp(_log_softmax(a, x)),
    "log_softmax": _log_softmax,
    "conv2d": _conv2d,
    "bn_stats": _bn_stats,
    "bn_apply": _bn_apply,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
}
