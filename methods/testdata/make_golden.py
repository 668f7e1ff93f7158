#!/usr/bin/env python3
"""Objectives of the shipped methods in PyTorch, float64, stored as float32 safetensors.

    python3 make_golden.py OUT_DIR

Each file holds the embeddings z0 z1 (and p0 p1, t0 t1), loss, term.NAME (unweighted) and grad.INPUT. Formulas follow the
official code: vicreg main_vicreg.py, barlowtwins main.py, simsiam builder.py, deepmind-research byol_experiment.py.
"""
import json, math, struct, sys
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
N, D = 13, 7


def save(path, tensors, meta):
    head, blob, at = {"__metadata__": {k: str(v) for k, v in meta.items()}}, [], 0
    for name, t in tensors.items():
        raw = t.detach().float().contiguous().numpy().tobytes()
        head[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [at, at + len(raw)]}
        blob.append(raw)
        at += len(raw)
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blob))


def off_diagonal(m):
    return m - torch.diag(torch.diag(m))


def hinge(z):
    return F.relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean()


def off(z):
    c = z - z.mean(dim=0)
    return off_diagonal(c.T @ c / (len(z) - 1)).pow(2).sum() / z.shape[1]


def variance(e):
    return (hinge(e["z0"]) + hinge(e["z1"])) / 2


def covariance(e):
    return off(e["z0"]) + off(e["z1"])


def cosine(a, b):
    return F.cosine_similarity(a, b, dim=1)


def vicreg(lam, mu, nu, factor=1):
    return lambda e: {"invariance": (lam, F.mse_loss(e["z0"], e["z1"])),
                      "variance": (mu, factor * variance(e)), "covariance": (nu, covariance(e))}


def vicreg_predictor(e):
    inv = (F.mse_loss(e["p0"], e["z1"]) + F.mse_loss(e["p1"], e["z0"])) / 2
    return {"invariance": (25, inv), "variance": (25, variance(e)), "covariance": (1, covariance(e))}


def barlowtwins(e, paper=False, scale=1.0, lam=0.0051):
    def norm(z):
        std = z.std(0) if paper else torch.sqrt(z.var(0, unbiased=False) + 1e-5)
        return (z - z.mean(0)) / std
    c = norm(e["z0"]).T @ norm(e["z1"]) / len(e["z0"])
    return {"on_diagonal": (scale, (torch.diag(c) - 1).pow(2).sum()),
            "off_diagonal": (scale * lam, off_diagonal(c).pow(2).sum())}


def simsiam(e, q="p", stop=True):
    z = [e["z0"].detach(), e["z1"].detach()] if stop else [e["z0"], e["z1"]]
    return {"similarity": (1, -(cosine(e[q + "0"], z[1]).mean() + cosine(e[q + "1"], z[0]).mean()) / 2)}


def byol(e, q="p"):
    one = (2 - 2 * cosine(e[q + "0"], e["t1"].detach())).mean()
    other = (2 - 2 * cosine(e[q + "1"], e["t0"].detach())).mean()
    return {"regression": (1, one + other)}


def regularised(objective):
    return lambda e: {**objective(e), "variance": (1, variance(e)), "covariance": (0.01, covariance(e))}


OBJECTIVES = {
    "vicreg": (vicreg(25, 25, 1), "z"),
    "vicreg-paper": (vicreg(25, 25, 1, 2), "z"),
    "vicreg-inv": (vicreg(1, 0, 0), "z"),
    "vicreg-inv-var": (vicreg(1, 1, 0), "z"),
    "vicreg-predictor": (vicreg_predictor, "zp"),
    "barlowtwins": (barlowtwins, "z"),
    "barlowtwins-paper": (lambda e: barlowtwins(e, True, 0.1), "z"),
    "barlowtwins+var+cov": (regularised(barlowtwins), "z"),
    "simsiam": (simsiam, "zp"),
    "simsiam-no-predictor": (lambda e: simsiam(e, "z"), "z"),
    "simsiam-no-stop": (lambda e: simsiam(e, "p", False), "zp"),
    "simsiam+var+cov": (regularised(simsiam), "zp"),
    "byol": (byol, "zpt"),
    "byol-no-predictor": (lambda e: byol(e, "z"), "zt"),
    "byol+var+cov": (regularised(byol), "zpt"),
}

for seed, (name, (objective, roles)) in enumerate(OBJECTIVES.items()):
    torch.manual_seed(seed)
    base = torch.randn(N, D) @ torch.randn(D, D) / math.sqrt(D)
    e = {r + v: (0.7 * base + 0.5 * torch.randn(N, D)).float().double().requires_grad_() for r in roles for v in "01"}
    terms = objective(e)
    loss = sum(w * t for w, t in terms.values())
    loss.backward()
    out = {**e, "loss": loss, **{"term." + k: t for k, (_, t) in terms.items()},
           **{"grad." + k: v.grad if v.grad is not None else torch.zeros_like(v) for k, v in e.items()}}
    save(f"{sys.argv[1]}/objective-{name}.safetensors", out, {"method": name, "n": N, "d": D})
