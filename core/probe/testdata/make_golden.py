"""Writes probe.json and probe.f32: scikit-learn's digits, 20 of the 64 pixels (one of them constant in the train rows,
one far from 0), 600 train and 300 test rows, with what scikit-learn's logistic regression and a numpy nearest-neighbour
vote in float64 make of them. probe.f32 holds train then test rows, little-endian.

    python make_golden.py
"""
import json, numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

x, y = load_digits(return_X_y=True)
rng = np.random.default_rng(3)
rows = rng.permutation(len(y))[:900]
cols = np.r_[0, rng.choice(np.arange(1, 64), 19, replace=False)]
x = (x[rows][:, cols] + .25 * rng.standard_normal((900, 20))).astype(np.float32)   # noise: no ties by accident
x[:, 0] = 7.3                       # constant
x[600:, 0] += 1                     # ... in the train rows only
x[:, 1] = x[:, 1] * .01 + 3         # small against its mean
y = y[rows]
tr, te, ytr, yte = x[:600].astype(np.float64), x[600:].astype(np.float64), y[:600], y[600:]


def ranks(scores, labels):          # classes before the label: higher score, or equal and lower number
    own = scores[np.arange(len(labels)), labels][:, None]
    lower = np.arange(scores.shape[1])[None] < labels[:, None]
    return ((scores > own) | ((scores == own) & lower)).sum(1)


def logistic(l2):
    s = StandardScaler().fit(tr)
    m = LogisticRegression(C=1 / l2, tol=1e-9, max_iter=100000).fit(s.transform(tr), ytr)
    logits = s.transform(tr) @ m.coef_.T + m.intercept_
    loss = np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(600), ytr]) + l2 / 1200 * (m.coef_ ** 2).sum()
    r = ranks(s.transform(te) @ m.coef_.T + m.intercept_, yte)
    return {"l2": l2, "loss": loss, "top1": float((r == 0).mean()), "top5": float((r < 5).mean())}


def knn(k, t):
    a, b = tr / np.linalg.norm(tr, axis=1, keepdims=True), te / np.linalg.norm(te, axis=1, keepdims=True)
    sim = b @ a.T
    votes = np.zeros((len(b), 10))
    for i, row in enumerate(sim):
        for j in np.argsort(-row, kind="stable")[:k]: votes[i, ytr[j]] += np.exp(row[j] / t)
    r = ranks(votes, yte)
    r[votes[np.arange(len(b)), yte] == 0] = 10
    return {"k": k, "t": t, "top1": float((r == 0).mean()), "top5": float((r < 5).mean())}


x.tofile("probe.f32")
json.dump({"d": 20, "train": ytr.tolist(), "test": yte.tolist(), "linear": [logistic(.06), logistic(6.)],
           "knn": [knn(20, .07), knn(1, .07), knn(200, .1)],
           # scipy.stats.binomtest(correct, n).proportion_ci(method="wilson")
           "wilson": [[c, n, *__import__("scipy.stats").stats.binomtest(c, n).proportion_ci(method="wilson")] for c, n in [(0, 10), (7, 10), (300, 300), (9123, 10000)]]},
          open("probe.json", "w"), separators=(",", ":"))
