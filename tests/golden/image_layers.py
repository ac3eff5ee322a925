#!/usr/bin/env python3
"""Golden values of the layers that generators and discriminators of images are made of, by PyTorch
in float64.

Written with Python 3.11.7 and PyTorch 2.15.0+cu132, on the CPU. To run again, with any Python
from 3.10 that has PyTorch:

    python tests/golden/image_layers.py

It writes `image_layers.json` beside itself; the same PyTorch gives the same file. With y the output
of a layer and c constant coefficients of y's shape, each case holds

    y                                  the output
    s = sum(c y) + 1/2 sum(y^2)        its gradients with respect to the input x and every parameter
    P = 1/2 sum((ds/dx)^2)             its value, and its gradients with respect to the same

so that a layer that is linear in x has gradients of both orders as well. Inputs, parameters and
coefficients are drawn from a fixed seed and rounded to 6 decimals. Every gradient is checked
against central differences before the file is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor
from torch.nn import functional

from layers import draw, half_square, of_scalar, rounded, stored, text_of

TARGET = Path(__file__).with_name("image_layers.json")
LAYOUT = (
    "values are row-major; images [batch, channels, height, width]; linear weights [in, out],"
    " convolutions [out, in, height, width]; parameters in the order of the layer's fields"
)

# What is not learnt.
BUFFERS = ("u", "v", "running_mean", "running_var")

Parameters = dict[str, tuple[tuple[int, ...], float, float]]


@dataclass(frozen=True)
class Case:
    """One layer with what it is fed; `seed` draws all of it."""

    name: str
    layer: dict[str, object]
    # The shape of each parameter, how far it is spread, and around what.
    parameters: Parameters
    apply: Callable[..., Tensor]
    shape: tuple[int, ...]
    seed: int
    # Makes of drawn parameters what they have to be of each other.
    settle: Callable[[dict[str, Tensor]], None] = lambda _: None


def upfirdn(x: Tensor, taps: list[float], up: int, down: int, padding: list[int], gain: float):
    """Zeros between the pixels and around them, a separable filter, every down-th pixel."""
    batch, channels, height, width = x.shape
    spread = x.new_zeros(batch, channels, height * up, width * up)
    spread[:, :, ::up, ::up] = x
    padded = functional.pad(spread, (padding[0], padding[1], padding[0], padding[1]))
    f = torch.tensor(taps, dtype=x.dtype).flip(0)
    f = f / f.sum()
    kernel = gain * torch.outer(f, f).expand(channels, 1, len(taps), len(taps))
    return functional.conv2d(padded, kernel, groups=channels)[:, :, ::down, ::down]


def fir(
    name: str,
    shape: tuple[int, ...],
    taps: list[float],
    up: int,
    down: int,
    padding: list[int],
    gain: float,
    seed: int,
) -> Case:
    """A filter."""
    settings = {"taps": taps, "up": up, "down": down, "padding": padding, "gain": gain}
    return Case(f"fir_{name}", {"fir": settings}, {}, partial(upfirdn, **settings), shape, seed)


def still(name: str, layer: object, shape: tuple[int, ...], seed: int, apply: Callable) -> Case:
    """A function without parameters."""
    return Case(name, layer, {}, apply, shape, seed)


def bilinear(x: Tensor, size: list[int]) -> Tensor:
    """Bilinear interpolation."""
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)


def resize(name: str, shape: tuple[int, ...], size: list[int], seed: int) -> Case:
    """A bilinear resizing."""
    layer = {"resize_bilinear": size}
    return still(f"bilinear_{name}", layer, shape, seed, partial(bilinear, size=size))


def adaptive(name: str, shape: tuple[int, ...], size: list[int], seed: int) -> Case:
    """Means over parts."""
    layer = {"adaptive_mean_pool": size}
    pool = partial(functional.adaptive_avg_pool2d, output_size=size)
    return still(f"adaptive_{name}", layer, shape, seed, pool)


def unit_moment(x: Tensor) -> Tensor:
    """A mean square of 1 over channels."""
    return x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()


def parted(x: Tensor, *shapes: tuple[int, ...]) -> list[Tensor]:
    """Rows of numbers as several tensors: [batch, *shape] each."""
    parts = x.split([prod(shape) for shape in shapes], dim=1)
    return [part.reshape(len(x), *shape) for part, shape in zip(parts, shapes)]


def steps(shape: tuple[int, ...]) -> Tensor:
    """Numbers that stand for drawn ones: both sides have the formula."""
    count = torch.arange(prod(shape), dtype=torch.float64)
    return ((count * 37) % 11 / 5 - 1).reshape(shape)


def noise(x: Tensor, gamma: Tensor) -> Tensor:
    """Noise by a learnt share."""
    return x + gamma * steps((x.shape[0], 1, *x.shape[2:]))


def modulated_by_itself(x: Tensor) -> Tensor:
    """Channels times their mean, plus their mean square, in a hyperbolic tangent."""
    scale, shift = x.mean(dim=(2, 3), keepdim=True), x.square().mean(dim=(2, 3), keepdim=True)
    return torch.tanh(x * scale + shift)


def equalized_linear(name: str, rate: float, gain: float, slope: float, seed: int) -> Case:
    """A linear layer with scaled weights; the gain after the leaky ReLU."""
    inputs, outputs = 5, 7

    def apply(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        y = x @ (weight * rate * inputs**-0.5) + bias * rate
        return gain * functional.leaky_relu(y, slope)

    return Case(
        f"equalized_linear_{name}",
        {"equalized_linear": {"sizes": [inputs, outputs], "numbers": [rate, gain, slope]}},
        {"weight": ((inputs, outputs), 1 / rate, 0.0), "bias": ((outputs,), 0.5 / rate, 0.0)},
        apply,
        (3, inputs),
        seed,
    )


def equalized_conv(name: str, groups: int, stride: int, rate: float, gain: float, seed: int):
    """A convolution 3x3 with scaled weights and a leaky ReLU, the gain after it."""
    inputs, outputs, slope = 4, 6, 0.2

    def apply(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        weight = weight * rate * (inputs // groups * 9) ** -0.5
        y = functional.conv2d(x, weight, bias * rate, stride=stride, padding=1, groups=groups)
        return gain * functional.leaky_relu(y, slope)

    return Case(
        f"equalized_conv_{name}",
        {
            "equalized_conv": {
                "sizes": [inputs, outputs, groups, stride],
                "numbers": [rate, gain, slope],
            }
        },
        {
            "weight": ((outputs, inputs // groups, 3, 3), 1 / rate, 0.0),
            "bias": ((outputs,), 0.5 / rate, 0.0),
        },
        apply,
        (2, inputs, 5, 4),
        seed,
    )


def modulated(
    name: str, kernel: int, up: bool, demodulate: bool, seed: int, shifted: bool = False
) -> Case:
    """A convolution with a weight for each sample, all samples as groups of one convolution."""
    batch, inputs, outputs, style, height, width = 2, 3, 2, 4, 2, 3

    def convolved(x: Tensor, affine: Tensor, bias: Tensor, weight: Tensor) -> Tensor:
        images, styles = parted(x, (inputs, height, width), (style,))
        s = styles @ (affine * style**-0.5) + bias
        order = weight.transpose(0, 1) if up else weight
        weights = order[None] * s[:, None, :, None, None]
        if demodulate:
            weights = weights / (weights.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
        else:
            weights = weights * (inputs * kernel**2) ** -0.5
        together = images.reshape(1, batch * inputs, height, width)
        if not up:
            flat = weights.reshape(batch * outputs, inputs, kernel, kernel)
            y = functional.conv2d(together, flat, padding=kernel // 2, groups=batch)
            return y.reshape(batch, outputs, *y.shape[2:])
        flat = weights.transpose(1, 2).reshape(batch * inputs, outputs, kernel, kernel)
        y = functional.conv_transpose2d(together, flat, stride=2, groups=batch)
        y = y.reshape(batch, outputs, *y.shape[2:])
        around = 3 - kernel
        padding = [(around + 1) // 2 + 1, around // 2 + 1]
        return upfirdn(y, [1.0, 3.0, 3.0, 1.0], 1, 1, padding, 4.0)

    def apply(x: Tensor, affine: Tensor, bias: Tensor, weight: Tensor, *shift: Tensor) -> Tensor:
        y = convolved(x, affine, bias, weight)
        return y + shift[0][:, None, None] if shifted else y

    shape = (inputs, outputs) if up else (outputs, inputs)
    return Case(
        f"modulated_{name}",
        {
            "modulated": {
                "sizes": [inputs, outputs, kernel, style, height, width],
                "up": up,
                "demodulate": demodulate,
                "bias": shifted,
            }
        },
        {
            "affine.weight": ((style, inputs), 1.0, 0.0),
            "affine.bias": ((inputs,), 0.3, 1.0),
            "weight": ((*shape, kernel, kernel), 1.0, 0.0),
            **({"bias": ((outputs,), 0.5, 0.0)} if shifted else {}),
        },
        apply,
        (batch, inputs * height * width + style),
        seed,
    )


def attention(
    name: str, height: int, width: int, pooling: bool, seed: int, keys: int = 2, values: int = 3
) -> Case:
    """Self-attention without spectral norms."""
    channels = 4

    def apply(x: Tensor, *parameters: Tensor) -> Tensor:
        query, key, value, output, gamma = parameters
        q, k, v = (functional.conv2d(x, weight) for weight in (query, key, value))
        if pooling:
            k, v = (functional.max_pool2d(image, 2) for image in (k, v))
        q, k, v = (image.flatten(2) for image in (q, k, v))
        a = torch.softmax(q.transpose(1, 2) @ k, dim=-1)
        seen = (v @ a.transpose(1, 2)).reshape(len(x), values, height, width)
        return x + gamma * functional.conv2d(seen, output)

    def pointwise(inputs: int, outputs: int) -> tuple:
        return ((outputs, inputs, 1, 1), inputs**-0.5, 0.0)

    return Case(
        f"attention_{name}",
        {"attention": {"sizes": [channels, keys, values], "pooling": pooling}},
        {
            "query": pointwise(channels, keys),
            "key": pointwise(channels, keys),
            "value": pointwise(channels, values),
            "output": pointwise(values, channels),
            "gamma": ((1,), 0.5, 0.0),
        },
        apply,
        (2, channels, height, width),
        seed,
    )


def excitation(low: tuple[int, int, int], high: tuple[int, int, int], seed: int) -> Case:
    """A small image's say about a large one."""

    def apply(x: Tensor, whole: Tensor, gate: Tensor) -> Tensor:
        small, large = parted(x, low, high)
        seen = functional.conv2d(functional.adaptive_avg_pool2d(small, 4), whole)
        return large * torch.sigmoid(functional.conv2d(functional.silu(seen), gate))

    return Case(
        "excitation",
        {"excitation": {"low": list(low), "high": list(high)}},
        {
            "whole": ((high[0], low[0], 4, 4), (low[0] * 16) ** -0.5, 0.0),
            "gate": ((high[0], high[0], 1, 1), high[0] ** -0.5, 0.0),
        },
        apply,
        (2, prod(low) + prod(high)),
        seed,
    )


