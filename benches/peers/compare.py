#!/usr/bin/env python3
"""Runs our training step and PyTorch's in turn and prints one JSON line per work.

    python benches/peers/compare.py
    python benches/peers/compare.py --work mlp_step --python ~/torch-venv/bin/python
    python benches/peers/compare.py --r1
    python benches/peers/compare.py --r1 dcgan --python ~/torch-venv/bin/python
    python benches/peers/compare.py --augment
    python benches/peers/compare.py --work resnet_step --best
    python benches/peers/compare.py --table --runs 5 --json figures.json
    python benches/peers/compare.py --processes 2 --work dcgan_step dcgan_r1_step
    python benches/peers/compare.py --gpu

Both sides are resident processes that wait while the other runs, so that they never compute at the
same moment. A round times one after the other; the next round goes the other way about, so that
neither is always first. The first two rounds only warm up. `ratio` is the median over the rounds of
ours / peer within the round: what slows the machine for a while slows both, and cancels. Times are
ms per step (of `dcgan_sample`: per 1,000 images), memory is the peak resident memory in MB (2^20
bytes).

`--r1` prints what R1 costs instead, one JSON line per pair: `ours_ratio` is a step of ours with R1
/ one without, `peer_ratio` the same of the peer's, `ratio` ours / peer with it; `--augment` the same of
DiffAugment and of ADA at p = 1. All four processes of a pair take turns in one
run, and these ratios, too, are medians over the rounds of the ratio within the round.

`--table` prints a Markdown table instead. It goes through the works `--runs` times, one comparison
after the other, each with new processes: nothing stays resident in between, and a slow spell of the
machine does not fall on one work alone. Figures are medians over the runs; the ratio of times has
its range, too. `--json` stores each run as soon as it is done, with the times of its rounds.

`--processes N` shares each batch between N processes of one thread on both sides: ours started by
`mpirun`, PyTorch's with `DistributedDataParallel` over gloo. Beside both runs ours in one process of N
threads: `processes_ratio` is ours in N processes / in one, `ratio` ours / peer. `mpirun` is
OpenMPI's.

`--gpu` runs both sides on the GPU: ours on the backend wgpu, PyTorch's on CUDA, whose convolutions are in
TF32 unless it is told otherwise. Memory is left out: it is the GPU's, and no process knows its own. The first
run of ours on a machine is long, since it tries which kernels are fastest there; give it a `--timeout`.

Our side is the bench `peer_step`, built by cargo unless `--ours` names a binary. Both sides speak
this protocol on standard input and output: `ready` when set up, then for each line `run N` one
line `{"ms": <mean of these N steps>, "peak_mb": ..., "parameters": ...}`; `quit` ends. The steps of
`stylegan2_step` differ, so its sides take N rounded up to a multiple of 16, and ms is the mean of
these. A side that
cannot tell its memory says null. `parameters` is how many numbers the networks hold: sides that
differ in it do not have the same networks, and are not compared.

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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Callable, Iterable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Work:
    """One comparison: what both sides call it, our backend, and the script of the peer."""

    name: str
    backend: str = "flex"
    peer: str = "pytorch_step.py"
    # Whether PyTorch's script has it on a GPU.
    gpu: bool = True


# A further work is a further line.
WORKS = [
    Work("mlp_step"),
    Work("mlp_r1_step"),
    Work("dcgan_step"),
    Work("dcgan_plain_step"),
    Work("dcgan_r1_step"),
    Work("dcgan_diffaugment", gpu=False),
    Work("dcgan_ada", gpu=False),
    Work("dcgan_sample"),
    Work("resnet_step"),
    Work("resnet_r1_step"),
    Work("r3gan_step"),
    Work("stylegan2_step"),
    Work("biggan_step"),
    Work("ring_step"),
]

# The lines of the table, in order.
TABLE = [
    "dcgan_step",
    "mlp_step",
    "mlp_r1_step",
    "dcgan_r1_step",
    "dcgan_diffaugment",
    "dcgan_ada",
    "dcgan_sample",
    "resnet_step",
    "resnet_r1_step",
    "r3gan_step",
    "stylegan2_step",
    "biggan_step",
    "ring_step",
]

# What R1 and augmentations cost: each pair's step without it and its step with it, which differ in
# nothing else.
PAIRS = {
    "r1": {
        "mlp": (Work("mlp_step"), Work("mlp_r1_step")),
        "dcgan": (Work("dcgan_plain_step"), Work("dcgan_r1_step")),
    },
    "augment": {
        "diffaugment": (Work("dcgan_step"), Work("dcgan_diffaugment")),
        "ada": (Work("dcgan_step"), Work("dcgan_ada")),
    },
}

# Our backend on a GPU.
GPU = "wgpu"
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


class Network:
    """A resident process that takes training steps, or measures, when told to."""

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

    def __enter__(self) -> Network:
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


def build_ours(bench: str = "peer_step", features: tuple[str, ...] = ()) -> str:
    """Builds the bench and returns the path of its binary."""
    command = [os.environ.get("CARGO", "cargo"), "bench", "--bench", bench]
    command += ["--no-run", "--message-format=json"]
    if features:
        command += ["--features", ",".join(features)]
    note("building: " + " ".join(command))
    try:
        built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        raise Failure(f"cargo did not start: {error}") from error
    if built.returncode != 0:
        raise Failure(f"cargo could not build `{bench}` (exit code {built.returncode})")
    found = [executable_in(message, bench) for message in built.stdout.splitlines()]
    if not any(found):
        raise Failure(f"cargo named no executable for the bench `{bench}`")
    return [path for path in found if path][-1]


def executable_in(message: str, bench: str) -> str | None:
    """The path of the bench, where this line of cargo's is the message that tells it."""
    if not message.startswith("{"):
        return None
    fields = json.loads(message)
    if fields.get("reason") != "compiler-artifact" or fields["target"]["name"] != bench:
        return None
    return fields.get("executable")


