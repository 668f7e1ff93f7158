"""Writes spectrum.json: figures of small random embeddings by numpy in float64.

    python make_golden.py > spectrum.json
"""
import json, sys, numpy as np

rng = np.random.default_rng(5)


def entropy_rank(x, eps=0):
    p = x / x.sum() + eps
    p = p[p > 0]
    return float(np.exp(-(p * np.log(p)).sum()))


def figures(z):
    z = z.astype(np.float32).astype(np.float64)
    n, d = z.shape
    std, norm = z.std(0, ddof=1), np.linalg.norm(z, axis=1)
    u = z / norm[:, None]
    with np.errstate(invalid="ignore"): corr = np.abs(np.corrcoef(z.T))[~np.eye(d, dtype=bool)]
    lam = np.clip(np.linalg.eigvalsh(np.cov(z.T))[::-1], 0, None)[:min(d, n - 1)]
    return {"n": n, "d": d, "z": z.flatten().tolist(), "norm": norm.mean(), "std_mean": std.mean(), "std_min": std.min(), "std_max": std.max(),
            "std_rms": np.sqrt((std ** 2).mean()), "dead": float((std <= .01 * np.sqrt((std ** 2).mean())).mean()),
            "unit_std": u.std(0, ddof=1).mean(), "spread": min(1, np.sqrt(u.var(0, ddof=1).sum())), "correlation": float(np.nanmean(corr)),
            "eigenvalues": lam.tolist(), "null": float((lam <= .01 * lam.mean()).mean()), "effective_rank": entropy_rank(lam),
            "participation": lam.sum() ** 2 / (lam ** 2).sum(), "rankme": entropy_rank(np.linalg.svd(z, compute_uv=False), 1e-7)}


mix = rng.standard_normal((12, 12))
dead = rng.standard_normal((40, 10)) @ rng.standard_normal((10, 10)) + 3
dead[:, 4] = 2.
dead[:, 7] *= 1e-4
json.dump([figures(rng.standard_normal((60, 12)) @ mix + .5),        # more rows than dimensions
           figures(rng.standard_normal((9, 16)) * np.arange(1, 17)), # fewer
           figures(dead)], sys.stdout, separators=(",", ":"))
