#!/usr/bin/env python3
"""Golden values of R3GAN's networks, by PyTorch in float64.

Written with Python 3.11.7 and PyTorch 2.15.0+cu132, on the CPU. To run again, with any Python
from 3.10 that has PyTorch:

    python tests/golden/r3gan.py

It writes `r3gan.json` beside itself; the same PyTorch gives the same file. The networks are written
down here from the paper (Huang, Gokaslan, Kuleshov, Tompkin 2024, arXiv:2501.05441), in functions of
PyTorch's, at small widths. With y the output of a network (images, or logits) and c constant
coefficients of y's shape, each case holds

    y                                  the output
    s = sum(c y) + 1/2 sum(y^2)        its gradients with respect to the input x and every parameter
    P = 1/2 sum((ds/dx)^2)             its value, and its gradients with respect to the same
    R1 = 1/2 mean over the batch of |dy/dx|^2, of discriminators: the same

Inputs, parameters and coefficients are drawn from a fixed seed and rounded to 6 decimals; no value is
next to the kink of an activation. Every gradient is checked against central differences before the
file is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor
from torch.nn import functional

from layers import draw, half_square, of_scalar, rounded, stored, text_of

TARGET = Path(__file__).with_name("r3gan.json")
LAYOUT = (
    "values are row-major; images [batch, channels, height, width]; linear weights [in, out],"
    " convolutions [out, in/groups, height, width], the basis [channels, height, width]; parameters"
    " in the order of the modules' fields"
)
WIDTHS = (6, 4)
BLOCKS = 1
GROUP_WIDTH = 2
EXPANSION = 2
LATENT = 3
FEATURES = 3
CLASSES = 3
CHANNELS = 2
BASE = (4, 3)
LABELS = (2, 0)
KINK_MARGIN = 1.5e-4

Parameters = dict[str, tuple[tuple[int, ...], float, float]]


def convolution(outputs: int, inputs: int, side: tuple[int, int]) -> tuple:
    """A weight, spread by its fan-in."""
    return ((outputs, inputs, *side), (inputs * side[0] * side[1]) ** -0.5, 0.0)


def of_blocks(stage: int) -> Parameters:
    """The parameters of a stage's residual blocks."""
    width = WIDTHS[stage]
    wide = EXPANSION * width
    parameters: Parameters = {}
    for block in range(BLOCKS):
        at = f"stages.{stage}.blocks.{block}"
        parameters[f"{at}.expand.weight"] = convolution(wide, width, (1, 1))
        parameters[f"{at}.expand.bias"] = ((wide,), 0.3, 0.0)
        parameters[f"{at}.grouped.weight"] = convolution(wide, GROUP_WIDTH, (3, 3))
        parameters[f"{at}.grouped.bias"] = ((wide,), 0.3, 0.0)
        parameters[f"{at}.reduce.weight"] = convolution(width, wide, (1, 1))
    return parameters


def of_generator() -> Parameters:
    """From the label's embedding to the images."""
    parameters: Parameters = {
        "embedding": ((CLASSES, FEATURES), 1.0, 0.0),
        "basis": ((WIDTHS[0], *BASE), 1.0, 0.0),
        "project.weight": ((LATENT + FEATURES, WIDTHS[0]), (LATENT + FEATURES) ** -0.5, 0.0),
    }
    for stage, width in enumerate(WIDTHS):
        if stage > 0:
            parameters[f"stages.{stage}.change"] = convolution(width, WIDTHS[stage - 1], (1, 1))
        parameters |= of_blocks(stage)
    parameters["exit"] = convolution(CHANNELS, WIDTHS[-1], (1, 1))
    return parameters


def of_discriminator(outputs: int) -> Parameters:
    """From the images to the numbers that a label's embedding is multiplied with, or to a logit."""
    parameters: Parameters = {}
    if outputs > 1:
        parameters["embedding"] = ((CLASSES, outputs), 1.0, 0.0)
    parameters["entrance"] = convolution(WIDTHS[-1], CHANNELS, (1, 1))
    # The first stage that it computes is the largest.
    for stage in reversed(range(len(WIDTHS))):
        if stage > 0:
            parameters[f"stages.{stage}.change"] = convolution(
                WIDTHS[stage - 1], WIDTHS[stage], (1, 1)
            )
        parameters |= of_blocks(stage)
    parameters["pool"] = convolution(WIDTHS[0], 1, BASE)
    parameters["head.weight"] = ((WIDTHS[0], outputs), WIDTHS[0] ** -0.5, 0.0)
    return parameters


def activated(x: Tensor, nearest: list[float]) -> Tensor:
    """Leaky ReLU; notes how near to its kink it was."""
    nearest.append(x.abs().min().item())
    return functional.leaky_relu(x, 0.2)


