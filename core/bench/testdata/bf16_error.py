#!/usr/bin/env python3
"""How far PyTorch's bf16 is from its own float32, on the demo's network: the reference of TestBF16.

    python bf16_error.py

Prints for each of three initialisations the root mean square of the first step's gradients' difference, relative to that of
the gradients, and the largest relative difference of the loss in twenty steps.
"""
import copy, pathlib, sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "peer"))
import step

torch.set_num_threads(1)
BATCH, STEPS = 32, 20


def train(net, x, y, bf16):
    optimizer = torch.optim.SGD(net.parameters(), 1e-3, momentum=0.9, weight_decay=1e-4)
    losses, first = [], None
    for _ in range(STEPS):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            a, b = net(x), net(y)
        loss = step.vicreg(a.float(), b.float())
        loss.backward()
        if first is None:
            first = torch.cat([p.grad.flatten() for p in net.parameters()])
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses), first


for seed in range(3):
    torch.manual_seed(seed)
    _, channels, size, *rest = step.NETS["tiny"]
    net = step.network(channels, *rest)
    x = torch.randn(BATCH, channels, size, size)
    y = x + 0.3 * torch.randn_like(x)
    losses, gradient = train(copy.deepcopy(net), x, y, False)
    losses16, gradient16 = train(copy.deepcopy(net), x, y, True)
    print(f"gradients {((gradient16 - gradient).norm() / gradient.norm()):.3f}, loss {((losses16 - losses) / losses).abs().max():.1e}")
