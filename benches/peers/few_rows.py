#!/usr/bin/env python3
"""What generated rows are worth where there are few of every class, beside what people do without a GAN.

    cargo build --release --features tables --example table
    python benches/peers/few_rows.py --data breast_cancer --keep 10 20 --table target/release/examples/table --out OUT

In each trial `--keep` rows of each class are drawn, and all other rows test. The example `table` is trained on
what was drawn and writes `--made` rows of each class (`--balance`). Logistic regression and a random forest
learn from the real rows alone, with random oversampling and with SMOTE (to as many rows of each class), and from
the real rows with the generated ones, whose weight is a share of the real rows' (`--weight`, several are tried;
0 takes each generated row for a real one). Regularisation and leaf size are chosen by cross-validation on the real
rows. Printed are balanced accuracies, and the paired differences of each method to each other; `scores.json` in
the out folder has them all. Needs pandas, scikit-learn and imbalanced-learn.
"""

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from rare_class import rows


TARGET = "target"


def named(data):
    """One of scikit-learn's tables, with the names of its classes."""
    found = getattr(datasets, f"load_{data}")(as_frame=True)
    return found.data.assign(**{TARGET: found.target_names[found.target]})


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, choices=["breast_cancer", "iris", "wine"],
                        help="one of scikit-learn's tables of numbers")  # fmt: skip
    parser.add_argument("--keep", type=int, nargs="+", default=[10, 20], help="real rows of each class")
    parser.add_argument("--made", type=int, default=250, help="generated rows of each class")
    parser.add_argument("--weight", type=float, nargs="+", default=[0.0, 1.0, 0.3],
                        help="weight of all generated rows, as a share of the real rows'")  # fmt: skip
    parser.add_argument("--table", required=True, help="binary of the example `table`")
    parser.add_argument("--steps", type=int, default=1500, help="training steps of the generator")
    parser.add_argument("--options", nargs="*", default=[], help="further arguments of `table`, without their dashes")
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def classifiers(seed):
    """Each with the settings that cross-validation on the real rows chooses from."""
    linear = [("rows", StandardScaler()), ("model", LogisticRegression(max_iter=5000))]
    yield "logistic regression", Pipeline(linear), {"model__C": [0.01, 0.1, 1.0, 10.0]}
    forest = [("model", RandomForestClassifier(300, random_state=seed))]
    yield "random forest", Pipeline(forest), {"model__min_samples_leaf": [1, 2, 4]}


def trial(args, keep, number, table):
    """Balanced accuracies by classifier and by what it has learnt from."""
    folder = args.out / f"{keep}-rows" / f"trial-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    of_class = table.groupby(TARGET)
    train = pd.concat([some.sample(keep, random_state=number) for _, some in of_class])
    test = table.drop(train.index)
    train = train.sample(frac=1, random_state=number)
    kept = folder / "kept.csv"
    train.to_csv(kept, index=False)
    classes = len(of_class)
    options = [f"--{option}" if place % 2 == 0 else option for place, option in enumerate(args.options)]
    subprocess.run(
        [args.table, "--data", kept, "--target", TARGET, "--balance", "--rows", str(classes * args.made),
         "--held-back", "0", "--steps", str(args.steps), "--seed", str(number),
         "--out", folder / "table", *options],
        check=True,
    )  # fmt: skip
    made = rows(folder / "table" / "balanced.csv", TARGET)

    columns = [name for name in table.columns if name != TARGET]
    label = lambda of: of[TARGET].astype(str).to_numpy()
    real, labels = train[columns], label(train)
    to = {name: args.made for name in np.unique(labels)}
    oversampled = RandomOverSampler(sampling_strategy=to, random_state=number).fit_resample(real, labels)
    neighbours = min(5, keep - 1)
    smote = SMOTE(sampling_strategy=to, k_neighbors=neighbours, random_state=number)
    sets = {
        "real rows alone": (real, labels, None),
        "oversampling": (*oversampled, None),
        "SMOTE": (*smote.fit_resample(real, labels), None),
    }
    for weight in args.weight:
        each = weight * len(real) / len(made) if weight > 0 else 1.0
        name = f"generated, {weight:g}" if weight > 0 else "generated as real"
        weights = np.concatenate([np.ones(len(real)), np.full(len(made), each)])
        both = pd.concat([real, made[columns]])
        sets[name] = (both, np.concatenate([labels, label(made)]), weights)
    scores = {}
    for name, model, grid in classifiers(number):
        search = GridSearchCV(model, grid, cv=5, scoring="balanced_accuracy").fit(real, labels)
        for kind, (values, classes, weight) in sets.items():
            model.set_params(**search.best_params_)
            model.fit(values, classes, model__sample_weight=weight)
            found = balanced_accuracy_score(label(test), model.predict(test[columns]))
            scores.setdefault(name, {})[kind] = found
    return scores


def error(values):
    return np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan


def main():
    args = arguments()
    table = named(args.data)
    found = {}
    for keep in args.keep:
        trials = found[keep] = []
        for number in range(args.trials):
            trials.append(trial(args, keep, number, table))
            (args.out / "scores.json").write_text(json.dumps(found, indent=1))
        for name in trials[0]:
            print(f"{keep} rows of each class, {name}")
            values = {kind: np.array([scores[name][kind] for scores in trials]) for kind in trials[0][name]}
            others = [kind for kind in values if not kind.startswith("generated")]
            for kind, of in values.items():
                gains = [of - values[other] for other in others]
                gains = "  ".join(f"{gain.mean():+.4f} ± {error(gain):.4f}" for gain in gains)
                print(f"  {kind:18} {of.mean():.4f} ± {error(of):.4f}   to {', '.join(others)}: {gains}")


if __name__ == "__main__":
    main()
