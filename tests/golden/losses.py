#!/usr/bin/env python3
"""Golden values of every loss under every pairing: values and gradients, by PyTorch in float64.

Written with Python 3.11.7 and PyTorch 2.15.0+cu132, on the CPU. To run again, with any Python
from 3.10 that has PyTorch:

    python tests/golden/losses.py

It writes `losses.json` beside itself; the same PyTorch gives the same file. Logits have the shape
[batch, patches], and every mean is over all of them. A loss is five functions of one logit:

    real, fake                   the discriminator's cost of a real and of a generated logit
    generator                    the generator's cost of a generated logit
    relative_fake, relative_real the generator's costs of a generated logit relative to the real
                                 ones, and of a real logit relative to the generated ones

A pairing says which logits they are fed, with r the real and f the generated ones:

    none     D = mean real(r) + mean fake(f)
             G = mean generator(f)
    paired   d = r - f
             D = (mean real(d) + mean fake(-d)) / 2
             G = (mean relative_fake(-d) + mean relative_real(d)) / 2
    average  a = r - mean f, b = f - mean r, and the gradients flow through the means
             D = mean real(a) + mean fake(b)
             G = mean relative_fake(b) + mean relative_real(a)

The relative costs are the discriminator's with the roles exchanged, unless the generator minimises
what the discriminator maximises: then they are the discriminator's, negated. Maximum likelihood
has its own, -1/2 exp(l) and -1/2 exp(-l).

softplus(x) is taken as -logsigmoid(-x): `torch.nn.functional.softplus` is the identity above 20,
which is not exact in float64. tanh(x) is taken as sigmoid(2 x) - sigmoid(-2 x): the gradient
1 - tanh(x)^2 loses its digits for large x. Every exponential goes on beyond 80 as its tangent
there, so that nothing overflows, in single precision either.

Before it writes, the script checks each f-divergence's conjugate against a search over u, the
figures known from elsewhere, the losses that are two names for one, that the costs of a zero-sum
game add up to zero, and that no logit lies on the kink of a hinge.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

TARGET = Path(__file__).with_name("losses.json")
DIGITS = 12
LINEAR_FROM = 80.0
KINK_MARGIN = 1e-6
PAIRINGS = ("none", "paired", "average")
LAYOUT = (
    "logits and gradients are [batch, patches], row by row; means over all of them; loss is the"
    " serialized loss, and pairing says which logits it is fed; a generator that does not see the"
    " real logits has a zero grad_real"
)

Cost = Callable[[Tensor], Tensor]


def softplus(logits: Tensor) -> Tensor:
    """ln(1 + exp(x)), exact for every x."""
    return -logsigmoid(-logits)


def half_tanh(logits: Tensor) -> Tensor:
    """tanh(x) / 2, from sigmoids whose gradients do not cancel as 1 - tanh(x)^2 does."""
    return (logsigmoid(2 * logits).exp() - logsigmoid(-2 * logits).exp()) / 2


def exponential(logits: Tensor) -> Tensor:
    """exp(x) up to 80, and its tangent there from 80 on."""
    tangent = math.exp(LINEAR_FROM) * (1 + logits - LINEAR_FROM)
    return torch.where(logits < LINEAR_FROM, logits.clamp(max=LINEAR_FROM).exp(), tangent)


def relu(values: Tensor) -> Tensor:
    """max(0, x); refuses values next to the kink, where the gradient is a matter of taste."""
    nearest = values.abs().min().item()
    assert nearest > KINK_MARGIN, f"{nearest} is too near to the kink"
    return torch.relu(values)


def negative(cost: Cost) -> Cost:
    """The cost with the other sign."""
    return lambda logits: -cost(logits)


@dataclass(frozen=True)
class Loss:
    """A loss as the crate serializes it, with its functions of one logit."""

    loss: object
    real: Cost
    fake: Cost
    generator: Cost
    relative_fake: Cost
    relative_real: Cost
    pairings: tuple[str, ...] = PAIRINGS


def exchanging(
    loss: object, real: Cost, fake: Cost, generator: Cost, pairings: tuple[str, ...] = PAIRINGS
) -> Loss:
    """A loss whose relativistic generator exchanges the discriminator's roles."""
    return Loss(loss, real, fake, generator, real, fake, pairings)


