#!/usr/bin/env python3
"""Golden values of the R1 penalty's second-order gradients, by PyTorch's float64 double backward.

Written with Python 3.11.7 and PyTorch 2.15.0+cu132, on the CPU. To run again, with any Python
from 3.10 that has PyTorch:

    python tests/golden/second_order.py

It writes `second_order.json` beside itself; the same PyTorch gives the same file. The penalty is

    gamma / 2 * mean_i |grad_x D(x_i)|^2

with D(x_i) the sum of the patch logits of sample i, and its gradients are taken with respect to
every parameter of the discriminator; they are zero for one that the penalty does not depend on.
Weights and inputs are drawn from a fixed seed and rounded to 6 decimals, so that the file holds
them exactly. Before it writes, the script checks every gradient against central differences, and
that no LeakyReLU is fed a value so near to zero that single precision could see the other side.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor, nn

TARGET = Path(__file__).with_name("second_order.json")
DIGITS = 12
SLOPE = 0.2
KINK_MARGIN = 2e-3
LAYOUT = (
    "values are row-major in PyTorch's shapes: Linear weights [out, in] (y = W x + b), Conv weights"
    " [out, in, height, width], Embedding weights [labels, dimension], inputs [batch, ...] with"
    " images [batch, channels, height, width]; a conditional discriminator takes [x, embedding]"
)


class Conditional(nn.Module):
    """An MLP on the input followed by the label's embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(3, 4)
        self.hidden = nn.Linear(2 + 4, 8)
        self.output = nn.Linear(8, 1)

    def forward(self, sample: Tensor, labels: Tensor) -> Tensor:
        joined = torch.cat([sample, self.embedding(labels)], dim=1)
        return self.output(torch.tanh(self.hidden(joined)))


def named(**layers: nn.Module) -> nn.Sequential:
    """Layers one after the other, under these names."""
    chain = nn.Sequential()
    for name, layer in layers.items():
        chain.add_module(name, layer)
    return chain


def mlp_tanh() -> nn.Module:
    """2-8-8-1, smooth."""
    return named(
        linear1=nn.Linear(2, 8),
        tanh1=nn.Tanh(),
        linear2=nn.Linear(8, 8),
        tanh2=nn.Tanh(),
        linear3=nn.Linear(8, 1),
    )


def mlp_leaky() -> nn.Module:
    """3-6-1, piecewise linear."""
    return named(linear1=nn.Linear(3, 6), leaky1=nn.LeakyReLU(SLOPE), linear2=nn.Linear(6, 1))


def conv_leaky() -> nn.Module:
    """Two 4 x 4 stride-2 convolutions on 8 x 8 images, then one logit."""
    return named(
        conv1=nn.Conv2d(1, 3, 4, stride=2, padding=1),
        leaky1=nn.LeakyReLU(SLOPE),
        conv2=nn.Conv2d(3, 4, 4, stride=2, padding=1),
        leaky2=nn.LeakyReLU(SLOPE),
        flatten=nn.Flatten(),
        linear=nn.Linear(4 * 2 * 2, 1),
    )


@dataclass(frozen=True)
class Case:
    """One discriminator with what it is fed; `seed` draws its weights and inputs."""

    name: str
    architecture: str
    module: nn.Module
    shape: tuple[int, ...]
    gamma: float
    seed: int
    labels: tuple[int, ...] | None = None


def cases() -> list[Case]:
    """The discriminators tried."""
    return [
        Case(
            "mlp_tanh",
            "linear 2-8, tanh, linear 8-8, tanh, linear 8-1",
            mlp_tanh(),
            (5, 2),
            10.0,
            11,
        ),
        Case(
            "mlp_leaky_relu",
            "linear 3-6, leaky ReLU 0.2, linear 6-1",
            mlp_leaky(),
            (5, 3),
            0.1,
            15,
        ),
        Case(
            "conv_leaky_relu",
            "conv 1-3 4x4 stride 2 padding 1, leaky ReLU 0.2, conv 3-4 4x4 stride 2 padding 1,"
            " leaky ReLU 0.2, flatten, linear 16-1",
            conv_leaky(),
            (4, 1, 8, 8),
            2.0,
            13,
        ),
        Case(
            "mlp_conditional",
            "embedding 3x4 of the label, [x, embedding], linear 6-8, tanh, linear 8-1",
            Conditional(),
            (6, 2),
            1.0,
            14,
            (0, 2, 1, 2, 0, 2),
        ),
    ]


