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


def cases() -> list[Case]:
    """The layers tried."""
    binomial = [1.0, 3.0, 3.0, 1.0]
    return [
        fir("blur", (2, 3, 5, 4), binomial, 1, 1, [2, 1], 1.0, 101),
        fir("up", (2, 3, 3, 4), binomial, 2, 1, [2, 1], 4.0, 102),
        fir("down", (2, 3, 6, 5), binomial, 1, 2, [1, 1], 1.0, 103),
        fir("up_3_down_2", (1, 2, 3, 4), [1.0, 4.0, -0.5, 2.0, 0.25], 3, 2, [3, 5], 9.0, 104),
    ]


def golden(case: Case) -> dict[str, object]:
    """Draws one case and takes its output and gradients."""
    torch.manual_seed(case.seed)
    leaves = {"input": draw(case.shape, 1.0).requires_grad_()}
    for name, (shape, scale, center) in case.parameters.items():
        leaves[name] = draw(shape, scale, center).requires_grad_()
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