def zero_sum(loss: object, real: Cost, fake: Cost) -> Loss:
    """A loss whose generator minimises what the discriminator maximises."""
    return Loss(loss, real, fake, negative(fake), negative(fake), negative(real))


def minimax() -> Loss:
    """The value function of the first GAN."""
    return zero_sum("minimax", lambda logits: softplus(-logits), softplus)


def non_saturating() -> Loss:
    """Its variant that keeps the gradient when the fakes are found out."""
    return exchanging(
        "non_saturating",
        lambda logits: softplus(-logits),
        softplus,
        lambda logits: softplus(-logits),
    )


def maximum_likelihood() -> Loss:
    """Its variant that follows the KL divergence."""
    return Loss(
        "maximum_likelihood",
        lambda logits: softplus(-logits),
        softplus,
        lambda logits: -exponential(logits) / 2,
        lambda logits: -exponential(logits) / 2,
        lambda logits: -exponential(-logits) / 2,
    )


def least_squares(fake: float, real: float, generator: float) -> Loss:
    """Half the squared distance to a target for each of the three."""
    return exchanging(
        {"least_squares": {"fake": fake, "real": real, "generator": generator}},
        lambda logits: (logits - real).square() / 2,
        lambda logits: (logits - fake).square() / 2,
        lambda logits: (logits - generator).square() / 2,
    )


def hinge() -> Loss:
    """Margins of one on either side."""
    return exchanging(
        "hinge",
        lambda logits: relu(1 - logits),
        lambda logits: relu(1 + logits),
        lambda logits: -logits,
    )


def wasserstein() -> Loss:
    """The critic's difference of means."""
    return exchanging(
        "wasserstein", lambda logits: -logits, lambda logits: logits, lambda logits: -logits
    )


def energy_based(margin: float) -> Loss:
    """The energies are the negated logits; there is no pairing of energies."""
    return exchanging(
        {"energy_based": {"margin": margin}},
        lambda logits: -logits,
        lambda logits: relu(margin + logits),
        lambda logits: -logits,
        ("none",),
    )


@dataclass(frozen=True)
class Divergence:
    """An f-divergence: the activation g, the conjugate c = f* o g, and the function f of u."""

    divergence: object
    activation: Cost
    conjugate: Cost
    function: Cost
    every_u: bool = False


def weighted_jensen_shannon(pi: float) -> Divergence:
    """Jensen-Shannon with the weight pi on the data."""
    return Divergence(
        {"weighted_jensen_shannon": {"pi": pi}},
        lambda logits: -pi * math.log(pi) - pi * softplus(-logits),
        lambda logits: (1 - pi) * (softplus(logits) + math.log(1 - pi)),
        lambda u: pi * u * u.log() - (1 - pi + pi * u) * (1 - pi + pi * u).log(),
    )


def alpha_divergence(alpha: float) -> Divergence:
    """The alpha-divergence, for an alpha other than 0 and 1."""
    return Divergence(
        {"alpha": {"alpha": alpha}},
        lambda logits: (exponential((alpha - 1) * logits) - 1) / (alpha - 1),
        lambda logits: (exponential(alpha * logits) - 1) / alpha,
        lambda u: (u.pow(alpha) - 1 - alpha * (u - 1)) / (alpha * (alpha - 1)),
    )


def divergences() -> list[Divergence]:
    """Those of Nowozin et al. (2016), table 1 and its activations, and the alpha family."""
    return [
        Divergence(
            "total_variation",
            half_tanh,
            half_tanh,
            lambda u: (u - 1).abs() / 2,
        ),
        Divergence(
            "kl",
            lambda logits: logits,
            lambda logits: exponential(logits - 1),
            lambda u: u * u.log(),
        ),
        Divergence(
            "reverse_kl",
            lambda logits: -exponential(-logits),
            lambda logits: logits - 1,
            lambda u: -u.log(),
        ),
        Divergence(
            "pearson",
            lambda logits: logits,
            lambda logits: logits.square() / 4 + logits,
            lambda u: (u - 1).square(),
            every_u=True,
        ),
        Divergence(
            "neyman",
            lambda logits: 1 - exponential(-logits),
            lambda logits: 2 - 2 * exponential(-logits / 2),
            lambda u: (1 - u).square() / u,
        ),
        Divergence(
            "squared_hellinger",
            lambda logits: 1 - exponential(-logits),
            lambda logits: exponential(logits) - 1,
            lambda u: (u.sqrt() - 1).square(),
        ),
        Divergence(
            "jensen_shannon",
            lambda logits: math.log(2) - softplus(-logits),
            lambda logits: softplus(logits) - math.log(2),
            lambda u: -(u + 1) * ((1 + u) / 2).log() + u * u.log(),
        ),
        weighted_jensen_shannon(0.3),
        Divergence(
            "gan",
            lambda logits: -softplus(-logits),
            softplus,
            lambda u: u * u.log() - (u + 1) * (u + 1).log(),
        ),
        alpha_divergence(0.5),
        alpha_divergence(2.0),
        alpha_divergence(-1.0),
    ]


