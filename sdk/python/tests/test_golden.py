"""Objectives written in Python against PyTorch's numbers (methods/testdata/make_golden.py)."""

import unittest

import numpy as np

from sslctl_sdk import Shapes
from sslctl_sdk.reference import evaluate, gradient
from sslctl_sdk.tracing import trace_method

from .files import GOLDEN, plugin, safetensors

# Hyper-parameters that a file was made with; those without an entry have the defaults.
FILES = {
    "vicreg": {},
    "vicreg-paper": {"var_reduction": "paper"},
    "vicreg-inv": {"lambda": 1, "mu": 0, "nu": 0},
    "vicreg-inv-var": {"lambda": 1, "mu": 1, "nu": 0},
    "vicreg-predictor": {"predictor": True},
    "barlowtwins": {},
    "barlowtwins-paper": {"std": "paper", "scale": 0.1},
    "simsiam": {},
    "simsiam-no-predictor": {"predictor": False},
    "simsiam-no-stop": {"stop_gradient": False},
    "byol": {},
    "byol-no-predictor": {"predictor": False},
}


class GoldenTest(unittest.TestCase):
    def test_loss_and_terms(self):
        for name, given in FILES.items():
            with self.subTest(name):
                tensors, got = self.evaluated(name, given)
                names = {key for key in tensors if key == "loss" or key.startswith("term.")}
                self.assertEqual(set(got), names)
                for key in names:
                    want = float(tensors[key].reshape(()))
                    self.assertAlmostEqual(float(got[key]), want, delta=1e-6 * max(1, abs(want)), msg=key)

    def test_gradient(self):
        tensors = safetensors(GOLDEN / "objective-vicreg.safetensors")
        n, d = tensors["z0"].shape
        p = trace_method(plugin("vicreg"), {}, Shapes(n, 2, d)).program
        want = tensors["grad.z0"]
        off = np.abs(gradient(p, tensors, "z0") - want).max()
        self.assertLess(off, 1e-5 * np.abs(want).max())

    def evaluated(self, name, given):
        tensors = safetensors(GOLDEN / f"objective-{name}.safetensors")
        n, d = tensors["z0"].shape
        traced = trace_method(plugin(name.split("-")[0]), given, Shapes(n, 2, d))
        inputs = {p.name: tensors.get(p.name, np.zeros(p.shape)) for p in traced.program.inputs}
        return tensors, evaluate(traced.program, inputs)


if __name__ == "__main__":
    unittest.main()
