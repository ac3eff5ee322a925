#!/usr/bin/env python3
"""Golden values of the layers with their activations, by PyTorch in float64.

Written with Python 3.11.7 and PyTorch 2.15.0+cu132, on the CPU. To run again, with any Python
from 3.10 that has PyTorch:

    python tests/golden/layers.py

It writes `layers.json` beside itself; the same PyTorch gives the same file. With y the output of a
layer and its activation, and c constant coefficients of y's shape, each case holds

    y                          the output
    s = sum(c y)               its gradients with respect to the input x and every parameter
    P = 1/2 sum((ds/dx)^2)     its value, and its gradients with respect to the same

Gradients are zeros where there is no dependence. Inputs, parameters and coefficients are drawn
from a fixed seed and rounded to 6 decimals, so that the file holds them exactly. Before it writes,
the script checks every gradient against central differences, that no kink of an activation has a
value next to it, and that no channel of a batch norm has next to no spread.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor
from torch.nn import functional

TARGET = Path(__file__).with_name("layers.json")
DIGITS = 12
SLOPE = 0.2
MOMENTUM = 0.1
EPSILON = 1e-5
KINK_MARGIN = 1e-3
SMALLEST_SPREAD = 0.3
LAYOUT = (
    "values are row-major; parameters in burn's order and layout: linear weight [in, out]"
    " (y = x W + b), conv2d weight [out, in, height, width], conv_transpose2d weight"
    " [in, out, height, width], batch norm gamma, beta, running_mean, running_var, where the"
    " gradients of the running statistics are stored as zeros; inputs [batch, ...] with images"
    " [batch, channels, height, width]; gradients are of s = sum(coefficients * output),"
    " second_order is of P = 1/2 sum((ds/dinput)^2); running holds what one pass in training makes"
    " of the statistics, the variance moved by the biased one, and the output in evaluation with"
    " them"
)
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "relu": torch.relu,
    "leaky_relu": partial(functional.leaky_relu, negative_slope=SLOPE),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
KINKED = ("relu", "leaky_relu")

Pair = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """One layer with what it is fed; `seed` draws all of it."""

    name: str
    layer: dict[str, dict[str, object]]
    # The shape of each parameter, how far it is spread, and around what.
    parameters: dict[str, tuple[tuple[int, ...], float, float]]
    apply: Callable[..., Tensor]
    shape: tuple[int, ...]
    activation: str
    seed: int


def weighted(weight: tuple[int, ...], fan_in: int, outputs: int, bias: bool) -> dict:
    """A weight drawn by its fan-in, and a bias by one half."""
    parameters = {"weight": (weight, fan_in**-0.5, 0.0)}
    if bias:
        parameters["bias"] = ((outputs,), 0.5, 0.0)
    return parameters


def linear(
    name: str,
    shape: tuple[int, ...],
    outputs: int,
    activation: str,
    seed: int,
    *,
    bias: bool = True,
) -> Case:
    """A linear layer, its weight transposed to burn's layout."""
    inputs = shape[-1]
    return Case(
        f"linear_{name}",
        {"linear": {"features": [inputs, outputs], "bias": bias}},
        weighted((inputs, outputs), inputs, outputs, bias),
        lambda x, weight, bias=None: functional.linear(x, weight.T, bias),
        shape,
        activation,
        seed,
    )


def conv2d(
    name: str,
    shape: tuple[int, int, int, int],
    outputs: int,
    kernel: Pair,
    activation: str,
    seed: int,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    bias: bool = True,
) -> Case:
    """A convolution."""
    inputs = shape[1]
    return Case(
        f"conv2d_{name}",
        {
            "conv2d": {
                "channels": [inputs, outputs],
                "kernel": list(kernel),
                "stride": list(stride),
                "padding": list(padding),
                "bias": bias,
            }
        },
        weighted((outputs, inputs, *kernel), inputs * prod(kernel), outputs, bias),
        partial(functional.conv2d, stride=stride, padding=padding),
        shape,
        activation,
        seed,
    )