def f_divergence(divergence: Divergence, saturating: bool) -> Loss:
    """The variational bound on a divergence, with either generator."""
    loss = {"f_divergence": {"divergence": divergence.divergence, "saturating": saturating}}
    real, fake = negative(divergence.activation), divergence.conjugate
    return zero_sum(loss, real, fake) if saturating else exchanging(loss, real, fake, real)


def losses() -> list[Loss]:
    """All of them."""
    return [
        minimax(),
        non_saturating(),
        maximum_likelihood(),
        least_squares(0.0, 1.0, 1.0),
        least_squares(-1.0, 1.0, 0.0),
        hinge(),
        wasserstein(),
        energy_based(1.5),
        *(
            f_divergence(divergence, saturating)
            for divergence in divergences()
            for saturating in (True, False)
        ),
    ]


def costs(loss: Loss, pairing: str, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """The discriminator's and the generator's cost."""
    if pairing == "none":
        return loss.real(real).mean() + loss.fake(fake).mean(), loss.generator(fake).mean()
    if pairing == "paired":
        gap = real - fake
        return (
            (loss.real(gap).mean() + loss.fake(-gap).mean()) / 2,
            (loss.relative_fake(-gap).mean() + loss.relative_real(gap).mean()) / 2,
        )
    assert pairing == "average", pairing
    above, below = real - fake.mean(), fake - real.mean()
    return (
        loss.real(above).mean() + loss.fake(below).mean(),
        loss.relative_fake(below).mean() + loss.relative_real(above).mean(),
    )


def rounded(tensor: Tensor) -> list[float]:
    """The values in a row, to 12 significant digits, without negative zeros."""
    return [float(f"{value:.{DIGITS}g}") + 0.0 for value in tensor.flatten().tolist()]


def with_gradients(value: Tensor, real: Tensor, fake: Tensor) -> dict[str, object]:
    """A cost and its gradients, zero where it does not depend on the logits."""
    grad_real, grad_fake = torch.autograd.grad(
        value, (real, fake), allow_unused=True, materialize_grads=True
    )
    return {
        "value": rounded(value)[0],
        "grad_real": rounded(grad_real),
        "grad_fake": rounded(grad_fake),
    }


def result(loss: Loss, pairing: str, real: Tensor, fake: Tensor) -> dict[str, object]:
    """One loss under one pairing."""
    discriminator, generator = costs(loss, pairing, real, fake)
    return {
        "loss": loss.loss,
        "pairing": pairing,
        "discriminator": with_gradients(discriminator, real, fake),
        "generator": with_gradients(generator, real, fake),
    }


def case(name: str, shape: list[int], real: list[float], fake: list[float]) -> dict[str, object]:
    """All losses on one pair of logits."""
    reals, fakes = (
        torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()
        for values in (real, fake)
    )
    results = [
        result(loss, pairing, reals, fakes) for loss in losses() for pairing in loss.pairings
    ]
    return {"name": name, "shape": shape, "real": real, "fake": fake, "results": results}


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
        case("extreme", [4, 1], [-500.0, 500.0, -500.0, 500.0], [500.0, -500.0, -500.0, 500.0]),
        case(
            "extreme_patches",
            [2, 3],
            [500.0, 500.0, 500.0, -500.0, 0.0, 500.0],
            [-500.0, -500.0, -500.0, 500.0, 0.0, -500.0],
        ),
    ]


