"""Tensor expressions: the language in which objectives are written.

A :class:`Tensor` has a shape and no numbers. Operators and methods write steps down; operands of different shapes
broadcast by NumPy's rule::

    b = Builder()
    z, w = b.input("z", 256, 512), b.input("w", 256, 512)
    invariance = ((z - w) ** 2).mean()

All numbers are float32 where the host computes them. A contradiction of shapes raises :class:`ExprError`, which names the
line that wrote it. The same expression gives the same program as Go's ``sdk/expr``, step by step.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from . import rules
from .attrs import Attrs, Shape, count

if TYPE_CHECKING:
    from .custom import CustomOp

__all__ = ["Builder", "ExprError", "Output", "Port", "Program", "Step", "Tensor", "join"]

MAX_STEPS = 10_000
"""Steps of a program that the host accepts."""

_NORM_EPS = 1e-16  # keeps the norm of a zero row away from 0, small enough not to show elsewhere in float32


class ExprError(Exception):
    """A mistake in an expression. ``source`` is the file:line of the author's code that wrote it."""

    def __init__(self, message: str, source: str | None = None):
        self.source = author_line() if source is None else source
        super().__init__(f"{self.source}: {message}" if self.source else message)


_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def _authors(file: str) -> bool:
    return not os.path.abspath(file).startswith(_PACKAGE)


def author_line() -> str:
    """file:line of the innermost call that is not this package's own; empty where there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _authors(frame.f_code.co_filename):
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}" if frame else ""


def raising_line(tb: TracebackType | None) -> str:
    """file:line of the innermost author's line of a traceback; empty where there is none."""
    line = ""
    while tb is not None:
        if _authors(tb.tb_frame.f_code.co_filename):
            line = f"{os.path.basename(tb.tb_frame.f_code.co_filename)}:{tb.tb_lineno}"
        tb = tb.tb_next
    return line


