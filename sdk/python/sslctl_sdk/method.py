"""What the author of a method or regulariser writes: a :class:`Method` says what it is (hyper-parameters, views, heads and
branches) and writes its objective over the embeddings. It never touches a pixel or a device."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from .expr import ExprError, Tensor
from .params import Param, Values

__all__ = [
    "Description", "Embeddings", "Layer", "Loss", "Method", "Norm", "Preset", "Recipe", "Regulariser", "Target", "Term", "View",
]


@dataclass(frozen=True)
class View:
    """The augmentation of one view, in the order in which the field applies it: random resized crop, flip, colour jitter,
    grayscale, blur, solarise. A probability of 0 leaves a step out."""

    crop_min: float = 1.0  # area of the crop as a share of the image
    crop_max: float = 1.0
    ratio_min: float = 3 / 4  # aspect ratio of the crop
    ratio_max: float = 4 / 3
    flip: float = 0.0  # probability of a horizontal flip
    jitter: float = 0.0  # probability of colour jitter
    brightness: float = 0.0  # strength: a factor is drawn from [1-s, 1+s]
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0  # a shift drawn from [-s, s] turns
    gray: float = 0.0  # probability of grayscale
    blur: float = 0.0  # probability of Gaussian blur
    blur_sigma_min: float = 0.1  # pixels
    blur_sigma_max: float = 2.0
    solarize: float = 0.0  # probability of inverting values of 128 and above


@dataclass(frozen=True)
class Preset:
    """A named set of published or tuned settings, as configuration keys (``optimizer.lr``) with their values.
    Hyper-parameters of the method itself stand under their own names."""

    name: str
    source: str  # where the figures come from
    settings: dict[str, Any] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)  # one for each view, in order


@dataclass(frozen=True)
class Description:
    """What ``sslctl method describe`` prints and what configuration is checked against."""

    name: str  # lower-case, as on the command line: "vicreg"
    version: str  # of the implementation, semantic
    title: str = ""
    formula: str = ""  # the objective in Unicode mathematics, a line a term
    sources: list[str] = field(default_factory=list)  # paper and official code
    params: list[Param] = field(default_factory=list)
    presets: list[Preset] = field(default_factory=list)  # the first is the default


class Norm(enum.Enum):
    """Whether batch norm follows a linear layer."""

    NONE = 1
    AFFINE = 2  # batch norm with scale and shift
    STANDARDISE = 3  # batch norm without them


@dataclass(frozen=True)
class Layer:
    """A linear map, then optionally batch norm and ReLU."""

    width: int
    bias: bool = False
    norm: Norm = Norm.NONE
    relu: bool = False


@dataclass(frozen=True)
class Target:
    """A slowly moving copy of backbone and projector: after each optimiser step k of K,
    target <- m*target + (1-m)*online. It runs in training mode and receives no gradient."""

    momentum: float  # m at the start
    final: float = 1.0  # m at the end
    schedule: str = "cosine"  # 1-(1-m)(cos(pi k/K)+1)/2 towards final; or "constant"


@dataclass(frozen=True)
class Recipe:
    """The network that a method trains around the backbone."""

    projector: list[Layer]  # representation y -> embedding z
    predictor: list[Layer] | None = None  # prediction p from z
    target: Target | None = None  # target branch
    unshared: bool = False  # each view has a backbone and a projector of its own


@dataclass(frozen=True)
class Term:
    """One term of a loss. Terminal, report and golden files show the value under this name, unweighted."""

    name: str
    weight: float
    value: Tensor  # a scalar, unweighted


class Loss:
    """A weighted sum of named terms."""

    def __init__(self, *terms: Term):
        self.terms = terms

    def total(self) -> Tensor:
        """The weighted sum, a scalar."""
        if not self.terms:
            raise ExprError("a loss without a term", "")
        total: Tensor | None = None
        seen = set()
        for t in self.terms:
            if not t.name or t.name in seen:
                raise ExprError(f'term name "{t.name}" is empty or stands twice', "")
            seen.add(t.name)
            if not isinstance(t.value, Tensor) or t.value.shape != ():
                what = f"has the shape {t.value.shape}" if isinstance(t.value, Tensor) else f"is {t.value!r}"
                raise ExprError(f'term "{t.name}" {what}; it must be a scalar', "")
            weighted = t.value * float(t.weight)
            total = weighted if total is None else total + weighted
        return total


class Embeddings:
    """An objective's inputs, each [n, d] with one row for each image of the batch."""

    def __init__(self, families: dict[str, list[Tensor]]):
        self._families = families

    @property
    def views(self) -> int:
        """The number of views."""
        return len(self._families["z"])

    def z(self, view: int) -> Tensor:
        """The embedding of a view: the projector's output."""
        return self._pick("z", view)

    def p(self, view: int) -> Tensor:
        """The prediction of a view: the predictor's output."""
        return self._pick("p", view)

    def t(self, view: int) -> Tensor:
        """The target embedding of a view: the target branch's projector output, without gradient."""
        return self._pick("t", view)

    def y(self, view: int) -> Tensor:
        """The representation of a view: the backbone's output."""
        return self._pick("y", view)

    def _pick(self, role: str, view: int) -> Tensor:
        family = self._families.get(role, [])
        if not 0 <= view < len(family):
            raise ExprError(f"there is no {role} of view {view}; the recipe gives {len(family)}")
        return family[view]


class Method(ABC):
    """A joint-embedding method. The host asks for the description, then once per run for recipe and objective, with
    hyper-parameters that are checked against the description."""

    @abstractmethod
    def describe(self) -> Description:
        """What the method is; the same at every call."""

    @abstractmethod
    def recipe(self, h: Values) -> Recipe:
        """Which heads and branches the host builds for these hyper-parameters."""

    @abstractmethod
    def objective(self, e: Embeddings, h: Values) -> Loss:
        """The loss over the embeddings that the recipe's branches produce."""


class Regulariser(ABC):
    """A penalty that can be added to any method (``--add-reg NAME``)."""

    @abstractmethod
    def describe(self) -> Description:
        """What the regulariser is. A parameter ``weight`` gives its default weight; the host adds where it stands."""

    @abstractmethod
    def penalty(self, z: list[Tensor], unit: bool, h: Values) -> Tensor:
        """The unweighted penalty, a scalar, over the embeddings of the views, each [n, d]. ``unit`` says that the rows were
        l2-normalised first, where the standard deviation of a spread embedding is 1/sqrt(d)."""
