#!/usr/bin/env python3
"""The residual pair of SNGAN, with the options of BigGAN and BigGAN-deep, in PyTorch and float64: what `resnet.json` holds.

    python tests/golden/resnet.py > tests/golden/resnet.json

Made with PyTorch 2.15.0 on the CPU. Parameters are in the order in which the Rust modules are visited:
linear weights are [inputs, outputs] there, u and v follow what they normalise.

Per case: the output, the gradients of sum(c * output) with respect to input and parameters, and for
discriminators those of half the squared norm of the input's gradient of the logits' sum.
"""

import json
import math
import sys

import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


def numbers(seed, count):
    """Numbers between -1 and 1 without a pattern."""
    return [math.sin(seed + 1.3 * i + 0.001 * (i % 97) ** 2) for i in range(count)]


class Parameters:
    def __init__(self):
        self.all = []

    def take(self, shape, scale=1.0, shift=0.0, grad=True):
        count = math.prod(shape)
        values = [shift + scale * x for x in numbers(float(len(self.all)), count)]
        tensor = torch.tensor(values).reshape(shape).requires_grad_(grad)
        self.all.append(tensor)
        return tensor

    def unit(self, length):
        tensor = self.take([length], grad=False)
        tensor /= tensor.norm()
        return tensor


def conv_weights(p, inputs, outputs, kernel, spectral):
    scale = 1.0 / math.sqrt(inputs * kernel * kernel)
    weight = p.take([outputs, inputs, kernel, kernel], scale)
    bias = p.take([outputs], 0.1)
    if spectral:
        u, v = p.unit(outputs), p.unit(inputs * kernel * kernel)
        return weight, bias, u, v
    return weight, bias, None, None


def conv(x, parts):
    weight, bias, u, v = parts
    if u is not None:
        weight = weight / (u @ (weight.reshape(weight.shape[0], -1) @ v))
    return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def linear_weights(p, inputs, outputs, bias, spectral):
    weight = p.take([inputs, outputs], 1.0 / math.sqrt(inputs))
    bias = p.take([outputs], 0.1) if bias else None
    if spectral:
        return weight, bias, p.unit(outputs), p.unit(inputs)
    return weight, bias, None, None


def linear(x, parts):
    weight, bias, u, v = parts
    if u is not None:
        weight = weight / (u @ (weight.t() @ v))
    y = x @ weight
    return y if bias is None else y + bias


def norm_weights(p, channels, condition, spectral=False):
    if condition:
        gain = linear_weights(p, condition, channels, False, spectral)
        shift = linear_weights(p, condition, channels, False, spectral)
    else:
        gain, shift = p.take([channels], 0.3, 1.0), p.take([channels], 0.3)
    # Running statistics: not used in training.
    p.take([channels], grad=False)
    p.take([channels], 0.1, 1.0, grad=False)
    return gain, shift, condition


def norm(x, parts, condition):
    gain, shift, conditional = parts
    x = F.batch_norm(x, None, None, training=True, eps=1e-5)
    if conditional:
        gain, shift = 1.0 + linear(condition, gain), linear(condition, shift)
        return x * gain[:, :, None, None] + shift[:, :, None, None]
    return x * gain[:, None, None] + shift[:, None, None]