def check_exponential() -> None:
    """The exponential and its slope, on either side of 80 and far beyond."""
    points = torch.tensor([-1000.0, 0.0, 79.5, 80.0, 81.0, 1000.0], dtype=torch.float64)
    points.requires_grad_()
    values = exponential(points)
    (slopes,) = torch.autograd.grad(values.sum(), points)
    top = math.exp(80.0)
    expected_values = [0.0, 1.0, math.exp(79.5), top, 2 * top, 921 * top]
    expected_slopes = [0.0, 1.0, math.exp(79.5), top, top, top]
    for found, expected in ((values, expected_values), (slopes, expected_slopes)):
        torch.testing.assert_close(
            found.detach(), torch.tensor(expected, dtype=torch.float64), rtol=1e-14, atol=0.0
        )


def check_conjugates() -> None:
    """c(l) is the largest of u g(l) - f(u) over a fine grid of u, for each divergence."""
    logits = torch.linspace(-2.0, 2.0, 17, dtype=torch.float64)
    positive = torch.linspace(-12.0, 12.0, 240_001, dtype=torch.float64).exp()
    every = torch.linspace(-8.0, 8.0, 160_001, dtype=torch.float64)
    for divergence in divergences():
        u = every if divergence.every_u else positive
        lines = divergence.activation(logits)[:, None] * u - divergence.function(u)
        found, at = lines.max(dim=1)
        assert 0 < at.min() and at.max() < len(u) - 1, divergence.divergence
        torch.testing.assert_close(
            found,
            divergence.conjugate(logits),
            rtol=1e-6,
            atol=1e-6,
            msg=lambda text, name=divergence.divergence: f"{name}: {text}",
        )


def found_in(case_results: dict, loss: object, pairing: str) -> dict:
    """The one result of a case under these names."""
    (found,) = (
        entry
        for entry in case_results["results"]
        if entry["loss"] == loss and entry["pairing"] == pairing
    )
    return found


def check_published(published: dict) -> None:
    """The figures known from elsewhere, to the digits given there."""
    known = [
        ({"least_squares": {"fake": 0.0, "real": 1.0, "generator": 1.0}}, 17.69625, 41.73375),
        ("wasserstein", -3.125, 0.225),
        ("hinge", -3.125, 6.75),
        ("non_saturating", 1.38582, 5.83387),
    ]
    for loss, generator, discriminator in known:
        found = found_in(published, loss, "none")
        for role, expected in (("generator", generator), ("discriminator", discriminator)):
            value = found[role]["value"]
            assert abs(value - expected) < 5e-6, (loss, role, value)


def check_names(results: dict) -> None:
    """The divergence called gan is minimax or non-saturating, under every pairing."""
    for saturating, name in ((True, "minimax"), (False, "non_saturating")):
        loss = {"f_divergence": {"divergence": "gan", "saturating": saturating}}
        for pairing in PAIRINGS:
            one, other = (found_in(results, each, pairing) for each in (loss, name))
            for role in ("discriminator", "generator"):
                assert one[role] == other[role], (name, pairing, role)


def check_zero_sum(results: dict) -> None:
    """A relativistic generator whose loss is a zero-sum game has the negated cost."""
    names = ["minimax"] + [
        {"f_divergence": {"divergence": divergence.divergence, "saturating": True}}
        for divergence in divergences()
    ]
    for loss in names:
        for pairing in ("paired", "average"):
            found = found_in(results, loss, pairing)
            for of in ("value", "grad_real", "grad_fake"):
                pair = [
                    torch.tensor(found[role][of], dtype=torch.float64)
                    for role in ("discriminator", "generator")
                ]
                torch.testing.assert_close(pair[0], -pair[1], rtol=1e-10, atol=1e-10)


def text_of(golden: dict) -> str:
    """Indented JSON with each list of numbers on one line."""
    indented = json.dumps(golden, indent=1, allow_nan=False)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), indented) + "\n"


def main() -> None:
    """Writes the file."""
    torch.set_num_threads(1)
    check_exponential()
    check_conjugates()
    all_cases = cases()
    check_published(all_cases[0])
    for each in all_cases:
        check_names(each)
        check_zero_sum(each)
    golden = {"torch": torch.__version__, "layout": LAYOUT, "cases": all_cases}
    TARGET.write_text(text_of(golden), encoding="utf-8")


if __name__ == "__main__":
    main()
