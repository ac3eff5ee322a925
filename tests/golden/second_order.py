#!/usr/bin/env python3
"""Golden values of the penalties' second-order gradients, by PyTorch's float64 double backward.

Written with Python 3.11.7 and PyTorch 2.15.0+cu132, on the CPU. To run again, with any Python
from 3.10 that has PyTorch:

    python tests/golden/second_order.py

It writes `second_order.json` beside itself; the same PyTorch gives the same file. With D(x_i) the
sum of the patch logits of sample i and g_i = grad_x D(x_i), a discriminator's penalties are

    r1                 1/2 mean_i |g_i|^2
    wgan_gp            mean_i (|g_i| - 1)^2
    wgan_gp_one_sided  mean_i max(0, |g_i| - 1)^2

and with z_i the latent of sample i, y_i its noise and J_i the Jacobian of G at z_i, a generator's
is

    path_length        mean_i (|J_i^T y_i| - a)^2

with a constant mean a. Their gradients are taken with respect to every parameter; they are zero
for one that the penalty does not depend on, and for the constants stored among the weights.
Weights, inputs and noise are drawn from a fixed seed and rounded to 6 decimals, so that the file
holds them exactly. Before it writes, the script checks every gradient against central differences,
the spectral norm against PyTorch's own, and that single precision sees the same side of every
kink: that no LeakyReLU is fed a value next to zero, and that no norm |g_i| lies next to one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

TARGET = Path(__file__).with_name("second_order.json")
DIGITS = 12
SLOPE = 0.2
KINK_MARGIN = 2e-3
NORM_MARGIN = 1e-3
SMALLEST_NORM = 1e-2
SMALLEST_SIGMA = 0.3
PATH_MEAN = 0.7
PATH_SEED = 22
LAYOUT = (
    "values are row-major in PyTorch's shapes: Linear weights [out, in] (y = W x + b), Conv weights"
    " [out, in, height, width], Embedding weights [labels, dimension], inputs [batch, ...] with"
    " images [batch, channels, height, width]; a conditional discriminator takes [x, embedding];"
    " a spectrally normalised Linear of weight W applies W / (u^T W v), with u and v constants that"
    " are stored among the weights and whose gradients are stored as zeros; squared_norms are of"
    " each sample's gradient with respect to the input; path_length takes the gradient of"
    " sum_j G(z)_j noise_j with respect to the latent z, the input, and norms are of that"
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


class SpectralLinear(nn.Linear):
    """A linear layer whose weight W is divided by u^T W v, with constant u and v."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.register_buffer("u", torch.zeros(outputs))
        self.register_buffer("v", torch.zeros(inputs))

    def sigma(self) -> Tensor:
        """The estimate of the largest singular value; a gradient flows to W."""
        return self.u @ self.weight @ self.v

    def forward(self, sample: Tensor) -> Tensor:
        return linear(sample, self.weight / self.sigma(), self.bias)


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


def mlp_layer_norm() -> nn.Module:
    """8-16-1, with a normalisation over the features of each sample."""
    return named(
        linear1=nn.Linear(8, 16),
        norm=nn.LayerNorm(16),
        tanh=nn.Tanh(),
        linear2=nn.Linear(16, 1),
    )


def mlp_wide() -> nn.Module:
    """8-16-16-1, piecewise linear."""
    return named(
        linear1=nn.Linear(8, 16),
        leaky1=nn.LeakyReLU(SLOPE),
        linear2=nn.Linear(16, 16),
        leaky2=nn.LeakyReLU(SLOPE),
        linear3=nn.Linear(16, 1),
    )


def mlp_spectral() -> nn.Module:
    """8-16-16-1, smooth, every layer spectrally normalised."""
    return named(
        linear1=SpectralLinear(8, 16),
        tanh1=nn.Tanh(),
        linear2=SpectralLinear(16, 16),
        tanh2=nn.Tanh(),
        linear3=SpectralLinear(16, 1),
    )


def conv_wide() -> nn.Module:
    """Two 3 x 3 stride-2 convolutions on 8 x 8 images of four channels, then one logit."""
    return named(
        conv1=nn.Conv2d(4, 8, 3, stride=2, padding=1),
        leaky1=nn.LeakyReLU(SLOPE),
        conv2=nn.Conv2d(8, 8, 3, stride=2, padding=1),
        leaky2=nn.LeakyReLU(SLOPE),
        flatten=nn.Flatten(),
        linear=nn.Linear(8 * 2 * 2, 1),
    )


def generator() -> nn.Module:
    """4-16-8, smooth."""
    return named(linear1=nn.Linear(4, 16), tanh=nn.Tanh(), linear2=nn.Linear(16, 8))