def up(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def generator(p, latent, channels, image, condition, hierarchical, spectral):
    blocks = len(channels) - 1
    part = latent // (blocks + 1) if hierarchical else latent
    size = image[1] >> blocks
    project = linear_weights(p, part, channels[0] * size * size, True, spectral)
    told = condition + (part if hierarchical else 0)
    layers = []
    for a, b in zip(channels, channels[1:]):
        norms = [norm_weights(p, channels, told, spectral) for channels in (a, b)]
        convs = [conv_weights(p, a, b, 3, spectral), conv_weights(p, b, b, 3, spectral)]
        layers.append((norms, convs, conv_weights(p, a, b, 1, spectral)))
    last = norm_weights(p, channels[-1], 0)
    head = conv_weights(p, channels[-1], image[0], 3, spectral)

    def forward(z):
        z, features = z[:, :latent], z[:, latent:]
        x = linear(z[:, :part], project).reshape(-1, channels[0], size, size)
        for i, (norms, convs, shortcut) in enumerate(layers):
            own = z[:, (i + 1) * part : (i + 2) * part] if hierarchical else z[:, :0]
            c = torch.cat([features, own], 1)
            y = conv(up(F.relu(norm(x, norms[0], c))), convs[0])
            y = conv(F.relu(norm(y, norms[1], c)), convs[1])
            x = y + conv(up(x), shortcut)
        return torch.tanh(conv(F.relu(norm(x, last, None)), head))

    return forward


def deep_convs(p, inputs, hidden, outputs, spectral):
    sizes = [(inputs, hidden, 1), (hidden, hidden, 3), (hidden, hidden, 3), (hidden, outputs, 1)]
    return [conv_weights(p, *size, spectral) for size in sizes]


def deep_generator(p, latent, channels, image, condition, spectral):
    """BigGAN-deep's: two blocks at each size, the second of which doubles it."""
    size, told = image[1] >> (len(channels) - 1), latent + condition
    project = linear_weights(p, told, channels[0] * size * size, True, spectral)
    layers = []
    for a, b in zip(channels, channels[1:]):
        for outputs in (a, b):
            hidden = max(a // 4, 1)
            norms = [norm_weights(p, c, told, spectral) for c in (a, hidden, hidden, hidden)]
            layers.append((norms, deep_convs(p, a, hidden, outputs, spectral), outputs))
    last = norm_weights(p, channels[-1], 0)
    head = conv_weights(p, channels[-1], image[0], 3, spectral)

    def forward(z):
        c = torch.cat([z[:, latent:], z[:, :latent]], 1)
        x = linear(c, project).reshape(-1, channels[0], size, size)
        for i, (norms, convs, outputs) in enumerate(layers):
            grow = up if i % 2 else (lambda t: t)
            y = conv(F.relu(norm(x, norms[0], c)), convs[0])
            y = conv(grow(F.relu(norm(y, norms[1], c))), convs[1])
            for n, w in zip(norms[2:], convs[2:]):
                y = conv(F.relu(norm(y, n, c)), w)
            x = y + grow(x[:, :outputs])
        return torch.tanh(conv(F.relu(norm(x, last, None)), head))

    return forward


def deep_discriminator(p, image, channels, halvings, spectral):
    """BigGAN-deep's: a convolution, then two blocks for each number of channels."""
    stem = conv_weights(p, image[0], channels[0], 3, spectral)
    layers, inputs = [], channels[0]
    for i, outputs in enumerate(channels[1:]):
        for halves in (i < halvings, False):
            convs = deep_convs(p, inputs, max(outputs // 4, 1), outputs, spectral)
            more = outputs - inputs
            shortcut = conv_weights(p, inputs, more, 1, spectral) if more else None
            layers.append((convs, shortcut, halves))
            inputs = outputs
    head = linear_weights(p, channels[-1], 1, False, spectral)

    def forward(x):
        x = conv(x, stem)
        for convs, shortcut, halves in layers:
            down = (lambda t: F.avg_pool2d(t, 2)) if halves else (lambda t: t)
            y = x
            for w in convs[:3]:
                y = conv(F.relu(y), w)
            y = conv(down(F.relu(y)), convs[3])
            x = down(x)
            x = y + (x if shortcut is None else torch.cat([x, conv(x, shortcut)], 1))
        return linear(F.relu(x).sum((2, 3)), head)

    return forward


def discriminator(p, image, channels, halvings, wide, spectral):
    inputs, layers = image[0], []
    for i, outputs in enumerate(channels):
        hidden = outputs if wide or i == 0 else inputs
        convs = [
            conv_weights(p, inputs, hidden, 3, spectral),
            conv_weights(p, hidden, outputs, 3, spectral),
        ]
        halves = i < halvings
        shortcut = None
        if halves or inputs != outputs:
            shortcut = conv_weights(p, inputs, outputs, 1, spectral)
        layers.append((convs, shortcut, halves))
        inputs = outputs
    head = linear_weights(p, channels[-1], 1, False, spectral)

    def forward(x):
        for i, (convs, shortcut, halves) in enumerate(layers):
            down = (lambda t: F.avg_pool2d(t, 2)) if halves else (lambda t: t)
            if i == 0:
                y = down(conv(F.relu(conv(x, convs[0])), convs[1]))
                x = y + conv(down(x), shortcut)
            else:
                y = down(conv(F.relu(conv(F.relu(x), convs[0])), convs[1]))
                x = y + (x if shortcut is None else down(conv(x, shortcut)))
        return linear(F.relu(x).sum((2, 3)), head)

    return forward


def flat(tensors):
    return [[float(f"{x:.9g}") for x in t.reshape(-1).tolist()] for t in tensors]


def case(name, p, network, x, second):
    x = x.requires_grad_(True)
    learnt = [q for q in p.all if q.requires_grad]
    y = network(x)
    c = torch.tensor(numbers(7.0, y.numel())).reshape(y.shape)
    gradients = torch.autograd.grad((c * y).sum(), [x, *learnt])
    out = {
        "name": name,
        "parameters": flat(p.all),
        "input": flat([x])[0],
        "coefficients": flat([c])[0],
        "output": flat([y])[0],
        "gradients": flat(gradients),
        "learnt": sum(q.numel() for q in learnt),
    }
    if second:
        (slope,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
        penalty = 0.5 * slope.square().sum()
        gradients = torch.autograd.grad(penalty, learnt, allow_unused=True)
        gradients = [
            torch.zeros_like(q) if g is None else g for g, q in zip(gradients, learnt)
        ]
        out["penalty"] = penalty.item()
        out["second"] = flat(gradients)
    return out


def inputs(shape):
    return torch.tensor(numbers(3.0, math.prod(shape))).reshape(shape)


def main():
    cases = []
    p = Parameters()
    g = generator(p, 6, [5, 4, 3], [2, 8, 8], 0, False, False)
    cases.append(case("generator", p, g, inputs([3, 6]), False))
    p = Parameters()
    g = generator(p, 6, [4, 3, 4], [2, 8, 8], 3, True, True)
    cases.append(case("big generator", p, g, inputs([3, 9]), False))
    p = Parameters()
    d = discriminator(p, [2, 8, 8], [3, 4, 4], 2, False, False)
    cases.append(case("discriminator", p, d, inputs([2, 2, 8, 8]), True))
    p = Parameters()
    d = discriminator(p, [2, 8, 8], [3, 4, 4], 1, True, True)
    cases.append(case("big discriminator", p, d, inputs([2, 2, 8, 8]), True))
    p = Parameters()
    g = deep_generator(p, 5, [8, 8, 4], [2, 8, 8], 3, True)
    cases.append(case("deep generator", p, g, inputs([3, 8]), False))
    p = Parameters()
    d = deep_discriminator(p, [2, 8, 8], [4, 8, 8], 1, True)
    cases.append(case("deep discriminator", p, d, inputs([2, 2, 8, 8]), True))
    # The presets of the paper, counted.
    p = Parameters()
    generator(p, 128, [256] * 4, [3, 32, 32], 0, False, False)
    q = Parameters()
    discriminator(q, [3, 32, 32], [128] * 4, 2, False, False)
    counts = [sum(t.numel() for t in some.all if t.requires_grad) for some in (p, q)]
    json.dump({"counts": counts, "cases": cases}, sys.stdout)


main()
