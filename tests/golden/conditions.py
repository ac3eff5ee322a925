#!/usr/bin/env python3
"""Golden values of AC-GAN's and InfoGAN's terms with the stock networks, by PyTorch in float64.

Written with Python 3.11.7 and PyTorch 2.15.0+cu132, on the CPU. To run again, with any Python
from 3.10 that has PyTorch:

    python tests/golden/conditions.py

It writes `conditions.json` beside itself; the same PyTorch gives the same file. The generator is one
linear layer, the discriminator a perceptron of one hidden layer with leaky ReLU (0.2). AC-GAN's has a
linear layer to classes on its hidden layer; InfoGAN's has a layer of 4 with batch norm in training and
leaky ReLU (0.1) on it, and of that a linear layer for each code. Each case holds the term of either
half-step and its gradients with respect to that network's parameters, which are checked against central
differences before the file is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import torch
from torch import Tensor
from torch.nn import functional

from layers import check_by_differences, draw, rounded, text_of

TARGET = Path(__file__).with_name("conditions.json")
LAYOUT = (
    "values are row-major; linear weights [in, out]; parameters in the order of the modules' fields,"
    " running statistics among them"
)
BATCH = 6
CLASSES = 3
EMBEDDED = 16
NOISE = 1
SLANTS = 2
HIDDEN = 5
HEAD = 4
REAL = [0, 2, 1, 1, 0, 2]
FAKE = [1, 1, 0, 2, 2, 0]
KINK_MARGIN = 1e-3

Parameters = dict[str, Tensor]


def linear(inputs: int, outputs: int, name: str) -> Parameters:
    """A weight and a bias."""
    return {
        f"{name}.weight": draw((inputs, outputs), inputs**-0.5),
        f"{name}.bias": draw((outputs,), 0.5),
    }


def through(x: Tensor, p: Parameters, name: str) -> Tensor:
    """A linear layer."""
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def leaky(x: Tensor, slope: float) -> Tensor:
    """Leaky ReLU; refuses values next to its kink."""
    nearest = x.abs().min().item()
    assert nearest > KINK_MARGIN, f"{nearest} is at the kink: take another seed"
    return functional.leaky_relu(x, slope)


def gradients(term: Callable[[], Tensor], parameters: Parameters) -> list[list[float]]:
    """The checked gradients of all parameters; zeros of those that take none."""
    leaves = [leaf for leaf in parameters.values() if leaf.requires_grad]
    found = torch.autograd.grad(term(), leaves, allow_unused=True, materialize_grads=True)
    check_by_differences(term, leaves, list(found))
    by_leaf = {id(leaf): gradient for leaf, gradient in zip(leaves, found)}
    return [
        rounded(by_leaf.get(id(leaf), torch.zeros_like(leaf))) for leaf in parameters.values()
    ]


def case(
    name: str,
    networks: tuple[Parameters, Parameters],
    given: dict[str, Tensor],
    terms: tuple[Callable[[], Tensor], Callable[[], Tensor]],
) -> dict[str, object]:
    """Both halves."""
    halves = {}
    for half, network, term in zip(("generator", "discriminator"), networks, terms):
        halves[half] = {
            "parameters": [rounded(parameter) for parameter in network.values()],
            "term": rounded(term())[0],
            "gradients": gradients(term, network),
        }
    return {"name": name, **{key: rounded(tensor) for key, tensor in given.items()}, **halves}


def tracked(parameters: Parameters) -> Parameters:
    """All but running statistics take a gradient."""
    for key, parameter in parameters.items():
        parameter.requires_grad_("running" not in key)
    return parameters


def ac_gan(seed: int) -> dict[str, object]:
    """The discriminator tells the classes of real and generated points."""
    torch.manual_seed(seed)
    real, latents = draw((BATCH, 2), 1.0), draw((BATCH, NOISE), 1.0)
    g = tracked({"embedding": draw((CLASSES, EMBEDDED), 1.0), **linear(NOISE + EMBEDDED, 2, "0")})
    d = tracked(
        {**linear(2, HIDDEN, "0"), **linear(HIDDEN, 1, "1"), **linear(HIDDEN, CLASSES, "classes")}
    )

    def fake() -> Tensor:
        return through(torch.cat([latents, g["embedding"][FAKE]], dim=1), g, "0")

    def surprise(x: Tensor, classes: list[int]) -> Tensor:
        logits = through(leaky(through(x, d, "0"), 0.2), d, "classes")
        return functional.cross_entropy(logits, torch.tensor(classes))

    def of_discriminator() -> Tensor:
        return surprise(real, REAL) + surprise(fake().detach(), FAKE)

    def of_generator() -> Tensor:
        return surprise(fake(), FAKE)

    given = {"real": real, "latents": latents}
    return case("ac_gan", (g, d), given, (of_generator, of_discriminator))


def info_gan(seed: int) -> dict[str, object]:
    """The head recovers the codes of generated points."""
    torch.manual_seed(seed)
    real = draw((BATCH, 2), 1.0)
    digits = functional.one_hot(torch.tensor(FAKE), CLASSES).double()
    slants = draw((BATCH, SLANTS), 0.5)
    latents = torch.cat([draw((BATCH, NOISE), 1.0), digits, slants], dim=1)
    g = tracked(linear(NOISE + CLASSES + SLANTS, 2, "0"))
    d = tracked(
        {
            **linear(2, HIDDEN, "0"),
            **linear(HIDDEN, 1, "1"),
            "hidden.weight": draw((HIDDEN, HEAD), HIDDEN**-0.5),
            "norm.gamma": draw((HEAD,), 0.3, 1.0),
            "norm.beta": draw((HEAD,), 0.5),
            "norm.running_mean": torch.zeros(HEAD, dtype=torch.float64),
            "norm.running_var": torch.ones(HEAD, dtype=torch.float64),
            **linear(HEAD, CLASSES, "digit"),
            **linear(HEAD, SLANTS, "slant"),
        }
    )

    def fake() -> Tensor:
        return through(latents, g, "0")

    def unrecovered(x: Tensor) -> Tensor:
        y = leaky(through(x, d, "0"), 0.2) @ d["hidden.weight"]
        y = functional.batch_norm(y, None, None, d["norm.gamma"], d["norm.beta"], training=True)
        y = leaky(y, 0.1)
        digit = functional.cross_entropy(through(y, d, "digit"), torch.tensor(FAKE))
        slant = (through(y, d, "slant") - slants).square().sum(dim=1).mean() / 2
        return digit + slant

    def of_discriminator() -> Tensor:
        return unrecovered(fake().detach())

    def of_generator() -> Tensor:
        return unrecovered(fake())

    given = {"real": real, "latents": latents}
    return case("info_gan", (g, d), given, (of_generator, of_discriminator))


def main() -> None:
    """Writes the file."""
    torch.set_num_threads(1)
    content = {"torch": torch.__version__, "layout": LAYOUT, "cases": [ac_gan(1), info_gan(2)]}
    TARGET.write_text(text_of(content), encoding="utf-8")


if __name__ == "__main__":
    main()
