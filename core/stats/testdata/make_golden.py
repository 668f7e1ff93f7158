"""Writes stats.json: intervals and paired t-tests by scipy, Holm's correction by statsmodels.

    python make_golden.py > stats.json
"""
import json, sys, numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(2)
samples = [rng.normal(85, 2, n).round(3).tolist() for n in (2, 3, 5, 10)] + [[0.1, 0.2, 0.4]]
summaries = []
for x in samples:
    lo, hi = stats.t.interval(.95, len(x) - 1, np.mean(x), stats.sem(x))
    summaries.append({"x": x, "mean": np.mean(x), "sd": np.std(x, ddof=1), "low": lo, "high": hi})
pairs = []
for n, shift in ((2, 1.), (3, .5), (5, 0.), (5, 2.), (10, -.3)):
    a = rng.normal(85, 2, n).round(3); b = (a - shift + rng.normal(0, .5, n)).round(3)
    r = stats.ttest_rel(a, b)
    pairs.append({"a": a.tolist(), "b": b.tolist(), "t": r.statistic, "p": r.pvalue})
ps = [[.01, .04, .03, .005], [.5, .6, .7], [.02], [.011, .011, .9, .2, .04], rng.uniform(size=12).round(4).tolist()]
json.dump({"summaries": summaries, "pairs": pairs, "holm": [{"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in ps]},
          sys.stdout, separators=(",", ":"))
