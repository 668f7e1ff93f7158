"""Coding rates and their gradients by PyTorch's autograd, in float64: python golden.py > testdata/golden.json"""

import json

import torch

cases = []
for seed, (n, d), eps2 in [(0, (5, 3), 0.2), (1, (3, 7), 0.2), (2, (16, 16), 1.5)]:
    torch.manual_seed(seed)
    z = torch.randn(n, d).double().requires_grad_()
    rate = torch.logdet(torch.eye(d, dtype=torch.float64) + d / (n * eps2) * z.T @ z) / 2
    rate.backward()
    cases.append({"shape": [n, d], "eps2": eps2, "z": z.flatten().tolist(), "rate": rate.item(), "grad": z.grad.flatten().tolist()})
print(json.dumps(cases))
