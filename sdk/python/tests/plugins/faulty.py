"""A method whose objective fails in the way that a hyper-parameter names."""

import sys

from sslctl_sdk import Choice, Description, Float, Layer, Loss, Method, Recipe, Term, logger, serve


class Faulty(Method):
    def describe(self):
        return Description(
            name="faulty", version="1.0.0",
            params=[
                Choice("fault", "what goes wrong", "none", "shapes", "exception", "view", "branch", "constant", "print", "exit"),
                Float("scale", 1, "factor", min=0, max=10),
            ],
        )  # fmt: skip

    def recipe(self, h):
        return Recipe([Layer(16)])

    def objective(self, e, h):
        z = e.z(0)
        match h.fault:
            case "shapes":
                z = z @ z  # line of: shapes
            case "exception":
                z = z * h.sigma  # line of: exception
            case "view":
                z = e.z(2)  # line of: view
            case "branch":
                z = z if z else -z  # line of: branch
            case "constant":
                z = z * float("inf")  # line of: constant
            case "print":
                print("printed while asked")
                logger("author").warning("logged while asked", extra={"n": 8})
            case "exit":
                sys.exit(3)  # line of: exit
        return Loss(Term("size", h.scale, z.square().mean()))


def main() -> None:
    serve(Faulty())