def conv_transpose2d(
    name: str,
    shape: tuple[int, int, int, int],
    outputs: int,
    kernel: Pair,
    activation: str,
    seed: int,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    padding_out: Pair = (0, 0),
    bias: bool = True,
) -> Case:
    """A transposed convolution."""
    inputs = shape[1]
    return Case(
        f"conv_transpose2d_{name}",
        {
            "conv_transpose2d": {
                "channels": [inputs, outputs],
                "kernel": list(kernel),
                "stride": list(stride),
                "padding": list(padding),
                "padding_out": list(padding_out),
                "bias": bias,
            }
        },
        weighted((inputs, outputs, *kernel), inputs * prod(kernel), outputs, bias),
        partial(
            functional.conv_transpose2d,
            stride=stride,
            padding=padding,
            output_padding=padding_out,
        ),
        shape,
        activation,
        seed,
    )


def batch_norm(name: str, shape: tuple[int, ...], activation: str, seed: int) -> Case:
    """A batch norm in training."""
    channels = (shape[1],)
    return Case(
        f"batch_norm_{name}",
        {"batch_norm": {"channels": shape[1]}},
        {
            "gamma": (channels, 0.3, 1.0),
            "beta": (channels, 0.5, 0.0),
            "running_mean": (channels, 0.5, 0.0),
            "running_var": (channels, 0.1, 1.0),
        },
        lambda x, gamma, beta, *_: functional.batch_norm(
            x, None, None, gamma, beta, training=True, eps=EPSILON
        ),
        shape,
        activation,
        seed,
    )


def cases() -> list[Case]:
    """The layers tried."""
    return [
        linear("single", (1, 1), 1, "identity", 1),
        linear("narrow", (5, 33), 3, "leaky_relu", 2),
        linear("wide", (3, 5), 33, "tanh", 3, bias=False),
        linear("odd", (7, 17), 9, "sigmoid", 4),
        linear("even", (8, 8), 16, "relu", 5),
        linear("tall", (9, 6), 1, "identity", 6, bias=False),
        linear("of_rank_3", (2, 3, 7), 5, "leaky_relu", 7, bias=False),
        conv2d(
            "halving", (2, 2, 8, 8), 3, (4, 4), "leaky_relu", 11, stride=(2, 2), padding=(1, 1)
        ),
        conv2d(
            "halving_odd", (3, 1, 7, 9), 4, (4, 4), "tanh", 12, stride=(2, 2), padding=(1, 1)
        ),
        conv2d("keeping", (1, 1, 5, 3), 17, (3, 3), "relu", 13, padding=(1, 1)),
        conv2d("keeping_wide", (1, 17, 3, 3), 1, (3, 3), "identity", 14, padding=(1, 1)),
        conv2d("pointwise", (3, 17, 3, 1), 3, (1, 1), "sigmoid", 15),
        conv2d(
            "pointwise_strided", (2, 3, 5, 6), 2, (1, 1), "tanh", 16, stride=(2, 3), bias=False
        ),
        conv2d(
            "stride_3", (1, 1, 11, 13), 3, (5, 5), "relu", 17, stride=(3, 3), padding=(2, 2)
        ),
        conv2d("larger_than_input", (4, 2, 3, 2), 3, (5, 5), "tanh", 18, padding=(2, 2)),
        conv2d(
            "on_single_pixels", (9, 5, 1, 1), 4, (3, 3), "leaky_relu", 19, padding=(1, 1)
        ),
        conv2d(
            "with_gaps", (2, 3, 7, 5), 5, (2, 2), "leaky_relu", 20, stride=(3, 3), bias=False
        ),
        conv2d(
            "flat_kernel",
            (2, 4, 5, 4),
            3,
            (1, 3),
            "sigmoid",
            21,
            stride=(2, 1),
            padding=(0, 1),
            bias=False,
        ),
        conv2d(
            "tall_kernel",
            (3, 1, 6, 9),
            2,
            (5, 2),
            "identity",
            22,
            stride=(1, 3),
            padding=(2, 0),
            bias=False,
        ),
        conv_transpose2d(
            "doubling", (2, 3, 4, 4), 2, (4, 4), "tanh", 31, stride=(2, 2), padding=(1, 1)
        ),
        conv_transpose2d(
            "doubling_odd", (2, 2, 3, 5), 2, (4, 4), "relu", 32, stride=(2, 2), padding=(1, 1)
        ),
        conv_transpose2d("to_colours", (1, 17, 2, 3), 3, (2, 2), "tanh", 33, stride=(2, 2)),
        conv_transpose2d(
            "padding_out",
            (2, 2, 3, 4),
            3,
            (3, 3),
            "leaky_relu",
            34,
            stride=(2, 2),
            padding=(1, 1),
            padding_out=(1, 1),
            bias=False,
        ),
        conv_transpose2d(
            "tall_kernel",
            (3, 2, 3, 5),
            1,
            (3, 2),
            "sigmoid",
            35,
            stride=(3, 1),
            padding=(1, 0),
            padding_out=(2, 0),
        ),
        conv_transpose2d("pointwise", (5, 3, 1, 3), 5, (1, 1), "identity", 36),
        conv_transpose2d(
            "stride_3",
            (1, 2, 3, 2),
            3,
            (5, 5),
            "relu",
            37,
            stride=(3, 3),
            padding=(2, 2),
            padding_out=(1, 2),
            bias=False,
        ),
        conv_transpose2d(
            "with_gaps",
            (2, 3, 2, 3),
            2,
            (2, 2),
            "tanh",
            38,
            stride=(3, 3),
            padding_out=(1, 2),
        ),
        conv_transpose2d(
            "from_single_pixels", (4, 5, 1, 1), 2, (4, 4), "leaky_relu", 39, bias=False
        ),
        conv_transpose2d("keeping", (1, 1, 3, 3), 17, (3, 3), "relu", 40, padding=(1, 1)),
        batch_norm("features", (9, 5), "identity", 51),
        batch_norm("features_wide", (7, 17), "relu", 52),
        batch_norm("features_smooth", (8, 3), "tanh", 53),
        batch_norm("images", (4, 3, 3, 5), "leaky_relu", 54),
        batch_norm("images_smooth", (2, 5, 3, 3), "tanh", 55),
        batch_norm("images_of_one_channel", (3, 1, 5, 2), "identity", 56),
    ]


