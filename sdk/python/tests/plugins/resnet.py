"""The shipped backbones as an author in Python writes them: resnet-tiny, a bottleneck and the perceptron."""

from sslctl_sdk import Backbone, Choice, Description, serve
from sslctl_sdk.nn import batch_norm, conv2d, flatten, linear


def convolved(s, conv, bn, x, out, kernel, stride=1, scale=1.0):
    return batch_norm(s[bn], conv2d(s[conv], x, out, kernel, stride, kernel // 2), scale=scale)


def shortcut(s, x, out, stride):
    if stride == 1 and x.dim(3) == out:
        return x
    return batch_norm(s["downsample.1"], conv2d(s["downsample.0"], x, out, 1, stride))


def basic(s, x, width, stride):
    y = convolved(s, "conv1", "bn1", x, width, 3, stride).relu()
    y = convolved(s, "conv2", "bn2", y, width, 3)
    return (y + shortcut(s, x, width, stride)).relu()


def bottleneck(s, x, width, stride):
    y = convolved(s, "conv1", "bn1", x, width, 1).relu()
    y = convolved(s, "conv2", "bn2", y, width, 3, stride).relu()
    y = convolved(s, "conv3", "bn3", y, 4 * width, 1, scale=0)
    return (y + shortcut(s, x, 4 * width, stride)).relu()


class ResNet(Backbone):
    def describe(self):
        return Description(name="resnet", version="1.0.0", params=[Choice("net", "which", "resnet-tiny", "resnet50", "mlp", "broken")])

    def forward(self, s, images, h):
        if h.net == "mlp":
            x = flatten(images)
            for i in range(2):
                x = batch_norm(s[str(3 * i + 1)], linear(s[str(3 * i)], x, 512, bias=False)).relu()
            return x
        if h.net == "broken":
            return flatten(images) - flatten(images).mean(0, keep=True)
        if h.net == "resnet-tiny":
            x = convolved(s, "conv1", "bn1", images, 32, 3, 2).relu()
            for i, (width, stride) in enumerate([(32, 1), (64, 2), (128, 2)]):
                x = basic(s[f"layer{i + 1}.0"], x, width, stride)
            return flatten(x.avg_pool(2, 2))
        x = convolved(s, "conv1", "bn1", images, 64, 7, 2).relu().max_pool(3, 2, 1)
        for i, (width, blocks, stride) in enumerate([(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]):
            for j in range(blocks):
                x = bottleneck(s[f"layer{i + 1}.{j}"], x, width, stride if j == 0 else 1)
        return flatten(x.avg_pool(1, 1))


def main() -> None:
    serve(ResNet())