@dataclass(frozen=True)
class Case:
    """One discriminator with what it is fed; `seed` draws its weights and inputs."""

    name: str
    architecture: str
    module: nn.Module
    shape: tuple[int, ...]
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
            11,
        ),
        Case(
            "mlp_leaky_relu",
            "linear 3-6, leaky ReLU 0.2, linear 6-1",
            mlp_leaky(),
            (5, 3),
            15,
        ),
        Case(
            "conv_leaky_relu",
            "conv 1-3 4x4 stride 2 padding 1, leaky ReLU 0.2, conv 3-4 4x4 stride 2 padding 1,"
            " leaky ReLU 0.2, flatten, linear 16-1",
            conv_leaky(),
            (4, 1, 8, 8),
            13,
        ),
        Case(
            "mlp_conditional",
            "embedding 3x4 of the label, [x, embedding], linear 6-8, tanh, linear 8-1",
            Conditional(),
            (6, 2),
            14,
            (0, 2, 1, 2, 0, 2),
        ),
        Case(
            "mlp_layer_norm",
            "linear 8-16, layer norm 16 with epsilon 1e-5, tanh, linear 16-1",
            mlp_layer_norm(),
            (8, 8),
            36,
        ),
        Case(
            "mlp_wide",
            "linear 8-16, leaky ReLU 0.2, linear 16-16, leaky ReLU 0.2, linear 16-1",
            mlp_wide(),
            (8, 8),
            99,
        ),
        Case(
            "mlp_spectral",
            "linear 8-16, tanh, linear 16-16, tanh, linear 16-1, each spectrally normalised",
            mlp_spectral(),
            (8, 8),
            17,
        ),
        Case(
            "conv_wide",
            "conv 4-8 3x3 stride 2 padding 1, leaky ReLU 0.2, conv 8-8 3x3 stride 2 padding 1,"
            " leaky ReLU 0.2, flatten, linear 32-1",
            conv_wide(),
            (4, 4, 8, 8),
            20,
        ),
    ]


def six_decimals(tensor: Tensor) -> Tensor:
    """The values rounded to what the file holds."""
    values = [round(value, 6) for value in tensor.flatten().tolist()]
    return torch.tensor(values, dtype=torch.float64).reshape(tensor.shape)


def draw(shape: torch.Size | tuple[int, ...], scale: float, center: float = 0.0) -> Tensor:
    """Normal values with 6 decimals."""
    return six_decimals(center + torch.randn(shape, dtype=torch.float64) * scale)


def fill(module: nn.Module) -> None:
    """Draws every parameter: weights by their fan-in, biases and embeddings by one half.

    The gains of a LayerNorm are drawn around one. A spectral norm's u is a random unit vector, and
    its v is what one half of a power iteration makes of it.
    """
    module.double()
    for name, parameter in module.named_parameters():
        spread, center = 0.5, 0.0
        if name == "norm.weight":
            spread, center = 0.3, 1.0
        elif name.endswith("weight") and "embedding" not in name:
            spread = parameter[0].numel() ** -0.5
        parameter.data = draw(parameter.shape, spread, center)
    for layer in module.modules():
        if isinstance(layer, SpectralLinear):
            direction = torch.randn(layer.u.shape, dtype=torch.float64)
            layer.u.copy_(six_decimals(direction / direction.norm()))
            image = layer.weight.detach().T @ layer.u
            layer.v.copy_(six_decimals(image / image.norm()))
            sigma = layer.sigma().item()
            assert abs(sigma) >= SMALLEST_SIGMA, f"{sigma} is too small: take another seed"


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


def r1(norms: Tensor) -> Tensor:
    """Half the mean of the squared norms."""
    return norms.mean() / 2


def wgan_gp(norms: Tensor) -> Tensor:
    """The mean squared distance of the norms to one."""
    return (norms.sqrt() - 1).square().mean()


def wgan_gp_one_sided(norms: Tensor) -> Tensor:
    """The same, of the norms above one only."""
    return torch.relu(norms.sqrt() - 1).square().mean()


PENALTIES = {"r1": r1, "wgan_gp": wgan_gp, "wgan_gp_one_sided": wgan_gp_one_sided}


def check_norms(squared: Tensor) -> None:
    """Refuses norms next to zero or to one, where a penalty of the norm has its kink."""
    norms = squared.sqrt()
    smallest, nearest = norms.min().item(), (norms - 1).abs().min().item()
    assert smallest > SMALLEST_NORM, f"{smallest} is too small: take another seed"
    assert nearest > NORM_MARGIN, f"{nearest} is too near to the kink: take another seed"


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


def of_penalty(penalty: Callable[[], Tensor], module: nn.Module) -> dict[str, object]:
    """A penalty's value, and its checked gradients in the order of the stored weights."""
    weights = module.state_dict(keep_vars=True)
    parameters = {name: weight for name, weight in weights.items() if weight.requires_grad}
    value = penalty()
    gradients = torch.autograd.grad(
        value, list(parameters.values()), allow_unused=True, materialize_grads=True
    )
    check_by_differences(penalty, list(parameters.values()), list(gradients))
    by_name = dict(zip(parameters, gradients))
    return {
        "value": rounded(value)[0],
        "gradients": [
            stored(by_name.get(name, torch.zeros_like(weight)), name=name)
            for name, weight in weights.items()
        ],
    }