def draw(shape: tuple[int, ...] | torch.Size, scale: float, center: float = 0.0) -> Tensor:
    """Normal values, rounded to what the file holds: 6 decimals."""
    drawn = center + torch.randn(shape, dtype=torch.float64) * scale
    values = [round(value, 6) for value in drawn.flatten().tolist()]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def activated(case: Case, before: Tensor) -> Tensor:
    """What the activation makes of a layer's output; refuses values next to its kink."""
    if case.activation in KINKED:
        nearest = before.abs().min().item()
        assert nearest > KINK_MARGIN, f"{case.name}: {nearest} is at the kink: take another seed"
    return ACTIVATIONS[case.activation](before)


def half_square(sum_of: Callable[[], Tensor], x: Tensor) -> Tensor:
    """P, half the sum of the squared gradient with respect to x."""
    (slope,) = torch.autograd.grad(sum_of(), x, create_graph=True)
    return slope.square().sum() / 2


def check_by_differences(
    function: Callable[[], Tensor], leaves: list[Tensor], gradients: list[Tensor]
) -> None:
    """Every gradient against (f(w + h) - f(w - h)) / 2h."""
    step = 1e-5
    for leaf, gradient in zip(leaves, gradients):
        flat = leaf.data.view(-1)
        for index, expected in enumerate(gradient.flatten().tolist()):
            kept = flat[index].item()
            ends = []
            for end in (kept + step, kept - step):
                flat[index] = end
                ends.append(function().item())
            flat[index] = kept
            found = (ends[0] - ends[1]) / (2 * step)
            assert abs(found - expected) <= 1e-6 * max(1.0, abs(expected)), (found, expected)


