"""Writes testdata/uniformity.json: align_uniform's uniform_loss and its gradient by PyTorch."""
import json, pathlib
import torch
import torch.nn.functional as F

torch.manual_seed(4)
n, d, t = 7, 4, 2
views = [torch.randn(n, d, dtype=torch.float32).double().requires_grad_() for _ in range(2)]
loss = sum(torch.pdist(F.normalize(z)).pow(2).mul(-t).exp().mean().log() for z in views) / 2
loss.backward()
flat = lambda x: x.detach().flatten().tolist()
out = {"batch": n, "width": d, "t": t, "z0": flat(views[0]), "z1": flat(views[1]), "loss": loss.item(), "grad0": flat(views[0].grad), "grad1": flat(views[1].grad)}
path = pathlib.Path(__file__).parent / "testdata" / "uniformity.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(out) + "\n")
