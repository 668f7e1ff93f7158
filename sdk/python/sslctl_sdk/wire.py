"""Conversion to and from the protobuf messages of ``sdk/wire``. It writes every field, in a fixed order, so that equal
programs give equal bytes, whichever language wrote them."""

from __future__ import annotations

from typing import Any

from . import rules
from ._proto import method_pb2, program_pb2
from .attrs import Attrs, Shape
from .backbone import Backbone, Images, Network
from .diagnostic import Diagnostic
from .expr import Program
from .method import Description, Layer, Method, Preset, Recipe, Regulariser, View
from .params import Param
from .tracing import Shapes, Traced

__all__ = [
    "MAX_BYTES", "description", "diagnostic", "encode_network", "encode_penalty", "encode_traced", "images", "kind", "settings", "shapes",
]  # fmt: skip

MAX_BYTES = 64 << 20
"""Bytes of a message that the host accepts."""

_FORMAT = 1
_DOMAIN = "sslctl.core"
_CUSTOM_DOMAIN = "sslctl.custom"  # named by a program with custom ops, so that a host that cannot call them says so
_CUSTOM_SET = 1


def kind(plugin: Method | Regulariser | Backbone) -> int:
    """What a plugin is, as protobuf has it."""
    if isinstance(plugin, Backbone):
        return method_pb2.KIND_BACKBONE
    return method_pb2.KIND_METHOD if isinstance(plugin, Method) else method_pb2.KIND_REGULARISER


def encode_traced(t: Traced) -> bytes:
    """A method's answer."""
    terms = [method_pb2.Term(name=name, weight=weight) for name, weight in t.weights.items()]
    return _encode(method_pb2.Traced(recipe=_recipe(t.recipe), program=_program(t.program), terms=terms))


def encode_penalty(p: Program) -> bytes:
    """A regulariser's answer."""
    return _encode(method_pb2.Traced(program=_program(p)))


def encode_network(n: Network) -> bytes:
    """A backbone's answer."""
    images = method_pb2.ImageShape(size=n.images.size, channels=n.images.channels)
    params = [
        method_pb2.Parameter(
            name=p.name, layout=p.layout.value, positions=p.positions, distribution=p.init.distribution, scale=p.init.scale
        )
        for p in n.params
    ]
    network = method_pb2.Network(images=images, parameters=params, two=_program(n.two), three=_program(n.three))
    return _encode(method_pb2.Traced(network=network))


def _encode(m: method_pb2.Traced) -> bytes:
    data = m.SerializeToString(deterministic=True)
    if len(data) > MAX_BYTES:
        raise ValueError(f"a program of {len(data)} bytes; at most {MAX_BYTES}")
    return data


def _program(p: Program) -> program_pb2.Program:
    sets = [program_pb2.OpSet(domain=_DOMAIN, version=rules.OP_SET)]
    if p.ops:
        sets.append(program_pb2.OpSet(domain=_CUSTOM_DOMAIN, version=_CUSTOM_SET))
    return program_pb2.Program(
        version=program_pb2.ProgramVersion(format=_FORMAT, op_sets=sets),
        inputs=[program_pb2.Port(name=i.name, shape=_shape(i.shape)) for i in p.inputs],
        steps=[
            program_pb2.Step(**{"in": s.operands}, op=s.kind, attrs=_attrs(s.attrs), shape=_shape(s.shape)) for s in p.steps
        ],
        outputs=[program_pb2.Output(name=o.name, value=o.value) for o in p.outputs],
    )


def _attrs(a: Attrs) -> program_pb2.Attrs:
    return program_pb2.Attrs(
        alpha=a.alpha, beta=a.beta, axes=a.axes, keep=a.keep, shape=a.shape, axis=a.axis, start=a.start, stop=a.stop,
        trans_a=a.trans_a, trans_b=a.trans_b, kernel=a.kernel, stride=a.stride, pad=a.pad, groups=a.groups, eps=a.eps,
        index=a.index, custom=a.custom or None,
    )  # fmt: skip


