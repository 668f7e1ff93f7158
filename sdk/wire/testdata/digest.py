"""The digest of a small program, from the description of the encoding in digest.go. Prints what traced_test.go expects."""

import hashlib
import struct


def number(v):
    return struct.pack("<q", v)


def real(v):
    return struct.pack("<d", v)


def text(s):
    b = s.encode()
    return number(len(b)) + b


def numbers(v):
    return number(len(v)) + b"".join(number(x) for x in v)


def attrs(alpha=0.0, beta=0.0, axes=(), keep=0, shape=(), axis=0, start=0, stop=0, trans_a=0, trans_b=0,
          kernel=0, stride=0, pad=0, groups=0, eps=0.0, index=(), custom=""):
    return (real(alpha) + real(beta) + numbers(axes) + number(keep) + numbers(shape) + number(axis) + number(start)
            + number(stop) + number(trans_a) + number(trans_b) + number(kernel) + number(stride) + number(pad)
            + number(groups) + real(eps) + numbers(index) + (number(-1) + text(custom) if custom else b""))


program = text("sslctl program 1")
program += number(2) + text("z0") + numbers([3, 2]) + text("ζ") + numbers([3, 2])
program += number(3)
program += text("matmul") + numbers([0, 1]) + attrs(trans_b=1) + numbers([3, 3])
program += text("affine") + numbers([2]) + attrs(alpha=-0.1, beta=2.5) + numbers([3, 3])
program += text("sum") + numbers([3]) + attrs(axes=[0, 1]) + numbers([])
program += number(1) + text("loss") + number(4)
print(hashlib.sha256(program).hexdigest())

program = text("sslctl program 1")
program += number(1) + text("z0") + numbers([3, 2])
program += number(2) + text("custom") + numbers([0]) + attrs(shape=[1], custom="coding-rate") + numbers([1])
program += text("reshape") + numbers([1]) + attrs() + numbers([])
program += number(1) + text("penalty") + number(2)
print(hashlib.sha256(program).hexdigest())
