#!/usr/bin/env python3
"""One GAN training step, or sampling, in PyTorch (float32, CPU or GPU): the peer of the `peer_step` bench.

Works:

* `mlp_step`: batch 64, generator 100-256-512-784, discriminator 784-512-256-1.
* `mlp_r1_step`: the same with R1.
* `dcgan_step`: DCGAN for 3 x 32 x 32, batch 64, width 64, latent 100; layers before a batch norm
  have no bias, as in ours.
* `dcgan_plain_step`: the same without batch norm in the discriminator.
* `dcgan_r1_step`: `dcgan_plain_step` with R1. R1 is about single samples, and a batch norm mixes
  them; the step without R1 to compare with is `dcgan_plain_step`, not `dcgan_step`.
* `dcgan_diffaugment`: `dcgan_step` with DiffAugment's colours, translation and cutout of real and
  generated samples in both halves.
* `dcgan_ada`: `dcgan_step` with ADA's twelve transformations at p = 1, geometry as one bilinear warp
  with reflection and colours as one matrix, without the wavelets; as ours.
* `resnet_step`: SNGAN's residual pair for 3 x 32 x 32, batch 64, width 64, latent 100, hinge loss,
  spectral norm in the discriminator; betas 0 and .9.
* `resnet_r1_step`: the same without spectral norm, the non-saturating loss and R1.
* `r3gan_step`: R3GAN scaled for 3 x 32 x 32, batch 64: one block at each of four sizes, 128 channels,
  256 inside in groups of 16, latent 64; the relativistic loss in pairs with R1 and R2 in each step
  (gamma 1), betas 0 and .99. The generator's step judges the real batch too, without gradients.
* `stylegan2_step`: StyleGAN2 for 3 x 32 x 32, batch 64, 128 channels at each size, latent and style 128,
  two mapping layers; R1 in one step of 16, path lengths of the whole batch in one of 4, from a forward
  pass of their own, styles mixed in nine samples of ten; 2.5e-3, betas 0 and .99. Its steps differ:
  a time is the mean of whole cycles of 16, so `run N` takes N rounded up to a multiple of 16, and
  with `--steps N` each of the N is a cycle.
* `biggan_step`: BigGAN's options of the residual pair, batch 64, 128 channels at each size, latent 120 in
  four parts of which three scale and shift the blocks' norms, attention at 16 x 16 in both, hinge
  loss, spectral norm in both; betas 0 and .999.
* `ring_step`: batch 256, latent 2, generator 2-128-128-128-2, discriminator 2-128-128-128-1, with
  ReLU, R1 and the rates of `examples/ring.rs`.
* `dcgan_sample`: a step is 1,000 images of `dcgan_step`'s generator, in batches of 100, each from
  latents drawn anew, in evaluation mode (batch norms use their running statistics) and inference
  mode.

All that train are non-saturating GANs on logits, with Adam for each network: 2e-4, betas .5 and
.999 (`ring_step`: 1e-3, 0 and .99), eps 1e-8. The optimiser is `torch.optim.Adam` as it comes, not
its fused variant.

One training step draws a latent batch and makes one fake batch; the discriminator steps on the real
batch and on the detached fakes (two forward passes, one backward); then the generator steps on the
SAME fake batch through the discriminator just updated. In the generator step the discriminator's
weight gradients are not computed: its parameters have `requires_grad` switched off meanwhile. Our
step leaves them out too, so both sides do the same work. The real batch is one fixed random tensor.

R1 is gamma/2 times the batch's mean of the squared norm of the logit's gradient at a real sample,
gamma 1 (`ring_step`: .05), at every discriminator step. The gradient is that of the forward pass
which the loss is made of, kept differentiable (`create_graph=True`); loss and R1 go into one
backward. The common way to write it is kept: that backward also reaches the real batch itself, an
input that nobody reads the gradient of, which our step leaves out.

    python pytorch_step.py --work mlp_step --steps 50 --warmup 10
    python pytorch_step.py --serve --work dcgan_step
    python pytorch_step.py --serve --work dcgan_step --processes 2

`--best` takes what PyTorch has to be faster: images with their channels innermost, Adam's fused variant
and, where there is neither second order nor a spectral norm that is passed more than once a step,
`torch.compile`: in `r3gan_step` and `stylegan2_step` of the passes without second order, in the pairs
with R1 alone of nothing.

The first prints one JSON line: the median time of a step in ms and the peak resident memory in MB
(1 MB = 2^20 bytes), with `import_mb`, what PyTorch took of it before any network was made (a CUDA
build of PyTorch takes more than a CPU build, used or not). The second stays and answers lines on
its standard input, for `compare.py`: it prints `ready`; `run N` takes N steps and answers `{"ms":
..., "peak_mb": ..., "parameters": ...}`, ms being the mean time of these N steps and `parameters`
how many numbers the work's networks hold, running statistics counted; `quit`, or the end of its
input, ends it.

`--device cuda` puts everything on an NVIDIA GPU, with the precision that PyTorch chooses by itself
(products in float32, convolutions in TF32); works with an augmentation stay on the CPU. The time of steps
ends when the GPU has done them. `peak_mb` is null then: host memory says nothing about it.

`--processes N` shares each batch between N processes of one thread with `DistributedDataParallel` over
gloo, for the works of `Step` without an augmentation that adapts: each network is wrapped once, buffers
stay each process' own, and the generator's step looks through the discriminator itself, whose gradients
nobody wants.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable, Iterable

try:
    import torch
    import torch.distributed as dist
    from torch import Tensor, nn
    from torch.nn.functional import affine_grid, grid_sample, pad, relu, softplus
    from torch.nn.parallel import DistributedDataParallel
    from torch.nn.utils import spectral_norm

    import r3gan
    import residual
    import stylegan2
except ImportError as error:
    sys.exit(f"pytorch_step.py needs PyTorch in the Python that runs it: {error}")

BATCH = 64
LATENT = 100
SLOPE = 0.2
SEED = 1
# The weight of R1 in `mlp_r1_step` and `dcgan_r1_step`.
GAMMA = 1.0
# How many samples of `stylegan2_step` have mixed styles; path lengths are due in one step of so many.
MIXING = 0.9
PATH_LENGTH_EVERY = 4
PATH_LENGTH_WEIGHT = 2.0
# Images that `dcgan_sample` draws, and how many of them at once.
SAMPLES = 1000
SAMPLE_BATCH = 100


def mlp_generator() -> nn.Module:
    """100-256-512-784 with tanh at the end."""
    return nn.Sequential(
        nn.Linear(LATENT, 256),
        nn.LeakyReLU(SLOPE),
        nn.Linear(256, 512),
        nn.LeakyReLU(SLOPE),
        nn.Linear(512, 784),
        nn.Tanh(),
    )


def mlp_discriminator() -> nn.Module:
    """784-512-256-1, logits."""
    return nn.Sequential(
        nn.Linear(784, 512),
        nn.LeakyReLU(SLOPE),
        nn.Linear(512, 256),
        nn.LeakyReLU(SLOPE),
        nn.Linear(256, 1),
    )


def dcgan_generator(width: int = 64, channels: int = 3) -> nn.Module:
    """A projection to 4w x 4 x 4, then three stride-2 transposed convolutions up to 32 x 32."""
    return nn.Sequential(
        nn.Linear(LATENT, 4 * width * 4 * 4, bias=False),
        nn.Unflatten(1, (4 * width, 4, 4)),
        nn.BatchNorm2d(4 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, channels, 4, 2, 1),
        nn.Tanh(),
    )


def dcgan_discriminator(
    width: int = 64, channels: int = 3, batch_norm: bool = True
) -> nn.Module:
    """Three stride-2 convolutions down to 4w x 4 x 4, then one logit."""

    def halving(wide: int, out: int, norm: bool) -> list[nn.Module]:
        # A norm behind a convolution has a bias of its own.
        conv = nn.Conv2d(wide, out, 4, 2, 1, bias=not norm)
        return [conv, *([nn.BatchNorm2d(out)] if norm else []), nn.LeakyReLU(SLOPE)]

    return nn.Sequential(
        *halving(channels, width, False),
        *halving(width, 2 * width, batch_norm),
        *halving(2 * width, 4 * width, batch_norm),
        nn.Flatten(),
        nn.Linear(4 * width * 4 * 4, 1),
    )


def ring_network(out: int) -> nn.Module:
    """2-128-128-128-out, either network of the ring."""
    return nn.Sequential(
        nn.Linear(2, 128),
        nn.ReLU(),
        nn.Linear(128, 128),
        nn.ReLU(),
        nn.Linear(128, 128),
        nn.ReLU(),
        nn.Linear(128, out),
    )


def unchanged(x: Tensor) -> Tensor:
    """No augmentation."""
    return x


def diff_augment(x: Tensor) -> Tensor:
    """Brightness, saturation, contrast; a whole shift by up to an eighth; a square of half a side."""
    batch, _, height, width = x.shape

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(batch, 1, 1, 1) * (high - low) + low

    x = x + uniform(-0.5, 0.5)
    mean = x.mean(1, keepdim=True)
    x = (x - mean) * uniform(0.0, 2.0) + mean
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * uniform(0.5, 1.5) + mean

    most = [int(side / 8 + 0.5) for side in (height, width)]
    rows, columns = [
        torch.randint(-m, m + 1, (batch, 1)) + torch.arange(side) + m
        for m, side in zip(most, (height, width))
    ]
    padded = pad(x, (most[1], most[1], most[0], most[0])).permute(0, 2, 3, 1)
    samples = torch.arange(batch)[:, None, None]
    x = padded[samples, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

    inside = []
    for side in (height, width):
        size = int(side / 2 + 0.5)
        first = torch.randint(0, side + 1 - size % 2, (batch, 1)) - size // 2
        places = torch.arange(side)
        inside.append((places >= first) & (places < first + size))
    cut = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return x * ~cut


def identities(batch: int, size: int) -> Tensor:
    """The identity for each sample."""
    return torch.eye(size).repeat(batch, 1, 1)


def ada(x: Tensor) -> Tensor:
    """ADA's twelve transformations, all of every sample."""
    batch, _, height, width = x.shape
    source = identities(batch, 3)

    def then(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> None:
        nonlocal source
        step = identities(batch, 3)
        step[:, 0, 0], step[:, 0, 1], step[:, 1, 0], step[:, 1, 1] = a, b, c, d
        source = source @ step

    def move(right: Tensor, down: Tensor) -> None:
        nonlocal source
        step = identities(batch, 3)
        step[:, 0, 2], step[:, 1, 2] = -right, -down
        source = source @ step

    def turn(angle: Tensor) -> None:
        then(angle.cos(), angle.sin(), -angle.sin(), angle.cos())

    none = torch.zeros(batch)
    one = torch.ones(batch)
    then(1 - 2 * torch.randint(2, (batch,)).float(), none, none, one)
    turns = torch.randint(4, (batch,)).float() * (math.pi / 2)
    turn(turns)
    # In the units of `affine_grid`: two for the distance of the outermost pixels.
    units = [2 / (side - 1) for side in (width, height)]
    shift = (torch.rand(2, batch) * 2 - 1) / 8
    move(*[(s * side).round() * unit for s, side, unit in zip(shift, (width, height), units)])
    scale = torch.exp2(-0.2 * torch.randn(batch))
    then(scale, none, none, scale)
    turn((torch.rand(batch) * 2 - 1) * math.pi)
    stretch = torch.exp2(0.2 * torch.randn(batch))
    then(1 / stretch, none, none, stretch)
    turn((torch.rand(batch) * 2 - 1) * math.pi)
    shift = torch.randn(2, batch) / 8
    move(*[s * side * unit for s, side, unit in zip(shift, (width, height), units)])
    grid = affine_grid(source[:, :2], list(x.shape), align_corners=True)
    x = grid_sample(x, grid, "bilinear", "reflection", align_corners=True)

    matrix = identities(batch, 3)
    offset = (0.2 * torch.randn(batch, 1, 1)).expand(batch, 3, 1)
    contrast = torch.exp2(0.5 * torch.randn(batch, 1, 1))
    matrix, offset = matrix * contrast, offset * contrast
    grey = torch.full((3, 3), 1 / 3)
    flip = torch.eye(3) - 2 * torch.randint(2, (batch, 1, 1)).float() * grey
    matrix, offset = flip @ matrix, flip @ offset
    angle = (torch.rand(batch, 1, 1) * 2 - 1) * math.pi
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    hue = grey + angle.cos() * (torch.eye(3) - grey) + angle.sin() * cross
    matrix, offset = hue @ matrix, hue @ offset
    saturation = grey + torch.exp2(torch.randn(batch, 1, 1)) * (torch.eye(3) - grey)
    matrix, offset = saturation @ matrix, saturation @ offset
    return (matrix @ x.flatten(2) + offset).reshape(x.shape)


def numbers_in(*modules: nn.Module) -> int:
    """How many numbers the modules hold: weights and running statistics."""
    tensors = [tensor for module in modules for tensor in module.state_dict().values()]
    return sum(tensor.numel() for tensor in tensors if tensor.is_floating_point())


@dataclass(frozen=True)
class Pair:
    """What a step trains: two networks, the shape of a sample, R1's weight, augmentation, and the settings."""

    generator: Callable[[], nn.Module]
    discriminator: Callable[[], nn.Module]
    shape: tuple[int, ...]
    gamma: float | None = None
    batch: int = BATCH
    latent: int = LATENT
    augment: Callable[[Tensor], Tensor] = unchanged
    rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    hinge: bool = False
    # The relativistic loss in pairs, and R2 beside R1.
    paired: bool = False
    # R1 in one step of so many only, with so many times its weight.
    lazy: int = 1

    @property
    def compiles(self) -> bool:
        """Whether parts without a second order are compiled: not those of the pairs with R1 alone."""
        return self.gamma is None or self.paired or self.lazy > 1

    def adam(self, module: nn.Module, best: bool) -> torch.optim.Adam:
        """The optimiser of either network."""
        return torch.optim.Adam(
            module.parameters(), lr=self.rate, betas=self.betas, eps=1e-8, fused=best or None
        )


class Step:
    """Networks, optimisers and the real batch of a pair; each call takes one training step."""

    # Steps until all has been done that is not done in each.
    cycle = 1

    def __init__(self, pair: Pair, best: bool = False, device: str = "cpu") -> None:
        torch.manual_seed(SEED)
        self.device = device
        with torch.device(device):
            self.generator = pair.generator()
            self.discriminator = pair.discriminator()
            self.real = torch.rand(pair.batch, *pair.shape) * 2 - 1
        if best and len(pair.shape) == 3:
            self.real = self.real.to(memory_format=torch.channels_last)
            self.generator.to(memory_format=torch.channels_last)
            self.discriminator.to(memory_format=torch.channels_last)
        self.generator_adam = pair.adam(self.generator, best)
        self.discriminator_adam = pair.adam(self.discriminator, best)
        # What runs where there is no second order; `exact` runs where there is one.
        self.draw: nn.Module = self.generator
        self.judge: nn.Module = self.discriminator
        if best:
            self.compile(pair)
        # The same in the discriminator's half, where its weights have gradients.
        self.taught = self.judge
        self.exact: nn.Module = self.discriminator
        self.hinge = pair.hinge
        self.paired = pair.paired
        self.latents = (pair.batch, pair.latent)
        self.gamma = pair.gamma
        self.lazy = pair.lazy
        self.augment = pair.augment
        self.count = 0
        if dist.is_initialized():
            self.distribute()

    def distribute(self) -> None:
        """Takes this process' part of each batch; gradients become means over the processes."""
        rank, processes = dist.get_rank(), dist.get_world_size()
        batch, latent = self.latents
        own = batch // processes
        self.real = self.real[rank * own : (rank + 1) * own].clone(
            memory_format=torch.preserve_format
        )
        self.latents = (own, latent)
        wrapped = partial(DistributedDataParallel, broadcast_buffers=False)
        self.draw = wrapped(self.draw)
        self.taught = self.exact = wrapped(self.discriminator)
        torch.manual_seed(SEED + rank)

    def compile(self, pair: Pair) -> None:
        """What no second order goes through, where a pair's settings have it."""
        if pair.compiles:
            self.draw = torch.compile(self.generator)
            # Spectral norm moves its vectors in place, which a compiled backward pass refuses.
            if not pair.hinge:
                self.judge = torch.compile(self.discriminator)

    def __call__(self) -> None:
        latent = torch.randn(self.latents, device=self.device)
        fake = self.generate(latent)
        self.step_discriminator(fake.detach())
        self.discriminator.requires_grad_(False)
        self.step_generator(fake, latent)
        self.discriminator.requires_grad_(True)
        self.count += 1

    def parameters(self) -> int:
        """How many numbers both networks hold."""
        return numbers_in(self.generator, self.discriminator)

    def generate(self, latent: Tensor) -> Tensor:
        """The samples that both halves of a step look at."""
        return self.draw(latent)

    def step_discriminator(self, fake: Tensor) -> None:
        """softplus(-D(x)) + softplus(D(G(z))), on fakes cut from the generator, and R1 if any."""
        gamma = None if self.gamma is None or self.count % self.lazy else self.gamma * self.lazy
        # A new tensor each time: gradients of a kept one would add up.
        real = self.real.detach().requires_grad_(gamma is not None)
        judge = self.taught if gamma is None else self.exact
        real_logits = judge(self.augment(real))
        if self.paired:
            fake.requires_grad_(gamma is not None)
        # Without R2 no second order goes through it.
        fake_logits = (judge if self.paired else self.taught)(self.augment(fake))
        if self.paired:
            loss = softplus(fake_logits - real_logits).mean()
        else:
            above = (lambda x: relu(1 + x)) if self.hinge else softplus
            loss = above(-real_logits).mean() + above(fake_logits).mean()
        if gamma is not None:
            loss = loss + gamma / 2 * squared_gradient(real_logits, real)
            if self.paired:
                loss = loss + gamma / 2 * squared_gradient(fake_logits, fake)
        self.discriminator_adam.zero_grad()
        loss.backward()
        self.discriminator_adam.step()

    def step_generator(self, fake: Tensor, latent: Tensor) -> None:
        """softplus(-D(G(z))), through a discriminator whose weights want no gradient."""
        logits = self.judge(self.augment(fake))
        if self.paired:
            # No weight wants a gradient, and no input does.
            logits = logits - self.judge(self.augment(self.real))
        loss = -logits.mean() if self.hinge else softplus(-logits).mean()
        loss = self.with_terms(loss, latent)
        self.generator_adam.zero_grad()
        loss.backward()
        self.generator_adam.step()

    def with_terms(self, loss: Tensor, latent: Tensor) -> Tensor:
        """What else the generator pays."""
        return loss


class StyleStep(Step):
    """A step of StyleGAN2: styles mixed, R1 in one step of 16 and path lengths in one of 4."""

    cycle = 16

    def __init__(self, pair: Pair, best: bool = False, device: str = "cpu") -> None:
        super().__init__(pair, best, device)
        self.mean_length: Tensor | None = None

    def generate(self, latent: Tensor) -> Tensor:
        count, layers = len(latent), self.generator.layers
        mixed = torch.rand(count, device=self.device) < MIXING
        layer = torch.randint(1, layers, (count,), device=self.device)
        crossovers = torch.where(mixed, layer, layers)
        second = torch.randn(self.latents, device=self.device)
        return self.draw(latent, second, crossovers)

    def with_terms(self, loss: Tensor, latent: Tensor) -> Tensor:
        if self.count % PATH_LENGTH_EVERY:
            return loss
        # The layers' styles by themselves, unmixed, of the whole batch.
        styles = self.generator.for_all_layers(latent)
        images = self.generator.synthesize(styles)
        height, width = images.shape[2:]
        direction = torch.randn_like(images) / math.sqrt(height * width)
        (gradient,) = torch.autograd.grad((images * direction).sum(), styles, create_graph=True)
        lengths = gradient.square().sum(2).mean(1).sqrt()
        now = lengths.mean().detach()
        self.mean_length = now if self.mean_length is None else self.mean_length.lerp(now, 0.01)
        penalty = (lengths - self.mean_length).square().mean()
        return loss + PATH_LENGTH_WEIGHT * PATH_LENGTH_EVERY * penalty


def squared_gradient(logits: Tensor, sample: Tensor) -> Tensor:
    """The batch's mean of the squared norm of d logit / d sample, to be differentiated again."""
    (gradient,) = torch.autograd.grad(logits.sum(), sample, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


class Sampling:
    """A DCGAN generator in evaluation mode; each call draws `SAMPLES` images."""

    cycle = 1

    def __init__(self, best: bool = False, device: str = "cpu") -> None:
        torch.manual_seed(SEED)
        self.device = device
        with torch.device(device):
            self.generator = dcgan_generator().eval()
        if best:
            self.generator.to(memory_format=torch.channels_last).compile()

    @torch.inference_mode()
    def __call__(self) -> None:
        for _ in range(SAMPLES // SAMPLE_BATCH):
            self.generator(torch.randn(SAMPLE_BATCH, LATENT, device=self.device))

    def parameters(self) -> int:
        """How many numbers the generator holds."""
        return numbers_in(self.generator)


IMAGE = (3, 32, 32)
normless_discriminator = partial(dcgan_discriminator, batch_norm=False)

PAIRS = {
    "mlp_step": Pair(mlp_generator, mlp_discriminator, (784,)),
    "mlp_r1_step": Pair(mlp_generator, mlp_discriminator, (784,), GAMMA),
    "dcgan_step": Pair(dcgan_generator, dcgan_discriminator, IMAGE),
    "dcgan_plain_step": Pair(dcgan_generator, normless_discriminator, IMAGE),
    "dcgan_r1_step": Pair(dcgan_generator, normless_discriminator, IMAGE, GAMMA),
    "dcgan_diffaugment": Pair(dcgan_generator, dcgan_discriminator, IMAGE, augment=diff_augment),
    "dcgan_ada": Pair(dcgan_generator, dcgan_discriminator, IMAGE, augment=ada),
    "resnet_step": Pair(
        residual.resnet_generator,
        partial(residual.resnet_discriminator, norm=spectral_norm),
        IMAGE,
        betas=(0.0, 0.9),
        hinge=True,
    ),
    "resnet_r1_step": Pair(
        residual.resnet_generator, residual.resnet_discriminator, IMAGE, GAMMA, betas=(0.0, 0.9)
    ),
    "biggan_step": Pair(
        residual.BigGenerator,
        residual.big_discriminator,
        IMAGE,
        latent=residual.BIG_LATENT,
        betas=(0.0, 0.999),
        hinge=True,
    ),
    "r3gan_step": Pair(
        r3gan.Generator,
        r3gan.Discriminator,
        IMAGE,
        GAMMA,
        latent=r3gan.LATENT,
        betas=(0.0, 0.99),
        paired=True,
    ),
    "ring_step": Pair(
        partial(ring_network, 2),
        partial(ring_network, 1),
        (2,),
        gamma=0.05,
        batch=256,
        latent=2,
        rate=1e-3,
        betas=(0.0, 0.99),
    ),
}

STYLED = Pair(
    stylegan2.Generator,
    stylegan2.Discriminator,
    IMAGE,
    GAMMA,
    latent=stylegan2.LATENT,
    rate=2.5e-3,
    betas=(0.0, 0.99),
    lazy=16,
)

# What makes each work.
WORKS: dict[str, Callable[[], Step | Sampling]] = {
    **{name: partial(Step, pair) for name, pair in PAIRS.items()},
    "stylegan2_step": partial(StyleStep, STYLED),
    "dcgan_sample": Sampling,
}


def peak_mb() -> float:
    """The peak resident memory of this process in MB (2^20 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def timed_ms(step: Step | Sampling, steps: int) -> float:
    """The mean time in ms of so many steps, taken in one go; of whole cycles, rounded up."""
    steps += -steps % step.cycle
    start = time.perf_counter()
    for _ in range(steps):
        step()
    if step.device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) * 1e3 / steps


def answer(**fields: object) -> None:
    """Prints one JSON line, at once."""
    print(json.dumps(fields), flush=True)


def measure(work: str, steps: int, warmup: int, best: bool) -> None:
    """Takes the steps one by one and prints their median time."""
    import_mb = peak_mb()
    step = WORKS[work](best=best)
    for _ in range(warmup):
        step()
    median = statistics.median(timed_ms(step, 1) for _ in range(steps))
    answer(
        work=work,
        ms=round(median, 4),
        peak_mb=round(peak_mb(), 2),
        import_mb=round(import_mb, 2),
        steps=steps,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
    )


def lines() -> Iterable[str]:
    """What the first process reads from its input, the same for all processes, until it ends."""
    while True:
        said = [sys.stdin.readline() if is_first() else ""]
        if dist.is_initialized():
            dist.broadcast_object_list(said)
        if not said[0]:
            return
        yield said[0]


def is_first() -> bool:
    """Whether this is the process that is talked to."""
    return not dist.is_initialized() or dist.get_rank() == 0


def serve(work: str, best: bool, device: str = "cpu") -> None:
    """Answers `run N` lines until `quit` or the end of the input."""
    step = WORKS[work](best=best, device=device)
    if is_first():
        print("ready", flush=True)
    for line in lines():
        match line.split():
            case ["quit"]:
                return
            case ["run", count] if count.isdecimal() and int(count) > 0:
                ms = timed_ms(step, int(count))
                peak = round(peak_mb(), 2) if device == "cpu" else None
                if is_first():
                    answer(ms=round(ms, 4), peak_mb=peak, parameters=step.parameters())
            case _:
                sys.exit(f"expected `run N` with N of at least 1, or `quit`; got {line.strip()!r}")


def join(place: str, rank: int, processes: int) -> None:
    """Makes this process one of a group that meets in a file."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{place}", rank=rank, world_size=processes
    )


def serve_in_processes(args: argparse.Namespace) -> None:
    """`serve` by this process and others, which it starts and waits for."""
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder) / "group")
        command = [sys.executable, __file__, *sys.argv[1:], "--place", place, "--rank"]
        ranks = range(1, args.processes)
        others = [subprocess.Popen([*command, str(rank)], stdin=subprocess.DEVNULL) for rank in ranks]
        try:
            join(place, 0, args.processes)
            serve(args.work, args.best)
            dist.destroy_process_group()
            for other in others:
                other.wait()
        finally:
            for other in others:
                other.kill()


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def at_least(lowest: int) -> Callable[[str], int]:
    """An argument type: an integer not below `lowest`."""

    def integer(text: str) -> int:
        value = int(text)
        if value < lowest:
            raise argparse.ArgumentTypeError(f"must be at least {lowest}, not {value}")
        return value

    return integer


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="A GAN's steps in PyTorch.")
    parser.add_argument("--work", choices=list(WORKS), required=True)
    parser.add_argument("--serve", action="store_true", help="stay and answer `run N` lines")
    parser.add_argument("--best", action="store_true", help="what makes PyTorch faster, too")
    parser.add_argument("--steps", type=at_least(1), default=50, help="steps timed (default 50)")
    parser.add_argument("--warmup", type=at_least(0), default=10, help="steps before (default 10)")
    parser.add_argument(
        "--threads", type=at_least(1), default=cores(), help="threads (default: all cores)"
    )
    parser.add_argument(
        "--processes", type=at_least(1), default=1, help="processes that share a batch (default 1)"
    )
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default="cpu", help="what computes (default cpu)"
    )
    # How a process that was started by the first one knows which it is.
    parser.add_argument("--place", help=argparse.SUPPRESS)
    parser.add_argument("--rank", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.processes > 1 and not args.serve:
        parser.error("--processes goes with --serve")
    if args.device != "cpu":
        if not args.serve or args.processes > 1:
            parser.error("--device cuda goes with --serve and one process")
        if args.work in PAIRS and PAIRS[args.work].augment is not unchanged:
            parser.error(f"--device cuda: {args.work} draws its augmentation on the CPU")
        if not torch.cuda.is_available():
            parser.error("--device cuda: this PyTorch finds no GPU")
    return args


def main() -> None:
    """Runs the mode asked for."""
    args = arguments()
    torch.set_num_threads(args.threads)
    if args.rank > 0:
        join(args.place, args.rank, args.processes)
        serve(args.work, args.best)
        dist.destroy_process_group()
    elif args.processes > 1:
        serve_in_processes(args)
    elif args.serve:
        serve(args.work, args.best, args.device)
    else:
        measure(args.work, args.steps, args.warmup, args.best)


if __name__ == "__main__":
    main()
