"""Times PyTorch's convolutions on the shapes of BenchmarkConv: channels last, one thread, the best run by processor time.

    python testdata/torch_conv.py
"""
import time

import torch
import torch.nn.functional as F

SHAPES = [  # name, images, side, channels, filters, taps, stride, pad
    ("demo/14", 256, 14, 32, 32, 3, 1, 1),
    ("demo/14to7", 256, 14, 32, 64, 3, 2, 1),
    ("demo/7", 256, 7, 64, 64, 3, 1, 1),
    ("demo/4", 256, 4, 128, 128, 3, 1, 1),
    ("r18/32", 128, 32, 64, 64, 3, 1, 1),
    ("r18/32to16", 128, 32, 64, 128, 3, 2, 1),
    ("r18/16", 128, 16, 128, 128, 3, 1, 1),
    ("r18/8", 128, 8, 256, 256, 3, 1, 1),
    ("r18/4", 128, 4, 512, 512, 3, 1, 1),
    ("r50/56in", 16, 56, 256, 64, 1, 1, 0),
    ("r50/56", 16, 56, 64, 64, 3, 1, 1),
    ("r50/14out", 16, 14, 256, 1024, 1, 1, 0),
    ("r50/14", 16, 14, 256, 256, 3, 1, 1),
]


def best(f, seconds=0.7):
    f()
    shortest, end = float("inf"), time.time() + seconds
    while time.time() < end:
        start = time.thread_time()
        f()
        shortest = min(shortest, time.thread_time() - start)
    return shortest


def main():
    torch.set_num_threads(1)
    print("torch", torch.__version__, "GFLOP/s: forward, gradient of input, gradient of weights")
    for name, n, side, c, k, taps, stride, pad in SHAPES:
        x = torch.randn(n, c, side, side).to(memory_format=torch.channels_last)
        w = torch.randn(k, c, taps, taps).to(memory_format=torch.channels_last)
        g = torch.randn_like(F.conv2d(x, w, stride=stride, padding=pad))
        flops = 2 * g.numel() * c * taps * taps / 1e9

        def backward(mask):
            return torch.ops.aten.convolution_backward(
                g, x, w, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], 1, mask)

        with torch.no_grad():
            times = [
                best(lambda: F.conv2d(x, w, stride=stride, padding=pad)),
                best(lambda: backward([True, False, False])),
                best(lambda: backward([False, True, False])),
            ]
        print(f"{name:12s}", *(f"{flops / t:5.0f}" for t in times), flush=True)


if __name__ == "__main__":
    main()
