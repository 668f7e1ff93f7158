"""Writes testdata/patchnet.json: the network with torch's own modules, its representations and the gradient of their weighted sum."""
import json, pathlib
import torch
from torch import nn
import torch.nn.functional as F


class ChannelsLast(nn.LayerNorm):
    def forward(self, x):  # over the channels of images [n, c, h, w]
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.LayerNorm(c)
        self.expand, self.contract = nn.Linear(c, 4 * c), nn.Linear(4 * c, c)
        self.gamma = nn.Parameter(torch.ones(c))

    def forward(self, x):
        u = self.norm(self.conv(x).permute(0, 2, 3, 1))
        return x + (self.gamma * self.contract(F.hardswish(self.expand(u)))).permute(0, 3, 1, 2)


class Stage(nn.Module):
    def __init__(self, first, c_in, c, kernel, blocks):
        super().__init__()
        self.first, self.down = first, nn.Conv2d(c_in, c, kernel, kernel, bias=False)
        self.norm = ChannelsLast(c if first else c_in)
        self.blocks = nn.ModuleList(Block(c) for _ in range(blocks))

    def forward(self, x):
        x = self.norm(self.down(x)) if self.first else self.down(self.norm(x))
        for block in self.blocks:
            x = block(x)
        return x


class PatchNet(nn.Module):
    def __init__(self, c_in, channels, blocks, patch):
        super().__init__()
        wide = [c_in, *channels]
        self.stages = nn.ModuleList(Stage(i == 0, wide[i], c, patch if i == 0 else 2, blocks) for i, c in enumerate(channels))
        self.norm = nn.LayerNorm(channels[-1])

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.norm(x.mean((2, 3)))


torch.manual_seed(5)
n, size, c_in, channels, blocks, patch = 3, 8, 2, [3, 4], 2, 2
net = PatchNet(c_in, channels, blocks, patch).double()
with torch.no_grad():
    for p in net.parameters():
        p.copy_((p + 0.3 * torch.randn_like(p)).float())
images = torch.randn(n, c_in, size, size).double()
weights = torch.randn(n, channels[-1]).double()
y = net(images)
(y * weights).sum().backward()
flat = lambda t: [float(v) for v in t.detach().flatten().float()]


def memory(t):  # convolution weights lie as [rows, columns, in, out] in memory
    return flat(t.permute(2, 3, 1, 0) if t.dim() == 4 else t)


out = {
    "size": size, "channels": c_in, "images": flat(images.permute(0, 2, 3, 1)), "weights": flat(weights), "y": flat(y),
    "set": {"channels": channels, "blocks": blocks, "patch": patch},
    "params": {k: {"value": memory(p), "grad": memory(p.grad)} for k, p in net.named_parameters()},
}
path = pathlib.Path(__file__).parent / "testdata" / "patchnet.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(out) + "\n")
