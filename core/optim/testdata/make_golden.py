"""Writes optim.json: five steps of each optimiser on random tensors, by torch.optim where torch has the rule and by
the official formulas where it has not, in float64; and learning rates and EMA coefficients of the official code.

    python make_golden.py > optim.json
"""
import json, math, torch

STEPS, RATES = 5, [0.05, 0.1, 0.08, 0.03, 0.0]
SHAPES = {"weight": (5, 4), "bias": (4,), "conv": (2, 3, 1, 2), "scale": (1,), "zero": (3, 2), "still": (2, 2)}
gen = torch.Generator().manual_seed(11)
f32 = lambda t: t.to(torch.float32).double()          # inputs are exact in float32
start = {k: f32(torch.randn(s, generator=gen, dtype=torch.float64)) for k, s in SHAPES.items()}
start["zero"].zero_()                                 # a norm of 0
grads = [{k: f32(torch.randn(s, generator=gen, dtype=torch.float64)) for k, s in SHAPES.items()} for _ in range(STEPS)]
for g in grads: g["still"].zero_()                    # a gradient of 0


class LARS:
    """The official form (facebookresearch/vicreg main_vicreg.py, barlowtwins main.py)."""
    def __init__(s, ps, wd, mu=.9, eta=.001): s.ps, s.wd, s.momentum, s.eta, s.mu = ps, wd, mu, eta, {}

    def step(s, lr):
        for k, p in s.ps.items():
            g = p.grad
            if p.ndim > 1:
                g = g + s.wd * p
                pn, gn = p.norm(), g.norm()
                q = torch.where(pn > 0, torch.where(gn > 0, s.eta * pn / gn, torch.ones(())), torch.ones(()))
                g = g * q
            m = s.mu.setdefault(k, torch.zeros_like(p))
            m.mul_(s.momentum).add_(g)
            p.data.add_(m, alpha=-lr)


class ClipLARS:
    """solo-learn's form (solo/utils/lars.py) with clip_lars_lr and exclude_bias_n_norm_lars."""
    def __init__(s, ps, wd, mu=.9, eta=.02): s.ps, s.wd, s.momentum, s.eta, s.mu = ps, wd, mu, eta, {}

    def step(s, lr):
        for k, p in s.ps.items():
            d, pn, gn = p.grad, p.norm(), p.grad.norm()
            if p.ndim != 1 and pn != 0 and gn != 0:
                q = s.eta * pn / (gn + pn * s.wd + 1e-8)
                q = min(q / lr, 1) if lr else 1
                d = (d + s.wd * p) * q
            m = s.mu.setdefault(k, torch.zeros_like(p))
            m.mul_(s.momentum).add_(d)
            p.data.add_(m, alpha=-lr)


def groups(ps, one_dim_decay, wd):
    return [{"params": [p for p in ps.values() if p.ndim > 1], "weight_decay": wd},
            {"params": [p for p in ps.values() if p.ndim == 1], "weight_decay": wd if one_dim_decay else 0}]


class Torch:
    def __init__(s, opt): s.opt = opt

    def step(s, lr):
        for g in s.opt.param_groups: g["lr"] = lr
        s.opt.step()


CASES = {
    "sgd": lambda ps: Torch(torch.optim.SGD(ps.values(), 1., momentum=0, weight_decay=0)),
    "sgd-momentum-decay": lambda ps: Torch(torch.optim.SGD(ps.values(), 1., momentum=.9, weight_decay=1e-2)),
    "sgd-nesterov": lambda ps: Torch(torch.optim.SGD(ps.values(), 1., momentum=.9, weight_decay=1e-2, nesterov=True)),
    "sgd-matrices": lambda ps: Torch(torch.optim.SGD(groups(ps, False, 1e-2), 1., momentum=.9)),
    "adamw": lambda ps: Torch(torch.optim.AdamW(ps.values(), 1., weight_decay=.1)),
    "adamw-betas-matrices": lambda ps: Torch(torch.optim.AdamW(groups(ps, False, .1), 1., betas=(.8, .99), eps=1e-6)),
    "lars": lambda ps: LARS(ps, 1e-2),
    "lars-clip": lambda ps: ClipLARS(ps, 1e-2),
}


def run(make):
    ps = {k: v.clone().requires_grad_() for k, v in start.items()}
    opt, after = make(ps), []
    for s in range(STEPS):
        for k, p in ps.items(): p.grad = grads[s][k].clone()
        with torch.no_grad(): opt.step(RATES[s])
        after.append({k: p.detach().flatten().tolist() for k, p in ps.items()})
    return after


def vicreg_rate(step, total=40, warmup=10, base=.8):  # main_vicreg.py: adjust_learning_rate
    if step < warmup: return base * step / warmup
    q = .5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))
    return base * q + base * .001 * (1 - q)


flat = lambda d: {k: v.flatten().tolist() for k, v in d.items()}
print(json.dumps({
    "shapes": {k: list(s) for k, s in SHAPES.items()}, "rates": RATES, "start": flat(start), "grads": [flat(g) for g in grads],
    "after": {name: run(make) for name, make in CASES.items()},
    "vicreg_rate": [vicreg_rate(k) for k in range(41)],
    "byol_tau": [1 - (1 - .99) * (math.cos(math.pi * k / 40) + 1) / 2 for k in range(41)],
    "torch_warmup": [.1 + .9 * k / 5 for k in range(5)],
}, separators=(",", ":")))
