#!/usr/bin/env python3
"""Golden files of the augmentation: what Pillow and torchvision's v2 transforms make of given parameters.

    python make_golden.py          writes golden.json, golden.bin.gz and draws.json beside this file

Crops are resized as torchvision does with PIL images (bicubic, antialias), which is Pillow's resize: the horizontal pass, then the
vertical one. Pillow 13 swaps them where the height shrinks much more than the width (its #9549), which moves some values by a few
levels; here each pass is a call of its own, so the result is that of every earlier Pillow, and of 13 for all other crops.
Every other step runs on uint8 tensors. golden.bin.gz holds sources and results one after another: bytes H x W x C, or little-endian float32 where a
case is normalised. draws.json holds quantiles of what RandomResizedCrop draws.
Made with torch 2.15.0 (AVX-512), torchvision 0.29.2, Pillow 13.0.0.
"""
import gzip
import json
import pathlib

import numpy as np
import PIL.Image
import torch
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as F

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(7)
BLOB = bytearray()


def store(array):
    at = len(BLOB)
    BLOB.extend(np.ascontiguousarray(array).tobytes())
    return at


def picture(h, w, c, noise=0.25):
    """Waves, edges, a gray patch, black and white corners, noise: something of everything."""
    y, x = np.mgrid[0:h, 0:w] / max(h, w)
    planes = [0.5 + 0.4 * np.sin(9 * x * (k + 1) + 5 * y + k) * np.cos(7 * y * (3 - k) + k) for k in range(c)]
    a = np.stack(planes, -1) + noise * RNG.standard_normal((h, w, c))
    a[h // 3 : h // 2, w // 4 : w // 2] = RNG.random()
    a[: h // 8, : w // 8] = 0
    a[-(h // 8) :, -(w // 8) :] = 1
    a[h // 2 :, w // 2] = [[1, 0, 0][:c]]
    return (a.clip(0, 1) * 255).round().astype(np.uint8)


SOURCES = {}


def source(name, h, w, c, **kw):
    a = picture(h, w, c, **kw)
    SOURCES[name] = dict(h=h, w=w, c=c, at=store(a), pix=a)


source("fashion", 28, 28, 1)
source("cifar", 32, 32, 3)
source("small3", 28, 28, 3)
source("small1", 32, 32, 1)
source("photo", 160, 120, 3, noise=0.02)
source("plate", 120, 160, 1, noise=0.02)
source("noise", 48, 48, 3, noise=1.5)


def to_pil(a):
    return PIL.Image.fromarray(a[:, :, 0] if a.shape[2] == 1 else a)


def to_tensor(pil):
    # Contiguous planes: on the interleaved memory that pil_to_tensor leaves, torch's loops round without fused multiply-add.
    return F.pil_to_tensor(pil).contiguous()


def resize(pil, h, w):
    """Pillow's resize, horizontal pass first whatever its version."""
    two = pil.resize((w, pil.height), PIL.Image.BICUBIC).resize((w, h), PIL.Image.BICUBIC)
    one = F.resize(pil, [h, w], InterpolationMode.BICUBIC, antialias=True)
    SWAPPED.append(not np.array_equal(np.asarray(two), np.asarray(one)))
    return two


SWAPPED = []


def full(src):
    return [0, 0, SOURCES[src]["h"], SOURCES[src]["w"]]


CASES = []


def case(name, src, size, crop=None, flip=False, order=None, factors=(1, 1, 1, 0), gray=False, sigma=0.0, solarize=False,
         mean=None, std=None, every=1):
    """Runs one set of params. order None is no jitter; every keeps only each such row."""
    crop = crop or full(src)
    pil = to_pil(SOURCES[src]["pix"])
    t = to_tensor(resize(F.crop(pil, *crop), size, size))
    if flip:
        t = F.horizontal_flip(t).contiguous()
    for step in order or []:
        f = factors[step]
        if step == 3 and f == 0 or step != 3 and f == 1:
            continue
        t = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue][step](t, f)
    if gray:
        t = F.rgb_to_grayscale(t, num_output_channels=t.shape[0])
    if sigma:
        t = F.gaussian_blur(t, [size // 10 | 1] * 2, [sigma, sigma])
    if solarize:
        t = F.solarize(t, 128)
    if mean:
        t = F.normalize(F.to_dtype(t, torch.float32, scale=True), mean, std)
    out = t.permute(1, 2, 0).numpy()[::every]
    CASES.append(dict(name=name, source=src, size=size, crop=crop, flip=flip, jitter=order is not None, order=order or [0, 0, 0, 0],
                      factors=factors, gray=gray, sigma=sigma, solarize=solarize, mean=mean or [], std=std or [], every=every,
                      at=store(out)))


def evaluation(name, src, size, short):
    pil = to_pil(SOURCES[src]["pix"])
    long = int(short * max(pil.size) / min(pil.size))
    h, w = (long, short) if pil.height > pil.width else (short, long)
    assert (h, w) == tuple(F.get_size(F.resize(pil, short)))
    pil = F.center_crop(resize(pil, h, w), [size, size])
    CASES.append(dict(name=name, source=src, size=size, eval=short, every=1, mean=[], std=[],
                      at=store(to_tensor(pil).permute(1, 2, 0).numpy())))


def boxes(src, n, least=1):
    h, w = SOURCES[src]["h"], SOURCES[src]["w"]
    for _ in range(n):
        ch, cw = RNG.integers(least, h + 1), RNG.integers(least, w + 1)
        yield [int(RNG.integers(0, h - ch + 1)), int(RNG.integers(0, w - cw + 1)), int(ch), int(cw)]


def crops():
    for src, size in (("fashion", 28), ("small3", 28), ("cifar", 32), ("small1", 32)):
        for i, box in enumerate(boxes(src, 5)):
            case(f"crop/{src}-{size}-{i}", src, size, box, flip=i % 2 == 1)
    case("crop/whole", "cifar", 32)
    case("crop/pixel", "cifar", 32, [5, 6, 1, 1])
    case("crop/line", "small3", 28, [5, 0, 1, 28])
    for i, box in enumerate(boxes("photo", 4, 30)):
        case(f"crop/photo-224-{i}", "photo", 224, box, flip=i % 2 == 0, every=16)
        case(f"crop/photo-37-{i}", "photo", 37, box, flip=i % 2 == 0)
    for i, box in enumerate(boxes("plate", 3, 30)):
        case(f"crop/plate-224-{i}", "plate", 224, box, every=16)
        case(f"crop/plate-17-{i}", "plate", 17, box, flip=True)
        case(f"crop/plate-5-{i}", "plate", 5, box)


def steps():
    for src, size in (("noise", 48), ("small1", 32)):
        for f in (0.0, 0.2, 0.6, 0.9137, 1.1, 1.4, 1.8):
            case(f"brightness/{src}-{f}", src, size, order=[0, 1, 2, 3], factors=(f, 1, 1, 0))
            case(f"contrast/{src}-{f}", src, size, order=[0, 1, 2, 3], factors=(1, f, 1, 0))
            if src == "noise":
                case(f"saturation/{src}-{f}", src, size, order=[0, 1, 2, 3], factors=(1, 1, f, 0))
        case(f"identities/{src}", src, size, gray=src == "small1", order=[0, 1, 2, 3], factors=(1, 1, 1, 0) if src == "noise" else (1, 1, 0.5, 0.3))
        case(f"solarize/{src}", src, size, solarize=True)
        for sigma in (0.1, 0.33, 0.7, 1.3, 2.0):
            case(f"blur/{src}-{sigma}", src, size, sigma=sigma)
    for h in (-0.5, -0.2, -0.1, -0.0123, 0.01, 0.0777, 0.1, 0.2, 0.41, 0.5):
        case(f"hue/{h}", "noise", 48, order=[3, 2, 1, 0], factors=(1, 1, 1, h))
    case("gray", "noise", 48, gray=True)


def whole():
    for i in range(16):
        src, size, every = (("cifar", 32, 1), ("fashion", 28, 1), ("photo", 224, 16), ("plate", 224, 16), ("photo", 96, 4))[i % 5]
        box = next(boxes(src, 1, 12))
        factors = tuple(float(v) for v in (*RNG.uniform(0.2, 1.8, 3), RNG.uniform(-0.2, 0.2)))
        case(f"whole/{i}", src, size, box, flip=bool(RNG.random() < 0.5), order=[int(v) for v in RNG.permutation(4)], factors=factors,
             gray=i % 7 == 6, sigma=float(RNG.uniform(0.1, 2)) if i % 3 else 0.0, solarize=i % 4 == 3, every=every)
    case("normalize/3", "cifar", 32, mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    case("normalize/1", "fashion", 28, mean=[0.286], std=[0.353])


def evaluations():
    for name, src, size, short in (("same", "cifar", 32, 32), ("same1", "fashion", 28, 28), ("tall", "photo", 64, 64), ("wide", "plate", 64, 64),
                                   ("margin", "photo", 64, 73), ("odd", "plate", 33, 36), ("up", "cifar", 48, 55), ("square", "cifar", 28, 32)):
        evaluation(f"eval/{name}", src, size, short)


def draws(n=40_000):
    """Quantiles of what RandomResizedCrop draws, for images that always, often and never fit."""
    torch.manual_seed(11)
    out = []
    probe = [i / 40 for i in range(41)]
    for h, w, scale, ratio in ((32, 32, (0.08, 1), (3 / 4, 4 / 3)), (160, 213, (0.08, 1), (3 / 4, 4 / 3)), (28, 28, (0.3, 1), (3 / 4, 4 / 3)),
                               (40, 200, (0.7, 1), (3 / 4, 4 / 3)), (200, 90, (0.2, 0.9), (0.5, 1.5))):
        t = v2.RandomResizedCrop(32, scale=scale, ratio=ratio)
        img = [torch.zeros(3, h, w, dtype=torch.uint8)]
        p = [t.make_params(img) for _ in range(n)]
        k = np.array([[q["top"], q["left"], q["height"], q["width"]] for q in p], dtype=float)
        values = dict(area=k[:, 2] * k[:, 3] / (h * w), ratio=k[:, 3] / k[:, 2], top=k[:, 0], left=k[:, 1])
        out.append(dict(h=h, w=w, scale=scale, ratio=ratio, n=n, probe=probe,
                        quantiles={name: [float(x) for x in np.quantile(v, probe, method="inverted_cdf")] for name, v in values.items()}))
    return out


crops()
steps()
whole()
evaluations()
sources = {k: {f: v[f] for f in ("h", "w", "c", "at")} for k, v in SOURCES.items()}
lines = ",\n".join(json.dumps(c) for c in CASES)
(HERE / "golden.json").write_text('{"sources": %s,\n"cases": [\n%s\n]}\n' % (json.dumps(sources), lines))
(HERE / "golden.bin.gz").write_bytes(gzip.compress(bytes(BLOB), 9, mtime=0))
(HERE / "draws.json").write_text(json.dumps(draws(), indent=None) + "\n")
print(len(CASES), "cases,", len(BLOB), "bytes,", sum(SWAPPED), "resized in the other order by this Pillow")
