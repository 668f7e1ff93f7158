#!/usr/bin/env python3
"""Three training steps of small networks in PyTorch, float64, stored as float32 safetensors.

    python3 make_golden.py OUT_DIR

A ResNet of one basic block a stage with a 3x3 stem (torchvision's names), a projector and, where the method has one, a
predictor. Each file holds init.*, step{0,1,2}.view{0,1} (NCHW), grad.* of the first step, the three losses, and final.*
(final.target.* for BYOL) with running statistics. Seeds are such that no activation is so near to 0 that float32
would take the other side of ReLU's kink, and initial values and views are exact in float32. The metadata names sizes and optimiser. LARS is the official form of
VICReg and Barlow Twins: learning rate outside the momentum, one-dimensional tensors neither decayed nor adapted.
"""
import json, math, struct, sys
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
WIDTH, BATCH, SIZE, PROJECTOR, PREDICTOR = 2, 8, 10, [16, 14, 14, 9], [9, 5, 9]


NEAREST = 5e-6  # least distance of an activation from ReLU's kink
relu, nearest = F.relu, [math.inf]


def watched(x, inplace=False):
    nearest[0] = min(nearest[0], x.detach().abs().min().item())
    return relu(x)


F.relu = watched


def exact(t):
    return t.float().double()


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


def variance(z):
    return relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean()


def covariance(z):
    c = z - z.mean(dim=0)
    return off_diagonal(c.T @ c / (len(z) - 1)).pow(2).sum() / z.shape[1]


def regularisers(e, mu, nu):
    return mu * (variance(e["z0"]) + variance(e["z1"])) / 2 + nu * (covariance(e["z0"]) + covariance(e["z1"]))


def vicreg(e):
    return 25 * F.mse_loss(e["z0"], e["z1"]) + regularisers(e, 25, 1)


def barlowtwins(e):
    a, b = ((z - z.mean(0)) / torch.sqrt(z.var(0, unbiased=False) + 1e-5) for z in (e["z0"], e["z1"]))
    c = a.T @ b / len(a)
    return (torch.diag(c) - 1).pow(2).sum() + 0.0051 * off_diagonal(c).pow(2).sum()


def cosine(a, b):
    return F.cosine_similarity(a, b.detach(), dim=1).mean()


def simsiam(e):
    return -(cosine(e["p0"], e["z1"]) + cosine(e["p1"], e["z0"])) / 2


def byol(e):
    return 4 - 2 * cosine(e["p0"], e["t1"]) - 2 * cosine(e["p1"], e["t0"])


def regularised(objective):
    return lambda e: objective(e) + regularisers(e, 1, 0.01)


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.downsample = None
        if stride != 1 or i != o:
            self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Backbone(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, w, 3, 1, 1, bias=False), nn.BatchNorm2d(w)
        self.layer1, self.layer2 = nn.Sequential(Block(w, w, 1)), nn.Sequential(Block(w, 2 * w, 2))
        self.layer3, self.layer4 = nn.Sequential(Block(2 * w, 4 * w, 2)), nn.Sequential(Block(4 * w, 8 * w, 2))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))


def head(dims, last_norm=False, last_bias=False):
    modules = []
    for a, b in zip(dims[:-2], dims[1:-1]):
        modules += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU()]
    modules.append(nn.Linear(dims[-2], dims[-1], bias=last_bias))
    if last_norm:
        modules.append(nn.BatchNorm1d(dims[-1], affine=False))
    return nn.Sequential(*modules)


class LARS:
    def __init__(self, params, lr, decay):
        self.params, self.lr, self.decay, self.momentum = list(params), lr, decay, {}

    @torch.no_grad()
    def step(self):
        for p in self.params:
            g = p.grad
            if p.ndim > 1:
                g = g + self.decay * p
                g = g * (0.001 * p.norm() / g.norm())
            m = self.momentum.setdefault(p, torch.zeros_like(p))
            m.mul_(0.9).add_(g)
            p.add_(m, alpha=-self.lr)


