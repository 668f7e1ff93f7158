"""Hyper-parameters: what is accepted, converted and refused; the same cases as sdk/method's test."""

import unittest

from sslctl_sdk import Bool, Choice, Float, Int, Ints, ParamError
from sslctl_sdk.params import complete

PARAMS = [
    Float("lambda", 25, min=0, max=100),
    Int("width", 8, min=1),
    Bool("norm", True),
    Choice("std", "", "official", "paper"),
    Ints("projector", [512, 512]),
]


class CompleteTest(unittest.TestCase):
    def test_accepted(self):
        for given, want in [
            ({}, [25.0, 8, True, "official", [512, 512]]),
            ({"lambda": 3, "width": 4.0, "norm": False, "std": "paper", "projector": "64-32-16"}, [3.0, 4, False, "paper", [64, 32, 16]]),
            ({"projector": [7, 5.0]}, [25.0, 8, True, "official", [7, 5]]),
            ({"projector": 9}, [25.0, 8, True, "official", [9]]),
        ]:
            with self.subTest(given):
                h = complete(PARAMS, given)
                self.assertEqual([h["lambda"], h.width, h.norm, h.std, h.projector], want)
                self.assertIs(type(h["lambda"]), float)
                self.assertIs(type(h.width), int)

    def test_refused(self):
        for name, values in {
            "lambda": [-1.0, 101, "much", True, float("nan"), float("inf")],
            "width": [0, 1.5, "8", True, float("inf")],
            "norm": [1, "true"],
            "std": ["biased", 1],
            "projector": ["", "64-", "64-0", "a-b", "064", [], 1.5, ["x"], [0]],
            "unknown": [1],
        }.items():
            for value in values:
                with self.subTest(name=name, value=value), self.assertRaises(ParamError) as raised:
                    complete(PARAMS, {name: value})
                self.assertEqual(raised.exception.param, name)
                self.assertIn(f'hyper-parameter "{name}": ', str(raised.exception))

    def test_a_name_that_is_not_described(self):
        h = complete(PARAMS, {})
        with self.assertRaisesRegex(AttributeError, 'no hyper-parameter "sigma"; there are lambda, width, norm, std, projector'):
            h.sigma
        with self.assertRaises(KeyError):
            h["sigma"]
        with self.assertRaisesRegex(AttributeError, "read only"):
            h.width = 3


if __name__ == "__main__":
    unittest.main()
