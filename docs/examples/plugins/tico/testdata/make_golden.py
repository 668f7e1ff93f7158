#!/usr/bin/env python3
"""TiCo in PyTorch, float64, stored as float32 safetensors:  python3 make_golden.py tico.safetensors

The covariance has beta of its value from a memory that has settled at the batch's own covariance, as lightly's tico_loss.py
computes it: C = beta*memory + (1-beta)*B.
"""
import json, math, struct, sys
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
N, D, BETA, RHO = 13, 7, 0.9, 20.0


def one_direction(z, t):
    z, t = F.normalize(z, dim=-1), F.normalize(t, dim=-1)
    batch = torch.mm(z.T, z) / z.shape[0]
    c = BETA * batch.detach() + (1 - BETA) * batch
    return 1 - (z * t).sum(dim=1).mean(), (torch.mm(z, c) * z).sum(dim=1).mean()


base = torch.randn(N, D) @ torch.randn(D, D) / math.sqrt(D)
e = {r + v: (0.7 * base + 0.5 * torch.randn(N, D)).float().double().requires_grad_() for r in "zt" for v in "01"}
(i0, c0), (i1, c1) = one_direction(e["z0"], e["t1"].detach()), one_direction(e["z1"], e["t0"].detach())
invariance, covariance = (i0 + i1) / 2, (c0 + c1) / 2
loss = invariance + RHO * covariance
loss.backward()
out = {**e, "loss": loss, "term.invariance": invariance, "term.covariance": covariance,
       **{"grad." + k: v.grad if v.grad is not None else torch.zeros_like(v) for k, v in e.items()}}
head, blob, at = {"__metadata__": {"method": "tico", "beta": str(BETA), "rho": str(RHO)}}, [], 0
for name, t in out.items():
    raw = t.detach().float().contiguous().numpy().tobytes()
    head[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [at, at + len(raw)]}
    blob.append(raw)
    at += len(raw)
text = json.dumps(head).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[1], "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + b"".join(blob))
