"""Reading of golden files, and the methods of tests/plugins."""

import importlib
import json
import struct
import sys
from pathlib import Path

import numpy as np

from sslctl_sdk import Method, Regulariser

PLUGINS = Path(__file__).parent / "plugins"
GOLDEN = Path(__file__).parents[3] / "methods" / "testdata"


def plugin(name: str):
    """The method or regulariser of tests/plugins/NAME.py."""
    if str(PLUGINS) not in sys.path:
        sys.path.insert(0, str(PLUGINS))
    module = importlib.import_module(name)
    kinds = (Method, Regulariser)
    return next(c for c in vars(module).values() if isinstance(c, type) and issubclass(c, kinds) and c.__module__ == name)()


def safetensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file of float32."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(body[slice(*t["data_offsets"])], dtype="<f4").reshape(t["shape"]) for name, t in header.items()
    }