def of_scalar(function: Callable[[], Tensor], leaves: dict[str, Tensor]) -> dict[str, object]:
    """The checked gradients of a scalar, in the order of input and parameters."""
    tracked = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    gradients = torch.autograd.grad(
        function(), list(tracked.values()), allow_unused=True, materialize_grads=True
    )
    check_by_differences(function, list(tracked.values()), list(gradients))
    by_name = dict(zip(tracked, gradients))
    all_of_them = [
        rounded(by_name.get(name, torch.zeros_like(leaf))) for name, leaf in leaves.items()
    ]
    return {"input": all_of_them[0], "parameters": all_of_them[1:]}


def running(case: Case, leaves: dict[str, Tensor]) -> dict[str, object]:
    """The statistics after one pass, and the output in evaluation with them.

    burn moves the variance by the biased one, which divides by n; PyTorch by the unbiased one,
    which divides by n - 1. So the variance is taken by hand, and PyTorch's checks the rest.
    """
    x, gamma, beta, mean, variance = (leaf.detach().clone() for leaf in leaves.values())
    rows = x.transpose(0, 1).flatten(1)
    spread = rows.var(dim=1, correction=0)
    smallest = spread.sqrt().min().item()
    assert smallest > SMALLEST_SPREAD, f"{case.name}: a spread of {smallest}: take another seed"
    count = rows.shape[1]
    unbiased = (1 - MOMENTUM) * variance + MOMENTUM * spread * count / (count - 1)
    biased = (1 - MOMENTUM) * variance + MOMENTUM * spread
    functional.batch_norm(x, mean, variance, gamma, beta, True, MOMENTUM, EPSILON)
    torch.testing.assert_close(variance, unbiased, rtol=1e-12, atol=0)
    output = functional.batch_norm(x, mean, biased, gamma, beta, False, MOMENTUM, EPSILON)
    return {
        "mean": rounded(mean),
        "variance": rounded(biased),
        "output": rounded(activated(case, output)),
    }


def rounded(tensor: Tensor) -> list[float]:
    """The values in a row, to 12 significant digits, without negative zeros."""
    return [float(f"{value:.{DIGITS}g}") + 0.0 for value in tensor.flatten().tolist()]


def stored(tensor: Tensor) -> dict[str, object]:
    """A tensor as the file holds it."""
    return {"shape": list(tensor.shape), "values": rounded(tensor)}


def golden(case: Case) -> dict[str, object]:
    """Draws one case and takes its output and gradients."""
    torch.manual_seed(case.seed)
    leaves = {"input": draw(case.shape, 1.0).requires_grad_()}
    for name, (shape, scale, center) in case.parameters.items():
        leaves[name] = draw(shape, scale, center).requires_grad_(not name.startswith("running"))
    x, *parameters = leaves.values()

    def output() -> Tensor:
        return activated(case, case.apply(x, *parameters))

    result = output()
    coefficients = draw(result.shape, 1.0)

    def weighted_sum() -> Tensor:
        return (coefficients * output()).sum()

    def penalty() -> Tensor:
        return half_square(weighted_sum, x)

    return {
        "name": case.name,
        "layer": case.layer,
        "activation": (
            {"leaky_relu": {"slope": SLOPE}}
            if case.activation == "leaky_relu"
            else case.activation
        ),
        "input": stored(x),
        "parameters": [rounded(parameter) for parameter in parameters],
        "coefficients": stored(coefficients),
        "output": stored(result),
        "gradients": of_scalar(weighted_sum, leaves),
        "second_order": {
            "value": rounded(penalty())[0],
            **of_scalar(penalty, leaves),
        },
        "running": running(case, leaves) if "batch_norm" in case.layer else None,
    }


def text_of(content: dict) -> str:
    """Indented JSON with each list of numbers on one line."""
    indented = json.dumps(content, indent=1, allow_nan=False)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), indented) + "\n"


def main() -> None:
    """Writes the file."""
    torch.set_num_threads(1)
    results = [golden(case) for case in cases()]
    content = {"torch": torch.__version__, "layout": LAYOUT, "cases": results}
    TARGET.write_text(text_of(content), encoding="utf-8")


if __name__ == "__main__":
    main()
