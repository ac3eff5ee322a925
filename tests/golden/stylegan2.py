#!/usr/bin/env python3
"""Golden values of StyleGAN2's networks at small widths, by PyTorch in float64.

Written with Python 3.11.7 and PyTorch 2.15.0+cu132, on the CPU. To run again, with any Python
from 3.10 that has PyTorch:

    python tests/golden/stylegan2.py

It writes `stylegan2.json` beside itself, in the form of `image_layers.json`: see
`image_layers.py` for y, s and P. x is the latents of a generator, the images of a discriminator, so
that P is what path lengths and R1 are made of. The networks are written from the paper
(arXiv:1912.04958): each sample has a weight of its own, all samples are groups of one convolution.
Noise is given by a formula that both sides have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from image_layers import Case, golden, steps, unit_moment, upfirdn
from layers import text_of

TARGET = Path(__file__).with_name("stylegan2.json")
LAYOUT = (
    "values are row-major; parameters in the order of the networks' fields; linear weights"
    " [in, out], convolutions [out, in, height, width], those that upsample"
    " [in, out, height, width]"
)
BINOMIAL = [1.0, 3.0, 3.0, 1.0]
LATENT, STYLE, COLOURS, SIDE = 3, 4, 2, 8
# At 4x4 and at 8x8.
WIDTHS = (3, 2)
RATE = 0.01

Named = dict[str, tuple[tuple[int, ...], float, float]]


def leaky(x: Tensor) -> Tensor:
    """The activation with its gain."""
    return 2**0.5 * functional.leaky_relu(x, 0.2)


def linear(x: Tensor, weight: Tensor, bias: Tensor, rate: float = 1.0) -> Tensor:
    """A linear layer with an equalised learning rate."""
    return x @ (weight * rate * weight.shape[0] ** -0.5) + bias * rate


def mapping(parts: list[Tensor], p: Iterator[Tensor], layers: int) -> Tensor:
    """Each part to unit moment, then fully connected layers."""
    x = torch.cat([unit_moment(part) for part in parts], dim=1)
    for _ in range(layers):
        x = leaky(linear(x, next(p), next(p), RATE))
    return x


def modulated(
    x: Tensor, style: Tensor, p: Iterator[Tensor], *, up: bool = False, demodulate: bool = True
) -> Tensor:
    """A convolution with a weight for each sample."""
    scale = linear(style, next(p), next(p))
    weight = next(p)
    weight = weight.transpose(0, 1) if up else weight
    outputs, inputs, kernel, _ = weight.shape
    weights = weight[None] * scale[:, None, :, None, None]
    if demodulate:
        weights = weights / (weights.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
    else:
        weights = weights / (inputs * kernel**2) ** 0.5
    batch = len(x)
    together = x.reshape(1, batch * inputs, *x.shape[2:])
    if up:
        flat = weights.transpose(1, 2).reshape(batch * inputs, outputs, kernel, kernel)
        y = functional.conv_transpose2d(together, flat, stride=2, groups=batch)
        y = y.reshape(batch, outputs, *y.shape[2:])
        return upfirdn(y, BINOMIAL, 1, 1, [1, 1], 4.0)
    flat = weights.reshape(batch * outputs, inputs, kernel, kernel)
    y = functional.conv2d(together, flat, padding=kernel // 2, groups=batch)
    return y.reshape(batch, outputs, *y.shape[2:])


def styled(x: Tensor, style: Tensor, p: Iterator[Tensor], *, up: bool = False) -> Tensor:
    """A modulated convolution, noise, bias and activation."""
    y = modulated(x, style, p, up=up)
    noise = next(p) * steps((len(y), 1, *y.shape[2:]))
    return leaky(y + noise + next(p)[None, :, None, None])


def colours(x: Tensor, style: Tensor, p: Iterator[Tensor]) -> Tensor:
    """The image that a map shows."""
    return modulated(x, style, p, demodulate=False) + next(p)[None, :, None, None]


def generate(parts: list[Tensor], p: Iterator[Tensor], layers: int) -> Tensor:
    """A generator of images 8x8; all layers take the same style."""
    w = mapping(parts, p, layers)
    x = next(p).expand(len(w), -1, -1, -1)
    x = styled(x, w, p)
    image = colours(x, w, p)
    x = styled(x, w, p, up=True)
    x = styled(x, w, p)
    return upfirdn(image, BINOMIAL, 2, 1, [2, 1], 4.0) + colours(x, w, p)


def conv(x: Tensor, p: Iterator[Tensor], *, down: bool = False, bias: bool = True) -> Tensor:
    """A convolution with an equalised learning rate; down: filtered first, every second place."""
    weight = next(p)
    kernel = weight.shape[-1]
    weight = weight * (weight.shape[1] * kernel**2) ** -0.5
    shift = next(p) if bias else None
    if not down:
        return functional.conv2d(x, weight, shift, padding=kernel // 2)
    around = kernel + 1
    x = upfirdn(x, BINOMIAL, 1, 1, [(around + 1) // 2, around // 2], 1.0)
    return functional.conv2d(x, weight, shift, stride=2)


def deviation(x: Tensor, group: int) -> Tensor:
    """One more map: how much the samples of a group differ; sample i is in group i modulo them."""
    batch, _, height, width = x.shape
    groups = max(batch // group, 1)
    rows = x.reshape(batch // groups, groups, -1)
    spread = (rows.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=1)
    maps = spread.repeat(batch // groups)[:, None, None, None].expand(-1, 1, height, width)
    return torch.cat([x, maps], dim=1)


def discriminate(x: Tensor, p: Iterator[Tensor], residual: bool) -> Tensor:
    """A discriminator's last layer, from images 8x8."""
    x = leaky(conv(x, p))
    y = leaky(conv(x, p))
    y = leaky(conv(y, p, down=True))
    if residual:
        y = (y + conv(x, p, down=True, bias=False)) * 0.5**0.5
    y = leaky(conv(deviation(y, 2), p))
    y = leaky(linear(y.flatten(1), next(p), next(p)))
    return linear(y, next(p), next(p))


