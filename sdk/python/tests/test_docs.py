"""The methods that the documents show are whole: they trace, and what is said of them holds."""

import re
import unittest
from pathlib import Path

import numpy as np

import sslctl_sdk
from sslctl_sdk import Shapes, trace
from sslctl_sdk.reference import evaluate

ROOT = Path(__file__).parents[3]


def method_in(text: str):
    """The first method of a text: the indented lines from the import of the SDK to the next line that is not."""
    block = re.search(r"^ {4}from sslctl_sdk import.*?(?=^\S)", text + "\nend", re.M | re.S)
    names: dict = {"__name__": "document"}
    exec(re.sub(r"^ {4}", "", block.group(0), flags=re.M), names)
    return names["Distance"]()


class DocumentsTest(unittest.TestCase):
    def test_their_methods_trace(self):
        for name, text in {
            "the package": sslctl_sdk.__doc__,
            "README": (ROOT / "sdk/python/README.md").read_text(),
            "guide": (ROOT / "docs/plugins/python.md").read_text(),
        }.items():
            with self.subTest(name):
                traced = trace(method_in(text), Shapes(13, 2, 7), scale=2)
                self.assertEqual(traced.weights["distance"], 2)
                z = np.eye(13, 7)
                values = evaluate(traced.program, {"z0": z, "z1": z})
                self.assertEqual(float(values["term.distance"]), 0)


if __name__ == "__main__":
    unittest.main()