RECIPES = {
    "vicreg-lars": (vicreg, "lars", 1.6, 1e-6),
    "barlowtwins-sgd": (barlowtwins, "sgd", 0.01, 1e-4),
    "simsiam+var+cov-sgd": (regularised(simsiam), "sgd", 0.05, 1e-4),
    "byol-sgd": (byol, "sgd", 0.05, 1e-4),
    "byol+var+cov-lars": (regularised(byol), "lars", 0.45, 1e-6),
}
EMA = 0.9


def embed(net, prefix, e, i, x):
    e[f"{prefix}{i}"] = net["projector"](net["backbone"](x))
    if prefix == "z" and "predictor" in net:
        e[f"p{i}"] = net["predictor"](e[f"z{i}"])


def floats(prefix, state):
    return {prefix + k: v.clone() for k, v in state.items() if v.is_floating_point()}


def steps(name, objective, kind, lr, decay):
    online = nn.ModuleDict({"backbone": Backbone(WIDTH), "projector": head(PROJECTOR, last_norm=name.startswith("simsiam"))})
    if name.startswith(("simsiam", "byol")):
        online["predictor"] = head(PREDICTOR, last_bias=True)
    for p in online.parameters():  # off the values 1 and 0 of batch norm, so that a slip shows
        if p.ndim == 1:
            p.data.add_(0.1 * torch.randn(p.shape))
        p.data = exact(p.data)
    target = None
    if name.startswith("byol"):
        target = nn.ModuleDict({"backbone": Backbone(WIDTH), "projector": head(PROJECTOR)})
        target.load_state_dict({k: v.clone() for k, v in online.state_dict().items() if not k.startswith("predictor")})
    params = list(online.parameters())
    opt = torch.optim.SGD(params, lr, momentum=0.9, weight_decay=decay) if kind == "sgd" else LARS(params, lr, decay)
    out, losses = floats("init.", online.state_dict()), []
    for s in range(3):
        base, e = torch.randn(BATCH, 3, SIZE, SIZE), {}
        for i in range(2):
            x = out[f"step{s}.view{i}"] = exact(base + 0.3 * torch.randn(base.shape))
            embed(online, "z", e, i, x)
            if target is not None:
                with torch.no_grad():
                    embed(target, "t", e, i, x)
        loss = objective(e)
        losses.append(loss.detach())
        online.zero_grad()
        loss.backward()
        if s == 0:
            out.update({"grad." + k: p.grad.clone() for k, p in online.named_parameters()})
        opt.step()
        if target is not None:
            followed = [p for k, p in online.named_parameters() if not k.startswith("predictor")]
            for p, q in zip(followed, target.parameters()):
                q.data.mul_(EMA).add_(p.data, alpha=1 - EMA)
    out["loss"] = torch.stack(losses)
    out.update(floats("final.", online.state_dict()))
    if target is not None:
        out.update(floats("final.target.", target.state_dict()))
    return out


for index, (name, (objective, kind, lr, decay)) in enumerate(RECIPES.items()):
    for seed in range(1000):
        nearest[0] = math.inf
        torch.manual_seed(1000 * index + seed)
        tensors = steps(name, objective, kind, lr, decay)
        if nearest[0] > NEAREST:
            break
    else:
        sys.exit(f"{name}: no seed keeps clear of ReLU's kink")
    save(f"{sys.argv[1]}/step-{name}.safetensors", tensors, {
        "recipe": name, "width": WIDTH, "batch": BATCH, "size": SIZE, "optimizer": kind, "lr": lr, "weight_decay": decay,
        "momentum": 0.9, "ema": EMA if name.startswith("byol") else "", "projector": "-".join(map(str, PROJECTOR)),
        "predictor": "-".join(map(str, PREDICTOR)) if name.startswith(("simsiam", "byol")) else ""})
