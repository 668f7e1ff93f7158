"""Writes plane.json: principal components by numpy, t-SNE's joint probabilities and final divergence by scikit-learn, of
the 300 test rows of core/probe/testdata.

    python make_golden.py > plane.json
"""
import json, sys, numpy as np
from sklearn.manifold import TSNE
from sklearn.manifold._t_sne import _joint_probabilities
from sklearn.metrics.pairwise import euclidean_distances
from scipy.spatial.distance import squareform

x = np.fromfile("../../testdata/probe.f32", np.float32).reshape(900, 20)[600:]
c = x.astype(np.float64); c -= c.mean(0)
u, s, vt = np.linalg.svd(c, full_matrices=False)
sign = np.sign(vt[np.arange(20), np.abs(vt).argmax(1)])
joint = squareform(_joint_probabilities(euclidean_distances(x, squared=True).astype(np.float32), 30, 0))
t = TSNE(init="pca", method="exact", perplexity=30, max_iter=1000, random_state=0).fit(x)
json.dump({"n": 300, "d": 20, "points": ((u * s) * sign)[:, :3].flatten().tolist(), "share": (s ** 2 / (s ** 2).sum())[:3].tolist(),
           "joint_rows": joint[:4].flatten().tolist(), "kl": float(t.kl_divergence_)}, sys.stdout, separators=(",", ":"))