def _shape(s: Shape) -> program_pb2.Shape:
    return program_pb2.Shape(axes=s)


def _recipe(r: Recipe) -> method_pb2.Recipe:
    out = method_pb2.Recipe(projector=_head(r.projector), unshared=r.unshared)
    if r.predictor is not None:
        out.predictor.CopyFrom(_head(r.predictor))
    if r.target is not None:
        out.target.CopyFrom(
            method_pb2.Target(momentum=r.target.momentum, final=r.target.final, schedule=r.target.schedule)
        )
    return out


def _head(layers: list[Layer]) -> method_pb2.Head:
    return method_pb2.Head(
        layers=[method_pb2.Layer(width=l.width, bias=l.bias, norm=l.norm.value, relu=l.relu) for l in layers]
    )


def description(d: Description) -> method_pb2.Description:
    """What a plugin is. ``TypeError`` names a default or setting of a type that the format lacks."""
    return method_pb2.Description(
        name=d.name, title=d.title, version=d.version, formula=d.formula, sources=d.sources,
        params=[_param(p) for p in d.params], presets=[_preset(p) for p in d.presets],
    )  # fmt: skip


def _param(p: Param) -> method_pb2.Param:
    default = _value(p.default, f'hyper-parameter "{p.name}"')
    return method_pb2.Param(name=p.name, doc=p.doc, default=default, min=p.min, max=p.max, choices=p.choices)


def _preset(p: Preset) -> method_pb2.Preset:
    items = [
        method_pb2.Setting(key=key, value=_value(p.settings[key], f'preset "{p.name}": setting "{key}"'))
        for key in sorted(p.settings)
    ]
    return method_pb2.Preset(name=p.name, source=p.source, settings=items, views=[_view(v) for v in p.views])


def _view(v: View) -> method_pb2.View:
    return method_pb2.View(**vars(v))


def _value(v: Any, where: str) -> method_pb2.Value:
    if isinstance(v, bool):
        return method_pb2.Value(flag=v)
    if isinstance(v, int):
        return method_pb2.Value(whole=v)
    if isinstance(v, float):
        return method_pb2.Value(real=v)
    if isinstance(v, str):
        return method_pb2.Value(word=v)
    if isinstance(v, (list, tuple)):
        if all(isinstance(x, int) and not isinstance(x, bool) for x in v):
            return method_pb2.Value(wholes=method_pb2.Wholes(items=v))
        if all(isinstance(x, float) for x in v):
            return method_pb2.Value(reals=method_pb2.Reals(items=v))
        if all(isinstance(x, str) for x in v):
            return method_pb2.Value(words=method_pb2.Words(items=v))
        return method_pb2.Value(values=method_pb2.Values(items=[_value(x, where) for x in v]))
    raise TypeError(f"{where}: a value of type {type(v).__name__} cannot be sent; use float, int, bool, str or a list of them")


def diagnostic(d: Diagnostic) -> method_pb2.Diagnostic:
    """A mistake, as an error."""
    return method_pb2.Diagnostic(
        severity=method_pb2.SEVERITY_ERROR, summary=d.summary, detail=d.detail, param=d.param, source=d.source
    )


def settings(all_: list[method_pb2.Setting]) -> dict[str, Any]:
    """Keys with their values, as the host sent them."""
    return {s.key: _read(s.value) for s in all_}


def _read(m: method_pb2.Value) -> Any:
    which = m.WhichOneof("kind")
    if which is None:
        raise ValueError("a setting without a value")
    value = getattr(m, which)
    if which == "values":
        return [_read(item) for item in value.items]
    if which in ("wholes", "reals", "words"):
        return list(value.items)
    return value


def images(m: method_pb2.ImageShape) -> Images:
    """What a backbone is traced for."""
    return Images(m.size, m.channels)


def shapes(m: method_pb2.TraceShapes) -> Shapes:
    """What an objective is traced for."""
    return Shapes(m.batch, m.views, m.embedding, m.representation)
