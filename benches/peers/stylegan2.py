"""StyleGAN2's pair for 3 x 32 x 32, 128 channels at every size: as `models::StyleGan2Generator` and
`models::StyleGan2Discriminator`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear

import fir
from fir import Fir

SLOPE = 0.2
GAIN = math.sqrt(2)
WIDTH = 128
LATENT = STYLE = 128
# From 4 x 4 up to 32 x 32.
SIZES = 4
# Samples of a minibatch standard deviation's group.
GROUP = 4


class Linear(nn.Module):
    """A linear layer with an equalised learning rate."""

    def __init__(self, inputs: int, outputs: int, gain: float = 1, rate: float = 1, bias: float = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self.scales = (gain * rate / math.sqrt(inputs), gain * rate)

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.scales
        return linear(x, self.weight * weight, self.bias * bias)


class Conv(nn.Module):
    """A convolution with an equalised learning rate; `gain` is that of what follows."""

    def __init__(self, inputs: int, outputs: int, size: int, gain: float, stride: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scales = (gain / math.sqrt(inputs * size * size), gain)
        self.stride = stride
        self.padding = size // 2 if stride == 1 else 0

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.scales
        shift = None if self.bias is None else self.bias * bias
        return conv2d(x, self.weight * weight, shift, self.stride, self.padding)


class Modulated(nn.Module):
    """A convolution that a style steers, demodulated unless it makes colours.

    The input is scaled by the style and the output by the demodulation around one ordinary convolution: the
    same as weights of each sample's own in a grouped convolution, and faster on a CPU.
    """

    def __init__(self, outputs: int, size: int, doubles: bool = False, colours: bool = False) -> None:
        super().__init__()
        scale = (WIDTH * size * size) ** -0.5 if colours else 1.0
        self.affine = Linear(STYLE, WIDTH, gain=scale, bias=1)
        # What a transposed convolution takes has its inputs first.
        self.weight = nn.Parameter(torch.randn(outputs, WIDTH, size, size))
        self.doubles, self.colours, self.padding = doubles, colours, size // 2

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        style = self.affine(style)
        x = x * style[:, :, None, None]
        if self.colours:
            return conv2d(x, self.weight)
        if self.doubles:
            x = conv_transpose2d(x, self.weight.transpose(0, 1), stride=2)
            x = Fir.apply(x, "narrower", 4.0)
        else:
            x = conv2d(x, self.weight, padding=self.padding)
        squares = style.square() @ self.weight.square().sum((2, 3)).t()
        return x * (GAIN * (squares + 1e-8).rsqrt())[:, :, None, None]


class Styled(nn.Module):
    """With noise, bias and activation."""

    def __init__(self, doubles: bool = False) -> None:
        super().__init__()
        self.conv = Modulated(WIDTH, 3, doubles)
        self.share = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(WIDTH))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = self.conv(x, style)
        noise = torch.randn(y.shape[0], 1, y.shape[2], y.shape[3], device=y.device)
        # The activation's gain is in the convolution's already.
        y = y + noise * (self.share * GAIN) + (self.bias * GAIN)[:, None, None]
        return leaky_relu(y, SLOPE)


class Colours(nn.Module):
    """From channels to an image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = Modulated(3, 1, colours=True)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return self.conv(x, style) + self.bias[:, None, None]


class Generator(nn.Module):
    """Two mapping layers and a skip generator."""

    layers = 2 * SIZES

    def __init__(self) -> None:
        super().__init__()
        self.mapping = nn.ModuleList([Linear(STYLE, STYLE, gain=GAIN, rate=0.01) for _ in range(2)])
        self.constant = nn.Parameter(torch.randn(1, WIDTH, 4, 4))
        # At 4 x 4 one, then two of each size.
        self.convs = nn.ModuleList([Styled(doubles=index % 2 == 1) for index in range(2 * SIZES - 1)])
        self.colours = nn.ModuleList([Colours() for _ in range(SIZES)])

    def styles(self, latent: Tensor) -> Tensor:
        """From latents to styles."""
        x = latent * (latent.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.mapping:
            x = leaky_relu(layer(x), SLOPE)
        return x

    def for_all_layers(self, latent: Tensor) -> Tensor:
        """The same style for each layer."""
        return self.styles(latent)[:, None].expand(-1, self.layers, -1)

    def synthesize(self, styles: Tensor) -> Tensor:
        """From styles, `[batch, layers, style]`, to images."""
        style = styles.unbind(1)
        x = self.convs[0](self.constant.expand(len(styles), -1, -1, -1), style[0])
        image = self.colours[0](x, style[1])
        for size in range(1, SIZES):
            first = 2 * size - 1
            x = self.convs[first](x, style[first])
            x = self.convs[first + 1](x, style[first + 1])
            image = fir.up(image) + self.colours[size](x, style[first + 2])
        return image

    def forward(self, latent: Tensor, second: Tensor, crossovers: Tensor) -> Tensor:
        """With styles mixed: a sample's layers from its crossover on take those of the second latent."""
        styles, others = self.for_all_layers(latent), self.for_all_layers(second)
        later = torch.arange(self.layers, device=latent.device) >= crossovers[:, None]
        return self.synthesize(torch.where(later[:, :, None], others, styles))


class Halving(nn.Module):
    """Two convolutions, the second with a filter and stride 2, and a branch past them."""

    def __init__(self) -> None:
        super().__init__()
        half = math.sqrt(0.5)
        self.keep = Conv(WIDTH, WIDTH, 3, GAIN)
        self.down = Conv(WIDTH, WIDTH, 3, GAIN * half, stride=2)
        self.past = Conv(WIDTH, WIDTH, 1, half, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = leaky_relu(self.keep(x), SLOPE)
        y = leaky_relu(self.down(Fir.apply(y, "wider", 1.0)), SLOPE)
        return y + self.past(fir.down(x))


class Discriminator(nn.Module):
    """Three residual halvings, minibatch standard deviation, one more convolution, two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.from_colours = Conv(3, WIDTH, 1, GAIN)
        self.blocks = nn.ModuleList([Halving() for _ in range(SIZES - 1)])
        self.last = Conv(WIDTH + 1, WIDTH, 3, GAIN)
        self.hidden = Linear(WIDTH * 4 * 4, WIDTH, gain=GAIN)
        self.head = Linear(WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = leaky_relu(self.from_colours(x), SLOPE)
        for block in self.blocks:
            x = block(x)
        batch, channels, height, width = x.shape
        groups = x.reshape(GROUP, batch // GROUP, channels * height * width)
        spread = (groups.var(0, correction=0) + 1e-8).sqrt().mean(1)
        spread = spread.repeat(GROUP)[:, None, None, None].expand(-1, 1, height, width)
        x = leaky_relu(self.last(torch.cat([x, spread], 1)), SLOPE)
        return self.head(leaky_relu(self.hidden(x.flatten(1)), SLOPE))
