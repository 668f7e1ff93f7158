"""The constants of an op, the mirror of ``sdk/expr``'s ``Attrs``."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Attrs", "Shape", "count"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Attrs:
    """Which of the constants count is said by the op; the defaults are right for most."""

    alpha: float = 0.0  # affine: alpha*x + beta
    beta: float = 0.0
    axes: tuple[int, ...] = ()  # sum: axes summed over
    keep: bool = False  # sum: keep the axes with length 1
    shape: Shape = ()  # reshape, broadcast, pools: the resulting shape or extent
    axis: int = 0  # slice, concat
    start: int = 0  # slice: half-open range
    stop: int = 0
    trans_a: bool = False  # matmul
    trans_b: bool = False
    kernel: int = 0  # max pooling: side of the window
    stride: int = 0  # convolution and max pooling
    pad: int = 0
    groups: int = 0  # batch norm: groups of the batch axis with statistics of their own
    eps: float = 0.0  # batch norm
    index: tuple[int, ...] = ()  # gather
    custom: str = ""  # custom: the op's name in its plugin

    def __str__(self) -> str:
        parts = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value is True:
                parts.append(field.name)
            elif isinstance(value, tuple) and value:
                parts.append(f"{field.name}=[{' '.join(map(str, value))}]")
            elif isinstance(value, str) and value:
                parts.append(f"{field.name}={value}")
            elif value:
                parts.append(f"{field.name}={value:g}")
        return " {" + " ".join(parts) + "}" if parts else ""


def count(shape: Shape) -> int:
    """The number of elements; 1 for a scalar."""
    n = 1
    for d in shape:
        n *= d
    return n
