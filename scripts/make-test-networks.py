"""Makes the tiny networks of test/fixtures/networks, one of each family of vision networks, with random weights.

Each NAME.onnx comes with NAME.json: the layer's features that PyTorch computes for a fixed input, `[rows * columns, size]`
row by row, class tokens left out. The input is sin(i * 0.37) for the i-th number of `[1, 3, height, width]`.
Needs PyTorch 1.13 and onnx 1.12, as Debian 12 has them: apt-get install python3-torch python3-onnx
Usage: /usr/bin/python3 scripts/make-test-networks.py && npx biome format --write test/fixtures/networks
"""
import json
import os
import sys
import warnings

import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

warnings.filterwarnings("ignore")
OUT = sys.argv[1] if len(sys.argv) > 1 else "test/fixtures/networks"


def image(height, width):
    return torch.sin(torch.arange(3 * height * width, dtype=torch.float64) * 0.37).float().reshape(1, 3, height, width)


class Attention(nn.Module):
    def __init__(self, size, heads=2):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(size, 3 * size), nn.Linear(size, size)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (d // self.heads) ** -0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(b, n, d))


class QuickGelu(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    def __init__(self, size, act=nn.GELU, scale=False):
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(size), Attention(size), nn.LayerNorm(size)
        self.mlp = nn.Sequential(nn.Linear(size, 2 * size), act(), nn.Linear(2 * size, size))
        self.scale = nn.Parameter(torch.full((size,), 0.5)) if scale else None

    def forward(self, x):
        scaled = (lambda y: y * self.scale) if self.scale is not None else (lambda y: y)
        x = x + scaled(self.attn(self.norm1(x)))
        return x + scaled(self.mlp(self.norm2(x)))


class ViT(nn.Module):
    """A class token, absolute positions, a final norm, and a classifier on the class token."""

    def __init__(self, size=8, patch=8, side=32, registers=0, act=nn.GELU, scale=False, pre_norm=False, head="class"):
        super().__init__()
        cells = (side // patch) ** 2
        self.patches = nn.Conv2d(3, size, patch, patch)
        self.cls = nn.Parameter(torch.randn(1, 1, size)) if head != "pool" else None
        self.registers = nn.Parameter(torch.randn(1, registers, size)) if registers else None
        self.positions = nn.Parameter(torch.randn(1, cells + (self.cls is not None), size))
        self.pre = nn.LayerNorm(size) if pre_norm else None
        self.blocks = nn.Sequential(Block(size, act, scale), Block(size, act, scale))
        self.norm, self.head, self.kind = nn.LayerNorm(size), nn.Linear(size, 5), head
        if head == "pool":
            self.probe = nn.Parameter(torch.randn(1, 1, size))
            self.pool = nn.MultiheadAttention(size, 2, batch_first=True)

    def tokens(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        if self.cls is not None:
            x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1)
        x = x + self.positions
        if self.registers is not None:
            x = torch.cat([x[:, :1], self.registers.expand(x.shape[0], -1, -1), x[:, 1:]], 1)
        if self.pre is not None:
            x = self.pre(x)
        x = self.blocks(x)
        return x if self.kind == "clip" else self.norm(x)

    def features(self, x):
        return self.tokens(x)[:, (self.cls is not None) + (self.registers.shape[1] if self.registers is not None else 0):]

    def forward(self, x):
        x = self.tokens(x)
        if self.kind == "backbone":
            return x, x[:, 0]
        if self.kind == "clip":
            return self.head(self.norm(x[:, 0]))
        if self.kind == "pool":
            return self.head(self.pool(self.probe.expand(x.shape[0], -1, -1), x, x)[0][:, 0])
        return self.head(x[:, 0])


class LastNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.norm = nn.LayerNorm(size)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(size, size, 7, padding=3, groups=size), nn.LayerNorm(size)
        self.mlp = nn.Sequential(nn.Linear(size, 2 * size), nn.GELU(), nn.Linear(2 * size, size))

    def forward(self, x):
        return x + self.mlp(self.norm(self.conv(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class Swin(nn.Module):
    """A block of shifted windows, a merging of patches, and a block of one window."""

    class Block(nn.Module):
        def __init__(self, size, shift, window=4):
            super().__init__()
            self.inner, self.shift, self.window = Block(size), shift, window

        def forward(self, x):
            b, h, w, c = x.shape
            n = self.window
            y = torch.roll(self.inner.norm1(x), (-self.shift, -self.shift), (1, 2)) if self.shift else self.inner.norm1(x)
            y = y.view(b, h // n, n, w // n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, n * n, c)
            y = self.inner.attn(y).view(b, h // n, w // n, n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
            x = x + (torch.roll(y, (self.shift, self.shift), (1, 2)) if self.shift else y)
            return x + self.inner.mlp(self.inner.norm2(x))

    def __init__(self):
        super().__init__()
        self.patches, self.first = nn.Conv2d(3, 8, 4, 4), Swin.Block(8, 2)
        self.reduce, self.second, self.norm, self.head = nn.Linear(32, 12), Swin.Block(12, 0), nn.LayerNorm(12), nn.Linear(12, 5)

    def features(self, x):
        x = self.first(self.patches(x).permute(0, 2, 3, 1))
        parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        x = self.second(self.reduce(torch.cat(parts, -1)))
        return self.norm(x.flatten(1, 2))

    def forward(self, x):
        return self.head(self.features(x).mean(1))


class SqueezeExcite(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.fc = nn.Sequential(nn.Conv2d(size, 4, 1), nn.ReLU(), nn.Conv2d(4, size, 1), nn.Hardsigmoid())

    def forward(self, x):
        return x * self.fc(F.adaptive_avg_pool2d(x, 1))


def mobile(act, size=16):
    """An inverted bottleneck with squeeze-and-excite between two convolutions, as EfficientNet and MobileNetV3 have."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 4, 1), nn.BatchNorm2d(8), act(),
        nn.Conv2d(8, size, 1), act(), nn.Conv2d(size, size, 5, 2, 2, groups=size), nn.BatchNorm2d(size), act(),
        SqueezeExcite(size), nn.Conv2d(size, 8, 1), nn.Conv2d(8, size, 1), nn.BatchNorm2d(size), act(),
    )


class Pooled(nn.Module):
    """A map, its average, and a class."""

    def __init__(self, features, size=16):
        super().__init__()
        self.map, self.head = features, nn.Linear(size, 5)

    def features(self, x):
        return self.map(x).flatten(2).transpose(1, 2)

    def forward(self, x):
        return self.head(F.adaptive_avg_pool2d(self.map(x), 1).flatten(1))


class Residual(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(size, size, 3, padding=1), nn.BatchNorm2d(size), nn.ReLU(), nn.Conv2d(size, size, 1))

    def forward(self, x):
        return F.relu(x + self.body(x))


class MobileAttention(nn.Module):
    """Attention of MobileNetV4: one key and value for all heads, on a map made smaller."""

    def __init__(self, size):
        super().__init__()
        self.q, self.kv, self.out = nn.Conv2d(size, size, 1), nn.Conv2d(size, size, 2, 2), nn.Conv2d(size, size, 1)

    def forward(self, x):
        b, c, h, w = x.shape
        q = self.q(x).reshape(b, 2, c // 2, h * w).transpose(2, 3)
        k, v = self.kv(x).flatten(2).unsqueeze(1).chunk(2, 2)
        y = (q @ k * (c // 2) ** -0.5).softmax(-1) @ v.transpose(2, 3)
        return x + self.out(y.transpose(2, 3).reshape(b, c, h, w))


def shorten(model):
    """Short names for tensors inside: the exporter's make half of such a small file."""
    keep = {v.name for v in [*model.graph.input, *model.graph.output]} | {"features", "last_hidden_state", ""}
    names = {}
    for node in model.graph.node:
        node.name, node.doc_string = "", ""
        for list_ in (node.input, node.output):
            for i, name in enumerate(list_):
                if name not in keep:
                    list_[i] = names.setdefault(name, f"t{len(names)}")
    for weight in model.graph.initializer:
        weight.name = names.get(weight.name, weight.name)
    del model.graph.value_info[:]
    return model


def raise_opset(model, version):
    """From operator set 17 to a later one: what changed is where reductions have their axes, and that Split says its parts."""
    for node in model.graph.node:
        assert node.op_type not in ("Pad", "Resize", "GroupNormalization"), node.op_type
        if node.op_type == "Split" and len(node.input) == 1:
            node.attribute.append(helper.make_attribute("num_outputs", len(node.output)))
        if node.op_type.startswith("Reduce"):
            for attribute in list(node.attribute):
                if attribute.name == "axes":
                    name = f"axes_{node.output[0]}"
                    model.graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [len(attribute.ints)], attribute.ints))
                    node.input.append(name)
                    node.attribute.remove(attribute)
    model.opset_import[0].version = version
    model.ir_version = 10
    return model


def to_half(model):
    """Weights, input and output in float16."""
    for weight in model.graph.initializer:
        if weight.data_type == TensorProto.FLOAT:
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype("float16"), weight.name))
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype("float16")))
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    return model


def make(name, model, opset, height=32, width=32, axes=("batch",), outputs=("logits",), input_name="pixel_values", change=None, external=False):
    model.eval()
    x = image(height, width)
    path = os.path.join(OUT, f"{name}.onnx")
    dynamic = {axis: label for axis, label in {0: "batch", 2: "height", 3: "width"}.items() if label in axes}
    torch.onnx.export(
        model, x, path, opset_version=min(opset, 17), input_names=[input_name], output_names=list(outputs),
        dynamic_axes={input_name: dynamic, **({each: {0: "batch"} for each in outputs} if "batch" in axes else {})},
    )
    proto = shorten(onnx.load(path))
    if opset > 17:
        proto = raise_opset(proto, opset)
    if change:
        proto = change(proto)
    if external:
        onnx.save(proto, path, save_as_external_data=True, location=f"{name}.onnx_data", size_threshold=256)
    else:
        onnx.save(proto, path)
    with torch.no_grad():
        features = model.features(x)[0]
    numbers = [float(f"{value:.5g}") for value in features.flatten().tolist()]
    with open(os.path.join(OUT, f"{name}.json"), "w") as file:
        json.dump({"height": height, "width": width, "shape": list(features.shape), "features": numbers}, file)
        file.write("\n")
    print(name, os.path.getsize(path), list(features.shape))


def keras():
    """As tf2onnx writes Keras: channels last outside, channels first inside."""
    torch.manual_seed(9)
    body = nn.Sequential(nn.Conv2d(3, 12, 5, 4, 2), nn.ReLU(), nn.Conv2d(12, 16, 3, 2, 1), nn.ReLU())
    make("keras-cnn", Pooled(body), 13, input_name="input_1", change=lambda model: turned(model))


def turned(model):
    name = model.graph.input[0].name
    for node in model.graph.node:
        for i, each in enumerate(node.input):
            if each == name:
                node.input[i] = "turned"
    model.graph.node.insert(0, helper.make_node("Transpose", [name], ["turned"], perm=[0, 3, 1, 2]))
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    sizes[1].dim_value, sizes[2].dim_value, sizes[3].dim_value = 32, 32, 3
    return model


def main():
    os.makedirs(OUT, exist_ok=True)
    everywhere = ("batch", "height", "width")
    torch.manual_seed(1)
    make("vit", ViT(), 14)
    make("vit-half", ViT(), 14, change=to_half)
    make("clip", ViT(pre_norm=True, act=QuickGelu, head="clip"), 12, outputs=("image_embeds",), external=True)
    make("siglip", ViT(head="pool"), 17, axes=(), outputs=("pooler_output",))
    make("dinov2", ViT(registers=4, scale=True, head="backbone"), 21, axes=everywhere, outputs=("last_hidden_state", "pooler_output"))
    torch.manual_seed(2)
    make("convnext", Pooled(nn.Sequential(nn.Conv2d(3, 8, 4, 4), LastNorm(8), ConvNeXtBlock(8), LastNorm(8), nn.Conv2d(8, 16, 2, 2), ConvNeXtBlock(16))), 11, axes=everywhere, width=48)
    make("swin", Swin(), 13)
    make("efficientnet", Pooled(mobile(nn.SiLU)), 16, axes=everywhere)
    make("mobilenetv3", Pooled(mobile(nn.Hardswish)), 14, axes=("batch",), width=64)
    make("mobilenetv4", Pooled(nn.Sequential(mobile(nn.ReLU), MobileAttention(16), nn.Conv2d(16, 16, 1), nn.ReLU())), 18)
    make("resnet", Pooled(nn.Sequential(nn.Conv2d(3, 16, 7, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1), Residual(16))), 21, axes=(), width=48)
    keras()


main()