def steps_for_a_round(side: Network, wanted: int | None) -> int:
    """As many steps as asked for, or as take about a second: tried on 1, 2, then some 0.2 s."""
    if wanted is not None:
        return wanted
    side.run(1)
    ms = side.run(2).ms
    ms = side.run(max(1, round(TRIAL_SECONDS * 1e3 / ms))).ms
    return max(1, round(ROUND_SECONDS * 1e3 / ms))


def take_turns(
    sides: list[Network], rounds: int, wanted: int | None
) -> list[tuple[Report, ...]]:
    """Lets all run in turn; what they said, in their order, in each round that counts."""
    steps = {side: steps_for_a_round(side, wanted) for side in sides}
    said: list[tuple[Report, ...]] = []
    for index in range(rounds):
        order = sides if index % 2 == 0 else sides[::-1]
        reports = {side: side.run(steps[side]) for side in order}
        said.append(tuple(reports[side] for side in sides))
        sizes = [report.parameters for report in said[-1]]
        if len(set(sizes)) > 1:
            counts = " and ".join(map(str, sizes))
            raise Failure(f"the sides have different networks: {counts} parameters")
    return said[DISCARDED_ROUNDS:]


def median_ms(reports: Iterable[Report]) -> float:
    """The median time of a step."""
    return round(median(report.ms for report in reports), 3)


def median_ratio(reports: Iterable[tuple[Report, Report]]) -> float:
    """The median of the first's time / the second's within each round."""
    return round(median(first.ms / second.ms for first, second in reports), 4)


def rounded(mb: float | None) -> float | None:
    """To a tenth, where there is a number."""
    return None if mb is None else round(mb, 1)


def our_side(
    work: Work, ours: str, args: argparse.Namespace, processes: int = 1, threads: int | None = None
) -> Network:
    """Starts our process for the work, or as many as there are to be."""
    command = [ours, "--serve", "--work", work.name, "--backend", work.backend]
    if processes > 1:
        start = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(processes)]
        if os.geteuid() == 0:
            start.append("--allow-run-as-root")
        command = [*start, *command, "--processes"]
    if threads is not None:
        command = ["env", f"RAYON_NUM_THREADS={threads}", *command]
    return Network(f"{work.name}: our side", command, args.timeout)


def peer_side(work: Work, args: argparse.Namespace, processes: int = 1) -> Network:
    """Starts the peer's process for the work, or as many as there are to be."""
    command = [args.python, str(HERE / work.peer), "--serve", "--work", work.name]
    if args.best:
        command.append("--best")
    if work.backend == GPU:
        command += ["--device", "cuda"]
    if processes > 1:
        command += ["--processes", str(processes)]
    return Network(f"{work.name}: the peer", command, args.timeout)


