#!/usr/bin/env python3
"""Golden values of the multi-scale structural similarity, by pytorch-msssim in float64.

Written with Python 3.11.7, PyTorch 2.15.0+cu132 and pytorch-msssim 1.0.0, on the CPU. To run again:

    python tests/golden/ms_ssim.py

It writes `ms_ssim.json` beside itself. Images are bytes over 255, made by integers alone, so that
the test makes the same: pixel (c, y, x) of the first image of a pair is

    a = (3 x + 5 y + 40 c + (x // 9) (y // 7) 13) % 256

and of the second (share a + (8 - share) n) // 8 with n = ((x + 41 y + 7919 c) 2654435761 % 2^32) >> 24.
The package makes its window in float32 and rounds it to the images' type; it is given one in
float64 instead. Of fewer than five scales the weights are the first ones over their sum.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from pytorch_msssim import ms_ssim

TARGET = Path(__file__).with_name("ms_ssim.json")
WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
# Shape, share of the first image in the second, scales, window, sigma.
CASES = [
    ([3, 176, 192], 8, 5, 11, 1.5),
    ([3, 176, 192], 7, 5, 11, 1.5),
    ([1, 176, 192], 4, 5, 11, 1.5),
    ([1, 176, 192], 0, 5, 11, 1.5),
    # Odd at several scales.
    ([2, 163, 185], 6, 5, 11, 1.5),
    ([1, 161, 177], 3, 3, 11, 1.5),
    ([3, 97, 100], 5, 2, 7, 1.0),
    ([1, 97, 98], 5, 1, 7, 1.0),
]


def pair(shape: list[int], share: int) -> list[torch.Tensor]:
    c, y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")
    first = (3 * x + 5 * y + 40 * c + (x // 9) * (y // 7) * 13) % 256
    noise = ((x + 41 * y + 7919 * c) * 2654435761 % 2**32) >> 24
    second = (share * first + (8 - share) * noise) // 8
    return [torch.tensor(image, dtype=torch.float64)[None] / 255.0 for image in (first, second)]


def main() -> None:
    cases = []
    for shape, share, scales, size, sigma in CASES:
        places = torch.arange(size, dtype=torch.float64) - size // 2
        window = torch.exp(-(places**2) / (2 * sigma**2))
        window = (window / window.sum()).repeat(shape[0], 1, 1, 1)
        weights = [weight / sum(WEIGHTS[:scales]) for weight in WEIGHTS[:scales]]
        first, second = pair(shape, share)
        value = ms_ssim(first, second, data_range=1.0, win=window, weights=weights)
        case = {"shape": shape, "share": share, "scales": scales, "window": size, "sigma": sigma}
        cases.append(case | {"value": value.item()})
        print(cases[-1])
    TARGET.write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
