"""Logging whose levels and fields arrive in the host's log."""

from __future__ import annotations

import datetime
import json
import logging
import os
import sys

from . import handshake

__all__ = ["logger"]

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_NAMES = {level: name for name, level in _LEVELS.items()} | {logging.CRITICAL: "error"}
_PLAIN = set(vars(logging.makeLogRecord({})))  # what every record has; the rest came by `extra`


def logger(name: str) -> logging.Logger:
    """A logger for a plugin; fields are given as ``extra={"n": 8}``. Its level is that of the host's log. What a plugin
    prints otherwise arrives at level debug."""
    out = logging.getLogger(f"sslctl.{name}")
    if not out.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_HostFormat(name))
        out.addHandler(handler)
        out.propagate = False
    out.setLevel(_LEVELS.get(os.environ.get(handshake.LOG_LEVEL, ""), logging.INFO))
    return out


class _HostFormat(logging.Formatter):
    """JSON with hclog's keys, a line an entry."""

    def __init__(self, module: str):
        super().__init__()
        self._module = module

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        entry = {
            "@message": record.getMessage(),
            "@level": _NAMES.get(record.levelno, "info"),
            "@timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "@module": self._module,
        }
        entry |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)
