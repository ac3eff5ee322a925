#!/usr/bin/env python3
"""Golden values of distances of two sets of features, by the packages that others compare with.

Written with Python 3.11.7, NumPy 2.4.6, SciPy 1.17.1, scikit-learn 1.9.1 and torch-fidelity 0.4.0
on PyTorch 2.15.0, on the CPU, all in float64. To run again (minutes, most of them for two matrix
roots of 2,048 dimensions):

    python tests/golden/metrics_distances.py

It writes `metrics_distances.json` beside itself. Features are those of `metrics_neighbours.py`, made
by both sides. With `dependent`, copies of the first half of the columns, doubled, and a column of
constants follow them: features that say nothing new.

    frechet    the covariance part as tr S1 + tr S2 - 2 |X1 X2'|* / sqrt((n1 - 1)(n2 - 1)), where X
               are the centred features and |.|* is the sum of the singular values by
               numpy.linalg.svd: exact for any rank, and no route of ours. `sqrtm` and `eigvals` are
               the distances by scipy.linalg.sqrtm and by numpy.linalg.eigvals of S1 S2, as
               pytorch-fid and torch-fidelity have them. Where covariances have full rank the three
               agree to 1e-9, which is checked; where they have not, `sqrtm` is null if it came out
               infinite or NaN, and each null direction adds its noise, the root of a rounding error.
    kernel     torch_fidelity.metric_kid.kernel_mmd
    gaussian   sklearn.metrics.pairwise.rbf_kernel; cmmd of features divided by their lengths, sigma
               10, biased, times 1,000
    lines      scipy.stats.linregress of distances against 1/n
"""

from __future__ import annotations

import json
import re
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from metrics_neighbours import features
from scipy.linalg import sqrtm
from scipy.stats import linregress
from sklearn.metrics.pairwise import rbf_kernel
from torch_fidelity.metric_kid import kernel_mmd

TARGET = Path(__file__).with_name("metrics_distances.json")
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch-fidelity", "torch")


