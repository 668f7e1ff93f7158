"""How mistakes of the user or the author travel: in words, with the hyper-parameter or line that they are about."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from .expr import ExprError, raising_line
from .params import ParamError

__all__ = ["Diagnostic", "diagnose"]


@dataclass(frozen=True)
class Diagnostic:
    """A mistake in words."""

    summary: str  # one line
    detail: str = ""  # more lines, such as a stack
    param: str = ""  # hyper-parameter that it is about
    source: str = ""  # file:line of the author's code


def diagnose(e: BaseException) -> Diagnostic:
    """The diagnostic of an exception. Of one that the SDK does not know the stack is kept."""
    if isinstance(e, ParamError):
        return Diagnostic(str(e), param=e.param)
    if isinstance(e, ExprError):
        return Diagnostic(str(e), source=e.source)
    source = raising_line(e.__traceback__)
    words = str(e.args[0]) if isinstance(e, KeyError) and e.args else str(e)
    summary, _, rest = words.partition("\n")
    where = f"{source}: " if source else ""
    stack = "".join(traceback.format_exception(e)).rstrip()
    return Diagnostic(f"{where}{type(e).__name__}: {summary}", f"{rest}\n{stack}".lstrip("\n"), source=source)
