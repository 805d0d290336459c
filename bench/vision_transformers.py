"""Writes vision transformers of published sizes with random weights, for bench/own-captioner.ts: their time does not
depend on the weights.

CLIP ViT-B/32: 12 layers of 768, patches of 32 pixels; DINOv2 ViT-S/14: 12 layers of 384, patches of 14. Images of 224.
Usage: /usr/bin/python3 bench/vision_transformers.py FOLDER
"""
import os
import sys
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")
SIDE = 224


class Block(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.mlp = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (d // self.heads) ** -0.5).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(b, n, d))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    def __init__(self, size, patch, layers=12):
        super().__init__()
        cells = (SIDE // patch) ** 2
        self.patches = nn.Conv2d(3, size, patch, patch)
        self.cls = nn.Parameter(torch.randn(1, 1, size))
        self.positions = nn.Parameter(torch.randn(1, cells + 1, size))
        self.blocks = nn.Sequential(*(Block(size, size // 64) for _ in range(layers)))
        self.norm = nn.LayerNorm(size)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.norm(self.blocks(x))


for name, size, patch in [("clip-vit-base-patch32", 768, 32), ("dinov2-small", 384, 14)]:
    torch.manual_seed(1)
    torch.onnx.export(
        VisionTransformer(size, patch).eval(),
        torch.zeros(1, 3, SIDE, SIDE),
        os.path.join(sys.argv[1], f"{name}.onnx"),
        opset_version=17,
        input_names=["pixel_values"],
        output_names=["last_hidden_state"],
        dynamic_axes={"pixel_values": {0: "batch"}, "last_hidden_state": {0: "batch"}},
    )