def stored_weights(module: nn.Module) -> list[dict[str, object]]:
    """Every parameter and constant, layer by layer."""
    return [stored(weight, name=name) for name, weight in module.state_dict().items()]


def golden(case: Case) -> dict[str, object]:
    """Draws one case and takes its penalties and their gradients."""
    torch.manual_seed(case.seed)
    module = case.module
    fill(module)
    watch_kinks(module)
    sample = draw(case.shape, 1.0)
    labels = None if case.labels is None else torch.tensor(case.labels)
    logits, norms = squared_norms(module, sample, labels)
    check_norms(norms)
    return {
        "name": case.name,
        "architecture": case.architecture,
        "torch": torch.__version__,
        "weights": stored_weights(module),
        "input": stored(sample),
        "labels": None if case.labels is None else list(case.labels),
        "logits": stored(logits),
        "squared_norms": rounded(norms),
        "penalties": {
            name: of_penalty(lambda: penalty(squared_norms(module, sample, labels)[1]), module)
            for name, penalty in PENALTIES.items()
        },
    }


def path_length() -> dict[str, object]:
    """Draws a generator and takes the penalty on its path lengths."""
    torch.manual_seed(PATH_SEED)
    module = generator()
    fill(module)
    latent = draw((8, 4), 1.0)
    noise = draw((8, 8), 8**-0.5)

    def norms() -> Tensor:
        tracked = latent.clone().requires_grad_()
        (slope,) = torch.autograd.grad(
            (module(tracked) * noise).sum(), tracked, create_graph=True
        )
        return slope.square().sum(dim=1).sqrt()

    lengths = norms()
    assert lengths.min() > SMALLEST_NORM, "a path length is too small: take another seed"
    assert lengths.min() < PATH_MEAN < lengths.max(), "one side only: take another seed"
    return {
        "architecture": "linear 4-16, tanh, linear 16-8",
        "torch": torch.__version__,
        "mean": PATH_MEAN,
        "weights": stored_weights(module),
        "input": stored(latent),
        "noise": stored(noise),
        "norms": rounded(lengths),
        **of_penalty(lambda: (norms() - PATH_MEAN).square().mean(), module),
    }


def check_sides(results: list[dict]) -> None:
    """Some discriminator has norms on both sides of one, so that one-sidedness matters."""
    norms = [result["squared_norms"] for result in results]
    assert any(min(each) < 1 < max(each) for each in norms), norms


def check_spectral_norm(case: Case, result: dict) -> None:
    """The gradients of R1 again, with PyTorch's own spectral norm as it is in evaluation mode."""
    tensors = {
        entry["name"]: torch.tensor(entry["values"], dtype=torch.float64).reshape(entry["shape"])
        for entry in result["weights"]
    }
    expected = {
        entry["name"]: torch.tensor(entry["values"], dtype=torch.float64).reshape(entry["shape"])
        for entry in result["penalties"]["r1"]["gradients"]
    }
    layers, parameters = {}, {}
    for name, layer in case.module.named_children():
        if isinstance(layer, SpectralLinear):
            plain = nn.Linear(layer.in_features, layer.out_features).double()
            layer = nn.utils.spectral_norm(plain).eval()
            for own, other in (("weight_orig", "weight"), ("bias", "bias")):
                parameters[f"{name}.{other}"] = getattr(layer, own)
                getattr(layer, own).data.copy_(tensors[f"{name}.{other}"])
            layer.weight_u.copy_(tensors[f"{name}.u"])
            layer.weight_v.copy_(tensors[f"{name}.v"])
        layers[name] = layer
    sample = torch.tensor(result["input"]["values"], dtype=torch.float64)
    sample = sample.reshape(result["input"]["shape"])
    value = r1(squared_norms(named(**layers), sample, None)[1])
    gradients = torch.autograd.grad(
        value, list(parameters.values()), allow_unused=True, materialize_grads=True
    )
    for name, gradient in zip(parameters, gradients):
        torch.testing.assert_close(gradient, expected[name], rtol=1e-10, atol=1e-10)


def text_of(content: dict) -> str:
    """Indented JSON with each list of numbers on one line."""
    indented = json.dumps(content, indent=1, allow_nan=False)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), indented) + "\n"


def main() -> None:
    """Writes the file."""
    torch.set_num_threads(1)
    all_cases = cases()
    results = [golden(case) for case in all_cases]
    check_sides(results)
    for case, result in zip(all_cases, results):
        if any(isinstance(layer, SpectralLinear) for layer in case.module.modules()):
            check_spectral_norm(case, result)
    content = {"layout": LAYOUT, "cases": results, "path_length": path_length()}
    TARGET.write_text(text_of(content), encoding="utf-8")


if __name__ == "__main__":
    main()