def draw(shape: torch.Size | tuple[int, ...], scale: float) -> Tensor:
    """Normal values with 6 decimals."""
    values = (torch.randn(shape, dtype=torch.float64) * scale).flatten().tolist()
    return torch.tensor([round(v, 6) for v in values], dtype=torch.float64).reshape(shape)


def fill(module: nn.Module) -> None:
    """Draws every parameter: weights by their fan-in, biases and embeddings by one half."""
    module.double()
    for name, parameter in module.named_parameters():
        spread = 0.5
        if name.endswith("weight") and "embedding" not in name:
            spread = parameter[0].numel() ** -0.5
        parameter.data = draw(parameter.shape, spread)


def watch_kinks(module: nn.Module) -> None:
    """Refuses inputs of a LeakyReLU that lie next to its kink."""

    def check(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nearest = inputs[0].abs().min().item()
        assert nearest > KINK_MARGIN, f"{nearest} is too near to the kink: take another seed"

    for layer in module.modules():
        if isinstance(layer, nn.LeakyReLU):
            layer.register_forward_pre_hook(check)


def squared_norms(
    module: nn.Module, sample: Tensor, labels: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The logits, and |grad_x D(x_i)|^2 of each sample, itself differentiable."""
    tracked = sample.clone().requires_grad_()
    logits = module(tracked) if labels is None else module(tracked, labels)
    (slope,) = torch.autograd.grad(logits.sum(), tracked, create_graph=True)
    return logits, slope.flatten(1).square().sum(dim=1)


def check_by_differences(
    penalty: Callable[[], Tensor], parameters: list[Tensor], gradients: list[Tensor]
) -> None:
    """Every gradient against (f(w + h) - f(w - h)) / 2h."""
    step = 1e-5
    for parameter, gradient in zip(parameters, gradients):
        flat = parameter.data.view(-1)
        for index, expected in enumerate(gradient.flatten().tolist()):
            kept = flat[index].item()
            ends = []
            for end in (kept + step, kept - step):
                flat[index] = end
                ends.append(penalty().item())
            flat[index] = kept
            found = (ends[0] - ends[1]) / (2 * step)
            assert abs(found - expected) <= 1e-7 * max(1.0, abs(expected)), (found, expected)


def rounded(tensor: Tensor) -> list[float]:
    """The values in a row, to 12 significant digits, without negative zeros."""
    return [float(f"{value:.{DIGITS}g}") + 0.0 for value in tensor.flatten().tolist()]


def stored(tensor: Tensor, **name: str) -> dict[str, object]:
    """A tensor as the file holds it."""
    return {**name, "shape": list(tensor.shape), "values": rounded(tensor)}


def golden(case: Case) -> dict[str, object]:
    """Draws one case and takes its penalty and gradients."""
    torch.manual_seed(case.seed)
    module = case.module
    fill(module)
    watch_kinks(module)
    sample = draw(case.shape, 1.0)
    labels = None if case.labels is None else torch.tensor(case.labels)

    def penalty() -> Tensor:
        return case.gamma / 2 * squared_norms(module, sample, labels)[1].mean()

    names, parameters = zip(*module.named_parameters())
    logits, norms = squared_norms(module, sample, labels)
    value = case.gamma / 2 * norms.mean()
    gradients = torch.autograd.grad(value, parameters, allow_unused=True, materialize_grads=True)
    check_by_differences(penalty, list(parameters), list(gradients))
    return {
        "name": case.name,
        "architecture": case.architecture,
        "torch": torch.__version__,
        "gamma": case.gamma,
        "weights": [stored(weight, name=name) for name, weight in zip(names, parameters)],
        "input": stored(sample),
        "labels": None if case.labels is None else list(case.labels),
        "logits": stored(logits),
        "squared_norms": rounded(norms),
        "penalty": rounded(value)[0],
        "gradients": [stored(grad, name=name) for name, grad in zip(names, gradients)],
    }


def text_of(content: dict) -> str:
    """Indented JSON with each list of numbers on one line."""
    indented = json.dumps(content, indent=1, allow_nan=False)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), indented) + "\n"


def main() -> None:
    """Writes the file."""
    torch.set_num_threads(1)
    content = {"layout": LAYOUT, "cases": [golden(case) for case in cases()]}
    TARGET.write_text(text_of(content), encoding="utf-8")


if __name__ == "__main__":
    main()
