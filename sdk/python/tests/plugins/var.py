"""The variance regulariser as methods/reg writes it."""

import math

from sslctl_sdk import Description, Float, Regulariser, serve
from vicreg import hinge


class Var(Regulariser):
    def describe(self):
        return Description(
            name="var", version="1.0.0",
            params=[
                Float("weight", 1, "factor in the loss", min=0),
                Float("gamma", 0, "standard deviation to reach; 0: by the embeddings", min=0),
            ],
        )  # fmt: skip

    def penalty(self, z, unit, h):
        gamma = h.gamma or (1 / math.sqrt(z[0].dim(1)) if unit else 1)
        total = hinge(z[0], gamma)
        for other in z[1:]:
            total = total + hinge(other, gamma)
        return total / len(z)


def main() -> None:
    serve(Var())
