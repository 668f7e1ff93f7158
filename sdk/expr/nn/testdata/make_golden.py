#!/usr/bin/env python3
"""A perceptron with batch norm in PyTorch, float64: two training passes, then evaluation.

    python3 make_golden.py > mlp.json
"""
import json
import torch
import torch.nn as nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3, bias=False), nn.ReLU(),
                    nn.Linear(3, 3), nn.BatchNorm1d(3, affine=False))
for k, p in net.named_parameters():
    p.data = (p.data + 0.2 * torch.randn(p.shape)).float().double()
views = [torch.randn(7, 5).float().double() for _ in range(2)]
out = {"params": {k: [list(p.shape), p.flatten().tolist()] for k, p in net.named_parameters()},
       "views": [x.flatten().tolist() for x in views], "train": [net(x).flatten().tolist() for x in views],
       "buffers": {k: b.tolist() for k, b in net.named_buffers() if b.is_floating_point()}}
out["eval"] = net.eval()(views[0]).flatten().tolist()
print(json.dumps(out))
