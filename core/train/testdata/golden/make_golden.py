#!/usr/bin/env python3
"""Three training steps of a small network for each recipe: PyTorch in float64, stored as float32 safetensors.

    python3 make_golden.py [OUT_DIR]

A file holds init.*, step{0,1,2}.view{0,1} (NCHW), grad.* of the first step, the three losses and final.*, with running
statistics, and for a target branch final.target.*. Names and layouts are torchvision's and torch's. The metadata says
recipe, sizes and optimiser. Initial values and views are exact in float32.

No file has a tie: a ReLU's gradient jumps at 0, so an input nearer to 0 than float32 rounds would make the truth a matter
of luck. Seeds are tried until every such input is CLEAR of 0, by more in later steps, to which rounding has grown, and until
PyTorch's own float32 gives the gradients of the first step within ROUNDING of the largest in their tensor: in networks this
small those of a batch norm with two channels may cancel.
"""
import json, struct, sys
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)  # sums in one order
BATCH, SIZE, EMA = 8, 9, 0.9
CLEAR = [8e-6, 4e-5, 1e-4]  # of each step, relative to the root mean square of the ReLU's input
ROUNDING = 5e-6


class Relu(nn.Module):
    """ReLU that notes how near its inputs come to 0, where gradients flow through it."""
    nearest = float("inf")

    def forward(self, x):
        if x.requires_grad:
            x_ = x.detach()
            Relu.nearest = min(Relu.nearest, (x_.abs().min() / x_.pow(2).mean().sqrt()).item())
        return F.relu(x)


relu = Relu()


# Objectives over embeddings e["z0"], e["z1"], predictions p and target embeddings t. Means and variances as in the official
# implementations: VICReg's variance is unbiased, Barlow Twins' biased; cosines are means over the batch.

def off_diagonal(m):
    return m - torch.diag(torch.diag(m))


def variance(z):
    return relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean()


def covariance(z):
    c = z - z.mean(dim=0)
    return off_diagonal(c.T @ c / (len(z) - 1)).pow(2).sum() / z.shape[1]


def regularised(e, mu, nu):
    return mu * (variance(e["z0"]) + variance(e["z1"])) / 2 + nu * (covariance(e["z0"]) + covariance(e["z1"]))


def cosine(a, b):
    return F.cosine_similarity(a, b.detach(), dim=1).mean()


def vicreg(e):
    return 25 * F.mse_loss(e["z0"], e["z1"]) + regularised(e, 25, 1)


def barlowtwins(e):
    a, b = ((z - z.mean(0)) / torch.sqrt(z.var(0, unbiased=False) + 1e-5) for z in (e["z0"], e["z1"]))
    c = a.T @ b / len(a)
    return (torch.diag(c) - 1).pow(2).sum() + 0.0051 * off_diagonal(c).pow(2).sum()


def simsiam(e):
    return -(cosine(e["p0"], e["z1"]) + cosine(e["p1"], e["z0"])) / 2


def byol(e):
    return 4 - 2 * cosine(e["p0"], e["t1"]) - 2 * cosine(e["p1"], e["t0"])


def plus(objective):
    return lambda e: objective(e) + regularised(e, 1, 0.01)


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.downsample = None
        if stride != 1 or i != o:
            self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        y = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        return relu(y + (x if self.downsample is None else self.downsample(x)))


class Backbone(nn.Module):
    """ResNet with one basic block in each of four stages and a 3x3 stem."""

    def __init__(self, w):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, w, 3, 1, 1, bias=False), nn.BatchNorm2d(w)
        self.layer1, self.layer2 = nn.Sequential(Block(w, w, 1)), nn.Sequential(Block(w, 2 * w, 2))
        self.layer3, self.layer4 = nn.Sequential(Block(2 * w, 4 * w, 2)), nn.Sequential(Block(4 * w, 8 * w, 2))

    def forward(self, x):
        x = relu(self.bn1(self.conv1(x)))
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))


def head(widths, hidden_bias=True, last_bias=False, last_norm=False):
    modules = []
    for a, b in zip(widths[:-2], widths[1:-1]):
        modules += [nn.Linear(a, b, bias=hidden_bias), nn.BatchNorm1d(b), Relu()]
    modules.append(nn.Linear(widths[-2], widths[-1], bias=last_bias))
    if last_norm:
        modules.append(nn.BatchNorm1d(widths[-1], affine=False))
    return nn.Sequential(*modules)


class LARS:
    """The official codes' form: the learning rate outside the momentum, one-dimensional tensors neither decayed nor adapted."""

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


OPTIMIZERS = {
    "sgd": lambda params, lr, decay: torch.optim.SGD(params, lr, momentum=0.9, weight_decay=decay),
    "adamw": lambda params, lr, decay: torch.optim.AdamW(params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=decay),
    "lars": LARS,
}