def of_mapping(inputs: int, style: int, layers: int) -> Named:
    """Parameters of a mapping."""
    named: Named = {}
    for layer in range(layers):
        named[f"map{layer}.weight"] = ((inputs if layer == 0 else style, style), 1 / RATE, 0.0)
        named[f"map{layer}.bias"] = ((style,), 0.3 / RATE, 0.0)
    return named


def of_modulated(name: str, inputs: int, outputs: int, kernel: int, up: bool = False) -> Named:
    """Parameters of a modulated convolution."""
    sides = (inputs, outputs) if up else (outputs, inputs)
    return {
        f"{name}.affine.weight": ((STYLE, inputs), 1.0, 0.0),
        f"{name}.affine.bias": ((inputs,), 0.2, 1.0),
        f"{name}.weight": ((*sides, kernel, kernel), 1.0, 0.0),
    }


def of_styled(name: str, inputs: int, outputs: int, up: bool = False) -> Named:
    """Parameters of a styled convolution."""
    return of_modulated(name, inputs, outputs, 3, up) | {
        f"{name}.noise": ((1,), 0.3, 0.0),
        f"{name}.bias": ((outputs,), 0.3, 0.0),
    }


def of_colours(name: str, inputs: int) -> Named:
    """Parameters of the image that a map shows."""
    return of_modulated(name, inputs, COLOURS, 1) | {f"{name}.bias": ((COLOURS,), 0.3, 0.0)}


def of_generator(features: int, layers: int) -> Named:
    """Parameters of a generator."""
    low, high = WIDTHS
    return (
        of_mapping(LATENT + features, STYLE, layers)
        | {"constant": ((1, low, 4, 4), 1.0, 0.0)}
        | of_styled("first", low, low)
        | of_colours("colours4", low)
        | of_styled("up", low, high, True)
        | of_styled("conv", high, high)
        | of_colours("colours8", high)
    )


def of_conv(name: str, inputs: int, outputs: int, kernel: int, bias: bool = True) -> Named:
    """Parameters of a convolution."""
    named: Named = {f"{name}.weight": ((outputs, inputs, kernel, kernel), 1.0, 0.0)}
    return named | ({f"{name}.bias": ((outputs,), 0.3, 0.0)} if bias else {})


def of_discriminator(residual: bool, outputs: int) -> Named:
    """Parameters of a discriminator."""
    low, high = WIDTHS
    return (
        of_conv("from_colours", COLOURS, high, 1)
        | of_conv("keep", high, high, 3)
        | of_conv("down", high, low, 3)
        | (of_conv("past", high, low, 1, False) if residual else {})
        | of_conv("last", low + 1, low, 3)
        | {"hidden.weight": ((low * 16, low), 1.0, 0.0), "hidden.bias": ((low,), 0.3, 0.0)}
        | {"head.weight": ((low, outputs), 30.0, 0.0), "head.bias": ((outputs,), 0.3, 0.0)}
    )


def generator(name: str, classes: int, seed: int) -> Case:
    """A generator; sample i has class i modulo the classes."""
    layers = 2

    def apply(x: Tensor, *parameters: Tensor) -> Tensor:
        p = iter(parameters)
        parts = [x]
        if classes:
            parts.append(next(p)[torch.arange(len(x)) % classes])
        return generate(parts, p, layers)

    embedding: Named = {"embedding": ((classes, STYLE), 1.0, 0.0)} if classes else {}
    return Case(
        f"generator_{name}",
        {"generator": classes},
        embedding | of_generator(STYLE if classes else 0, layers),
        apply,
        (2, LATENT),
        seed,
    )


def discriminator(name: str, classes: int, residual: bool, seed: int) -> Case:
    """A discriminator; sample i has class i modulo the classes."""
    layers, features = 2, WIDTHS[0]

    def apply(x: Tensor, *parameters: Tensor) -> Tensor:
        p = iter(parameters)
        if not classes:
            return discriminate(x, p, residual)
        embedded = next(p)[torch.arange(len(x)) % classes]
        mapped = mapping([embedded], p, layers)
        products = discriminate(x, p, residual) * mapped
        return products.sum(dim=1, keepdim=True) / features**0.5

    embedding: Named = {"embedding": ((classes, features), 1.0, 0.0)} if classes else {}
    mapped = of_mapping(features, features, layers) if classes else {}
    return Case(
        f"discriminator_{name}",
        {"discriminator": {"classes": classes, "residual": residual}},
        embedding | mapped | of_discriminator(residual, features if classes else 1),
        apply,
        (4, COLOURS, SIDE, SIDE),
        seed,
    )


def main() -> None:
    """Writes the file."""
    torch.set_num_threads(1)
    cases = [
        generator("plain", 0, 201),
        generator("of_classes", 3, 204),
        discriminator("residual", 0, True, 211),
        discriminator("of_classes", 3, True, 212),
        discriminator("without_branches", 0, False, 214),
    ]
    content = {
        "torch": torch.__version__,
        "layout": LAYOUT,
        "cases": [golden(case) for case in cases],
    }
    TARGET.write_text(text_of(content), encoding="utf-8")


if __name__ == "__main__":
    main()
