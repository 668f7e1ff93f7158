"""TiCo against PyTorch's numbers (testdata/make_golden.py):  python -m unittest"""

import json
import struct
import unittest
from pathlib import Path

import numpy as np

from sslctl_sdk import ParamError, Shapes, trace
from sslctl_sdk.reference import evaluate, gradient
from tico import TiCo


def golden() -> dict[str, np.ndarray]:
    data = (Path(__file__).parent / "testdata" / "tico.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    del header["__metadata__"]
    body = data[8 + size :]
    return {k: np.frombuffer(body[slice(*t["data_offsets"])], "<f4").reshape(t["shape"]) for k, t in header.items()}


class TiCoTest(unittest.TestCase):
    def test_loss_and_terms_are_pytorchs(self):
        g = golden()
        got = evaluate(trace(TiCo(), Shapes(*g["z0"].shape[:1], 2, g["z0"].shape[1])).program, g)
        for name in ("loss", "term.invariance", "term.covariance"):
            self.assertAlmostEqual(float(got[name]), float(g[name].reshape(())), delta=1e-6 * abs(float(g[name].reshape(()))))

    def test_lengths_of_embeddings_do_not_count(self):
        g = golden()
        n, d = g["z0"].shape
        p = trace(TiCo(), Shapes(n, 2, d), rho=0).program
        at = gradient(p, g, "z0")
        self.assertLess(abs((at * g["z0"]).sum(1)).max(), 1e-8)

    def test_collapse_costs(self):
        def covariance(z):
            p = trace(TiCo(), Shapes(len(z), 2, z.shape[1])).program
            return float(evaluate(p, dict.fromkeys(("z0", "z1", "t0", "t1"), z))["term.covariance"])

        d = 8
        self.assertAlmostEqual(covariance(np.ones((d, d))), 1)  # all in one direction
        self.assertAlmostEqual(covariance(np.eye(d)), 1 / d)  # spread over all

    def test_hyper_parameters(self):
        for given in ({"rho": -1}, {"beta": 1.5}, {"gamma": 1}):
            with self.subTest(given), self.assertRaises(ParamError):
                trace(TiCo(), Shapes(8), **given)


if __name__ == "__main__":
    unittest.main()