def rounds_of(work: Work, ours: str, args: argparse.Namespace) -> list[tuple[Report, Report]]:
    """Starts both sides, one after the other; what they said in the rounds that count."""
    note(f"{work.name}: {args.rounds} rounds")
    with our_side(work, ours, args) as mine, peer_side(work, args) as theirs:
        return take_turns([mine, theirs], args.rounds, args.steps_per_round)


def figures(work: Work, rounds: list[tuple[Report, Report]]) -> dict[str, object]:
    """What the rounds come to."""
    our_reports, peer_reports = zip(*rounds)
    # What our process holds in the machine's own memory is no answer on a GPU.
    ours_peak_mb = None if work.backend == GPU else our_reports[-1].peak_mb
    return {
        "work": work.name,
        "backend": work.backend,
        "ours_ms": median_ms(our_reports),
        "peer_ms": median_ms(peer_reports),
        "ratio": median_ratio(zip(our_reports, peer_reports)),
        "ours_peak_mb": rounded(ours_peak_mb),
        "peer_peak_mb": rounded(peer_reports[-1].peak_mb),
    }


def run_work(work: Work, ours: str, args: argparse.Namespace) -> dict[str, object]:
    """Compares both sides once."""
    return figures(work, rounds_of(work, ours, args))


def run_pair(kind: str, pair: str, ours: str, args: argparse.Namespace) -> dict[str, object]:
    """Starts both sides without something and with it, and compares each side with itself."""
    plain, more = PAIRS[kind][pair]
    note(f"{kind}, {pair}: {args.rounds} rounds")
    with (
        our_side(plain, ours, args) as ours_plain,
        our_side(more, ours, args) as ours_more,
        peer_side(plain, args) as peer_plain,
        peer_side(more, args) as peer_more,
    ):
        # The two of one side are neighbours in time: theirs are the ratios that count.
        sides = [ours_plain, ours_more, peer_plain, peer_more]
        rounds = take_turns(sides, args.rounds, args.steps_per_round)
    our_plains, our_mores, peer_plains, peer_mores = zip(*rounds)
    return {
        "pair": pair,
        "ours_ratio": median_ratio(zip(our_mores, our_plains)),
        "peer_ratio": median_ratio(zip(peer_mores, peer_plains)),
        "ratio": median_ratio(zip(our_mores, peer_mores)),
        "ours_plain_ms": median_ms(our_plains),
        f"ours_{kind}_ms": median_ms(our_mores),
        "peer_plain_ms": median_ms(peer_plains),
        f"peer_{kind}_ms": median_ms(peer_mores),
    }


def run_processes(work: Work, ours: str, args: argparse.Namespace) -> dict[str, object]:
    """Compares both sides in several processes with each other, and ours with one process."""
    count = args.processes
    note(f"{work.name} in {count} processes: {args.rounds} rounds")
    with (
        our_side(work, ours, args, count, 1) as mine,
        our_side(work, ours, args, 1, count) as alone,
        peer_side(work, args, count) as theirs,
    ):
        rounds = take_turns([mine, alone, theirs], args.rounds, args.steps_per_round)
    mines, alones, peers = zip(*rounds)
    return {
        "work": work.name,
        "processes": count,
        "processes_ratio": median_ratio(zip(mines, alones)),
        "ratio": median_ratio(zip(mines, peers)),
        "ours_ms": median_ms(mines),
        "ours_alone_ms": median_ms(alones),
        "peer_ms": median_ms(peers),
    }


def run_table(ours: str, args: argparse.Namespace) -> bool:
    """Compares the works of the table several times and prints it; whether all went well."""
    works = [work for name in args.table or TABLE for work in WORKS if work.name == name]
    runs: list[dict[str, object]] = []
    complete = True
    for index in range(args.runs):
        for work in works:
            note(f"run {index + 1} of {args.runs}")
            try:
                rounds = rounds_of(work, ours, args)
            except Failure as failure:
                note(str(failure))
                complete = False
                continue
            times = {
                "ours_rounds_ms": [mine.ms for mine, _ in rounds],
                "peer_rounds_ms": [theirs.ms for _, theirs in rounds],
            }
            runs.append({"run": index + 1, **figures(work, rounds), **times})
            if args.json:
                args.json.write_text(json.dumps(runs, indent=1) + "\n")
    print("| work | ours, ms | PyTorch, ms | ours / PyTorch | ours / PyTorch, MB | ratio |")
    print("|---|---|---|---|---|---|")
    for work in works:
        key = (work.name, work.backend)
        if mine := [run for run in runs if (run["work"], run["backend"]) == key]:
            print(table_line(work.name, mine))
    return complete


