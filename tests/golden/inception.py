#!/usr/bin/env python3
"""Golden features of the Inception network, by pytorch-fid's and torch-fidelity's own networks.

Written with Python 3.11.7, PyTorch 2.15.0+cu132, torchvision 0.29.2, pytorch-fid 0.3.0 and
torch-fidelity 0.4.0, on the CPU in float32. To run again:

    python tests/golden/inception.py                    writes inception.json beside itself
    python tests/golden/inception.py --weights FILE     writes the weights as safetensors too

Nothing is fetched: both networks get weights that are made here by a formula, as the test in Rust
makes them, so that no file of 95 MB has to be kept. Number i of the tensor of a name is

    u(seed, i) = mix(seed + 0x9e3779b9 i) / 2^32      mix: MurmurHash3's 32-bit finaliser
    seed       = the 32-bit FNV-1a hash of the name

and a convolution's weight is (2 u - 1) sqrt(6 / fan_in), a norm's gamma 0.8 + 0.4 u, its beta and
mean 0.2 (2 u - 1), its variance 0.5 + u, the last layer's weight (2 u - 1) sqrt(6 / 2048) and its
bias 0.1 (2 u - 1), in float64 and then rounded to float32. Pixel (c, y, x) of image k is the byte

    floor(256 u(seed of "image k", (c * 64 + y // b) * 64 + x // b)),   b = 1 + k % 7

so that images are of squares of several sizes. The file holds for each of the two

    pixels      every so many-th number of an image as the network gets it, 3 x 299 x 299
    features    every eighth of the 2,048 numbers of each image
    logits      every fourth of the 1,008 logits of the first images, with and without bias
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from pytorch_fid import inception as pytorch_fid
from torch_fidelity import feature_extractor_inceptionv3 as torch_fidelity

TARGET = Path(__file__).with_name("inception.json")
# Channels, height and width of the images.
SHAPES = [[3, 32, 32]] * 10 + [
    [1, 28, 28],
    [3, 64, 48],
    [3, 8, 9],
    [3, 299, 299],
    [3, 400, 300],
    [3, 350, 512],
]
PIXEL_STEP = 2239
FEATURE_STEP = 8
LOGIT_STEP = 4
WITH_LOGITS = 2


def numbers(name: str, places: np.ndarray) -> np.ndarray:
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 % 2**32
    with np.errstate(over="ignore"):
        h = np.uint32(seed) + places.astype(np.uint32) * np.uint32(0x9E3779B9)
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    return h.astype(np.float64) / 2.0**32


def tensor(name: str, shape: list[int]) -> torch.Tensor:
    u = numbers(name, np.arange(int(np.prod(shape))))
    signed = 2.0 * u - 1.0
    if name.endswith("conv.weight") or name == "fc.weight":
        values = signed * np.sqrt(6.0 / np.prod(shape[1:]))
    elif name == "fc.bias":
        values = 0.1 * signed
    elif name.endswith("bn.weight"):
        values = 0.8 + 0.4 * u
    elif name.endswith("running_var"):
        values = 0.5 + u
    else:
        values = 0.2 * signed
    return torch.tensor(values.astype(np.float32).reshape(shape))


def image(index: int) -> torch.Tensor:
    channels, height, width = SHAPES[index]
    side = 1 + index % 7
    c, y, x = np.meshgrid(*map(np.arange, (channels, height, width)), indexing="ij")
    u = numbers(f"image {index}", (c * 64 + y // side) * 64 + x // side)
    picture = torch.tensor(np.floor(256.0 * u).astype(np.uint8))
    # Both networks want three channels.
    return picture.expand(3, height, width)[None] if channels == 1 else picture[None]


def rounded(values: torch.Tensor, digits: int = 7) -> list[float]:
    return [float(f"{value:.{digits}g}") for value in values.double().flatten().tolist()]


def main() -> None:
    torch.set_grad_enabled(False)
    weights: dict[str, torch.Tensor] = {}

    def fill(module: torch.nn.Module) -> dict[str, torch.Tensor]:
        own = {name: value for name, value in module.state_dict().items()}
        for name, value in own.items():
            if not name.endswith("num_batches_tracked"):
                weights[name] = tensor(name, list(value.shape))
        return {name: weights.get(name, value) for name, value in own.items()}

    # Their constructors fetch weights at their end; these load what is made here instead.
    none = lambda *_, **__: {}
    load = torch.nn.Module.load_state_dict
    own = lambda self, *_, **__: load(self, fill(self))
    with patch.object(torch.nn.Module, "load_state_dict", own):
        with patch.object(pytorch_fid, "load_state_dict_from_url", none):
            fid = pytorch_fid.InceptionV3([3]).eval()
        names = set(weights)
        with patch.object(torch_fidelity, "load_state_dict_from_url", none):
            fidelity = torch_fidelity.FeatureExtractorInceptionV3(
                "inception", ["2048", "logits_unbiased", "logits"]
            ).eval()
    assert names == set(weights), "the packages' names of weights differ"
    for index, option in enumerate(sys.argv[1:]):
        if option == "--weights":
            from safetensors.torch import save_file

            save_file(weights, sys.argv[2 + index])

    seen: list[torch.Tensor] = []

    def watch(network: torch.nn.Module) -> None:
        network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    watch(fid.blocks[0][0])
    watch(fidelity.Conv2d_1a_3x3)
    cases: dict[str, dict[str, list]] = {}
    for name in ("pytorch_fid", "torch_fidelity"):
        case: dict[str, list] = {"pixels": [], "features": []}
        for index in range(len(SHAPES)):
            bytes_ = image(index)
            if name == "pytorch_fid":
                features = fid(bytes_.float() / 255.0)[0].flatten()
            else:
                features, unbiased, logits = fidelity(bytes_)
                if index < WITH_LOGITS:
                    case.setdefault("logits", []).append(rounded(logits.flatten()[::LOGIT_STEP]))
                    kept = unbiased.flatten()[::LOGIT_STEP]
                    case.setdefault("unbiased", []).append(rounded(kept))
            case["pixels"].append(rounded(seen.pop().flatten()[::PIXEL_STEP]))
            case["features"].append(rounded(features.flatten()[::FEATURE_STEP]))
        cases[name] = case
        spread = np.array(case["features"])
        print(name, "mean", spread.mean(), "largest", spread.max(), "std", spread.std(0).mean())
    steps = {"pixel": PIXEL_STEP, "feature": FEATURE_STEP, "logit": LOGIT_STEP}
    golden = {"shapes": SHAPES, "steps": steps, "cases": cases}
    TARGET.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
