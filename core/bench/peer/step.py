"""VICReg's training step in PyTorch, timed, for comparison with `sslctl bench step`.

    python step.py --net r18 --format channels_last --mode eager --steps 6
    python step.py --device cuda --net resnet50 --batch 256 --precision bf16 --mode graphs

One JSON object on stdout. The networks are those of core/bench/nets.go, weight for weight; `sslctl bench peer` refuses to
compare where the numbers of parameters differ. As in VICReg's official code each view passes the network by itself, so
that batch norm takes its statistics a view. The optimiser is SGD with momentum and weight decay. The whole step counts:
forward, loss, backward, update. On a GPU steps follow one another without waiting, as they do in training; the device's own
clock times them.
"""

import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def conv(c_in, c_out, size, stride=1):
    return nn.Conv2d(c_in, c_out, size, stride, size // 2, bias=False)


class Residual(nn.Module):
    """A block of He et al. 2016: convolutions with batch norm, and a shortcut that is a 1x1 convolution where shapes differ."""

    def __init__(self, c_in, c_out, stride, branch):
        super().__init__()
        self.branch = branch
        self.shortcut = nn.Identity()
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential(conv(c_in, c_out, 1, stride), nn.BatchNorm2d(c_out))

    def forward(self, x):
        return F.relu(self.branch(x) + self.shortcut(x), inplace=True)


def basic(c_in, width, stride):
    branch = nn.Sequential(conv(c_in, width, 3, stride), nn.BatchNorm2d(width), nn.ReLU(inplace=True), conv(width, width, 3), nn.BatchNorm2d(width))
    return Residual(c_in, width, stride, branch), width


def bottleneck(c_in, width, stride):
    c_out = 4 * width
    branch = nn.Sequential(
        conv(c_in, width, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
        conv(width, width, 3, stride), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
        conv(width, c_out, 1), nn.BatchNorm2d(c_out))
    return Residual(c_in, c_out, stride, branch), c_out


# name: (images in a view, channels, edge, stem's kernel, stride and max-pool, widths, blocks, block, edge of the pooled grid, expander)
NETS = {
    "tiny": (128, 1, 28, (3, 2, False), (32, 64, 128), (1, 1, 1), basic, 2, (512, 512, 512)),
    "small": (256, 1, 28, (3, 1, False), (32, 64, 128, 256), (2, 2, 2, 2), basic, 1, (512, 512, 512)),
    "r18": (64, 3, 32, (3, 1, False), (64, 128, 256, 512), (2, 2, 2, 2), basic, 1, (2048, 2048, 2048)),
    "resnet50": (8, 3, 224, (7, 2, True), (64, 128, 256, 512), (3, 4, 6, 3), bottleneck, 1, (8192, 8192, 8192)),
}


def network(channels, stem, widths, blocks, block, grid, expander):
    size, stride, pooled = stem
    layers = [conv(channels, widths[0], size, stride), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
    if pooled:
        layers.append(nn.MaxPool2d(3, 2, 1))
    c = widths[0]
    for stage, (width, count) in enumerate(zip(widths, blocks)):
        for i in range(count):
            layer, c = block(c, width, 2 if stage > 0 and i == 0 else 1)
            layers.append(layer)
    layers += [nn.AdaptiveAvgPool2d(grid), nn.Flatten()]
    c *= grid * grid
    for width in expander[:-1]:
        layers += [nn.Linear(c, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True)]
        c = width
    return nn.Sequential(*layers, nn.Linear(c, expander[-1], bias=False))


def vicreg(a, b):
    """Equation 6 of Bardes et al. 2022 with the weights 25, 25, 1; the variance is averaged over the branches as in the official code."""
    n, d = a.shape
    loss = 25 * F.mse_loss(a, b)
    for z in (a, b):
        z = z - z.mean(dim=0)
        loss = loss + 25 / 2 * F.relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean()
        covariance = z.T @ z / (n - 1)
        loss = loss + (covariance.square().sum() - covariance.diagonal().square().sum()) / d
    return loss


class CPU:
    """The processor: a step is done when it returns."""

    name = "cpu"

    def peak_memory(self):
        """The process's largest resident size in bytes; 0 where the system does not tell."""
        try:
            with open("/proc/self/status") as status:
                return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
        except OSError:
            return 0

    def time(self, step, count):
        """The milliseconds that each of count steps takes, and the last one's loss."""
        times = []
        for _ in range(count):
            start = time.perf_counter()
            loss = float(step())
            times.append(1e3 * (time.perf_counter() - start))
        return times, loss


class CUDA:
    """A GPU: the quickest algorithms are looked for, and TF32 is allowed beside bfloat16, as users who want speed have it."""

    name = "cuda"

    def __init__(self, precision):
        if not torch.cuda.is_available():
            sys.exit("PyTorch sees no GPU: torch.cuda.is_available() is False")
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = precision != "fp32"
        torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"

    def peak_memory(self):
        """The largest memory that PyTorch took from the GPU, in bytes."""
        return torch.cuda.max_memory_reserved()

    def time(self, step, count):
        """The milliseconds between the ends of count steps, on the device's clock, and the last one's loss."""
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
        torch.cuda.synchronize()
        marks[0].record()
        for mark in marks[1:]:
            loss = step()
            mark.record()
        loss = float(loss)
        torch.cuda.synchronize()
        return [a.elapsed_time(b) for a, b in zip(marks, marks[1:])], loss


COMPILE = {"compile": None, "graphs": "reduce-overhead"}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--net", choices=NETS, required=True)
    p.add_argument("--batch", type=int, default=0, help="images in a view; 0 for the network's own")
    p.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="fp32")
    p.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    p.add_argument("--format", choices=("contiguous", "channels_last"), default="channels_last")
    p.add_argument("--mode", choices=("eager", *COMPILE), default="eager", help="graphs: compiled, with CUDA graphs")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--steps", type=int, default=6)
    p.add_argument("--warmup", type=int, default=2)
    a = p.parse_args()
    if a.device == "cpu" and (a.precision == "tf32" or a.mode == "graphs"):
        p.error("tf32 and graphs are a GPU's")
    if a.threads:
        torch.set_num_threads(a.threads)
    device = CUDA(a.precision) if a.device == "cuda" else CPU()
    torch.manual_seed(0)

    batch, channels, edge, *shape = NETS[a.net]
    batch = a.batch or batch
    memory_format = torch.channels_last if a.format == "channels_last" else torch.contiguous_format
    model = network(channels, *shape).to(device.name, memory_format=memory_format)
    first = torch.randn(batch, channels, edge, edge)
    second = first + 0.3 * torch.randn_like(first)
    views = [v.to(device.name, memory_format=memory_format) for v in (first, second)]
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4, fused=a.device == "cuda")

    def objective():
        with torch.autocast(device.name, dtype=torch.bfloat16, enabled=a.precision == "bf16"):
            embeddings = [model(v) for v in views]
        return vicreg(*(z.float() for z in embeddings))

    if a.mode in COMPILE:
        objective = torch.compile(objective, mode=COMPILE[a.mode])

    def step():
        torch.compiler.cudagraph_mark_step_begin()
        optimiser.zero_grad(set_to_none=True)
        loss = objective()
        loss.backward()
        optimiser.step()
        return loss.detach()

    for _ in range(a.warmup):
        step()
    times, loss = device.time(step, a.steps)
    print(json.dumps({
        "net": a.net, "batch": batch, "threads": torch.get_num_threads() if a.device == "cpu" else 0, "precision": a.precision, "device": a.device, "torch": torch.__version__,
        "median_ms": statistics.median(times), "min_ms": min(times), "parameters": sum(p.numel() for p in model.parameters()),
        "memory_bytes": device.peak_memory(), "loss": loss}))


if __name__ == "__main__":
    main()
