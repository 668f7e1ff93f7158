"""Makes the image fixtures and what Pillow decodes from them: images/*, and images/*.rgb (width, height as little-endian
uint16, then RGB rows). Run in testdata: python make_images.py  (Pillow 12 with libjpeg-turbo 3; cjpeg of libjpeg-turbo)."""
import os, struct, subprocess
import numpy as np
from PIL import Image

os.makedirs("images", exist_ok=True)
H, W = 30, 44
y, x = np.mgrid[0:H, 0:W].astype(np.float64)
smooth = np.stack([128 + 100 * np.sin(x / 9), 128 + 90 * np.cos(y / 7), 30 + 4 * x + y], -1).clip(0, 255).astype(np.uint8)
rgb = Image.fromarray(smooth)
alpha = np.dstack([smooth, (x * 5 % 256).astype(np.uint8)])  # colour below full transparency must survive
gray16 = Image.fromarray((smooth[..., 0].astype(np.uint16) * 257))

def put(name, img, **kw):
    img.save(f"images/{name}", **kw)
    out(name, Image.open(f"images/{name}").convert("RGB"))

def out(name, img):
    with open(f"images/{name}.rgb", "wb") as f:
        f.write(struct.pack("<HH", *img.size) + img.tobytes())

put("420.jpg", rgb, quality=92)
put("444.jpg", rgb, quality=92, subsampling=0)
put("422.jpg", rgb, quality=92, subsampling=1)
put("odd.jpg", rgb.crop((0, 0, 37, 23)), quality=92)
put("cmyk.jpg", rgb.convert("CMYK"), quality=92)
put("lossy-alpha.webp", Image.fromarray(alpha), quality=80, exact=True)
for name, sample in {"440": "1x2", "411": "4x1", "410": "4x2"}.items():  # Pillow writes none of these
    rgb.save("/tmp/rgb.ppm")
    subprocess.run(["cjpeg", "-quality", "92", "-sample", sample + ",1x1,1x1", "-outfile", f"images/{name}.jpg", "/tmp/rgb.ppm"], check=True)
    out(f"{name}.jpg", Image.open(f"images/{name}.jpg").convert("RGB"))
put("progressive.jpg", rgb, quality=92, progressive=True)
put("gray.jpg", rgb.convert("L"), quality=92)
put("rgb.png", rgb)
put("alpha.png", Image.fromarray(alpha))
put("palette.png", rgb.quantize(16))
put("gray.png", rgb.convert("L"))
put("lossless.webp", rgb, lossless=True)
put("lossy.webp", rgb, quality=80)
# Shrunk to a short side of 12 by torchvision's Resize(12, antialias): Pillow's bilinear filter.
out("rgb.png.short12", rgb.resize((int(12 * W / H), 12), Image.BILINEAR))
