"""Tracing: asking a method once for its recipe and its objective as a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .expr import Builder, ExprError, Program, Tensor
from .method import Embeddings, Method, Recipe, Regulariser
from .params import complete

__all__ = ["Shapes", "Traced", "trace", "trace_regulariser"]


@dataclass(frozen=True)
class Shapes:
    """What an objective is traced for."""

    batch: int  # images, rows of an embedding
    views: int = 2
    embedding: int = 0  # width of z; 0: the recipe's
    representation: int = 0  # width of y; 0: y is not offered


@dataclass(frozen=True)
class Traced:
    """The network to build and the objective as a program, whose inputs are ``z0``, ``z1``, ... and, where there are some,
    ``p0``, ``t0`` and ``y0``; its outputs are ``loss`` and ``term.NAME``."""

    recipe: Recipe
    program: Program
    weights: dict[str, float]  # of each term, in the order of the objective


def trace(m: Method, shapes: Shapes, **given: Any) -> Traced:
    """A method's answer for given hyper-parameters and shapes; ``print(trace(m, Shapes(8)).program)`` shows the steps."""
    return trace_method(m, given, shapes)


def trace_method(m: Method, given: Mapping[str, Any], shapes: Shapes) -> Traced:
    """:func:`trace` for hyper-parameters of any name."""
    h = complete(m.describe().params, given)
    recipe = m.recipe(h)
    if not recipe.projector:
        raise ExprError("the recipe has no projector", "")
    b = Builder()
    loss = m.objective(_embeddings(b, recipe, shapes), h)
    total = loss.total()
    outputs = {"loss": total} | {f"term.{t.name}": t.value for t in loss.terms}
    return Traced(recipe, b.program(outputs), {t.name: float(t.weight) for t in loss.terms})


def trace_regulariser(r: Regulariser, given: Mapping[str, Any], shapes: Shapes, unit: bool = False) -> Program:
    """A penalty over the embeddings of the views; inputs ``z0``, ``z1``, ..., output ``penalty``."""
    h = complete(r.describe().params, given)
    b = Builder()
    penalty = r.penalty(_family(b, "z", shapes.views, shapes.batch, shapes.embedding), unit, h)
    if not isinstance(penalty, Tensor) or penalty.shape != ():
        raise ExprError(f"the penalty is {penalty!r}; it must be a scalar tensor", "")
    return b.program({"penalty": penalty})


def _embeddings(b: Builder, recipe: Recipe, s: Shapes) -> Embeddings:
    width = s.embedding or recipe.projector[-1].width
    families = {"z": _family(b, "z", s.views, s.batch, width)}
    if recipe.predictor is not None:
        families["p"] = _family(b, "p", s.views, s.batch, width)
    if recipe.target is not None:
        families["t"] = _family(b, "t", s.views, s.batch, width)
    if s.representation:
        families["y"] = _family(b, "y", s.views, s.batch, s.representation)
    return Embeddings(families)


def _family(b: Builder, role: str, views: int, n: int, d: int) -> list[Tensor]:
    return [b.input(f"{role}{view}", n, d) for view in range(views)]
