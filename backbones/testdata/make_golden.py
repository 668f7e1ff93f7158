#!/usr/bin/env python3
"""Torchvision's ResNets on small images, float64: parameter names with shapes, and representations.

    python3 make_golden.py > torchvision.json

Parameters and pixels are functions of their name, so that no weights need storing: element i of tensor NAME, flat in
PyTorch's layout, is scale * (mix(crc32(NAME) + i * 2654435761) / 2^31 - 1) with mix an integer hash modulo 2^32. Batch
norm's scales are 1 more. Statistics are the batch's (training mode), outputs are after the global mean.
"""
import json, zlib
import numpy as np
import torch
import torch.nn as nn
import torchvision

torch.set_default_dtype(torch.float64)


def fill(name, shape, scale):
    n = int(np.prod(shape))
    x = (zlib.crc32(name.encode()) + np.arange(n, dtype=np.uint64) * 2654435761) % 2**32
    for _ in range(2):
        x = ((x >> np.uint64(16)) ^ x) * 0x45D9F3B % 2**32
    x = (x >> np.uint64(16)) ^ x
    values = (x.astype(np.float64) / 2**31 - 1) * scale
    return torch.tensor(values.astype(np.float32).astype(np.float64)).reshape(shape)


def net(name, stem):
    r = getattr(torchvision.models, name)()
    r.fc = nn.Identity()
    if stem == "cifar":
        r.conv1, r.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    for k, p in r.named_parameters():
        p.data = fill(k, p.shape, 0.1) + (1 if p.ndim == 1 and k.endswith("weight") else 0)
    return r.train()


out = []
for name, stem, size in [("resnet18", "cifar", 9), ("resnet18", "imagenet", 33), ("resnet34", "cifar", 9), ("resnet50", "imagenet", 33)]:
    r = net(name, stem)
    x = fill("pixels", (2, 3, size, size), 1)
    y = r(x)
    out.append({"name": name, "stem": stem, "size": size, "params": {k: list(p.shape) for k, p in r.named_parameters()},
                "buffers": [k for k, b in r.named_buffers() if b.is_floating_point()],
                "mean": y.mean().item(), "head": y[:, :5].flatten().tolist()})
print(json.dumps(out))
