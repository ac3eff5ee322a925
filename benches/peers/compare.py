#!/usr/bin/env python3
"""Runs our training step and PyTorch's in turn and prints one JSON line per work.

    python benches/peers/compare.py
    python benches/peers/compare.py --work mlp_step --python ~/torch-venv/bin/python

Both sides are resident processes that wait while the other runs, so that they never compute at the
same moment. A round times one after the other; the next round goes the other way about, so that
neither is always first. The first two rounds only warm up. `ratio` is the median over the rounds of
ours / peer within the round: what slows the machine for a while slows both, and cancels. Times are
ms per step, memory is the peak resident memory in MB (2^20 bytes).

Our side is the bench `peer_step`, built by cargo unless `--ours` names a binary. Both sides speak
this protocol on standard input and output: `ready` when set up, then for each line `run N` one
line `{"ms": <mean of these N steps>, "peak_mb": ..., "parameters": ...}`; `quit` ends. A side that
cannot tell its memory says null. `parameters` is how many numbers the networks hold: sides that
differ in it do not train the same networks, and are not compared.

This script needs the standard library alone; `--python` names the Python that has PyTorch.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Callable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Work:
    """One comparison: what both sides call it, our backend, and the script of the peer."""

    name: str
    backend: str = "flex"
    peer: str = "pytorch_step.py"


# A further work is a further line.
WORKS = [
    Work("mlp_step"),
    Work("dcgan_step"),
]

DISCARDED_ROUNDS = 2
ROUND_SECONDS = 1.0
TRIAL_SECONDS = 0.2
# A pause before each turn, in which the other side's threads stop spinning.
SETTLE_SECONDS = 0.05


class Failure(Exception):
    """Something that makes a comparison impossible, in words for the user."""


@dataclass(frozen=True)
class Report:
    """What a side says after its steps."""

    ms: float
    peak_mb: float | None
    parameters: int


class Side:
    """A resident process that takes training steps when told to."""

    def __init__(self, label: str, command: list[str], timeout: float) -> None:
        self.label = label
        self.timeout = timeout
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                text=True,
                errors="replace",
                bufsize=1,
            )
        except OSError as error:
            self.errors.close()
            raise Failure(f"{label} did not start: {error}") from error

    def __enter__(self) -> Side:
        try:
            first = self.read()
            if first != "ready":
                raise self.failure(f"said {first!r} where `ready` was expected")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, steps: int) -> Report:
        """Takes the steps."""
        time.sleep(SETTLE_SECONDS)
        self.write(f"run {steps}")
        line = self.read()
        try:
            fields = json.loads(line)
            peak = fields["peak_mb"]
            report = Report(
                ms=float(fields["ms"]),
                peak_mb=None if peak is None else float(peak),
                parameters=int(fields["parameters"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise self.failure(f"answered `run {steps}` with {line!r}") from error
        if not (math.isfinite(report.ms) and report.ms > 0):
            raise self.failure(f"reported {report.ms} ms per step")
        return report

    def write(self, line: str) -> None:
        """Sends one line."""
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self.failure(f"took no more orders at `{line}`") from error

    def read(self) -> str:
        """Waits for one line; a side that is silent for too long is killed."""
        watchdog = threading.Timer(self.timeout, self.process.kill)
        watchdog.start()
        started = time.monotonic()
        try:
            line = self.process.stdout.readline()
        finally:
            watchdog.cancel()
        if line:
            return line.strip()
        if time.monotonic() - started >= self.timeout:
            raise self.failure(f"was silent for {self.timeout:g} s and was stopped")
        raise self.failure("ended without an answer")

    def failure(self, what: str) -> Failure:
        """What went wrong, with the exit code and the end of what the side wrote to stderr."""
        try:
            what += f" (exit code {self.process.wait(timeout=2)})"
        except subprocess.TimeoutExpired:
            pass
        self.errors.seek(0)
        tail = self.errors.read().strip().splitlines()[-12:]
        return Failure("\n  ".join([f"{self.label} {what}", *tail]))

    def close(self) -> None:
        """Ends the process, gently at first."""
        try:
            # The end of input ends a side, too.
            self.process.stdin.write("quit\n")
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def build_ours() -> str:
    """Builds the bench `peer_step` and returns the path of its binary."""
    command = [os.environ.get("CARGO", "cargo"), "bench", "--bench", "peer_step"]
    command += ["--no-run", "--message-format=json"]
    note("building: " + " ".join(command))
    try:
        built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        raise Failure(f"cargo did not start: {error}") from error
    if built.returncode != 0:
        raise Failure(f"cargo could not build `peer_step` (exit code {built.returncode})")
    found = [path for path in map(executable_in, built.stdout.splitlines()) if path]
    if not found:
        raise Failure("cargo named no executable for the bench `peer_step`")
    return found[-1]


def executable_in(message: str) -> str | None:
    """The path of `peer_step`, where this line of cargo's is the message that tells it."""
    if not message.startswith("{"):
        return None
    fields = json.loads(message)
    if fields.get("reason") != "compiler-artifact" or fields["target"]["name"] != "peer_step":
        return None
    return fields.get("executable")


