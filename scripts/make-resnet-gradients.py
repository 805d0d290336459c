"""Makes test/fixtures/tuning: a tiny ResNet with random weights, and the gradients that PyTorch computes for it.

resnet.onnx keeps its batch normalisation, which is in inference mode. resnet.json has, for the loss
sum(features * sin(0.21 i)) of the images sin(0.37 i), i the number of an element, the features and the gradient of each
parameter of layers 1 and 2 by its name in the file.
Needs PyTorch 1.13 and onnx 1.12, as Debian 12 has them: apt-get install python3-torch python3-onnx
Usage: /usr/bin/python3 scripts/make-resnet-gradients.py && npx biome format --write test/fixtures/tuning
"""
import json
import os
import sys

import torch
from torch import nn

OUT = sys.argv[1] if len(sys.argv) > 1 else "test/fixtures/tuning"


def norm(channels):
    layer = nn.BatchNorm2d(channels)
    nn.init.normal_(layer.weight, 1, 0.2)
    nn.init.normal_(layer.bias, 0, 0.2)
    layer.running_mean.normal_(0, 0.3)
    layer.running_var.uniform_(0.5, 1.5)
    return layer


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), norm(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), norm(after)
        self.relu = nn.ReLU()
        self.down = None
        if stride != 1 or before != after:
            self.down = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), norm(after))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.down is None else self.down(x)))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, self.relu, self.pool = nn.Conv2d(3, 4, 7, 2, 3, bias=False), norm(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2 = Block(4, 4, 1), Block(4, 6, 2)

    def forward(self, x):
        return self.layer2(self.layer1(self.pool(self.relu(self.bn1(self.conv1(x))))))


def wave(shape, frequency):
    return torch.sin(torch.arange(torch.Size(shape).numel(), dtype=torch.float64) * frequency).float().reshape(shape)


def main():
    os.makedirs(OUT, exist_ok=True)
    torch.manual_seed(3)
    model = ResNet().eval()
    images = wave([2, 3, 32, 32], 0.37)
    torch.onnx.export(
        model, images, os.path.join(OUT, "resnet.onnx"), opset_version=13, input_names=["images"], output_names=["features"],
        dynamic_axes={"images": {0: "batch"}, "features": {0: "batch"}}, training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )
    features = model(images)
    (features * wave(features.shape, 0.21)).sum().backward()
    rounded = lambda tensor: [float(f"{value:.7g}") for value in tensor.flatten().tolist()]
    gradients = {name: rounded(parameter.grad) for name, parameter in model.named_parameters() if name.startswith("layer")}
    with open(os.path.join(OUT, "resnet.json"), "w") as file:
        json.dump({"shape": list(features.shape), "features": rounded(features.detach()), "gradients": gradients}, file)
        file.write("\n")


main()