def dependent(x: np.ndarray) -> np.ndarray:
    """With columns behind them that follow from them, and one that is constant."""
    return np.hstack([x, 2 * x[:, : x.shape[1] // 2], np.full((len(x), 1), 0.75)])


def frechet() -> list[dict]:
    """Fréchet distances: full rank, fewer samples than features, features that say nothing new."""
    cases = []
    for name, real, generated, is_dependent in [
        ("full rank", (11, 300, 24), (12, 250, 24, 1.25, 0.25), False),
        ("near each other", (21, 900, 6), (22, 800, 6), False),
        ("far from the origin", (23, 300, 8, 1.0, 1_024.0), (24, 300, 8, 1.5, 1_024.0), False),
        ("fewer samples than features", (13, 20, 60), (14, 25, 60, 1.5, 0.5), False),
        ("one of them", (15, 200, 40), (16, 12, 40, 0.75, 0.125), False),
        ("dependent features", (17, 200, 16), (18, 150, 16, 1.25, 0.5), True),
        ("2,048 features, few samples", (19, 64, 2_048), (20, 48, 2_048, 1.25, 0.125), False),
        ("2,048 features", (25, 2_600, 2_048), (26, 2_400, 2_048, 1.25, 0.0625), False),
    ]:
        x, y = features(*real), features(*generated)
        if is_dependent:
            x, y = dependent(x), dependent(y)
        ranks = [int(np.linalg.matrix_rank(z - z.mean(0))) for z in (x, y)]
        mean_part = float(np.sum((x.mean(0) - y.mean(0)) ** 2))
        s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
        traces = s.trace() + t.trace()
        centred = [(z - z.mean(0)) / np.sqrt(len(z) - 1) for z in (x, y)]
        root = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
        covariance_part = float(traces - 2 * root)
        by_eigenvalues = np.sqrt(np.linalg.eigvals(s @ t).astype(complex)).real.sum()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            by_root = sqrtm(s @ t).trace().real
        others = [float(mean_part + traces - 2 * other) for other in (by_root, by_eigenvalues)]
        distance = mean_part + covariance_part
        if min(ranks) == x.shape[1]:
            assert np.allclose(others, distance, rtol=1e-9, atol=0), (name, distance, others)
        cases.append(
            {
                "name": name,
                "real": real,
                "generated": generated,
                "dependent": is_dependent,
                "mean_part": mean_part,
                "covariance_part": covariance_part,
                "ranks": ranks,
                "sqrtm": others[0] if np.isfinite(others[0]) else None,
                "eigvals": others[1],
            }
        )
        off = [(other - distance) / distance for other in others]
        print(f"{name}: {distance:.6g}, ranks {ranks}, sqrtm off by {off[0]:.1e}, eigvals by {off[1]:.1e}")
    return cases


def kernel() -> list[dict]:
    """KID of one subset, the whole sets."""
    cases = []
    for dimensions, degree, gamma, coef in [
        (64, 3, None, 1.0),
        (5, 3, None, 1.0),
        (5, 2, 0.25, 0.5),
        (1, 1, 2.0, 0.0),
    ]:
        real = (31, 150, dimensions)
        generated = (32, 150, dimensions, 1.25, 0.25)
        value = kernel_mmd(
            features(*real),
            features(*generated),
            kid_kernel="poly",
            kid_kernel_poly_degree=degree,
            kid_kernel_poly_gamma=gamma,
            kid_kernel_poly_coef0=coef,
        )
        cases.append(
            {
                "real": real,
                "generated": generated,
                "subset_size": 150,
                "degree": degree,
                "gamma": gamma,
                "coef": coef,
                "value": float(value),
            }
        )
    return cases


def mmd(x: np.ndarray, y: np.ndarray, sigma: float) -> tuple[float, float]:
    """MMD² with a Gaussian kernel: biased, unbiased."""
    gamma = 1 / (2 * sigma**2)
    xx, yy, xy = (rbf_kernel(a, b, gamma) for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    biased = xx.mean() + yy.mean() - 2 * xy.mean()
    unbiased = (xx.sum() - n) / (n * (n - 1)) + (yy.sum() - m) / (m * (m - 1)) - 2 * xy.mean()
    return float(biased), float(unbiased)


def gaussian() -> list[dict]:
    """MMD² with a Gaussian kernel."""
    cases = []
    for real, generated, sigma in [
        ((41, 200, 48), (42, 170, 48, 1.25, 0.25), 10.0),
        ((43, 600, 3), (44, 530, 3, 1.0, 0.5), 0.75),
        ((45, 90, 7, 1.0, 512.0), (46, 80, 7, 1.25, 512.0), 2.0),
    ]:
        x, y = features(*real), features(*generated)
        biased, unbiased = mmd(x, y, sigma)
        unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y)]
        cases.append(
            {
                "real": real,
                "generated": generated,
                "sigma": sigma,
                "biased": biased,
                "unbiased": unbiased,
                "cmmd": 1_000 * mmd(*unit, 10.0)[0],
            }
        )
    return cases


def lines() -> list[dict]:
    """Distances of n samples, extrapolated."""
    cases = []
    for points in [
        [(5_000, 12.5), (7_500, 11.75), (10_000, 11.25)],
        [(64, 3.0), (80, 2.75), (80, 2.5), (100, 2.625), (128, 1.875)],
    ]:
        counts, distances = zip(*points)
        fit = linregress([1 / count for count in counts], distances)
        cases.append(
            {
                "points": points,
                "intercept": float(fit.intercept),
                "slope": float(fit.slope),
                "standard_error": float(fit.intercept_stderr),
            }
        )
    return cases


def main() -> None:
    """Writes the file."""
    golden = {
        "versions": {name: version(name) for name in PACKAGES},
        "frechet": frechet(),
        "kernel": kernel(),
        "gaussian": gaussian(),
        "lines": lines(),
    }
    text = json.dumps(golden, indent=1)
    # Lists of numbers on one line.
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)
    TARGET.write_text(text + "\n")


if __name__ == "__main__":
    main()