def steps_for_a_round(side: Side, wanted: int | None) -> int:
    """As many steps as asked for, or as take about a second: tried on 1, 2, then some 0.2 s."""
    if wanted is not None:
        return wanted
    side.run(1)
    ms = side.run(2).ms
    ms = side.run(max(1, round(TRIAL_SECONDS * 1e3 / ms))).ms
    return max(1, round(ROUND_SECONDS * 1e3 / ms))


def compare(
    ours: Side, peer: Side, rounds: int, wanted: int | None
) -> dict[str, float | None]:
    """Lets both run in turn; medians over the rounds after the discarded ones."""
    steps = {side: steps_for_a_round(side, wanted) for side in (ours, peer)}
    pairs: list[tuple[float, float]] = []
    reports: dict[Side, Report] = {}
    for index in range(rounds):
        for side in (ours, peer) if index % 2 == 0 else (peer, ours):
            reports[side] = side.run(steps[side])
        mine, theirs = reports[ours], reports[peer]
        if mine.parameters != theirs.parameters:
            counts = f"{mine.parameters} and {theirs.parameters}"
            raise Failure(f"the sides train different networks: {counts} parameters")
        pairs.append((mine.ms, theirs.ms))
    kept = pairs[DISCARDED_ROUNDS:]
    return {
        "ours_ms": round(median(mine for mine, _ in kept), 3),
        "peer_ms": round(median(theirs for _, theirs in kept), 3),
        "ratio": round(median(mine / theirs for mine, theirs in kept), 4),
        "ours_peak_mb": rounded(reports[ours].peak_mb),
        "peer_peak_mb": rounded(reports[peer].peak_mb),
    }


def rounded(mb: float | None) -> float | None:
    """To a tenth, where there is a number."""
    return None if mb is None else round(mb, 1)


def run_work(work: Work, ours: str, args: argparse.Namespace) -> dict[str, object]:
    """Starts both sides, one after the other, and compares them."""
    serve = ["--serve", "--work", work.name]
    our_command = [ours, *serve, "--backend", work.backend]
    peer_command = [args.python, str(HERE / work.peer), *serve]
    note(f"{work.name}: {args.rounds} rounds")
    with (
        Side(f"{work.name}: our side", our_command, args.timeout) as our_side,
        Side(f"{work.name}: the peer", peer_command, args.timeout) as peer_side,
    ):
        medians = compare(our_side, peer_side, args.rounds, args.steps_per_round)
    return {"work": work.name, "backend": work.backend, **medians}


def note(text: str) -> None:
    """Tells the user, on stderr: stdout is for the JSON lines."""
    print(f"compare.py: {text}", file=sys.stderr, flush=True)


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
    parser = argparse.ArgumentParser(description="Our training step and PyTorch's, in turn.")
    names = list(dict.fromkeys(work.name for work in WORKS))
    parser.add_argument("--work", nargs="+", choices=names, default=names, help="default: all")
    parser.add_argument(
        "--rounds",
        type=at_least(DISCARDED_ROUNDS + 1),
        default=15,
        help=f"rounds, of which the first {DISCARDED_ROUNDS} do not count (default 15)",
    )
    parser.add_argument(
        "--steps-per-round",
        type=at_least(1),
        help=f"steps of each side in a round (default: what takes about {ROUND_SECONDS:g} s)",
    )
    parser.add_argument("--python", default=sys.executable, help="the Python that has PyTorch")
    parser.add_argument("--ours", help="our binary (default: cargo builds the bench peer_step)")
    parser.add_argument(
        "--timeout", type=float, default=600, help="seconds to wait for an answer (default 600)"
    )
    return parser.parse_args()


def end_on_signal(*_: object) -> None:
    """Leaves by an exception, so that the sides are ended on the way out."""
    sys.exit(143)


def main() -> int:
    """Compares every work asked for; 1 if any of them failed."""
    args = arguments()
    signal.signal(signal.SIGTERM, end_on_signal)
    failed = False
    try:
        ours = args.ours or build_ours()
    except Failure as failure:
        note(str(failure))
        return 1
    for work in (work for work in WORKS if work.name in args.work):
        try:
            print(json.dumps(run_work(work, ours, args)), flush=True)
        except Failure as failure:
            note(str(failure))
            failed = True
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
