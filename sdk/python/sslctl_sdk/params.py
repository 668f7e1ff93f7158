"""Hyper-parameters: what a method offers, and the checked values that it gets."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Bool", "Choice", "Float", "Int", "Ints", "Param", "ParamError", "Values", "complete"]


@dataclass(frozen=True)
class Param:
    """A hyper-parameter; the name is what stands after ``--set``. Made by :func:`Float` and its like."""

    name: str
    default: float | int | bool | str | list[int]  # its type is the parameter's
    doc: str = ""
    min: float | None = None  # bounds of a number, inclusive
    max: float | None = None
    choices: tuple[str, ...] = ()  # of a word


def Float(name: str, default: float, doc: str = "", *, min: float | None = None, max: float | None = None) -> Param:
    """A real hyper-parameter."""
    return Param(name, float(default), doc, min, max)


def Int(name: str, default: int, doc: str = "", *, min: float | None = None, max: float | None = None) -> Param:
    """A whole hyper-parameter."""
    return Param(name, int(default), doc, min, max)


def Bool(name: str, default: bool, doc: str = "") -> Param:
    """A switch."""
    return Param(name, bool(default), doc)


def Choice(name: str, doc: str, *choices: str) -> Param:
    """One of several words; the first is the default."""
    return Param(name, choices[0], doc, choices=choices)


def Ints(name: str, default: list[int], doc: str = "") -> Param:
    """A list of whole numbers, such as the widths of a head: ``2048-2048-2048`` on the command line."""
    return Param(name, list(default), doc)


class ParamError(ValueError):
    """A hyper-parameter that does not fit its description."""

    def __init__(self, param: str, problem: str):
        self.param = param
        super().__init__(f'hyper-parameter "{param}": {problem}')


class Values(Mapping[str, Any]):
    """Hyper-parameters by name, checked and complete: ``h.nu`` or, where Python has other plans for the word,
    ``h["lambda"]``. Reading a name that the description lacks raises an error that lists what there is."""

    def __init__(self, values: dict[str, Any]):
        self.__dict__["_values"] = values

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise KeyError(self._unknown(name)) from None

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(self._unknown(name)) from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("hyper-parameters are read only")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _unknown(self, name: str) -> str:
        return f'the description lists no hyper-parameter "{name}"; there are {", ".join(self._values) or "none"}'


def complete(params: list[Param], given: Mapping[str, Any]) -> Values:
    """Given values checked against the parameters, converted (a whole number to a real one, ``512-512`` to a list), and the
    defaults of the others. :class:`ParamError` names the parameter."""
    known = {p.name: p for p in params}
    out = {p.name: p.default for p in params}
    for name, raw in given.items():
        if name not in known:
            raise ParamError(name, f"unknown; there are {', '.join(known)}")
        try:
            out[name] = _check(known[name], _convert(known[name].default, raw))
        except ValueError as e:
            raise ParamError(name, str(e)) from None
    return Values(out)


def _convert(default: Any, raw: Any) -> Any:
    number = isinstance(raw, (int, float)) and not isinstance(raw, bool)
    if isinstance(default, bool):
        if isinstance(raw, bool):
            return raw
        raise ValueError(f"{raw} is not true or false")
    if isinstance(default, int):
        if number and math.isfinite(raw) and raw == int(raw) and abs(raw) < 1 << 53:
            return int(raw)
        raise ValueError(f"{raw} is not a whole number")
    if isinstance(default, float):
        if number:
            return float(raw)
        raise ValueError(f"{raw} is not a number")
    if isinstance(default, str):
        if isinstance(raw, str):
            return raw
        raise ValueError(f"{raw} is not a word")
    if isinstance(default, list):
        return _ints(raw)
    raise ValueError(f"the description gives a default of type {type(default).__name__}; use float, int, bool, str or a list of int")


def _ints(raw: Any) -> list[int]:
    problem = f"{raw} is not a list of whole numbers such as 512-512-512"
    if isinstance(raw, str):
        if not re.fullmatch(r"(0|[1-9][0-9]*)(-(0|[1-9][0-9]*))*", raw):
            raise ValueError(problem)
        return [int(part) for part in raw.split("-")]
    items = raw if isinstance(raw, (list, tuple)) else [raw]
    try:
        return [_convert(0, item) for item in items]
    except ValueError:
        raise ValueError(problem) from None


def _check(p: Param, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if p.choices and value not in p.choices:
            raise ValueError(f'"{value}" is not one of {", ".join(p.choices)}')
    elif isinstance(value, list):
        if not value:
            raise ValueError("an empty list")
        if min(value) < 1:
            raise ValueError(f"{value} holds a number below 1")
    elif not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    elif p.min is not None and value < p.min:
        raise ValueError(f"{value} is below {p.min:g}")
    elif p.max is not None and value > p.max:
        raise ValueError(f"{value} is above {p.max:g}")
    return value
