#!/usr/bin/env python3
"""Golden values of the augmentations, by PyTorch in float64 with given random numbers.

Written with Python 3.11 and the PyTorch that the file names, on the CPU. To run again, with any
Python from 3.10 that has PyTorch:

    python tests/golden/augment.py

It writes `augment.json` beside itself; the same PyTorch gives the same file. Every transformation
is written as its paper's formula has it, image by image: flips and quarter turns by `torch.flip` and
`torch.rot90`, whole shifts by padding and slicing, everything with fractions by `affine_grid` and
`grid_sample` (bilinear, align_corners, the padding that the fill names), colours by their vectors.
Given its random numbers a transformation is affine in the image, T(x) = A x + b; A is found by
applying it to each unit image, since PyTorch has no second derivative of `grid_sample`. With

    L(x) = sum_i sin(w_i T(x)_i),    w_i = 1/2 + (7 i mod 5) / 5

over the flat index i, the file has T(x) (`value`), g = dL/dx (`gradient`) and d|g|^2/dx (`second`).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad

TARGET = Path(__file__).with_name("augment.json")
DIGITS = 9
SHAPES = {
    "rgb": (2, 3, 5, 5),
    "grey": (2, 1, 4, 8),
    "alpha": (2, 4, 3, 4),
    "pair": (2, 2, 4, 3),
}
MODES = {"zero": "zeros", "edge": "border", "reflect": "reflection"}

torch.set_default_dtype(torch.float64)


def image(shape: tuple[int, ...]) -> Tensor:
    """Numbers in [-1, 1] with 4 digits, by a formula."""
    count = math.prod(shape)
    values = [round(math.sin(0.7 * i * i + 0.3 * i + 1.0), 4) for i in range(count)]
    return torch.tensor(values).reshape(shape)


def homogeneous(a: float, b: float, c: float, d: float, x: float = 0.0, y: float = 0.0) -> Tensor:
    """Offsets from the centre, to the right and down, in pixels: [[a, b], [c, d]], then (x, y)."""
    return torch.tensor([[a, b, x], [c, d, y], [0.0, 0.0, 1.0]])


def turned(angle: float) -> Tensor:
    """Turned by an angle."""
    return homogeneous(math.cos(angle), -math.sin(angle), math.sin(angle), math.cos(angle))


def warped(x: Tensor, moves: Tensor, fill: str) -> Tensor:
    """An image [c, h, w] whose pixels move by a matrix."""
    _, height, width = x.shape
    to_pixels = torch.diag(torch.tensor([(width - 1) / 2, (height - 1) / 2, 1.0]))
    source = torch.linalg.inv(to_pixels) @ torch.linalg.inv(moves) @ to_pixels
    grid = affine_grid(source[None, :2], [1, *x.shape], align_corners=True)
    return grid_sample(x[None], grid, "bilinear", MODES[fill], align_corners=True)[0]


def moved(x: Tensor, right: int, down: int, fill: str) -> Tensor:
    """An image moved by whole pixels."""
    _, height, width = x.shape
    most = 2
    mode = {"zero": "constant", "edge": "replicate", "reflect": "reflect"}[fill]
    wide = pad(x[None], (most,) * 4, mode)[0]
    top, left = most - down, most - right
    return wide[:, top : top + height, left : left + width]


# DiffAugment: numbers as they are used; places of translation and cutout in [0, 1).


def brightness(x: Tensor, u: float) -> Tensor:
    return x + u


def saturation(x: Tensor, u: float) -> Tensor:
    mean = x.mean(0, keepdim=True)
    return (x - mean) * u + mean


def contrast(x: Tensor, u: float) -> Tensor:
    mean = x.mean()
    return (x - mean) * u + mean


def translation(x: Tensor, places: list[float]) -> Tensor:
    shifts = []
    for u, side in zip(places, x.shape[1:]):
        most = int(side / 8 + 0.5)
        shifts.append(range(-most, most + 1)[int(u * (2 * most + 1))])
    return moved(x, shifts[1], shifts[0], "zero")


def cutout(x: Tensor, places: list[float]) -> Tensor:
    mask = torch.ones(x.shape[1:])
    ranges = []
    for u, side in zip(places, x.shape[1:]):
        size = int(side / 2 + 0.5)
        centre = int(u * (side + 1 - size % 2))
        ranges.append([i for i in range(centre - size // 2, centre - size // 2 + size)])
    for row in ranges[0]:
        for column in ranges[1]:
            if 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]:
                mask[row, column] = 0.0
    return x * mask


def diff_augment(x: Tensor, draws: dict) -> Tensor:
    if "color" in draws:
        u = draws["color"]
        x = contrast(saturation(brightness(x, u[0]), u[1]), u[2])
    if "translation" in draws:
        x = translation(x, draws["translation"])
    if "cutout" in draws:
        x = cutout(x, draws["cutout"])
    return x


# ADA: numbers as they are drawn.

GREY = torch.ones(3) / math.sqrt(3.0)


def luma(x: Tensor) -> Tensor:
    """The part of colours along the grey axis."""
    return GREY[:, None, None] * torch.einsum("c,chw->hw", GREY, x)


def quarter_turns(u: float, height: int, width: int) -> int:
    return int(4 * u) if height == width else 2 * int(2 * u)


def geometric(x: Tensor, name: str, u: list[float], fill: str) -> Tensor:
    """One transformation by itself."""
    _, height, width = x.shape
    if name == "x_flip":
        return torch.flip(x, [2]) if u[0] >= 0.5 else x
    if name == "rotation_90":
        return torch.rot90(x, quarter_turns(u[0], height, width), [1, 2])
    if name == "integer_translation":
        return moved(x, round(u[0] * width / 8), round(u[1] * height / 8), fill)
    return warped(x, matrix(name, u, height, width), fill)


def matrix(name: str, u: list[float], height: int, width: int) -> Tensor:
    """How pixels move."""
    if name == "x_flip":
        return homogeneous(-1 if u[0] >= 0.5 else 1, 0, 0, 1)
    if name == "rotation_90":
        # Counterclockwise to the eye is clockwise where Y points down.
        return turned(-math.pi / 2 * quarter_turns(u[0], height, width))
    if name == "integer_translation":
        return homogeneous(1, 0, 0, 1, round(u[0] * width / 8), round(u[1] * height / 8))
    if name == "isotropic_scaling":
        return homogeneous(2 ** (0.2 * u[0]), 0, 0, 2 ** (0.2 * u[0]))
    if name.startswith("rotation"):
        return turned(math.pi * u[0])
    if name == "anisotropic_scaling":
        return homogeneous(2 ** (0.2 * u[0]), 0, 0, 2 ** (-0.2 * u[0]))
    assert name == "fractional_translation"
    return homogeneous(1, 0, 0, 1, u[0] * width / 8, u[1] * height / 8)


def chromatic(x: Tensor, name: str, u: float) -> Tensor:
    """One transformation of RGB or grey."""
    grey = x.shape[0] == 1
    if name == "brightness":
        return x + 0.2 * u
    if name == "contrast":
        return x * 2 ** (0.5 * u)
    if name == "luma_flip":
        if u < 0.5:
            return x
        return -x if grey else x - 2 * luma(x)
    if grey:
        return x
    if name == "hue":
        along, angle = luma(x), math.pi * u
        crossed = torch.linalg.cross(GREY[:, None, None].expand_as(x), x, dim=0)
        return (x - along) * math.cos(angle) + crossed * math.sin(angle) + along
    assert name == "saturation"
    return luma(x) + (x - luma(x)) * 2**u


def ada_cutout(x: Tensor, centre: list[float]) -> Tensor:
    mask = torch.ones(x.shape[1:])
    height, width = mask.shape
    for row in range(height):
        for column in range(width):
            across = abs((column + 0.5) / width - centre[0])
            down = abs((row + 0.5) / height - centre[1])
            if across < 0.25 and down < 0.25:
                mask[row, column] = 0.0
    return x * mask


GEOMETRY = [
    "x_flip",
    "rotation_90",
    "integer_translation",
    "isotropic_scaling",
    "rotation",
    "anisotropic_scaling",
    "rotation_after",
    "fractional_translation",
]
COLOUR = ["brightness", "contrast", "luma_flip", "hue", "saturation"]


def ada(x: Tensor, draws: dict, fill: str) -> Tensor:
    _, height, width = x.shape
    moves = [name for name in GEOMETRY if name in draws]
    if len(moves) == 1:
        x = geometric(x, moves[0], draws[moves[0]], fill)
    elif moves:
        whole = torch.eye(3)
        for name in moves:
            whole = matrix(name, draws[name], height, width) @ whole
        x = warped(x, whole, fill)
    colours = x[:3]
    for name in COLOUR:
        if name in draws:
            colours = chromatic(colours, name, draws[name][0])
    x = torch.cat([colours, x[3:]])
    if "cutout" in draws:
        x = ada_cutout(x, draws["cutout"])
    return x


def affine(x: Tensor, draws: dict, fill: str) -> Tensor:
    """Shift 1.5, rotation 20 degrees, scale 0.25, shear 0.3, by numbers in [-1, 1]."""
    right, down, angle, size, shear = draws["affine"]
    grown = math.exp(size * math.log(1.25))
    sheared = homogeneous(grown, grown * 0.3 * shear, 0, grown)
    turn = turned(math.radians(20.0) * angle)
    return warped(x, homogeneous(1, 0, 0, 1, 1.5 * right, 1.5 * down) @ turn @ sheared, fill)


def orders(x: Tensor, change: Callable[[Tensor], Tensor]) -> dict[str, list[float]]:
    """A batch's values, gradient and gradient of the gradient's square."""
    count = x.numel()
    offset = change(torch.zeros_like(x)).flatten()
    columns = []
    for i in range(count):
        unit = torch.zeros(count)
        unit[i] = 1.0
        columns.append(change(unit.reshape(x.shape)).flatten() - offset)
    linear = torch.stack(columns, 1)
    assert torch.allclose(linear @ x.flatten() + offset, change(x).flatten(), atol=1e-12)
    weights = torch.tensor([0.5 + (7 * i % 5) / 5 for i in range(count)])
    leaf = x.flatten().clone().requires_grad_(True)
    value = linear @ leaf + offset
    (gradient,) = torch.autograd.grad(
        torch.sin(weights * value).sum(), leaf, create_graph=True
    )
    (second,) = torch.autograd.grad(gradient.square().sum(), leaf)
    found = {"value": value, "gradient": gradient, "second": second}
    return {name: [round(v, DIGITS) + 0.0 for v in t.tolist()] for name, t in found.items()}


def case(family: str, kind: str, draws: dict, fill: str = "reflect") -> dict:
    """A case: `draws` has for each name the numbers of both samples."""
    x = image(SHAPES[kind])

    def change(x: Tensor) -> Tensor:
        samples = []
        for index, sample in enumerate(x):
            own = {name: numbers[index] for name, numbers in draws.items()}
            if family == "diff_augment":
                samples.append(diff_augment(sample, own))
            elif family == "ada":
                samples.append(ada(sample, own, fill))
            else:
                samples.append(affine(sample, own, fill))
        return torch.stack(samples)

    return {
        "family": family,
        "image": kind,
        "fill": fill,
        "draws": draws,
        **orders(x, change),
    }


def main() -> None:
    colour = [[0.31, 1.7, 0.62], [-0.44, 0.25, 1.38]]
    cases = [
        case("diff_augment", "rgb", {"color": colour}),
        case("diff_augment", "pair", {"color": colour}),
        case("diff_augment", "rgb", {"translation": [[0.1, 0.9], [0.5, 0.0]]}),
        case("diff_augment", "grey", {"translation": [[0.7, 0.2], [0.99, 0.5]]}),
        case("diff_augment", "rgb", {"cutout": [[0.0, 0.5], [0.99, 0.3]]}),
        case("diff_augment", "grey", {"cutout": [[0.99, 0.0], [0.4, 0.7]]}),
        case(
            "diff_augment",
            "rgb",
            {
                "color": colour,
                "translation": [[0.9, 0.1], [0.2, 0.8]],
                "cutout": [[0.2, 0.8], [0.6, 0.1]],
            },
        ),
        case("ada", "rgb", {"x_flip": [[0.2, 0.0], [0.7, 0.0]]}),
        case("ada", "rgb", {"rotation_90": [[0.3, 0.0], [0.8, 0.0]]}),
        case("ada", "grey", {"rotation_90": [[0.3, 0.0], [0.8, 0.0]]}),
        case("ada", "rgb", {"integer_translation": [[0.9, -0.95], [-0.85, 0.2]]}),
        case("ada", "rgb", {"isotropic_scaling": [[1.3, 0.0], [-1.9, 0.0]]}),
        case("ada", "rgb", {"rotation": [[0.17, 0.0], [-0.62, 0.0]]}),
        case("ada", "grey", {"rotation": [[0.21, 0.0], [0.77, 0.0]]}, "edge"),
        case("ada", "grey", {"anisotropic_scaling": [[-1.1, 0.0], [2.4, 0.0]]}, "zero"),
        case("ada", "rgb", {"fractional_translation": [[0.7, -1.6], [-2.2, 0.4]]}),
        case("ada", "rgb", {"brightness": [[1.2, 0.0], [-0.7, 0.0]]}),
        case("ada", "rgb", {"contrast": [[1.1, 0.0], [-1.4, 0.0]]}),
        case("ada", "rgb", {"luma_flip": [[0.4, 0.0], [0.6, 0.0]]}),
        case("ada", "rgb", {"hue": [[0.35, 0.0], [-0.8, 0.0]]}),
        case("ada", "rgb", {"saturation": [[0.9, 0.0], [-1.3, 0.0]]}),
        case("ada", "rgb", {"cutout": [[0.1, 0.6], [0.55, 0.97]]}),
    ]
    everything = {
        "x_flip": [[0.7, 0.0], [0.1, 0.0]],
        "rotation_90": [[0.9, 0.0], [0.4, 0.0]],
        "integer_translation": [[0.9, -0.4], [-0.9, 0.7]],
        "isotropic_scaling": [[0.8, 0.0], [-1.2, 0.0]],
        "rotation": [[0.3, 0.0], [-0.45, 0.0]],
        "anisotropic_scaling": [[1.4, 0.0], [-0.6, 0.0]],
        "rotation_after": [[-0.15, 0.0], [0.9, 0.0]],
        "fractional_translation": [[0.5, 1.1], [-0.9, 0.3]],
        "brightness": [[0.6, 0.0], [-1.1, 0.0]],
        "contrast": [[-0.9, 0.0], [0.7, 0.0]],
        "luma_flip": [[0.8, 0.0], [0.2, 0.0]],
        "hue": [[-0.3, 0.0], [0.6, 0.0]],
        "saturation": [[0.5, 0.0], [1.1, 0.0]],
        "cutout": [[0.3, 0.1], [0.9, 0.6]],
    }
    blit = {name: everything[name] for name in GEOMETRY[:3]}
    cases += [
        case("ada", "rgb", blit),
        case("ada", "rgb", everything),
        case("ada", "grey", everything, "zero"),
        case("ada", "alpha", everything),
    ]
    numbers = [[0.6, -0.9, 0.8, 0.7, -0.5], [-0.3, 0.4, -0.95, -0.6, 0.9]]
    cases += [
        case("affine", "rgb", {"affine": numbers}, "zero"),
        case("affine", "grey", {"affine": numbers}, "edge"),
    ]
    images = {
        kind: {"shape": shape, "values": image(shape).flatten().tolist()}
        for kind, shape in SHAPES.items()
    }
    golden = {"torch": torch.__version__, "images": images, "cases": cases}
    TARGET.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
