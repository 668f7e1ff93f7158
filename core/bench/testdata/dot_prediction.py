#!/usr/bin/env python3
"""A prediction of bf16 steps on a CPU whose products in bfloat16 have twice the rate of float32's, from times of one where they
have not: nothing that it prints was measured.

    sslctl bench kernels --precision bf16 --cpu-isa avx512 --rounds 2 --json > kernels.json
    sslctl bench step --net r18 --precision bf16 --cpu-isa avx512 --json > r18.json          # and others
    python dot_prediction.py kernels.json r18.json ...

A product of pairs makes the same steps over its operands as the direct float32 product of half the terms. So at twice the rate a
convolution is taken to need half the time of its direct float32 twin, or what it takes now, whichever is less; all else stays.
"""
import json, sys

kernels, *steps = [json.load(open(name)) for name in sys.argv[1:]]
for step in steps:
    saved = 0
    for k in kernels["kernels"]:
        pixels = k["shape"].split(" to ")[0].split("x")  # n, h, w, channels
        if k["net"] != step["net"] or not k["direction"] or int(pixels[-1]) < 8:  # products of heads and first layers stay float32
            continue
        direct = k.get("direct", k)["ms"]
        saved += k["calls"] * max(0, k["ms"] - direct / 2)
    print(f"{step['net']}: {step['min_ms']:.0f} ms, predicted {step['min_ms'] - saved:.0f}; peak {kernels['peak_gflops']:.0f} GFLOP/s")
