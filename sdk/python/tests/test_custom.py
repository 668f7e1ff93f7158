"""Custom ops without a host; custom_test.go lets the program call one."""

import unittest

import numpy as np

from sslctl_sdk import Builder, ExprError, Shapes, custom, trace
from sslctl_sdk.custom import call
from sslctl_sdk.reference import evaluate

from .files import plugin


def op(eps=1e-2):
    method = plugin("spectral")
    return trace(method, Shapes(4), eps=eps).program.ops["logdet"]


class CustomTest(unittest.TestCase):
    def test_program(self):
        z = np.random.default_rng(0).normal(size=(8, 5))
        p = trace(plugin("spectral"), Shapes(8, 2, 5)).program
        self.assertEqual([s.kind for s in p.steps if s.kind == "custom"], ["custom"])
        self.assertIn("custom(%0) {shape=[2] custom=logdet} (2,)", str(p))
        got = evaluate(p, {"z0": z, "z1": z})
        self.assertAlmostEqual(float(got["term.volume"]), -np.linalg.slogdet(z.T @ z / 8 + 1e-2 * np.eye(5))[1])
        self.assertAlmostEqual(float(got["term.length"]), np.square(z).sum())

    def test_backward_is_the_gradient(self):
        rng = np.random.default_rng(1)
        z, weights, step = rng.normal(size=(6, 3)), (0.7, 0.2), 1e-6
        volume = op()

        def value(z):
            out = volume.forward(z)
            return weights[0] * out[0] + weights[1] * out[1].item()

        (got,) = volume.backward([z], volume.forward(z), [np.float64(weights[0]), np.full((1, 1), weights[1])])
        for i in np.ndindex(z.shape):
            d = np.zeros_like(z)
            d[i] = step
            self.assertAlmostEqual(got[i], (value(z + d) - value(z - d)) / (2 * step), places=5)

    def test_mistakes(self):
        b = Builder()
        x, v = b.input("x", 4, 3), b.input("v", 3)
        custom(op(), x)
        for mistake, want in [
            (lambda: custom(op(), v), r"custom op logdet: takes a matrix, got \(3,\)"),
            (lambda: custom(op(), x), "two custom ops are named logdet"),
            (lambda: custom(op()), "without an input"),
        ]:
            with self.assertRaisesRegex(ExprError, want) as raised:
                mistake()
            self.assertTrue(raised.exception.source.startswith("test_custom.py:"))

    def test_a_result_that_breaks_the_shape_rule(self):
        bad = op()
        bad.forward = lambda z: [0.0, 0.0]
        with self.assertRaisesRegex(ValueError, r"gives \[\(\), \(\)\], its shape rule says \[\(\), \(1, 1\)\]"):
            call(bad, [(4, 3)], np.zeros(12, np.float32), False)
        with self.assertRaisesRegex(ValueError, "11 numbers for the shapes"):
            call(bad, [(4, 3)], np.zeros(11, np.float32), False)


if __name__ == "__main__":
    unittest.main()
