#!/usr/bin/env python3
"""Measures with our metrics and with Python's in turn and prints one JSON line per case.

    python benches/peers/metrics.py
    python benches/peers/metrics.py --case frechet --python ~/metrics-venv/bin/python --rounds 5

Cases, from features in memory to the values:

* `frechet`: Fréchet distance of 10,000 x 2,048 features. The peer is torch-fidelity: its mean and
  covariance, and the eigenvalues of the product of the covariances.
* `frechet_scipy`: the same, with `scipy.linalg.sqrtm` of the product, as pytorch-fid has it.
* `precision_recall`: precision, recall, density and coverage of 10,000 x 512 features, k = 5. The
  peer is the package prdc, which rounds distances to single precision: a few in a million pairs
  near the border of a ball are counted otherwise, and the values may differ by 1e-3.

Both sides read the same features, which this script makes: normal numbers, mixed so that features
are correlated, the generated ones wider and shifted. Both are resident processes that wait while
the other runs, and take turns as in `compare.py`. `ratio` is the median over the rounds of ours /
peer within the round. `peak_mb` is the peak resident memory in MB (2^20 bytes) with the features and
the program itself, `more_mb` what of it came after they were there. `difference` is the largest
relative difference of the two sides' values: beyond `--tolerance` the script fails, since a time for
another number is none.

This part needs NumPy alone; `--python` names the Python that has the peers (torch-fidelity,
SciPy, prdc).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import resource
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Callable

import numpy as np

from compare import (
    HERE,
    SETTLE_SECONDS,
    Failure,
    Network,
    at_least,
    build_ours,
    end_on_signal,
    rounded,
)

Values = dict[str, float]


def frechet(real: np.ndarray, generated: np.ndarray) -> Values:
    """torch-fidelity's Fréchet distance."""
    import torch
    from torch_fidelity import metric_fid

    statistics = [
        metric_fid.fid_features_to_statistics(torch.from_numpy(features))
        for features in (real, generated)
    ]
    found = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    return {"frechet_distance": found[metric_fid.KEY_METRIC_FID]}


def frechet_scipy(real: np.ndarray, generated: np.ndarray) -> Values:
    """The Fréchet distance by SciPy's matrix root."""
    from scipy import linalg

    means = [features.mean(0, dtype=np.float64) for features in (real, generated)]
    covariances = [np.cov(features, rowvar=False) for features in (real, generated)]
    root = linalg.sqrtm(covariances[0] @ covariances[1])
    traces = sum(covariance.trace() for covariance in covariances)
    distance = np.sum((means[0] - means[1]) ** 2) + traces - 2 * root.trace().real
    return {"frechet_distance": float(distance)}


def precision_recall(real: np.ndarray, generated: np.ndarray) -> Values:
    """The four of prdc."""
    from prdc import compute_prdc

    # It prints, and standard output is for answers.
    with contextlib.redirect_stdout(sys.stderr):
        found = compute_prdc(real, generated, nearest_k=min(5, len(real) - 2))
    return {name: float(value) for name, value in found.items()}


@dataclass(frozen=True)
class Case:
    """One comparison: its features, the peer, and what our side calls it."""

    name: str
    ours: str
    peer: Callable[[np.ndarray, np.ndarray], Values]
    count: int
    dimensions: int
    # The most relative difference of the values, where the peer's own rounding takes more than
    # `--tolerance`.
    tolerance: float = 0.0


# A further case is a further line, its function above, and a line in `benches/metrics.rs`.
CASES = [
    Case("frechet", "frechet", frechet, 10_000, 2_048),
    Case("frechet_scipy", "frechet", frechet_scipy, 10_000, 2_048),
    Case("precision_recall", "precision-recall", precision_recall, 10_000, 512, 1e-3),
]


def make_features(case: Case, folder: Path) -> None:
    """Writes `real.f32` and `generated.f32`."""
    random = np.random.default_rng(13)
    mixing = random.standard_normal((case.dimensions, case.dimensions)) / math.sqrt(case.dimensions)
    mixing += np.eye(case.dimensions)
    for name, width, shift in [("real", 1.0, 0.0), ("generated", 1.1, 0.05)]:
        numbers = random.standard_normal((case.count, case.dimensions), dtype=np.float32)
        features = width * numbers @ mixing.astype(np.float32) + np.float32(shift)
        features.astype("<f4").tofile(folder / f"{name}.f32")


@dataclass(frozen=True)
class Answer:
    """What a side says after it measured."""

    ms: float
    peak_mb: float | None
    ready_mb: float | None
    values: Values

    @property
    def more_mb(self) -> float | None:
        """The memory that measuring took."""
        if self.peak_mb is None or self.ready_mb is None:
            return None
        return self.peak_mb - self.ready_mb


class Side(Network):
    """A resident process that measures when told to."""

    def measure(self) -> Answer:
        """Measures once."""
        time.sleep(SETTLE_SECONDS)
        self.write("run 1")
        line = self.read()
        try:
            answer = Answer(**json.loads(line))
            fine = answer.ms > 0 and all(map(math.isfinite, answer.values.values()))
        except (ValueError, TypeError, AttributeError) as error:
            raise self.failure(f"answered `run 1` with {line!r}") from error
        if not fine:
            raise self.failure(f"measured {line}")
        return answer