def table_line(name: str, runs: list[dict[str, object]]) -> str:
    """One work's line of the table."""

    def middle(field: str) -> float | None:
        values = [run[field] for run in runs]
        return None if None in values else median(values)

    ratios = [run["ratio"] for run in runs]
    ratio = f"{median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"
    ours, peer = middle("ours_peak_mb"), middle("peer_peak_mb")
    # A side that cannot tell its memory has no ratio, either.
    memory = " / ".join("?" if mb is None else f"{mb:.0f}" for mb in (ours, peer))
    share = "?" if ours is None or peer is None else f"{ours / peer:.2f}"
    times = f"{middle('ours_ms'):.2f} | {middle('peer_ms'):.2f}"
    return f"| `{name}` | {times} | {ratio} | {memory} | {share} |"


def note(text: str) -> None:
    """Tells the user, on stderr: stdout is for the results."""
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
    parser = argparse.ArgumentParser(description="Our steps and PyTorch's, in turn.")
    names = list(dict.fromkeys(work.name for work in WORKS))
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--work", nargs="+", choices=names, help="default: all")
    what.add_argument(
        "--r1",
        nargs="*",
        choices=list(PAIRS["r1"]),
        help="what R1 costs, in these pairs (default: all), instead of works",
    )
    what.add_argument(
        "--augment",
        nargs="*",
        choices=list(PAIRS["augment"]),
        help="what these augmentations cost (default: all), instead of works",
    )
    what.add_argument(
        "--table",
        nargs="*",
        choices=names,
        help=f"a table of these works (default: {', '.join(TABLE)}), each compared several times",
    )
    parser.add_argument(
        "--runs", type=at_least(1), default=5, help="how often --table goes through (default 5)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="where --table stores the figures of each run"
    )
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
    parser.add_argument(
        "--best",
        action="store_true",
        help="PyTorch with channels innermost, fused Adam and, without second order, torch.compile",
    )
    parser.add_argument(
        "--processes",
        type=at_least(2),
        help="share each batch between so many processes of one thread, on both sides",
    )
    parser.add_argument("--gpu", action="store_true", help="both on the GPU: wgpu and CUDA")
    parser.add_argument("--python", default=sys.executable, help="the Python that has PyTorch")
    parser.add_argument("--ours", help="our binary (default: cargo builds the bench peer_step)")
    parser.add_argument(
        "--timeout", type=float, default=600, help="seconds to wait for an answer (default 600)"
    )
    args = parser.parse_args()
    if args.json and args.table is None:
        parser.error("--json goes with --table")
    if args.processes and not (args.table is args.r1 is args.augment is None and not args.best):
        parser.error("--processes goes with --work alone")
    if args.gpu:
        if args.processes or not (args.table is args.r1 is args.augment is None):
            parser.error("--gpu goes with --work alone")
        on_cpu = [work.name for work in WORKS if not work.gpu and work.name in (args.work or [])]
        if on_cpu:
            parser.error(f"--gpu: the peer has {', '.join(on_cpu)} on the CPU alone")
    return args


def end_on_signal(*_: object) -> None:
    """Leaves by an exception, so that the sides are ended on the way out."""
    sys.exit(143)


def main() -> int:
    """Makes every comparison asked for; 1 if any of them failed."""
    args = arguments()
    signal.signal(signal.SIGTERM, end_on_signal)
    failed = False
    try:
        features = ("mpi",) if args.processes else ("wgpu",) if args.gpu else ()
        ours = args.ours or build_ours(features=features)
    except Failure as failure:
        note(str(failure))
        return 1
    if args.table is not None:
        return int(not run_table(ours, args))
    run = run_processes if args.processes else run_work
    works = [replace(work, backend=GPU) for work in WORKS if work.gpu] if args.gpu else WORKS
    wanted = [partial(run, work) for work in works if args.work is None or work.name in args.work]
    for kind, named in (("r1", args.r1), ("augment", args.augment)):
        if named is not None:
            # The option alone names no pair.
            wanted = [partial(run_pair, kind, pair) for pair in named or PAIRS[kind]]
    for comparison in wanted:
        try:
            print(json.dumps(comparison(ours, args)), flush=True)
        except Failure as failure:
            note(str(failure))
            failed = True
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