@dataclass(frozen=True)
class Port:
    """A named input of a program."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Step:
    """An op applied to earlier values."""

    kind: str
    attrs: Attrs
    operands: tuple[int, ...]
    shape: Shape


@dataclass(frozen=True)
class Output:
    """A name for a value."""

    name: str
    value: int


@dataclass(frozen=True)
class Program:
    """An expression as data. Values are numbered: the inputs first, then the result of each step."""

    inputs: tuple[Port, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Output, ...]
    ops: Mapping[str, CustomOp] = field(default_factory=dict, compare=False)  # the custom ops among the steps, by name

    def __str__(self) -> str:
        """The readable form, a line a value: ``%4 = matmul(%0, %1) {trans_b} (256, 512)``."""
        lines = [f'%{i} = input "{p.name}" {p.shape}' for i, p in enumerate(self.inputs)]
        for i, s in enumerate(self.steps, len(self.inputs)):
            operands = ", ".join(f"%{at}" for at in s.operands)
            lines.append(f"%{i} = {s.kind}({operands}){s.attrs} {s.shape}")
        lines += [f'output "{o.name}" = %{o.value}' for o in self.outputs]
        return "\n".join(lines) + "\n"


class Tensor:
    """An expression. Made by :meth:`Builder.input` and by operators and methods of other tensors."""

    __slots__ = ("_attrs", "_builder", "_kind", "_name", "_operands", "shape")

    # NumPy must leave arithmetic with a tensor to the tensor, and refuse to make an array of it.
    __array_ufunc__ = None

    def __init__(self, builder: Builder, kind: str, attrs: Attrs, operands: tuple[Tensor, ...], shape: Shape, name: str = ""):
        self._builder, self._kind, self._attrs, self._operands = builder, kind, attrs, operands
        self._name = name
        self.shape = shape

    def __repr__(self) -> str:
        return f"Tensor({self._name or self._kind}, {self.shape})"

    def __bool__(self) -> bool:
        raise ExprError("a tensor has no value while an objective is written; take the choice by a hyper-parameter")

    __iter__ = None  # a loop over rows would write a program of thousands of steps
    __float__ = __array__ = __int__ = __bool__

    def dim(self, axis: int) -> int:
        """The length of an axis; a negative one counts from the last."""
        return self.shape[self._axis(axis)]

    def _axis(self, axis: int) -> int:
        at = axis + len(self.shape) if axis < 0 else axis
        if not 0 <= at < len(self.shape):
            raise ExprError(f"{self.shape} has no axis {axis}")
        return at

    def _apply(self, kind: str, attrs: Attrs = Attrs()) -> Tensor:
        return self._builder.apply(kind, attrs, self)

    # Arithmetic. A number is a constant of the step; it needs no tensor.

    def __add__(self, other: Tensor | float) -> Tensor:
        return self._pair("add", other) if isinstance(other, Tensor) else self.affine(1, other)

    def __radd__(self, other: float) -> Tensor:
        return self if other == 0 else self.affine(1, other)  # sum() begins with 0

    def __sub__(self, other: Tensor | float) -> Tensor:
        return self._pair("sub", other) if isinstance(other, Tensor) else self.affine(1, -_number(other))

    def __rsub__(self, other: float) -> Tensor:
        return self.affine(-1, other)

    def __mul__(self, other: Tensor | float) -> Tensor:
        return self._pair("mul", other) if isinstance(other, Tensor) else self.affine(other)

    __rmul__ = __mul__

    def __truediv__(self, other: Tensor | float) -> Tensor:
        if isinstance(other, Tensor):
            return self._pair("div", other)
        if _number(other) == 0:
            raise ExprError("division by 0")
        return self.affine(1 / other)

    def __rtruediv__(self, other: float) -> Tensor:
        inverse = self.reciprocal()
        return inverse if _number(other) == 1 else inverse.affine(other)

    def __neg__(self) -> Tensor:
        return self.affine(-1)

    def __abs__(self) -> Tensor:
        return self.abs()

    def __pow__(self, power: float) -> Tensor:
        if power == 2:
            return self.square()
        if power == 0.5:
            return self.sqrt()
        if power == -1:
            return self.reciprocal()
        raise ExprError(f"power {power!r}; the op set has 2, 0.5 and -1, others are (p * x.log()).exp() for positive x")

    def __matmul__(self, other: Tensor) -> Tensor:
        """The matrix product. ``x.T @ y`` and ``x @ y.T`` transpose nothing: the product reads the operand as it lies."""
        if not isinstance(other, Tensor):
            raise ExprError(f"matrix product with {other!r}, which is no tensor")
        a, trans_a = self._untransposed()
        b, trans_b = other._untransposed()
        return self._builder.apply("matmul", Attrs(trans_a=trans_a, trans_b=trans_b), a, b)

    def _untransposed(self) -> tuple[Tensor, bool]:
        return (self._operands[0], True) if self._kind == "transpose" else (self, False)

    def _pair(self, kind: str, other: Tensor) -> Tensor:
        shape = _common(self.shape, other.shape)
        return self._builder.apply(kind, Attrs(), self.broadcast_to(*shape), other.broadcast_to(*shape))

    def affine(self, alpha: float, beta: float = 0.0) -> Tensor:
        """alpha*x + beta."""
        return self._apply("affine", Attrs(alpha=_number(alpha), beta=_number(beta)))

    def square(self) -> Tensor:
        """x*x."""
        return self._apply("square")

    def sqrt(self) -> Tensor:
        """The square root; its gradient at 0 is infinite, so add an epsilon inside."""
        return self._apply("sqrt")

    def exp(self) -> Tensor:
        """e^x."""
        return self._apply("exp")

    def log(self) -> Tensor:
        """The natural logarithm."""
        return self._apply("log")

    def abs(self) -> Tensor:
        """|x|, with gradient 0 at 0."""
        return self._apply("abs")

    def reciprocal(self) -> Tensor:
        """1/x."""
        return self._apply("reciprocal")

    def relu(self) -> Tensor:
        """max(x, 0), with gradient 0 at 0."""
        return self._apply("relu")

    # Shape.

    @property
    def T(self) -> Tensor:
        """The transpose of a matrix."""
        return self._apply("transpose")

    def broadcast_to(self, *shape: int) -> Tensor:
        """The tensor repeated to a shape by NumPy's rule; itself where it has that shape."""
        return self if self.shape == shape else self._apply("broadcast", Attrs(shape=shape))

    def reshape(self, *shape: int) -> Tensor:
        """Another shape of the same size, in row-major order; no axis makes a tensor of one element a scalar."""
        return self if self.shape == shape else self._apply("reshape", Attrs(shape=shape))

    def slice(self, axis: int, start: int, stop: int) -> Tensor:
        """[start, stop) of an axis."""
        return self._apply("slice", Attrs(axis=self._axis(axis), start=start, stop=stop))

    def __getitem__(self, key: slice | tuple[slice, ...]) -> Tensor:
        """``z[:8]`` and ``z[:, 2:5]``: ranges of axes, without a step."""
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) > len(self.shape):
            raise ExprError(f"{len(keys)} ranges for {self.shape}")
        out = self
        for axis, part in enumerate(keys):
            if not isinstance(part, slice) or part.step not in (None, 1):
                raise ExprError(f"{part!r} is not a range such as 2:5; rows by number are gather's")
            start, stop, _ = part.indices(self.shape[axis])
            if (start, stop) != (0, self.shape[axis]):
                out = out.slice(axis, start, stop)
        return out

    def gather(self, index: Iterable[int]) -> Tensor:
        """Rows of a matrix by number; a number may repeat."""
        return self._apply("gather", Attrs(index=tuple(int(i) for i in index)))

    def stop_gradient(self) -> Tensor:
        """The tensor, through which no gradient flows."""
        return self._apply("stop_gradient")

    # Reductions and linear algebra.

    def sum(self, *axes: int, keep: bool = False) -> Tensor:
        """The sum over axes, without axes over all; ``keep`` leaves them with length 1."""
        return self._apply("sum", Attrs(axes=self._axes(axes), keep=keep))

    def mean(self, *axes: int, keep: bool = False) -> Tensor:
        """The mean over axes, without axes over all; ``keep`` leaves them with length 1."""
        n = count(tuple(self.shape[axis] for axis in self._axes(axes)))
        return self.sum(*axes, keep=keep).affine(1 / n)

    def _axes(self, axes: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(self._axis(a) for a in axes) if axes else tuple(range(len(self.shape)))

    def var(self, correction: int = 1) -> Tensor:
        """The variance over the first axis: the sum of squared deviations over n - correction."""
        n = self.dim(0)
        if n <= correction:
            raise ExprError(f"variance of {n} rows with correction {correction}")
        return (self - self.mean(0, keep=True)).square().sum(0).affine(1 / (n - correction))

    def diagonal(self) -> Tensor:
        """The diagonal of a square matrix, a vector."""
        return self._apply("diagonal")

    def off_diagonal(self) -> Tensor:
        """A square matrix with its diagonal set to 0."""
        return self._apply("off_diagonal")

    def softmax(self) -> Tensor:
        """Exponentials normalised along the last axis."""
        return self._apply("softmax")

    def log_softmax(self) -> Tensor:
        """The logarithm of softmax, computed without overflow."""
        return self._apply("log_softmax")

    def l2_normalise(self) -> Tensor:
        """Each row of a matrix divided by its Euclidean norm; a zero row stays zero."""
        return self / self.square().sum(1, keep=True).affine(1, _NORM_EPS).sqrt()

    def cosine(self, other: Tensor) -> Tensor:
        """The cosine similarity of corresponding rows of two matrices, a vector."""
        return (self.l2_normalise() * other.l2_normalise()).sum(1)

    def mse(self, other: Tensor) -> Tensor:
        """The mean of squared differences over all elements, a scalar."""
        return (self - other).square().mean()

    # Images [n, h, w, c].

    def conv2d(self, weight: Tensor, stride: int = 1, pad: int = 0) -> Tensor:
        """The convolution of images with weights [rows, columns, in, out], as PyTorch has it."""
        return self._builder.apply("conv2d", Attrs(stride=stride, pad=pad), self, weight)

    def max_pool(self, kernel: int, stride: int, pad: int = 0) -> Tensor:
        """The largest value of each window."""
        return self._apply("max_pool", Attrs(kernel=kernel, stride=stride, pad=pad))

    def avg_pool(self, h: int, w: int) -> Tensor:
        """Adaptive average pooling to h x w cells, as PyTorch has it."""
        return self._apply("avg_pool", Attrs(shape=(h, w)))


class Builder:
    """Makes the inputs of an expression and writes its program. :func:`sslctl_sdk.trace` makes one for a method."""

    def __init__(self) -> None:
        self._inputs: list[Tensor] = []
        self._customs: dict[str, CustomOp] = {}

    def input(self, name: str, *shape: int) -> Tensor:
        """A named input; the name must be new. No axis gives a scalar."""
        if not name or any(t._name == name for t in self._inputs):
            raise ExprError(f'input name "{name}" is empty or stands twice')
        try:
            rules.check_shape(shape)
        except ValueError as e:
            raise ExprError(f'input "{name}": {e}') from None
        self._inputs.append(Tensor(self, "input", Attrs(), (), shape, name))
        return self._inputs[-1]

    def apply(self, kind: str, attrs: Attrs, *operands: Tensor) -> Tensor:
        """An op of the set. Operators and methods of :class:`Tensor` are the usual way."""
        for i, t in enumerate(operands):
            if not isinstance(t, Tensor) or t._builder is not self:
                raise ExprError(f"{kind}: operand {i} belongs to no or to another expression")
        try:
            shape = rules.infer(kind, attrs, [t.shape for t in operands])
        except ValueError as e:
            raise ExprError(str(e)) from None
        return Tensor(self, kind, attrs, operands, shape)

    def apply_custom(self, op: CustomOp, size: int, *operands: Tensor) -> Tensor:
        """An op of the author's own, whose outputs have ``size`` elements; :func:`sslctl_sdk.custom` is the usual way."""
        if self._customs.setdefault(op.name, op) is not op:
            raise ExprError(f"two custom ops are named {op.name}; apply one object")
        return self.apply("custom", Attrs(custom=op.name, shape=(size,)), *operands)

    def program(self, outputs: dict[str, Tensor]) -> Program:
        """What computes the outputs, and nothing else. Operands come before what reads them, in the order of reading."""
        number = {id(t): i for i, t in enumerate(self._inputs)}
        steps: list[Step] = []
        for name, output in outputs.items():
            if not isinstance(output, Tensor) or output._builder is not self:
                raise ExprError(f'output "{name}" belongs to no or to another expression')
            waiting = [(output, False)]
            while waiting:
                t, ready = waiting.pop()
                if id(t) in number:
                    continue
                if not ready:
                    waiting.append((t, True))
                    waiting += [(u, False) for u in reversed(t._operands)]
                    continue
                number[id(t)] = len(self._inputs) + len(steps)
                steps.append(Step(t._kind, t._attrs, tuple(number[id(u)] for u in t._operands), t.shape))
        if len(steps) > MAX_STEPS:
            raise ExprError(f"a program of {len(steps)} steps; at most {MAX_STEPS}", "")
        ports = tuple(Port(t._name, t.shape) for t in self._inputs)
        named = tuple(Output(name, number[id(t)]) for name, t in outputs.items())
        ops = {s.attrs.custom: self._customs[s.attrs.custom] for s in steps if s.kind == "custom"}
        return Program(ports, tuple(steps), named, ops)


def join(axis: int, *parts: Tensor) -> Tensor:
    """Tensors joined along an axis."""
    if not parts:
        raise ExprError("join of nothing")
    return parts[0]._builder.apply("concat", Attrs(axis=parts[0]._axis(axis)), *parts)


def _number(value: float) -> float:
    """A constant; anything but a finite number is a mistake."""
    if not isinstance(value, Real):
        raise ExprError(f"{value!r} is neither a tensor nor a number")
    x = float(value)
    if not math.isfinite(x):
        raise ExprError(f"the constant {x} is not finite")
    return x


def _common(a: Shape, b: Shape) -> Shape:
    """The shape to which both broadcast; where there is none the broadcast says so."""
    if len(a) < len(b):
        a, b = b, a
    lead = len(a) - len(b)
    return a[:lead] + tuple(max(p, q) for p, q in zip(a[lead:], b))
