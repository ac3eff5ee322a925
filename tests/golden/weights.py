#!/usr/bin/env python3
"""Weights stored by PyTorch, and what the networks that they are of compute, in float64.

Written with Python 3.11.7, PyTorch 2.15.0+cu132 and safetensors 0.8.0, on the CPU. To run again, with
any Python from 3.10 that has both:

    python tests/golden/weights.py

It writes into `weights/` beside itself:

    mlp.pt              the state dict of a perceptron
    mlp_old.pth         the same in float64 and with its matrices turned over in memory, in the form that
                        PyTorch wrote before version 1.6
    gan.pt              a checkpoint: the state dicts of a convolutional pair under `generator` and
                        `discriminator`, an optimiser's, a step and a list of losses
    gan_old.pth         the same in the old form
    gan.safetensors     the generator's, in float64
    resnet.pt           a checkpoint of a residual pair, its discriminator with spectral norms
    types.pt            tensors of every type, views with steps, shared storages, an empty one, a number
    model.pt            a whole pickled module, which is no state dict
    values.json         latents, images and logits

The networks are sequences of PyTorch's own layers, as its tutorials write them: the first
convolution of the generator makes 4x4 pixels of a latent, the last one of the discriminator makes a
logit of them, and no convolution has a bias. The residual pair is of modules, for images of 1x8x8. The outputs are those of the float32 weights, taken in
float64, in evaluation mode: running statistics come from a few passes in training.
"""

from __future__ import annotations

import copy
import json
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

FOLDER = Path(__file__).with_name("weights")
DIGITS = 12
LATENT = 3
WIDTH = 2


class Pictured(nn.Module):
    """A sequence under the name `main`."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x)


def perceptron() -> nn.Sequential:
    """From 3 numbers to 2."""
    return nn.Sequential(
        nn.Linear(LATENT, 5),
        nn.LeakyReLU(0.2),
        nn.Linear(5, 4),
        nn.LeakyReLU(0.2),
        nn.Linear(4, 2),
        nn.Tanh(),
    )


def generator() -> Pictured:
    """Images of 1x16x16."""
    return Pictured(
        nn.ConvTranspose2d(LATENT, 2 * WIDTH, 4, 1, 0, bias=False),
        nn.BatchNorm2d(2 * WIDTH),
        nn.ReLU(True),
        nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1, bias=False),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(True),
        nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    )


def discriminator() -> Pictured:
    """A logit of images of 1x16x16."""
    return Pictured(
        nn.Conv2d(1, WIDTH, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * WIDTH),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(2 * WIDTH, 1, 4, 1, 0, bias=False),
    )


class Larger(nn.Module):
    """A residual block of a generator."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1)
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(self.up(self.bn1(x).relu()))
        return self.conv2(self.bn2(y).relu()) + self.skip(self.up(x))


class ResidualGenerator(nn.Module):
    """Images of 1x8x8."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(LATENT, 4 * 4 * 4)
        self.layers = nn.ModuleList([Larger(4, 3)])
        self.bn, self.to_pixels = nn.BatchNorm2d(3), nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.fc(z).reshape(-1, 4, 4, 4)
        for layer in self.layers:
            x = layer(x)
        return self.to_pixels(self.bn(x).relu()).tanh()


class Smaller(nn.Module):
    """A residual block of a discriminator, with spectral norms."""

    def __init__(self, inputs: int, hidden: int, outputs: int, first: bool, halves: bool) -> None:
        super().__init__()
        self.conv1 = spectral_norm(nn.Conv2d(inputs, hidden, 3, padding=1))
        self.conv2 = spectral_norm(nn.Conv2d(hidden, outputs, 3, padding=1))
        self.skip = spectral_norm(nn.Conv2d(inputs, outputs, 1))
        self.down = nn.AvgPool2d(2) if halves else nn.Identity()
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x if self.first else x.relu())
        return self.down(self.conv2(y.relu()) + self.skip(x))


class ResidualDiscriminator(nn.Module):
    """A logit of images of 1x8x8."""

    def __init__(self) -> None:
        super().__init__()
        blocks = [Smaller(1, 3, 3, True, True), Smaller(3, 3, 4, False, False)]
        self.layers = nn.ModuleList(blocks)
        self.fc = spectral_norm(nn.Linear(4, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.fc(x.relu().sum((2, 3)))


def residual_pair(z: Tensor) -> tuple[dict[str, object], dict[str, list[float]]]:
    """Their checkpoint, and what they make of latents and of what they made."""
    first, second = drawn(ResidualGenerator()), drawn(ResidualDiscriminator())
    for _ in range(3):
        second(first(torch.randn(8, LATENT)).detach())
    images = torch.tensor(double(first, z)).reshape(len(z), 1, 8, 8).double()
    checkpoint = {
        "generator": first.state_dict(),
        "discriminator": OrderedDict((n, t.clone()) for n, t in second.state_dict().items()),
    }
    # What a spectral norm makes of a weight can't be copied.
    with torch.no_grad():
        logits = rounded(second.double().eval()(images))
    return checkpoint, {"residual_images": rounded(images), "residual_logits": logits}


def drawn(network: nn.Module) -> nn.Module:
    """With weights that are large enough to matter."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0.0, 0.5)
    return network


