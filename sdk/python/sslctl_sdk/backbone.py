"""What the author of a backbone writes: a :class:`Backbone` says what it is and writes the network that makes representations of
images, once, with the layers of :mod:`sslctl_sdk.nn`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .attrs import Shape
from .expr import Builder, ExprError, Port, Program, Step, Tensor
from .method import Description
from .nn import Param, Scope, Store
from .params import Values, complete

__all__ = ["Backbone", "Images", "Network", "trace_backbone"]

_PROOF = 7  # images for which a backbone is written once more, to see that it is one network for any number


class Backbone(ABC):
    """Makes representations of images. The host asks for the description, then a few times before a run for the network, with
    hyper-parameters that are checked against the description."""

    @abstractmethod
    def describe(self) -> Description:
        """What the backbone is; the same at every call. It has no presets."""

    @abstractmethod
    def forward(self, s: Scope, images: Tensor, h: Values) -> Tensor:
        """Representations [n, d] of images [n, h, w, c], with parameters of the scope. The same layers must be written for any
        n, and an image's representation must not depend on the others but through ``nn.batch_norm``."""


@dataclass(frozen=True)
class Images:
    """Which images a network is for."""

    size: int  # edge in pixels
    channels: int = 3  # 1 for gray


@dataclass(frozen=True)
class Network:
    """A backbone written down for two images and for three. Where a number of a step differs between the two it grows by the
    difference with each image, so the network of any number of images is known. Inputs of a program are "images" and the
    parameters; outputs the representations "y" and, for each batch norm, "stats.NAME"."""

    images: Images
    params: tuple[Param, ...]
    two: Program
    three: Program

    @property
    def features(self) -> int:
        """The width of a representation."""
        return self.two.steps[self.two.outputs[0].value - len(self.two.inputs)].shape[1]

    def of(self, images: int) -> Program:
        """The program for a number of images. ``ExprError`` says where the two that are known differ in more than shapes."""
        a, b = self.two, self.three
        if len(a.steps) != len(b.steps) or a.outputs != b.outputs:
            raise ExprError("it has other steps for 3 images than for 2: write the same layers for any number", "")
        inputs = tuple(Port(p.name, _grow(p.shape, q.shape, images)) for p, q in zip(a.inputs, b.inputs))
        return Program(inputs, tuple(_step(i, s, t, images) for i, (s, t) in enumerate(zip(a.steps, b.steps))), a.outputs)


def trace_backbone(b: Backbone, images: Images, **given: Any) -> Network:
    """A backbone's network over images; ``print(trace_backbone(b, Images(32)).two)`` shows the steps for two of them."""
    return trace_network(b, given, images)


def trace_network(b: Backbone, given: Mapping[str, Any], images: Images) -> Network:
    """:func:`trace_backbone` for hyper-parameters of any name."""
    h = complete(b.describe().params, given)
    two, params = _write(b, h, images, 2)
    programs = [two]
    for n in (3, _PROOF):
        program, again = _write(b, h, images, n)
        if again != params:
            raise ExprError(f"it has other parameters for {n} images than for 2", "")
        programs.append(program)
    network = Network(images, params, two, programs[1])
    if network.of(_PROOF) != programs[2]:
        raise ExprError(f"it is another network for {_PROOF} images than for 2 and 3: write the same layers for any number", "")
    return network


def _write(b: Backbone, h: Values, images: Images, n: int) -> tuple[Program, tuple[Param, ...]]:
    builder = Builder()
    pixels = builder.input("images", n, images.size, images.size, images.channels)
    store = Store(builder)
    y = b.forward(Scope(store), pixels, h)
    if not isinstance(y, Tensor) or len(y.shape) != 2 or y.shape[0] != n or y is pixels:
        raise ExprError(f"the representations are {y!r}; they must be a tensor of {n} rows, one for each image", "")
    outputs = {"y": y} | {f"stats.{name}": stats for name, stats in store.norms.items()}
    return builder.program(outputs), tuple(store.params)


def _step(i: int, a: Step, b: Step, n: int) -> Step:
    p, q = a.attrs, b.attrs
    same = replace(q, shape=p.shape, start=p.start, stop=p.stop)  # but for what may grow
    if (a.kind, a.operands, p, len(p.shape)) != (b.kind, b.operands, same, len(q.shape)):
        raise ExprError(f"step {i}: it is {a.kind}{p} for 2 images and {b.kind}{q} for 3: only shapes may depend on their number", "")
    grown = replace(p, shape=_grow(p.shape, q.shape, n), start=_at(p.start, q.start, n), stop=_at(p.stop, q.stop, n))
    return Step(a.kind, grown, a.operands, _grow(a.shape, b.shape, n))


def _grow(a: Shape, b: Shape, n: int) -> Shape:
    return tuple(_at(p, q, n) for p, q in zip(a, b))


def _at(a: int, b: int, n: int) -> int:
    """A number for n images, of which a is for two and b for three."""
    return a + (b - a) * (n - 2)
