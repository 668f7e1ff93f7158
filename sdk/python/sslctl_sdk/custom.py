"""Custom ops: code of an author's own where the op set cannot express a term.

A custom op runs in the plugin's process, once forward and once backward at each training step, so the plugin stays for the
run and every step pays for two calls. It computes with NumPy, which the op set does not need.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import rules
from .attrs import Attrs, Shape, count
from .expr import ExprError, Tensor

if TYPE_CHECKING:
    import numpy as np

__all__ = ["CustomOp", "call", "custom"]


class CustomOp(ABC):
    """An op that an author brings along, applied by :func:`custom`. It is a function of its inputs alone: the same numbers
    give the same bits, at any time and in any order of calls, or runs are not reproducible. An exception ends the run, with
    the checkpoint of the step before."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Identifies the op in its plugin: a lower-case letter, then letters, digits, ``-`` and ``_``, at most 64."""

    @abstractmethod
    def shapes(self, *inputs: Shape) -> list[Shape]:
        """The shape rule: the shapes of the outputs for those of the inputs. ``ValueError`` where they do not fit."""

    @abstractmethod
    def forward(self, *inputs: np.ndarray) -> Sequence[np.ndarray]:
        """The outputs. The inputs are float32 and read only; the result is rounded to float32."""

    @abstractmethod
    def backward(
        self, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray], gradients: Sequence[np.ndarray]
    ) -> Sequence[np.ndarray]:
        """For each input the gradient of a scalar whose gradients with respect to the outputs are ``gradients``."""


def custom(op: CustomOp, *inputs: Tensor) -> list[Tensor]:
    """The outputs of an op of the author's own. Ops of one name must be the same object in an objective."""
    if not inputs:
        raise ExprError("a custom op without an input")
    if not re.fullmatch(r"[a-z][A-Za-z0-9_-]{0,63}", op.name):
        raise ExprError(f'"{op.name}" is no name of a custom op: a lower-case letter, then letters, digits, - and _, at most 64')
    try:
        shapes = _outputs(op, [t.shape for t in inputs])
    except ValueError as e:
        raise ExprError(f"custom op {op.name}: {e}") from None
    flat = inputs[0]._builder.apply_custom(op, sum(map(count, shapes)), *inputs)
    out, at = [], 0
    for shape in shapes:
        part = flat.slice(0, at, at + count(shape)) if len(shapes) > 1 else flat
        out.append(part.reshape(*shape))
        at += count(shape)
    return out


def call(op: CustomOp, inputs: list[Shape], numbers: np.ndarray, backward: bool) -> np.ndarray:
    """A pass over flat float32: the inputs and, backward, the outputs and their gradients, one after another."""
    outputs = _outputs(op, inputs)
    shapes = inputs + outputs + outputs if backward else inputs
    if numbers.size != sum(map(count, shapes)):
        raise ValueError(f"custom op {op.name}: {numbers.size} numbers for the shapes {shapes}")
    tensors, at = [], 0
    for shape in shapes:
        tensors.append(numbers[at : at + count(shape)].reshape(shape))
        at += count(shape)
    n, m = len(inputs), len(outputs)
    if backward:
        return _flat(op, op.backward(tensors[:n], tensors[n : n + m], tensors[n + m :]), inputs)
    return _flat(op, op.forward(*tensors), outputs)


def _outputs(op: CustomOp, inputs: list[Shape]) -> list[Shape]:
    shapes = [tuple(s) for s in op.shapes(*inputs)]
    if not shapes:
        raise ValueError("it has no output")
    for s in shapes:
        rules.check_shape(s)
    return shapes


def _flat(op: CustomOp, results: Sequence[np.ndarray], shapes: list[Shape]) -> np.ndarray:
    import numpy as np

    got = [np.asarray(r, dtype=np.float32) for r in results]
    if [r.shape for r in got] != shapes:
        raise ValueError(f"custom op {op.name} gives {[r.shape for r in got]}, its shape rule says {shapes}")
    return np.concatenate([r.ravel() for r in got])