def difference(mine: Values, theirs: Values) -> float:
    """The largest relative difference of two sides' values."""
    if mine.keys() != theirs.keys():
        raise Failure(f"the sides measured {sorted(mine)} and {sorted(theirs)}")
    return max(abs(mine[name] - theirs[name]) / abs(theirs[name]) for name in mine)


def run_case(case: Case, ours: str, args: argparse.Namespace) -> dict[str, object]:
    """Compares both sides."""
    note(f"{case.name}: {args.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        make_features(case, Path(folder))
        about = ["--serve", "--features", folder, "--dimensions", str(case.dimensions)]
        our_command = [ours, "--case", case.ours, *about]
        peer_command = [args.python, str(HERE / "metrics.py"), "--case", case.name, *about]
        with (
            Side(f"{case.name}: our side", our_command, args.timeout) as mine,
            Side(f"{case.name}: the peer", peer_command, args.timeout) as theirs,
        ):
            rounds = []
            for index in range(args.rounds):
                order = [mine, theirs] if index % 2 == 0 else [theirs, mine]
                answers = {side: side.measure() for side in order}
                rounds.append((answers[mine], answers[theirs]))
    apart = max(difference(our.values, peer.values) for our, peer in rounds)
    if not apart <= max(args.tolerance, case.tolerance):
        our, peer = rounds[-1]
        raise Failure(f"{case.name}: {our.values} and {peer.values} differ by {apart:.1e}")
    our, peer = rounds[-1]
    return {
        "case": case.name,
        "count": case.count,
        "dimensions": case.dimensions,
        "ours_ms": round(median(our.ms for our, _ in rounds), 1),
        "peer_ms": round(median(peer.ms for _, peer in rounds), 1),
        "ratio": round(median(our.ms / peer.ms for our, peer in rounds), 4),
        "ours_peak_mb": rounded(our.peak_mb),
        "peer_peak_mb": rounded(peer.peak_mb),
        "ours_more_mb": rounded(our.more_mb),
        "peer_more_mb": rounded(peer.more_mb),
        "difference": float(f"{apart:.1e}"),
        "values": our.values,
    }


def peak_mb() -> float:
    """The peak resident memory of this process in MB (2^20 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def serve(peer: Callable[[np.ndarray, np.ndarray], Values], folder: Path, dimensions: int) -> None:
    """The peer's side: answers `run N` lines until `quit` or the end of the input."""
    real, generated = (
        np.fromfile(folder / f"{name}.f32", "<f4").reshape(-1, dimensions)
        for name in ("real", "generated")
    )
    # What the peer imports belongs to the program, not to its measuring.
    peer(real[:8, :4].copy(), generated[:8, :4].copy())
    ready_mb = peak_mb()
    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        match line.split():
            case ["quit"]:
                return
            case ["run", count] if count.isdecimal() and int(count) > 0:
                start = time.perf_counter()
                for _ in range(int(count)):
                    values = peer(real, generated)
                ms = (time.perf_counter() - start) * 1e3 / int(count)
                answer = {"ms": ms, "peak_mb": peak_mb(), "ready_mb": ready_mb, "values": values}
                print(json.dumps(answer), flush=True)
            case _:
                sys.exit(f"expected `run N` with N of at least 1, or `quit`; got {line.strip()!r}")


def note(text: str) -> None:
    """Tells the user, on stderr: stdout is for the results."""
    print(f"metrics.py: {text}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Our metrics and Python's, in turn.")
    names = [case.name for case in CASES]
    parser.add_argument("--case", nargs="+", choices=names, default=names, help="default: all")
    parser.add_argument("--rounds", type=at_least(1), default=3, help="rounds (default 3)")
    parser.add_argument(
        "--python", default=sys.executable, help="the Python that has the peers (default: this)"
    )
    parser.add_argument("--ours", help="our binary (default: cargo builds the bench metrics)")
    parser.add_argument(
        "--tolerance", type=float, default=1e-6, help="most relative difference (default 1e-6)"
    )
    parser.add_argument(
        "--timeout", type=float, default=600, help="seconds to wait for an answer (default 600)"
    )
    serving = parser.add_argument_group("for the peer's own process")
    serving.add_argument("--serve", action="store_true", help="stay and answer `run N` lines")
    serving.add_argument("--features", type=Path, help="folder of real.f32 and generated.f32")
    serving.add_argument("--dimensions", type=at_least(1), help="features of a sample")
    return parser.parse_args()


def main() -> int:
    """Makes every comparison asked for; 1 if any of them failed."""
    args = arguments()
    cases = [case for case in CASES if case.name in args.case]
    if args.serve:
        serve(cases[0].peer, args.features, args.dimensions)
        return 0
    signal.signal(signal.SIGTERM, end_on_signal)
    failed = False
    try:
        ours = args.ours or build_ours("metrics")
    except Failure as failure:
        note(str(failure))
        return 1
    for case in cases:
        try:
            print(json.dumps(run_case(case, ours, args)), flush=True)
        except Failure as failure:
            note(str(failure))
            failed = True
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