def rounded(tensor: Tensor) -> list[float]:
    """The values in a row, to 12 significant digits."""
    return [float(f"{value:.{DIGITS}g}") + 0.0 for value in tensor.flatten().tolist()]


def double(network: nn.Module, x: Tensor) -> list[float]:
    """The outputs in evaluation mode, in float64."""
    with torch.no_grad():
        return rounded(copy.deepcopy(network).double().eval()(x))


def types() -> OrderedDict[str, Tensor]:
    """Tensors that are stored in every way there is."""
    numbers = torch.arange(12, dtype=torch.float32) / 8 - 0.5
    table = numbers.reshape(3, 4)
    tensors = OrderedDict(
        (str(dtype).removeprefix("torch."), table.to(dtype))
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    )
    whole = torch.tensor([[3, -2], [100, 7]])
    for dtype in (torch.int64, torch.int32, torch.int16, torch.int8):
        tensors[str(dtype).removeprefix("torch.")] = whole.to(dtype)
    tensors["uint8"] = torch.tensor([[200, 0]], dtype=torch.uint8)
    tensors["bool"] = torch.tensor([True, False, True])
    tensors["complex64"] = torch.tensor([1 + 2j])
    tensors["turned"] = table.t()
    tensors["every_other"] = table[1:, ::2]
    tensors["repeated"] = torch.tensor([1.5]).expand(2, 3)
    tensors["number"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 3)
    return tensors


def main() -> None:
    """Writes the files."""
    FOLDER.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(1)
    mlp, first, second = (drawn(make()) for make in (perceptron, generator, discriminator))
    latents = torch.randn(4, LATENT).mul(1e6).round().div(1e6)
    optimizer = torch.optim.Adam(second.parameters(), lr=0.001)
    for _ in range(3):
        images = first(torch.randn(8, LATENT, 1, 1))
        optimizer.zero_grad()
        second(images.detach()).mean().backward()
        optimizer.step()
    z = latents.double()
    images = torch.tensor(double(first, z[:, :, None, None])).reshape(4, 1, 16, 16).double()
    values = {
        "torch": torch.__version__,
        "latents": rounded(z),
        "mlp": double(mlp, z),
        "images": rounded(images),
        "logits": double(second, images),
    }
    checkpoint = {
        "step": 3,
        "generator": first.state_dict(),
        "discriminator": second.state_dict(),
        "optimizer": optimizer.state_dict(),
        "losses": [0.5, float("nan"), None, True, (1, 2)],
        "device": torch.device("cpu"),
    }
    residual, of_residual = residual_pair(z)
    values |= of_residual
    torch.save(residual, FOLDER / "resnet.pt")
    torch.save(mlp.state_dict(), FOLDER / "mlp.pt")
    turned = {name: tensor.double().t().clone().t() for name, tensor in mlp.state_dict().items()}
    torch.save(turned, FOLDER / "mlp_old.pth", _use_new_zipfile_serialization=False)
    torch.save(checkpoint, FOLDER / "gan.pt")
    torch.save(checkpoint, FOLDER / "gan_old.pth", _use_new_zipfile_serialization=False)
    torch.save(types(), FOLDER / "types.pt")
    torch.save(nn.Linear(2, 1), FOLDER / "model.pt")
    wide = {name: tensor.double() for name, tensor in first.state_dict().items()}
    save_file(wide, FOLDER / "gan.safetensors")
    text = json.dumps(values, allow_nan=False).replace('], "', '],\n "').replace("{", "{\n ", 1)
    (FOLDER / "values.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
