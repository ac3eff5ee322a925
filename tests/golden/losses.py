#!/usr/bin/env python3
"""Golden values of the likelihood-to-JS losses: values and gradients, by PyTorch in float64.

Written with Python 3.11.7 and PyTorch 2.15.0+cu132, on the CPU. To run again, with any Python
from 3.10 that has PyTorch:

    python tests/golden/losses.py

It writes `losses.json` beside itself; the same PyTorch gives the same file. Conventions, on logits
of shape [batch, patches], every mean over all of them:

    discriminator            mean softplus(-real) + mean softplus(fake)
    minimax generator        mean ln(1 - sigmoid(fake)) = -mean softplus(fake)
    non-saturating generator mean softplus(-fake)
    maximum likelihood gen.  -1/2 mean exp(fake)

softplus(x) is taken as -logsigmoid(-x): `torch.nn.functional.softplus` is the identity above 20,
which is not exact in float64.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

TARGET = Path(__file__).with_name("losses.json")
DIGITS = 12


def softplus(logits: Tensor) -> Tensor:
    """ln(1 + exp(x)), exact for every x."""
    return -logsigmoid(-logits)


def discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's cost, the same for all three."""
    return softplus(-real).mean() + softplus(fake).mean()


def minimax(fake: Tensor) -> Tensor:
    """The generator's share of the value function."""
    return -softplus(fake).mean()


def non_saturating(fake: Tensor) -> Tensor:
    """The generator's cost that keeps its gradient when the fakes are found out."""
    return softplus(-fake).mean()


def maximum_likelihood(fake: Tensor) -> Tensor:
    """The generator's cost that follows the KL divergence."""
    return -0.5 * fake.exp().mean()


def rounded(tensor: Tensor) -> list[float]:
    """The values in a row, to 12 significant digits, without negative zeros."""
    return [float(f"{value:.{DIGITS}g}") + 0.0 for value in tensor.flatten().tolist()]


def of_discriminator(real: Tensor, fake: Tensor) -> dict[str, object]:
    """The discriminator's value and its gradients."""
    value = discriminator(real, fake)
    grad_real, grad_fake = torch.autograd.grad(value, (real, fake))
    return {
        "value": rounded(value)[0],
        "grad_real": rounded(grad_real),
        "grad_fake": rounded(grad_fake),
    }


def of_generator(cost: Callable[[Tensor], Tensor], fake: Tensor) -> dict[str, object]:
    """A generator's value and its gradient."""
    value = cost(fake)
    (grad_fake,) = torch.autograd.grad(value, fake)
    return {"value": rounded(value)[0], "grad_fake": rounded(grad_fake)}


def case(
    name: str, shape: list[int], real: list[float], fake: list[float], exponential: bool = True
) -> dict[str, object]:
    """All losses on one pair of logits; without the exponential one where it would overflow."""
    reals, fakes = (
        torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()
        for values in (real, fake)
    )
    losses = {
        "minimax": {
            "discriminator": of_discriminator(reals, fakes),
            "generator": of_generator(minimax, fakes),
        },
        "non_saturating": {
            "discriminator": of_discriminator(reals, fakes),
            "generator": of_generator(non_saturating, fakes),
        },
    }
    if exponential:
        losses["maximum_likelihood"] = {"generator": of_generator(maximum_likelihood, fakes)}
    return {"name": name, "shape": shape, "real": real, "fake": fake, "losses": losses}


def cases() -> list[dict[str, object]]:
    """Published logits, a batch of patches, and the ends of the range."""
    return [
        case("published", [4, 1], [-5.0, 1.4, 12.5, 2.7], [10.0, 4.4, -5.5, 3.6]),
        case(
            "patches",
            [2, 3],
            [0.0, -1.25, 2.5, 0.75, -3.5, 6.0],
            [-0.5, 1.5, -4.0, 0.0, 3.25, -2.0],
        ),
        case(
            "extreme",
            [4, 1],
            [-500.0, 500.0, -500.0, 500.0],
            [500.0, -500.0, -500.0, 500.0],
            exponential=False,
        ),
        case(
            "extreme_patches",
            [2, 3],
            [500.0, 500.0, 500.0, -500.0, 0.0, 500.0],
            [-500.0, -500.0, -500.0, 500.0, 0.0, -500.0],
            exponential=False,
        ),
    ]


def check_published(published: dict) -> None:
    """The figures known from elsewhere: generator 1.38582, discriminator 5.83387."""
    costs = published["losses"]["non_saturating"]
    assert abs(costs["generator"]["value"] - 1.38582) < 5e-6, costs["generator"]["value"]
    assert abs(costs["discriminator"]["value"] - 5.83387) < 5e-6, costs["discriminator"]["value"]


def text_of(golden: dict) -> str:
    """Indented JSON with each list of numbers on one line."""
    indented = json.dumps(golden, indent=1, allow_nan=False)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), indented) + "\n"


def main() -> None:
    """Writes the file."""
    torch.set_num_threads(1)
    all_cases = cases()
    check_published(all_cases[0])
    golden = {
        "torch": torch.__version__,
        "layout": "logits and gradients are [batch, patches], row by row; means over all of them",
        "cases": all_cases,
    }
    TARGET.write_text(text_of(golden), encoding="utf-8")


if __name__ == "__main__":
    main()
