"""Write methods, regularisers and backbones for sslctl in Python.

A method is a program: a plugin describes itself and writes its objective once, as a tensor expression over embeddings. sslctl
differentiates, compiles and trains it; the plugin is gone before the first step, and Python is never on the way of a
training step. A whole plugin::

    from sslctl_sdk import Description, Float, Layer, Loss, Method, Norm, Recipe, Term, serve

    class Distance(Method):
        def describe(self):
            return Description(name="distance", version="1.0.0", params=[Float("scale", 1.0, "factor", min=0)])

        def recipe(self, h):
            return Recipe(projector=[Layer(512, norm=Norm.AFFINE, relu=True), Layer(128)])

        def objective(self, e, h):
            return Loss(Term("distance", h.scale, e.z(0).mse(e.z(1))))

    def main():
        serve(Distance())

:func:`serve` is the whole main of a plugin; the executable is named ``sslctl-KIND-NAME``, as ``sslctl-method-distance``.
A :class:`Backbone` writes the network that makes representations, with the layers of :mod:`sslctl_sdk.nn`.
:func:`trace` shows what a method writes, without a host; :mod:`sslctl_sdk.reference` computes it with NumPy, for tests.
"""

from . import nn
from .attrs import Attrs
from .backbone import Backbone, Images, Network, trace_backbone
from .custom import CustomOp, custom
from .expr import Builder, ExprError, Program, Tensor, join
from .method import (
    Description,
    Embeddings,
    Layer,
    Loss,
    Method,
    Norm,
    Preset,
    Recipe,
    Regulariser,
    Target,
    Term,
    View,
)
from .params import Bool, Choice, Float, Int, Ints, Param, ParamError, Values
from .tracing import Shapes, Traced, trace, trace_regulariser

__all__ = [
    "Attrs", "Backbone", "Bool", "Builder", "Choice", "CustomOp", "Description", "Embeddings", "ExprError", "Float", "Images", "Int",
    "Ints", "Layer", "Loss", "Method", "Network", "Norm", "Param", "ParamError", "Preset", "Program", "Recipe", "Regulariser", "Shapes",
    "Target", "Tensor", "Term", "Traced", "Values", "View", "custom", "join", "logger", "nn", "serve", "trace", "trace_backbone",
    "trace_regulariser",
]  # fmt: skip


def __getattr__(name: str):
    """``serve`` and ``logger`` bring gRPC along, which a test of an objective need not load."""
    if name == "serve":
        from .server import serve

        return serve
    if name == "logger":
        from .log import logger

        return logger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
