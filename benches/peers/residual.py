"""SNGAN's residual pair, and BigGAN's options of it, for 3 x 32 x 32: as `models::ResNetGenerator` and
`models::ResNetDiscriminator`.
"""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, relu
from torch.nn.utils import spectral_norm

Norm = Callable[[nn.Module], nn.Module]

LATENT = 100
# BigGAN's: 32 channels times 4 at each size, a part of the latent for the first layer and for each block.
BIG_WIDTH = 128
BIG_LATENT = 120
BIG_PART = BIG_LATENT // 4
STD = 0.02


class Larger(nn.Module):
    """A residual block that doubles the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)])
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(interpolate(relu(self.norms[0](x)), scale_factor=2))
        y = self.second(relu(self.norms[1](y)))
        # Before the upsampling: the same in a quarter of the work.
        return y + interpolate(self.shortcut(x), scale_factor=2)


class Residual(nn.Module):
    """A residual block of the discriminator."""

    def __init__(self, inputs: int, outputs: int, first: bool, halves: bool, norm: Norm) -> None:
        super().__init__()
        hidden = outputs if first else inputs
        self.convs = nn.ModuleList(
            [
                norm(nn.Conv2d(inputs, hidden, 3, padding=1)),
                norm(nn.Conv2d(hidden, outputs, 3, padding=1)),
            ]
        )
        changes = halves or inputs != outputs
        self.shortcut = norm(nn.Conv2d(inputs, outputs, 1)) if changes else None
        self.begin = nn.Identity() if first else nn.ReLU()
        self.down = nn.AvgPool2d(2) if halves else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.down(self.convs[1](relu(self.convs[0](self.begin(x)))))
        return y + (x if self.shortcut is None else self.shortcut(self.down(x)))


class PixelSum(nn.Module):
    """The sum over all pixels of each channel."""

    def forward(self, x: Tensor) -> Tensor:
        return relu(x).sum((2, 3))


def resnet_generator(width: int = 64) -> nn.Module:
    """A projection to width x 4 x 4, three doublings."""
    return nn.Sequential(
        nn.Linear(LATENT, width * 4 * 4),
        nn.Unflatten(1, (width, 4, 4)),
        *[Larger(width, width) for _ in range(3)],
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, 3, 3, padding=1),
        nn.Tanh(),
    )


def resnet_discriminator(
    width: int = 64, norm: Norm = lambda layer: layer, attention: bool = False
) -> nn.Module:
    """Four blocks, of which the first two halve the size; attention at 16 x 16 if any."""
    blocks = [Residual(width if i else 3, width, i == 0, i < 2, norm) for i in range(4)]
    if attention:
        blocks.insert(1, Attention(width))
    return nn.Sequential(*blocks, PixelSum(), norm(nn.Linear(width, 1, bias=False)))


class Attention(nn.Module):
    """Self-attention with keys and values from the largest of 2 x 2 places, in spectral norms."""

    def __init__(self, channels: int) -> None:
        super().__init__()

        def pointwise(inputs: int, outputs: int) -> nn.Module:
            return spectral_norm(nn.Conv2d(inputs, outputs, 1, bias=False))

        self.query = pointwise(channels, channels // 8)
        self.key = pointwise(channels, channels // 8)
        self.value = pointwise(channels, channels // 2)
        self.output = pointwise(channels // 2, channels)
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        query = self.query(x).flatten(2)
        key = max_pool2d(self.key(x), 2).flatten(2)
        value = max_pool2d(self.value(x), 2).flatten(2)
        weights = (query.transpose(1, 2) @ key).softmax(2)
        seen = value @ weights.transpose(1, 2)
        return x + self.share * self.output(seen.reshape(batch, -1, height, width))


class StyledNorm(nn.Module):
    """Batch norm, then a scale and a shift that a part of the latent decides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Linear(BIG_PART, channels, bias=False)
        self.shift = nn.Linear(BIG_PART, channels, bias=False)
        nn.init.zeros_(self.gain.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, part: Tensor) -> Tensor:
        gain, shift = self.gain(part)[:, :, None, None], self.shift(part)[:, :, None, None]
        return torch.addcmul(shift, self.norm(x), 1 + gain)


class BigLarger(nn.Module):
    """As `Larger`, with norms that the latent scales, and spectral norms."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([StyledNorm(width), StyledNorm(width)])
        self.first = spectral_norm(nn.Conv2d(width, width, 3, padding=1))
        self.second = spectral_norm(nn.Conv2d(width, width, 3, padding=1))
        self.shortcut = spectral_norm(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor, part: Tensor) -> Tensor:
        y = self.first(interpolate(relu(self.norms[0](x, part)), scale_factor=2))
        y = self.second(relu(self.norms[1](y, part)))
        return y + interpolate(self.shortcut(x), scale_factor=2)


class BigGenerator(nn.Module):
    """BigGAN's: a latent in parts, spectral norms, attention at 16 x 16."""

    def __init__(self, width: int = BIG_WIDTH) -> None:
        super().__init__()
        self.project = spectral_norm(nn.Linear(BIG_PART, width * 4 * 4))
        self.blocks = nn.ModuleList([BigLarger(width) for _ in range(3)])
        self.attention = Attention(width)
        self.norm = nn.BatchNorm2d(width)
        self.head = spectral_norm(nn.Conv2d(width, 3, 3, padding=1))
        self.apply(small_weights)

    def forward(self, latent: Tensor) -> Tensor:
        parts = latent.split(BIG_PART, 1)
        x = self.project(parts[0]).unflatten(1, (-1, 4, 4))
        for index, block in enumerate(self.blocks):
            x = block(x, parts[index + 1])
            if index == 1:
                x = self.attention(x)
        return torch.tanh(self.head(relu(self.norm(x))))


def big_discriminator() -> nn.Module:
    """BigGAN's: spectral norms, attention at 16 x 16."""
    return resnet_discriminator(BIG_WIDTH, spectral_norm, attention=True).apply(small_weights)


def small_weights(layer: nn.Module) -> None:
    """N(0, STD^2) in the layers with a spectral norm."""
    if isinstance(getattr(layer, "weight_orig", None), nn.Parameter):
        nn.init.normal_(layer.weight_orig, std=STD)