def blocks(x: Tensor, p: dict[str, Tensor], stage: int, nearest: list[float]) -> Tensor:
    """The residual blocks of a stage."""
    wide = EXPANSION * WIDTHS[stage]
    for block in range(BLOCKS):
        at = f"stages.{stage}.blocks.{block}"
        y = functional.conv2d(x, p[f"{at}.expand.weight"], p[f"{at}.expand.bias"])
        y = activated(y, nearest)
        y = functional.conv2d(
            y,
            p[f"{at}.grouped.weight"],
            p[f"{at}.grouped.bias"],
            padding=1,
            groups=wide // GROUP_WIDTH,
        )
        y = activated(y, nearest)
        x = x + functional.conv2d(y, p[f"{at}.reduce.weight"])
    return x


def filter_of(x: Tensor) -> Tensor:
    """The kernel of resampling for each channel."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 8
    return torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)


def up(x: Tensor) -> Tensor:
    """Twice as large."""
    kernel = 4 * filter_of(x)
    return functional.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


def down(x: Tensor) -> Tensor:
    """Half as large."""
    return functional.conv2d(x, filter_of(x), stride=2, padding=1, groups=x.shape[1])


def generate(z: Tensor, p: dict[str, Tensor], nearest: list[float]) -> Tensor:
    """Images of latents and the labels."""
    z = torch.cat([z, p["embedding"][list(LABELS)]], dim=1)
    x = p["basis"] * (z @ p["project.weight"])[:, :, None, None]
    for stage in range(len(WIDTHS)):
        if stage > 0:
            x = up(functional.conv2d(x, p[f"stages.{stage}.change"]))
        x = blocks(x, p, stage, nearest)
    return functional.conv2d(x, p["exit"])


def discriminate(x: Tensor, p: dict[str, Tensor], nearest: list[float]) -> Tensor:
    """Logits of images, and of the labels where there is an embedding."""
    x = functional.conv2d(x, p["entrance"])
    for stage in reversed(range(len(WIDTHS))):
        x = blocks(x, p, stage, nearest)
        if stage > 0:
            x = functional.conv2d(down(x), p[f"stages.{stage}.change"])
    x = functional.conv2d(x, p["pool"], groups=WIDTHS[0]).flatten(1)
    x = x @ p["head.weight"]
    if "embedding" in p:
        return (x * p["embedding"][list(LABELS)]).sum(dim=1, keepdim=True)
    return x


@dataclass(frozen=True)
class Case:
    """A network with what it is fed; `seed` draws all of it."""

    name: str
    parameters: Parameters
    apply: Callable[[Tensor, dict[str, Tensor], list[float]], Tensor]
    shape: tuple[int, ...]
    seed: int


def cases() -> list[Case]:
    """The networks."""
    sides = tuple(side * 2 ** (len(WIDTHS) - 1) for side in BASE)
    images = (len(LABELS), CHANNELS, *sides)
    return [
        Case("generator", of_generator(), generate, (len(LABELS), LATENT), 1),
        Case("discriminator", of_discriminator(1), discriminate, images, 2),
        Case("projected", of_discriminator(WIDTHS[0]), discriminate, images, 3),
    ]


def golden(case: Case) -> dict[str, object]:
    """Draws one case and takes its output and gradients."""
    for seed in range(100 * case.seed, 100 * case.seed + 100):
        torch.manual_seed(seed)
        leaves = {"input": draw(case.shape, 1.0).requires_grad_()}
        for name, (shape, scale, center) in case.parameters.items():
            leaves[name] = draw(shape, scale, center).requires_grad_()
        nearest: list[float] = []
        case.apply(leaves["input"], leaves, nearest)
        if min(nearest) > KINK_MARGIN:
            break
    else:
        raise AssertionError(f"{case.name}: every seed has values at the kink")
    x, *parameters = leaves.values()

    def output() -> Tensor:
        return case.apply(x, leaves, [])

    result = output()
    coefficients = draw(result.shape, 1.0)

    def scalar() -> Tensor:
        y = output()
        return (coefficients * y).sum() + y.square().sum() / 2

    def penalty() -> Tensor:
        return half_square(scalar, x)

    def r1() -> Tensor:
        return half_square(lambda: output().sum(), x) / len(LABELS)

    content = {
        "name": case.name,
        "names": list(case.parameters),
        "input": stored(x),
        "parameters": [rounded(parameter) for parameter in parameters],
        "coefficients": stored(coefficients),
        "output": stored(result),
        "gradients": of_scalar(scalar, leaves),
        "second_order": {"value": rounded(penalty())[0], **of_scalar(penalty, leaves)},
    }
    if case.apply is discriminate:
        content["r1"] = {"value": rounded(r1())[0], **of_scalar(r1, leaves)}
    return content


def main() -> None:
    """Writes the file."""
    torch.set_num_threads(1)
    results = [golden(case) for case in cases()]
    content = {"torch": torch.__version__, "layout": LAYOUT, "cases": results}
    TARGET.write_text(text_of(content), encoding="utf-8")


if __name__ == "__main__":
    main()
