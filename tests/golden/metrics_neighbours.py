#!/usr/bin/env python3
"""Golden values of metrics of two sets of features, by the packages that others compare with.

Written with Python 3.11.7, NumPy 2.4.6, prdc 0.2, POT 0.9.7.post1, SciPy 1.17.1, scikit-learn
1.9.1 and torch-fidelity 0.4.0 on PyTorch 2.15.0, on the CPU, all in float64. To run again:

    python tests/golden/metrics_neighbours.py

It writes `metrics_neighbours.json` beside itself. Features are not stored: both sides make them by
the same whole numbers (`features` here, `golden::features` in `src/metrics/golden.rs`), which are
exact in single precision.

    precision_recall   prdc.compute_prdc; k of precision and recall, and of density and coverage
    nearest            sklearn.neighbors.NearestNeighbors: the nearest of another set, and in the
                       own set; AuthPct from them; leave-one-out accuracy in the union
    sliced             ot.sliced_wasserstein_distance with the directions given (its power 2), and
                       scipy.stats.wasserstein_distance of each direction
    parzen             sklearn.neighbors.KernelDensity.score_samples for each sigma, all samples in
                       one leaf: with smaller leaves it is off by up to hundreds of nats where
                       sigma is small, whatever the tolerance. Compared with scipy's logsumexp.
    inception_score    torch_fidelity.metric_isc.isc_features_to_metric, not shuffled
    logistic           sklearn.linear_model.LogisticRegression on standardised features
    held_out           scipy.special.log_expit and numpy.var with ddof 1
    mann_whitney       scipy.stats.mannwhitneyu, asymptotic, without continuity correction
    p_value            scipy.stats.norm.sf
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from importlib.metadata import version
from pathlib import Path

import numpy as np
import ot
import torch
from prdc import compute_prdc
from scipy.spatial.distance import cdist
from scipy.special import log_expit, logsumexp
from scipy.stats import mannwhitneyu, norm, wasserstein_distance
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity, NearestNeighbors
from sklearn.preprocessing import StandardScaler
from torch_fidelity.metric_isc import isc_features_to_metric

TARGET = Path(__file__).with_name("metrics_neighbours.json")
PACKAGES = ("numpy", "prdc", "POT", "scipy", "scikit-learn", "torch-fidelity", "torch")


def features(seed: int, count: int, dimensions: int, scale: float = 1.0, shift: float = 0.0):
    """[count, dimensions] numbers, about normal: sums of four uniform ones of 12 bits each."""
    with np.errstate(over="ignore"):
        index = np.arange(count * dimensions, dtype=np.uint64)
        x = index + np.uint64(seed) * np.uint64(1_000_000_007)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    parts = [(x >> np.uint64(12 * part)) & np.uint64(0xFFF) for part in range(4)]
    normal = (sum(part.astype(np.float64) for part in parts) - 8_190.0) / 2_048.0
    values = (normal * scale + shift).reshape(count, dimensions)
    assert np.array_equal(values, values.astype(np.float32)), "not exact in single precision"
    return values


def precision_recall() -> list[dict]:
    cases = []
    for real, generated, ks in [
        ((1, 300, 5), (2, 250, 5, 1.25, 0.25), (3, 5)),
        ((3, 700, 64), (4, 600, 64, 1.0, 0.125), (3, 5)),
        ((5, 400, 2), (6, 400, 2, 0.5), (1, 10)),
        # Far from the origin: of |x|² + |y|² − 2xy few digits are left in single precision.
        ((7, 520, 20, 1.0, 1_024.0), (8, 520, 20, 1.0, 1_024.0), (3, 5)),
    ]:
        x, y = features(*real), features(*generated)
        with contextlib.redirect_stdout(io.StringIO()):
            first, second = (compute_prdc(x, y, nearest_k=k) for k in ks)
        cases.append(
            {
                "real": list(real),
                "generated": list(generated),
                "neighbours": list(ks),
                "precision": float(first["precision"]),
                "recall": float(first["recall"]),
                "density": float(second["density"]),
                "coverage": float(second["coverage"]),
            }
        )
    return cases


def nearest() -> list[dict]:
    cases = []
    for real, generated in [
        ((11, 300, 6), (12, 200, 6, 1.25)),
        ((13, 530, 40), (14, 530, 40, 1.0, 0.0625)),
    ]:
        x, y = features(*real), features(*generated)
        distances, indices = NearestNeighbors(n_neighbors=1).fit(x).kneighbors(y)
        own = NearestNeighbors(n_neighbors=2).fit(x).kneighbors(x)[0][:, 1]
        memorised = distances[:, 0] <= own[indices[:, 0]]
        # Leave-one-out: as many of each set as the smaller one has, the first ones.
        count = min(len(x), len(y))
        union = np.concatenate([x[:count], y[:count]])
        neighbour = NearestNeighbors(n_neighbors=2).fit(union).kneighbors(union)[1][:, 1]
        right = (neighbour < count) == (np.arange(2 * count) < count)
        cases.append(
            {
                "real": list(real),
                "generated": list(generated),
                "indices": indices[:, 0].tolist()[:100],
                "distances": distances[:, 0].tolist()[:100],
                "memorised": float(memorised.mean()),
                "real_accuracy": float(right[:count].mean()),
                "generated_accuracy": float(right[count:].mean()),
            }
        )
    return cases


def sliced() -> list[dict]:
    cases = []
    for real, generated in [((21, 200, 8), (22, 150, 8, 1.25, 0.25)), ((23, 64, 3), (24, 64, 3))]:
        x, y = features(*real), features(*generated)
        directions = features(25, 24, real[2])
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        case = {"real": list(real), "generated": list(generated), "directions": [25, 24, real[2]]}
        for p in (1, 2):
            value = ot.sliced_wasserstein_distance(x, y, projections=directions.T, p=p)
            case[f"order_{p}"] = float(value)
        case["slices"] = [wasserstein_distance(x @ d, y @ d) for d in directions]
        cases.append(case)
    return cases


def parzen() -> list[dict]:
    cases = []
    sigmas = np.logspace(-1, 0, 10)
    for generated, validation, test in [
        ((31, 300, 12), (32, 40, 12), (33, 60, 12)),
        # Pixels, about: between 0 and 1, in many dimensions, where exponents are in the thousands.
        ((34, 600, 400, 0.125, 0.5), (35, 30, 400, 0.125, 0.5), (36, 150, 400, 0.125, 0.5)),
    ]:
        y, v, x = (features(*each) for each in (generated, validation, test))

        def score(samples, sigma):
            density = KernelDensity(bandwidth=sigma, rtol=0, atol=0, leaf_size=len(y)).fit(y)
            scores = density.score_samples(samples)
            exponents = cdist(samples, y, "sqeuclidean") / (-2 * sigma**2)
            constant = np.log(len(y)) + y.shape[1] * np.log(sigma * np.sqrt(2 * np.pi))
            expected = logsumexp(exponents, axis=1) - constant
            np.testing.assert_allclose(scores, expected, rtol=1e-10)
            return scores

        grid = [float(score(v, sigma).mean()) for sigma in sigmas]
        sigma = float(sigmas[int(np.argmax(grid))])
        values = score(x, sigma)
        cases.append(
            {
                "generated": list(generated),
                "validation": list(validation),
                "test": list(test),
                "grid": grid,
                "sigma": sigma,
                "log_likelihood": float(values.mean()),
                "standard_error": float(values.std() / np.sqrt(len(values))),
            }
        )
    return cases


def inception_score() -> list[dict]:
    cases = []
    for logits, splits in [((41, 503, 10, 4.0), 10), ((42, 64, 3, 1.0), 1)]:
        tensor = torch.from_numpy(features(*logits))
        score = isc_features_to_metric(tensor, splits=splits, shuffle=False)
        cases.append(
            {
                "logits": list(logits),
                "splits": splits,
                "score": score["inception_score_mean"],
                "deviation": score["inception_score_std"],
            }
        )
    return cases


def logistic() -> list[dict]:
    cases = []
    for real, generated, ridge in [
        ((51, 120, 6), (52, 120, 6, 1.0, 0.25), 1e-3),
        # More features than samples, and features of unlike size.
        ((53, 40, 90, 4.0, 16.0), (54, 40, 90, 4.0, 16.5), 1e-2),
    ]:
        x = np.concatenate([features(*real), features(*generated)])
        label = np.repeat([1, 0], [real[1], generated[1]])
        scaler = StandardScaler().fit(x)
        model = LogisticRegression(
            C=1 / (ridge * len(x)), solver="newton-cholesky", tol=1e-13, max_iter=1_000
        ).fit(scaler.transform(x), label)
        asked = (55, 20, real[2], *real[3:])
        logits = model.decision_function(scaler.transform(features(*asked)))
        cases.append(
            {
                "real": list(real),
                "generated": list(generated),
                "ridge": ridge,
                "asked": list(asked),
                "logits": logits.tolist(),
            }
        )
    return cases


def held_out() -> dict:
    real, generated = features(61, 70, 1, 2.0, 1.0)[:, 0], features(62, 50, 1, 2.0, -1.5)[:, 0]
    a, b = log_expit(real), log_expit(-generated)
    error = 0.5 * np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return {
        "real": [61, 70, 1, 2.0, 1.0],
        "generated": [62, 50, 1, 2.0, -1.5],
        "js": float(0.5 * (a.mean() + b.mean()) + np.log(2)),
        "standard_error": float(error),
    }


def mann_whitney() -> dict:
    # Rounded, so that there are ties.
    a = np.round(features(71, 60, 1)[:, 0] * 8)
    b = np.round(features(72, 45, 1, 1.0, 0.25)[:, 0] * 8)
    found = mannwhitneyu(b, a, alternative="greater", method="asymptotic", use_continuity=False)
    return {
        "below": float(found.statistic / (len(a) * len(b))),
        "z": float(norm.isf(found.pvalue)),
    }


def p_value() -> list[list[float]]:
    cases = [(0.5, 100), (0.56, 400), (0.7, 200), (0.45, 1_000)]
    return [[a, n, float(norm.sf(2 * np.sqrt(n) * (a - 0.5)))] for a, n in cases]


def text_of(golden: dict) -> str:
    """Indented JSON with each list of numbers on one line."""
    indented = json.dumps(golden, indent=1, allow_nan=False)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), indented) + "\n"


def main() -> None:
    """Writes the file."""
    torch.set_num_threads(1)
    golden = {
        "versions": {name: version(name) for name in PACKAGES},
        "layout": "a set of features is [seed, count, dimensions, scale, shift]",
        "precision_recall": precision_recall(),
        "nearest": nearest(),
        "sliced": sliced(),
        "parzen": parzen(),
        "inception_score": inception_score(),
        "logistic": logistic(),
        "held_out": held_out(),
        "mann_whitney": mann_whitney(),
        "p_value": p_value(),
    }
    TARGET.write_text(text_of(golden), encoding="utf-8")


if __name__ == "__main__":
    main()
