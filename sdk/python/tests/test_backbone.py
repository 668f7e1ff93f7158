"""Networks: what a backbone writes, and their values with NumPy against loops and torch's formulas written out."""

import unittest

import numpy as np

from sslctl_sdk import Backbone, Description, ExprError, Images, Int, nn, trace_backbone
from sslctl_sdk.reference import evaluate


class Net(Backbone):
    def describe(self):
        return Description(name="net", version="1.0.0", params=[Int("width", 4, "channels", min=1)])

    def forward(self, s, images, h):
        x = nn.batch_norm(s["bn"], nn.conv2d(s["conv"], images, h.width, 3, 2, 1)).relu()
        return nn.linear(s["fc"], nn.flatten(x.max_pool(2, 2).avg_pool(1, 1)), 3)


class Other(Net):
    def __init__(self, forward):
        self.forward = forward


def flat(s, x):
    return nn.linear(s["fc"], nn.flatten(x), 3)


class BackboneTest(unittest.TestCase):
    def test_a_network_knows_any_number_of_images(self):
        net = trace_backbone(Net(), Images(9, 2), width=5)
        self.assertEqual(net.features, 3)
        self.assertEqual([p.name for p in net.params], ["conv.weight", "bn.weight", "bn.bias", "fc.weight", "fc.bias"])
        self.assertEqual([o.name for o in net.two.outputs], ["y", "stats.bn"])
        self.assertEqual(net.of(2), net.two)
        self.assertEqual(net.of(3), net.three)
        self.assertEqual(net.of(100).inputs[0].shape, (100, 9, 9, 2))

    def test_flattened_images_are_known(self):
        net = trace_backbone(Other(lambda s, x, h: flat(s, x)), Images(5, 2))
        self.assertEqual([p.positions for p in net.params], [25, 1])

    def test_values(self):
        net = trace_backbone(Net(), Images(6, 2))
        rng = np.random.default_rng(1)
        at = {p.name: rng.standard_normal(p.shape) for p in net.of(3).inputs}
        padded = np.pad(at["images"], ((0, 0), (1, 1), (1, 1), (0, 0)))
        x = np.zeros((3, 3, 3, 4))
        for n, i, j, k in np.ndindex(x.shape):
            x[n, i, j, k] = (padded[n, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * at["conv.weight"][..., k]).sum()
        mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
        x = np.maximum(at["bn.weight"] * (x - mean) / np.sqrt(var + 1e-5) + at["bn.bias"], 0)
        want = x[:, :2, :2].max((1, 2)) @ at["fc.weight"].T + at["fc.bias"]
        got = evaluate(net.of(3), at)
        np.testing.assert_allclose(got["y"], want, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(got["stats.bn"], [[mean, var]], rtol=1e-12)

    def test_adaptive_windows(self):
        net = trace_backbone(Other(lambda s, x, h: nn.flatten(x.avg_pool(2, 3))), Images(5, 1))
        x = np.arange(50.0).reshape(2, 5, 5, 1)
        got = evaluate(net.two, {"images": x})["y"].reshape(2, 2, 3)
        for i, rows in enumerate([(0, 3), (2, 5)]):  # torch.nn.functional.adaptive_avg_pool2d's
            for j, columns in enumerate([(0, 2), (1, 4), (3, 5)]):
                np.testing.assert_allclose(got[:, i, j], x[:, slice(*rows), slice(*columns), 0].mean((1, 2)))

    def test_refusals(self):
        def centred(s, x, h):
            return flat(s, x) - flat(s["b"], x).mean(0, keep=True)

        def many(s, x, h):
            return flat(s, x).relu() if x.dim(0) > 5 else flat(s, x)

        def twice(s, x, h):
            return nn.batch_norm(s["bn"], nn.batch_norm(s["bn"], flat(s, x)))

        def shapes(s, x, h):
            return s.param("w", 3, init=nn.constant(1)) + s.param("w", 4, init=nn.constant(1))

        for forward, want in [
            (centred, "only shapes may depend on their number"),
            (many, "another network for 7 images|other steps"),
            (twice, 'batch norm "bn" is applied twice'),
            (shapes, r'parameter "w" has the shape \(3,\)'),
            (lambda s, x, h: x, "must be a tensor of 2 rows"),
            (lambda s, x, h: nn.flatten(x).sum(), "must be a tensor of 2 rows"),
        ]:
            with self.assertRaisesRegex(ExprError, want):
                trace_backbone(Other(forward), Images(4, 1))


if __name__ == "__main__":
    unittest.main()