# objective, width, optimiser, learning rate, decay, further parts. Decays are large, so that a slip in them shows. AdamW
# divides by the gradient's size, so its recipe has no bias before a batch norm, whose gradient is rounding alone.
RECIPES = {
    "vicreg-lars": (vicreg, 3, "lars", 1.6, 0.05, {}),
    "vicreg-adamw": (vicreg, 2, "adamw", 0.002, 0.5, {"hidden_bias": False}),
    "barlowtwins-sgd": (barlowtwins, 2, "sgd", 0.01, 0.05, {}),
    "simsiam+var+cov-sgd": (plus(simsiam), 2, "sgd", 0.05, 0.05, {"predictor": True, "last_norm": True}),
    "byol-sgd": (byol, 2, "sgd", 0.05, 0.05, {"predictor": True, "target": True}),
    "byol+var+cov-lars": (plus(byol), 2, "lars", 0.45, 0.05, {"predictor": True, "target": True}),
}


def widths(w):
    return [8 * w, 14, 14, 9], [9, 5, 9]


def network(w, parts):
    projector, predictor = widths(w)
    net = nn.ModuleDict({"backbone": Backbone(w), "projector": head(projector, parts.get("hidden_bias", True), last_norm=parts.get("last_norm", False))})
    if parts.get("predictor"):
        net["predictor"] = head(predictor, last_bias=True)
    return net


def exact(t):
    return t.float().double()


def floats(prefix, state):
    return {prefix + k: v.clone() for k, v in state.items() if v.is_floating_point()}


def embed(online, target, views):
    e = {}
    for i, x in enumerate(views):
        e[f"z{i}"] = online["projector"](online["backbone"](x))
        if "predictor" in online:
            e[f"p{i}"] = online["predictor"](e[f"z{i}"])
        if target is not None:
            with torch.no_grad():
                e[f"t{i}"] = target["projector"](target["backbone"](x))
    return e


def following(online, w):
    """The target branch of a network, which starts as its copy."""
    target = network(w, {})
    target.load_state_dict({k: v.clone() for k, v in online.state_dict().items() if not k.startswith("predictor")})
    return target


def rounding(objective, w, parts, tensors):
    """The error of PyTorch's float32 in the gradients of the first step."""
    online = network(w, parts)
    online.load_state_dict({k: tensors.get("init." + k, v) for k, v in online.state_dict().items()})
    target = following(online, w).float() if parts.get("target") else None
    objective(embed(online.float(), target, [tensors[f"step0.view{i}"].float() for i in range(2)])).backward()
    worst, largest = 0, max(tensors["grad." + k].abs().max() for k, _ in online.named_parameters())
    for k, p in online.named_parameters():
        want = tensors["grad." + k]
        if want.abs().max() > 1e-6 * largest:  # not zero but for rounding
            worst = max(worst, (p.grad.double() - want).abs().max() / want.abs().max())
    return worst


def steps(objective, w, kind, lr, decay, parts):
    """The file's tensors, or None where an activation is not clear of 0."""
    online = network(w, parts)
    for p in online.parameters():  # off the values 1 and 0 of batch norm, so that a slip shows
        if p.ndim == 1:
            p.data.add_(0.1 * torch.randn(p.shape))
        p.data = exact(p.data)
    followed = {k: p for k, p in online.named_parameters() if not k.startswith("predictor")}
    target = following(online, w) if parts.get("target") else None
    opt = OPTIMIZERS[kind](list(online.parameters()), lr, decay)
    out, losses = floats("init.", online.state_dict()), []
    for s in range(3):
        Relu.nearest = float("inf")
        base = torch.randn(BATCH, 3, SIZE, SIZE)
        views = [exact(base + 0.3 * torch.randn(base.shape)) for _ in range(2)]
        out.update({f"step{s}.view{i}": x for i, x in enumerate(views)})
        loss = objective(embed(online, target, views))
        if Relu.nearest < CLEAR[s]:
            return None
        losses.append(loss.detach())
        online.zero_grad()
        loss.backward()
        if s == 0:
            out.update({"grad." + k: p.grad.clone() for k, p in online.named_parameters()})
        opt.step()
        if target is not None:
            for k, q in target.named_parameters():
                q.data.mul_(EMA).add_(followed[k].data, alpha=1 - EMA)
    out["loss"] = torch.stack(losses)
    out.update(floats("final.", online.state_dict()))
    if target is not None:
        out.update(floats("final.target.", target.state_dict()))
    return out


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


def main(out):
    for index, (name, (objective, w, kind, lr, decay, parts)) in enumerate(RECIPES.items()):
        tensors, seed = None, 10000 * index
        while tensors is None:
            seed += 1
            torch.manual_seed(seed)
            tensors = steps(objective, w, kind, lr, decay, parts)
            if tensors and rounding(objective, w, parts, tensors) > ROUNDING:
                tensors = None
        projector, predictor = widths(w)
        save(f"{out}/step-{name}.safetensors", tensors, {
            "recipe": name, "width": w, "batch": BATCH, "size": SIZE, "optimizer": kind, "lr": lr, "weight_decay": decay,
            "momentum": 0.9, "ema": EMA if parts.get("target") else "", "projector": "-".join(map(str, projector)),
            "predictor": "-".join(map(str, predictor)) if parts.get("predictor") else "", "seed": seed, "torch": torch.__version__})
        print(name, "seed", seed)


main(sys.argv[1] if len(sys.argv) > 1 else ".")
