"""Expressions: what they write, and the line that a mistake points to."""

import sys
import unittest

import numpy as np

from sslctl_sdk import Attrs, Builder, ExprError, join
from sslctl_sdk.reference import evaluate


def here(offset: int = 0) -> str:
    return f"test_expr.py:{sys._getframe(1).f_lineno + offset}"


class MistakeTest(unittest.TestCase):
    """Each mistake names what contradicts what, and the author's line."""

    CASES = {
        "inner axes": (lambda x, y: x @ x, "matmul: inner axes differ: (4, 3) (transposed: false) and (4, 3)"),
        "broadcast": (lambda x, y: x + y, "broadcast: cannot broadcast (2, 3) to (4, 3)"),
        "reshape": (lambda x, y: x.reshape(5, 2), "reshape: (4, 3) has 12 elements, (5, 2) has 10"),
        "no axis": (lambda x, y: x.sum(2), "(4, 3) has no axis 2"),
        "an axis twice": (lambda x, y: x.sum(0, 0), "sum: axes [0, 0] are not distinct axes of (4, 3)"),
        "empty range": (lambda x, y: x[2:2], "slice: [2, 2) is not within axis 0 of (4, 3)"),
        "a row": (lambda x, y: x[0], "0 is not a range"),
        "a step": (lambda x, y: x[::2], "is not a range"),
        "row outside": (lambda x, y: x.gather([4]), "gather: row 4 is not within (4, 3)"),
        "square": (lambda x, y: x.diagonal(), "diagonal: takes a square matrix, got (4, 3)"),
        "join": (lambda x, y: join(1, x, y), "concat: shapes (4, 3) and (2, 3) differ outside axis 1"),
        "truth": (lambda x, y: x if x else y, "a tensor has no value"),
        "a word": (lambda x, y: x * "2", "'2' is neither a tensor nor a number"),
        "infinite": (lambda x, y: x * float("inf"), "the constant inf is not finite"),
        "division by 0": (lambda x, y: x / 0, "division by 0"),
        "power": (lambda x, y: x**3, "power 3; the op set has 2, 0.5 and -1"),
        "few rows": (lambda x, y: x[:1].var(), "variance of 1 rows with correction 1"),
        "another expression": (lambda x, y: x + Builder().input("w", 4, 3), "belongs to no or to another expression"),
        "unknown op": (lambda x, y: x._builder.apply("exec", Attrs(), x), 'unknown op "exec"'),
        "operands": (lambda x, y: x._builder.apply("exp", Attrs(), x, y), "exp takes 1 operands, got 2"),
        "input twice": (lambda x, y: x._builder.input("x", 2), 'input name "x" is empty or stands twice'),
        "input's shape": (lambda x, y: x._builder.input("v", 0), "is not a shape"),
    }

    def test_mistakes(self):
        for name, (mistake, want) in self.CASES.items():
            with self.subTest(name):
                b = Builder()
                with self.assertRaises(ExprError) as raised:
                    mistake(b.input("x", 4, 3), b.input("y", 2, 3))
                self.assertIn(want, str(raised.exception))
                self.assertEqual(raised.exception.source, f"test_expr.py:{mistake.__code__.co_firstlineno}")

    def test_the_line_is_the_authors_where_the_sdk_called_itself(self):
        b = Builder()
        x, y = b.input("x", 4, 3), b.input("y", 3, 4)
        with self.assertRaises(ExprError) as raised:
            x.cosine(y)
        self.assertEqual(raised.exception.source, here(-1))

    def test_a_loop_over_rows_is_refused(self):
        with self.assertRaises(TypeError):
            list(Builder().input("x", 4, 3))


class ProgramTest(unittest.TestCase):
    def test_only_what_is_read_is_written_and_once(self):
        b = Builder()
        x = b.input("x", 4, 3)
        x.exp()  # read by nobody
        shared = x.T
        text = str(b.program({"loss": (x.T @ x).sum() + (shared @ shared.T).sum()}))
        self.assertEqual(
            text,
            '%0 = input "x" (4, 3)\n'
            "%1 = matmul(%0, %0) {trans_a} (3, 3)\n"
            "%2 = sum(%1) {axes=[0 1]} ()\n"
            "%3 = transpose(%0) (3, 4)\n"
            "%4 = matmul(%0, %3) {trans_a trans_b} (3, 3)\n"
            "%5 = sum(%4) {axes=[0 1]} ()\n"
            "%6 = add(%2, %5) ()\n"
            'output "loss" = %6\n',
        )

    def test_sum_of_several_adds_nothing_to_the_first(self):
        b = Builder()
        x = b.input("x", 4)
        self.assertEqual([s.kind for s in b.program({"loss": sum([x.exp(), x.log()])}).steps], ["exp", "log", "add"])

    def test_depth_is_no_limit(self):
        b = Builder()
        x = b.input("x", 2)
        for _ in range(5000):
            x = x + 1
        self.assertEqual(len(b.program({"loss": x.sum()}).steps), 5001)

    def test_too_many_steps(self):
        b = Builder()
        x = b.input("x", 2)
        for _ in range(10_001):
            x = x + 1
        with self.assertRaisesRegex(ExprError, "a program of 10001 steps; at most 10000"):
            b.program({"loss": x})

    def test_operators_compute_what_numpy_computes(self):
        rng = np.random.default_rng(0)
        x, y, v = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.uniform(1, 2, size=3)
        cases = {
            "arithmetic": lambda x, y, v: (1 - x) * 2 + y / v - 3 + 1 / v + (-x),
            "powers": lambda x, y, v: x**2 + v**0.5 + v**-1 + abs(y),
            "products": lambda x, y, v: (x.T @ y) @ (x.T @ y).T,
            "ranges": lambda x, y, v: x[1:, :2] + y[-3:, 1:],
            "reductions": lambda x, y, v: x.mean(0) + y.sum(0) * v,
            "broadcast": lambda x, y, v: x + v,
        }
        for name, f in cases.items():
            with self.subTest(name):
                b = Builder()
                symbols = b.input("x", 4, 3), b.input("y", 4, 3), b.input("v", 3)
                got = evaluate(b.program({"out": f(*symbols)}), {"x": x, "y": y, "v": v})["out"]
                np.testing.assert_allclose(got, f(x, y, v), rtol=1e-12)


if __name__ == "__main__":
    unittest.main()
