#!/usr/bin/env python3
"""Rows of the package `ctgan` and of ours, from the same rows, for the same epochs on the same cores.

    cargo build --release --features tables --example table
    python benches/peers/generated_rows.py --data adult.csv.gz --target income --table target/release/examples/table \
        --epochs 30 --out OUT

A third of the rows is held back. Each side learns from the others, batches of 500 for so many epochs of as many steps as there are whole
batches, and draws as many rows as it has seen: the package as it comes, ours by the recipe of its paper and by our own, one after the
other with `--threads` threads each. The package's training is its `fit`, transformer included; ours is the loop
alone, and beside it stands the whole program, which fits the transformer, learns its own scores' logistic
regressions and draws charts. Logistic regression and boosted trees that have seen generated rows alone are asked about
the rows held back; column shapes and pair trends are those of the package's own measures (`sdmetrics`). Copies are
rows that are among those learnt from, as a share of the rows.
`scores.json` in the out folder has it all. Needs ctgan, sdmetrics, pandas and scikit-learn.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

import pandas as pd
import torch
from ctgan import CTGAN
from rare_class import classifiers, rows
from sdmetrics.reports.single_table import QualityReport
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split

BATCH = 500


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="CSV file with a header, plain or gzip")
    parser.add_argument("--target", required=True, help="column of two classes")
    parser.add_argument("--table", required=True, help="binary of the example `table`")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only-ours", action="store_true", help="leave the package out")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def is_name(table, name):
    return not pd.api.types.is_numeric_dtype(table[name])


def packages(args, train):
    """Rows of the package, the seconds that its training took and those of all it did."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    numbers = [name for name in train.columns if not is_name(train, name)]
    # It rounds what it knows to be whole.
    whole = {name: "int64" for name in numbers if (train[name] % 1 == 0).all()}
    began = time.perf_counter()
    model = CTGAN(epochs=args.epochs, batch_size=BATCH)
    model.fit(train.astype(whole), [name for name in train.columns if is_name(train, name)])
    fitted = time.perf_counter()
    made = model.sample(len(train)).astype({name: float for name in numbers})
    return made, fitted - began, time.perf_counter() - began


def ours(args, train, recipe):
    """The same of ours."""
    folder = args.out / recipe
    folder.mkdir(parents=True, exist_ok=True)
    learnt = folder / "learnt.csv"
    train.to_csv(learnt, index=False)
    # The package's number: an epoch has as many steps as whole batches, and one at least. A twentieth of the
    # rows is held back by our program for its own scores, so that each of the others is seen a little more often.
    steps = args.epochs * max(1, len(train) // BATCH)
    command = [args.table, "--data", learnt, "--target", args.target, "--recipe", recipe]
    command += ["--steps", str(steps), "--batch", str(BATCH), "--rows", str(len(train))]
    command += ["--held-back", "0.05", "--seed", str(args.seed), "--out", folder]
    began = time.perf_counter()
    environment = os.environ | {"RAYON_NUM_THREADS": str(args.threads)}
    subprocess.run(list(map(str, command)), check=True, env=environment)
    taken = time.perf_counter() - began
    report = json.loads((folder / "report.json").read_text())
    return rows(folder / "generated.csv", args.target), report["timings"]["training"], taken


def scores(made, train, test, target):
    """What generated rows are worth."""
    columns = [name for name in train.columns if name != target]
    names = [name for name in columns if is_name(train, name)]
    numbers = [name for name in columns if name not in names]
    rare = train[target].value_counts().index[-1]
    found = {}
    for name, model, _ in classifiers(numbers, names):
        model.fit(made[columns], made[target])
        said = model.predict(test[columns])
        found[name] = {
            "accuracy": accuracy_score(test[target], said),
            "f1": f1_score(test[target], said, pos_label=rare),
        }
    kinds = {
        name: {"sdtype": "categorical" if is_name(train, name) else "numerical"}
        for name in train.columns
    }
    report = QualityReport()
    report.generate(train, made, {"columns": kinds}, verbose=False)
    measures = report.get_properties().set_index("Property")["Score"]
    seen = set(map(tuple, train.itertuples(index=False)))
    copies = sum(tuple(row) in seen for row in made[list(train.columns)].itertuples(index=False))
    return found | {
        "column shapes": measures["Column Shapes"],
        "pair trends": measures["Column Pair Trends"],
        "copies": copies / len(made),
    }


def main():
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    table = rows(args.data, args.target)
    train, test = train_test_split(
        table, test_size=1 / 3, stratify=table[args.target], random_state=args.seed
    )
    sides = {"real rows": lambda: (train, 0.0, 0.0)}
    if not args.only_ours:
        sides["ctgan package"] = lambda: packages(args, train)
    for recipe in ("ctgan", "relativistic"):
        sides[f"ours, {recipe}"] = lambda recipe=recipe: ours(args, train, recipe)
    found = {}
    for name, make in sides.items():
        made, training, whole = make()
        found[name] = {"training s": training, "whole s": whole}
        found[name] |= scores(made, train, test, args.target)
        print(name, json.dumps(found[name]), flush=True)
        (args.out / "scores.json").write_text(json.dumps(found, indent=1))
    held = set(map(tuple, train.itertuples(index=False)))
    copies = sum(tuple(row) in held for row in test.itertuples(index=False)) / len(test)
    print(f"of the rows held back, {copies:.4f} are among those learnt from")


if __name__ == "__main__":
    main()