def burn_norm(name: str, shape: tuple[int, ...], groups: int, seed: int) -> Case:
    """A norm of burn's; no groups: over the last axis."""
    features = shape[-1] if groups == 0 else shape[1]

    def apply(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        if groups == 0:
            return functional.layer_norm(x, (features,), gamma, beta, 1e-5)
        return functional.group_norm(x, groups, gamma, beta, 1e-5)

    return Case(
        f"burn_{name}",
        {f"burn_{name}": [features, groups]},
        {"gamma": ((features,), 0.3, 1.0), "beta": ((features,), 0.5, 0.0)},
        apply,
        shape,
        seed,
    )


def cases() -> list[Case]:
    """The layers tried."""
    binomial = [1.0, 3.0, 3.0, 1.0]
    return [
        fir("blur", (1, 2, 5, 4), binomial, 1, 1, [2, 1], 1.0, 101),
        fir("up", (1, 2, 3, 4), binomial, 2, 1, [2, 1], 4.0, 102),
        fir("down", (2, 2, 6, 5), binomial, 1, 2, [1, 1], 1.0, 103),
        fir("up_3_down_2", (1, 2, 3, 4), [1.0, 4.0, -0.5, 2.0, 0.25], 3, 2, [3, 5], 9.0, 104),
        still(
            "bilinear_up",
            {"upsample_bilinear": 2},
            (1, 2, 3, 4),
            111,
            lambda x: bilinear(x, [6, 8]),
        ),
        resize("odd", (1, 2, 3, 5), [7, 4], 112),
        resize("smaller", (1, 1, 9, 8), [2, 3], 113),
        adaptive("even", (2, 2, 8, 4), [4, 2], 121),
        adaptive("odd", (1, 2, 9, 5), [4, 4], 122),
        adaptive("larger", (1, 2, 2, 3), [4, 4], 123),
        still(
            "pixel_shuffle",
            {"pixel_shuffle": 2},
            (1, 8, 2, 3),
            131,
            lambda x: functional.pixel_shuffle(x, 2),
        ),
        still(
            "pixel_unshuffle",
            {"pixel_unshuffle": 3},
            (1, 2, 3, 6),
            132,
            lambda x: functional.pixel_unshuffle(x, 3),
        ),
        still("pixel_norm", {"pixel_norm": None}, (2, 5, 2, 3), 133, unit_moment),
        still(
            "gated_linear_unit",
            {"gated_linear_unit": None},
            (2, 6, 2, 3),
            134,
            lambda x: functional.glu(x, dim=1),
        ),
        still(
            "balanced_sum",
            {"balanced_sum": None},
            (2, 3, 2, 2),
            135,
            lambda x: (x + x.square()) * 0.5**0.5,
        ),
        Case("noise", {"noise": None}, {"gamma": ((1,), 0.5, 0.0)}, noise, (2, 3, 3, 4), 136),
        Case(
            "residual_scale",
            {"residual_scale": None},
            {"gamma": ((1,), 0.5, 0.0)},
            lambda x, gamma: x + gamma * x.square(),
            (2, 3, 2, 2),
            137,
        ),
        equalized_linear("plain", 1.0, 1.0, 1.0, 141),
        equalized_linear("slow", 0.01, 2**0.5, 0.2, 142),
        equalized_conv("plain", 1, 1, 1.0, 2**0.5, 143),
        equalized_conv("grouped_strided", 2, 2, 0.5, 1.0, 144),
        modulated("keeping", 3, False, True, 151),
        modulated("pointwise", 1, False, False, 152, True),
        modulated("doubling", 3, True, True, 153, True),
        modulated("doubling_pointwise", 1, True, False, 154, True),
        attention("pooled", 5, 4, True, 161),
        attention("whole", 3, 4, False, 162),
        attention("narrow", 4, 4, True, 163, 1, 1),
        excitation((2, 5, 6), (2, 4, 5), 171),
        still(
            "mean_pool",
            {"mean_pool": 2},
            (2, 3, 4, 6),
            191,
            lambda x: functional.avg_pool2d(x, 2),
        ),
        still(
            "max_pool",
            {"max_pool": 2},
            (2, 3, 4, 6),
            192,
            lambda x: functional.max_pool2d(x, 2),
        ),
        still(
            "upsample_nearest",
            {"upsample_nearest": 3},
            (2, 3, 2, 3),
            193,
            lambda x: functional.interpolate(x, scale_factor=3, mode="nearest"),
        ),
        still("scaled_by_itself", {"modulate": None}, (2, 3, 2, 4), 194, modulated_by_itself),
        burn_norm("layer_norm", (3, 5), 0, 181),
        burn_norm("group_norm", (2, 6, 3, 2), 3, 182),
        burn_norm("instance_norm", (2, 4, 3, 3), 4, 183),
    ]


def golden(case: Case) -> dict[str, object]:
    """Draws one case and takes its output and gradients."""
    torch.manual_seed(case.seed)
    leaves = {"input": draw(case.shape, 1.0).requires_grad_()}
    for name, (shape, scale, center) in case.parameters.items():
        leaves[name] = draw(shape, scale, center)
    case.settle(leaves)
    for name, leaf in leaves.items():
        leaf.requires_grad_(name.rpartition(".")[2] not in BUFFERS)
    x, *parameters = leaves.values()

    def output() -> Tensor:
        return case.apply(x, *parameters)

    result = output()
    coefficients = draw(result.shape, 1.0)

    def scalar() -> Tensor:
        y = output()
        return (coefficients * y).sum() + y.square().sum() / 2

    def penalty() -> Tensor:
        return half_square(scalar, x)

    return {
        "name": case.name,
        "layer": case.layer,
        "input": stored(x),
        "parameters": [rounded(parameter) for parameter in parameters],
        "coefficients": stored(coefficients),
        "output": stored(result),
        "gradients": of_scalar(scalar, leaves),
        "second_order": {"value": rounded(penalty())[0], **of_scalar(penalty, leaves)},
    }


def main() -> None:
    """Writes the file."""
    torch.set_num_threads(1)
    results = [golden(case) for case in cases()]
    content = {"torch": torch.__version__, "layout": LAYOUT, "cases": results}
    TARGET.write_text(text_of(content), encoding="utf-8")


if __name__ == "__main__":
    main()
