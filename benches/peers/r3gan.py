"""R3GAN's pair for 3 x 32 x 32, scaled: as `models::R3ganGenerator` and `models::R3ganDiscriminator`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

import fir

SLOPE = 0.2
# From 4 x 4 up to 32 x 32.
STAGES = 4
WIDTH = 128
GROUP = 16
LATENT = 64


class Block(nn.Module):
    """Twice as wide inside, there with a 3 x 3 convolution in groups; the branch begins at 0."""

    def __init__(self) -> None:
        super().__init__()
        wide = 2 * WIDTH
        self.expand = nn.Conv2d(WIDTH, wide, 1)
        self.grouped = nn.Conv2d(wide, wide, 3, padding=1, groups=wide // GROUP)
        self.reduce = nn.Conv2d(wide, WIDTH, 1, bias=False)
        nn.init.zeros_(self.reduce.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = leaky_relu(self.expand(x), SLOPE)
        y = leaky_relu(self.grouped(y), SLOPE)
        return x + self.reduce(y)


class Generator(nn.Module):
    """A learnt picture scaled by the latent, then blocks and doublings in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(WIDTH, 4, 4))
        self.project = nn.Linear(LATENT, WIDTH, bias=False)
        self.blocks = nn.ModuleList([Block() for _ in range(STAGES)])
        self.output = nn.Conv2d(WIDTH, 3, 1, bias=False)

    def forward(self, latent: Tensor) -> Tensor:
        x = self.basis * self.project(latent)[:, :, None, None]
        for index, block in enumerate(self.blocks):
            x = block(fir.up(x) if index else x)
        return self.output(x)


class Discriminator(nn.Module):
    """Blocks and halvings in turn, then each channel to a number and these to the logit."""

    def __init__(self) -> None:
        super().__init__()
        self.input = nn.Conv2d(3, WIDTH, 1, bias=False)
        self.blocks = nn.ModuleList([Block() for _ in range(STAGES)])
        self.pool = nn.Conv2d(WIDTH, WIDTH, 4, groups=WIDTH, bias=False)
        self.head = nn.Linear(WIDTH, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.input(x)
        for index, block in enumerate(self.blocks):
            x = block(fir.down(x) if index else x)
        return self.head(self.pool(x).flatten(1))
