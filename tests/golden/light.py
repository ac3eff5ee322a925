#!/usr/bin/env python3
"""Golden values of the light pair for few images at small widths, by PyTorch in float64.

Written with Python 3.11.7 and PyTorch 2.15.0+cu132, on the CPU. To run again, with any Python
from 3.10 that has PyTorch:

    python tests/golden/light.py

It writes `light.json` beside itself, in the form of `image_layers.json`: see `image_layers.py` for
y, s and P. The output of the generator is the images, in training mode; that of the discriminator its
25 logits and the error of what it makes again. Without spectral norms. Noise is given by a formula
that both sides have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from image_layers import Case, golden, steps, unit_moment, upfirdn
from layers import text_of

TARGET = Path(__file__).with_name("light.json")
LAYOUT = (
    "values are row-major; parameters in the order of the networks' fields; linear weights"
    " [in, out], convolutions [out, in, height, width]; a batch norm's running statistics stand"
    " behind gamma and beta, without gradients"
)
LATENT, COLOURS, SIDE = 3, 2, 16
# At 4x4, 8x8, 16x16.
WIDTHS = (4, 2, 2)

Named = dict[str, tuple[tuple[int, ...], float, float]]


def norm(x: Tensor, p: Iterator[Tensor]) -> Tensor:
    """A batch norm in training."""
    gamma, beta, _, _ = (next(p) for _ in range(4))
    return functional.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)


def double(x: Tensor) -> Tensor:
    """Nearest neighbours."""
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def generate(x: Tensor, *parameters: Tensor) -> Tensor:
    """The generator; the last size is excited by the first."""
    p = iter(parameters)
    x = (unit_moment(x) @ next(p)).reshape(len(x), 2 * WIDTHS[0], 4, 4)
    first = functional.glu(norm(x, p), dim=1)
    x = first
    for side in (8, 16):
        x = functional.conv2d(double(x), next(p), padding=1)
        x = x + next(p) * steps((len(x), 1, side, side))
        x = functional.glu(norm(x, p), dim=1)
        if side == 16:
            seen = functional.silu(functional.conv2d(first, next(p)))
            x = x * torch.sigmoid(functional.conv2d(seen, next(p)))
    return torch.tanh(functional.conv2d(x, next(p), next(p), padding=1))


def leaky(x: Tensor) -> Tensor:
    """The discriminator's activation."""
    return functional.leaky_relu(x, 0.1)


def discriminate(x: Tensor, *parameters: Tensor) -> Tensor:
    """Logits, and the error of what is made again."""
    p = iter(parameters)

    def conv(x: Tensor, padding: int) -> Tensor:
        return functional.conv2d(x, next(p), next(p), padding=padding)

    image = x
    x = leaky(conv(x, 1))
    x = upfirdn(x, [1.0, 2.0, 1.0], 1, 1, [1, 1], 1.0)
    detail = leaky(conv(leaky(conv(functional.pixel_unshuffle(x, 2), 0)), 1))
    x = (detail + conv(functional.avg_pool2d(x, 2), 0)) * 0.5**0.5
    logits = conv(leaky(conv(x, 0)), 0).flatten(1)
    again = functional.glu(conv(double(x), 1), dim=1)
    error = (conv(again, 1) - image).square().flatten(1).mean(dim=1, keepdim=True)
    return torch.cat([logits, error], dim=1)


def of_norm(name: str, channels: int) -> Named:
    """Parameters of a batch norm, the running statistics as they are at first."""
    return {
        f"{name}.gamma": ((channels,), 0.3, 1.0),
        f"{name}.beta": ((channels,), 0.5, 0.0),
        f"running {name}.mean": ((channels,), 0.0, 0.0),
        f"running {name}.var": ((channels,), 0.0, 1.0),
    }


def of_conv(name: str, inputs: int, outputs: int, side: int, bias: bool = True) -> Named:
    """Parameters of a convolution."""
    spread = (inputs * side * side) ** -0.5
    named: Named = {f"{name}.weight": ((outputs, inputs, side, side), spread, 0.0)}
    return named | ({f"{name}.bias": ((outputs,), 0.3, 0.0)} if bias else {})


def generator() -> Case:
    """The generator."""
    first, middle, last = WIDTHS
    parameters: Named = {"latent": ((LATENT, 2 * first * 16), LATENT**-0.5, 0.0)}
    parameters |= of_norm("norm4", 2 * first)
    parameters |= of_conv("conv8", first, 2 * middle, 3, False) | {"noise8": ((1,), 0.3, 0.0)}
    parameters |= of_norm("norm8", 2 * middle)
    parameters |= of_conv("conv16", middle, 2 * last, 3, False) | {"noise16": ((1,), 0.3, 0.0)}
    parameters |= of_norm("norm16", 2 * last)
    parameters |= of_conv("whole", first, last, 4, False) | of_conv("gate", last, last, 1, False)
    parameters |= of_conv("colours", last, COLOURS, 3)
    return Case("generator", "generator", parameters, generate, (3, LATENT), 301)


def discriminator() -> Case:
    """The discriminator."""
    _, low, high = WIDTHS
    parameters = (
        of_conv("from_colours", COLOURS, high, 3)
        | of_conv("squares", 4 * high, low, 1)
        | of_conv("conv", low, low, 3)
        | of_conv("mean", high, low, 1)
        | of_conv("hidden", low, low, 1)
        | of_conv("judge", low, 1, 4)
        | of_conv("again", low, 2 * high, 3)
        | of_conv("colours", high, COLOURS, 3)
    )
    return Case(
        "discriminator", "discriminator", parameters, discriminate, (2, COLOURS, SIDE, SIDE), 311
    )


def main() -> None:
    """Writes the file."""
    torch.set_num_threads(1)
    cases = [golden(case) for case in (generator(), discriminator())]
    content = {"torch": torch.__version__, "layout": LAYOUT, "cases": cases}
    TARGET.write_text(text_of(content), encoding="utf-8")


if __name__ == "__main__":
    main()
