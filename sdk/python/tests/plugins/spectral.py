"""A method with a custom op: the negative log-determinant of the batch's covariance, which the op set cannot express."""

import numpy as np

from sslctl_sdk import CustomOp, Description, Float, Layer, Loss, Method, Recipe, Term, custom, serve


class LogDet(CustomOp):
    """-log det(z'z/n + eps), and the norm of z beside it, to have two outputs."""

    name = "logdet"

    def __init__(self, eps: float):
        self.eps = eps

    def shapes(self, z):
        if len(z) != 2:
            raise ValueError(f"takes a matrix, got {z}")
        return [(), (1, 1)]

    def forward(self, z):
        c = self.covariance(z)
        return [-np.linalg.slogdet(c)[1], np.array([[np.square(z, dtype=np.float64).sum()]])]

    def backward(self, inputs, outputs, gradients):
        z = inputs[0].astype(np.float64)
        g = -2 / len(z) * z @ np.linalg.inv(self.covariance(z))
        return [gradients[0] * g + gradients[1] * 2 * z]

    def covariance(self, z):
        z = z.astype(np.float64)
        return z.T @ z / len(z) + self.eps * np.eye(z.shape[1])


class Spectral(Method):
    def describe(self):
        return Description(name="spectral", version="1.0.0", params=[Float("eps", 1e-2, "added to the diagonal", min=1e-6)])

    def recipe(self, h):
        return Recipe([Layer(16)])

    def objective(self, e, h):
        volume, length = custom(LogDet(h.eps), e.z(0))
        return Loss(Term("invariance", 1, e.z(0).mse(e.z(1))), Term("volume", 0.5, volume), Term("length", 0.25, length.sum()))


def main() -> None:
    serve(Spectral())
