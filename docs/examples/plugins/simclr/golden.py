"""Writes testdata/ntxent.json: NT-Xent and its gradients by PyTorch, as cross_entropy over cosines without the diagonal."""
import json, pathlib
import torch
import torch.nn.functional as F

torch.manual_seed(3)
n, d, tau = 6, 5, 0.5
a, b = (torch.randn(n, d, dtype=torch.float32).double().requires_grad_() for _ in range(2))
z = F.normalize(torch.cat([a, b]))
logits = (z @ z.T / tau).masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
loss = F.cross_entropy(logits, torch.arange(2 * n).roll(n))
loss.backward()
flat = lambda t: t.detach().flatten().tolist()
out = {"batch": n, "width": d, "temperature": tau, "z0": flat(a), "z1": flat(b), "loss": loss.item(), "grad0": flat(a.grad), "grad1": flat(b.grad)}
path = pathlib.Path(__file__).parent / "testdata" / "ntxent.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(out) + "\n")
