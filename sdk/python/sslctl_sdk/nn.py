"""Layers of networks, over a :class:`Scope` that gives them their parameters by PyTorch's names; the mirror of Go's
``sdk/expr/nn``. Images are [n, h, w, c]::

    x = batch_norm(s["bn1"], conv2d(s["conv1"], x, 32, kernel=3, stride=2, pad=1)).relu()
    y = linear(s["fc"], flatten(x.avg_pool(1, 1)), 128)
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field

from .attrs import Attrs, Shape, count
from .expr import Builder, ExprError, Tensor

__all__ = [
    "Init", "Layout", "Param", "Scope", "Store", "batch_norm", "constant", "conv2d", "flatten", "linear", "normal", "uniform",
]  # fmt: skip

_EPS = 1e-5  # added to the variance in batch norm; PyTorch's default


class Layout(enum.Enum):
    """What the axes of a parameter are, which files of weights order as PyTorch does."""

    PLAIN = 1  # any, the same in files
    LINEAR = 2  # [out, in]
    CONVOLUTION = 3  # [rows, columns, in, out]


@dataclass(frozen=True)
class Init:
    """The distribution of a parameter's initial values: 1 the constant ``scale``, 2 uniform on [-scale, scale), 3 normal with
    the standard deviation ``scale``."""

    distribution: int
    scale: float


def constant(value: float) -> Init:
    """One value everywhere."""
    return Init(1, float(value))


def uniform(bound: float) -> Init:
    """Uniform on [-bound, bound)."""
    return Init(2, float(bound))


def normal(std: float) -> Init:
    """Normal with mean 0."""
    return Init(3, float(std))


@dataclass(frozen=True)
class Param:
    """A parameter of a network."""

    name: str
    layout: Layout
    positions: int  # of a linear layer that reads flattened images: height times width; else 1
    init: Init


@dataclass
class Store:
    """The parameters and batch norms of one network, in the order in which layers asked for them."""

    builder: Builder
    params: list[Param] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    norms: dict[str, Tensor] = field(default_factory=dict)  # the statistics, by the batch norm's scope


@dataclass(frozen=True)
class Scope:
    """A place in the tree of names: ``s["layer1"]["conv1"]``, or ``s["layer1.conv1"]``."""

    store: Store
    prefix: str = ""

    def __getitem__(self, name: str) -> Scope:
        return Scope(self.store, self.name(str(name)))

    __iter__ = None  # which would be read off __getitem__

    def name(self, own: str) -> str:
        """The full name of something of this scope."""
        return f"{self.prefix}.{own}" if self.prefix else own

    def param(self, name: str, *shape: int, init: Init, layout: Layout = Layout.PLAIN, positions: int = 1) -> Tensor:
        """The parameter of a name in this scope, made at the first request."""
        full = self.name(name)
        if full not in self.store.tensors:
            self.store.tensors[full] = self.store.builder.input(full, *shape)
            self.store.params.append(Param(full, layout, positions, init))
        tensor = self.store.tensors[full]
        if tensor.shape != shape:
            raise ExprError(f'parameter "{full}" has the shape {tensor.shape}, asked for again as {shape}')
        return tensor


def conv2d(s: Scope, x: Tensor, out: int, kernel: int, stride: int = 1, pad: int = 0) -> Tensor:
    """The convolution of images with ``weight``, without bias; initial weights are Kaiming-normal over the fan-out, as in
    torchvision's ResNet."""
    init = normal(math.sqrt(2 / (kernel * kernel * out)))
    weight = s.param("weight", kernel, kernel, x.dim(3), out, init=init, layout=Layout.CONVOLUTION)
    return x.conv2d(weight, stride, pad)


def linear(s: Scope, x: Tensor, out: int, bias: bool = True) -> Tensor:
    """x @ weight.T + bias of rows [n, in]; initial values are PyTorch's, uniform on [-1/sqrt(in), 1/sqrt(in))."""
    init = uniform(1 / math.sqrt(x.dim(1)))
    weight = s.param("weight", out, x.dim(1), init=init, layout=Layout.LINEAR, positions=_positions(x))
    y = x @ weight.T
    return y + s.param("bias", out, init=init) if bias else y


def flatten(x: Tensor) -> Tensor:
    """Images [n, h, w, c] as rows [n, h*w*c]."""
    return x.reshape(x.dim(0), count(x.shape) // x.dim(0))


def batch_norm(s: Scope, x: Tensor, affine: bool = True, scale: float = 1.0) -> Tensor:
    """Each channel, the last axis, standardised by the batch's statistics, in evaluation by running ones; then with ``affine``
    times ``weight``, which begins at ``scale``, plus ``bias``. A scope has one."""
    if s.prefix in s.store.norms:
        raise ExprError(f'the batch norm "{s.prefix}" is applied twice')
    stats = x._builder.apply("bn_stats", Attrs(groups=1), x)
    s.store.norms[s.prefix] = stats
    operands = [x, stats]
    if affine:
        c = x.dim(-1)
        operands += [s.param("weight", c, init=constant(scale)), s.param("bias", c, init=constant(0))]
    return x._builder.apply("bn_apply", Attrs(groups=1, eps=_EPS), *operands)


def _positions(x: Tensor) -> int:
    """Height times width where x is flattened images, else 1: PyTorch flattens [c, h, w], and files have its order."""
    if x._kind != "reshape":
        return 1
    shape: Shape = x._operands[0].shape
    return shape[1] * shape[2] if len(shape) == 4 and shape[0] == x.shape[0] else 1
