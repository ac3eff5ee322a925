#!/usr/bin/env python3
"""What generated rows are worth to a classifier of a rare class, beside what people do without a GAN.

    cargo build --release --features tables --example table
    python benches/peers/rare_class.py --data adult.csv.gz --target income --rare '>50K' \
        --table target/release/examples/table --out OUT

In each trial a part of the rows is held back to test with, and the rare class of the others is cut to
`--keep` rows. The example `table` is trained on what is left and writes as many rows of each class
(`--balance`). Logistic regression and boosted trees then learn from the real rows alone, from them with
class weights, with random oversampling, with SMOTE for names and numbers, and from weighted real rows with
generated ones beside them, and are asked about the rows that were held back. Printed are balanced accuracies,
and the paired differences to ours with their standard errors; `scores.json` in the out folder has them
all. Needs pandas, scikit-learn and imbalanced-learn.
"""

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTENC, RandomOverSampler
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="CSV file with a header, plain or gzip")
    parser.add_argument("--target", required=True, help="column of two classes")
    parser.add_argument("--rare", required=True, help="the class that is cut")
    parser.add_argument("--keep", type=int, default=200, help="rows of it that are kept")
    parser.add_argument("--table", required=True, help="binary of the example `table`")
    parser.add_argument("--steps", type=int, default=1000, help="training steps of the generator")
    parser.add_argument("--weight", type=float, default=0.3, help="weight of a generated row")
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def rows(source, target):
    """A table whose names have no blanks around them, and no missing value."""
    table = pd.read_csv(source, skipinitialspace=True)
    table.columns = [name.strip() for name in table.columns]
    for name in table.columns:
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].fillna("?").astype(str).str.strip()
        elif name != target:
            table[name] = table[name].fillna(0).astype(float)
    return table


def classifiers(numbers, names):
    """Each with the settings that cross-validation on the real rows chooses from."""
    one_hot = OneHotEncoder(handle_unknown="ignore")
    linear = ColumnTransformer([("n", StandardScaler(), numbers), ("c", one_hot, names)])
    yield (
        "logistic regression",
        Pipeline([("rows", linear), ("model", LogisticRegression(max_iter=300))]),
        {"model__C": [0.01, 0.1, 1.0]},
    )
    dense = OneHotEncoder(handle_unknown="ignore", sparse_output=False, min_frequency=20)
    trees = ColumnTransformer([("n", "passthrough", numbers), ("c", dense, names)])
    yield (
        "boosted trees",
        Pipeline([("rows", trees), ("model", HistGradientBoostingClassifier(random_state=0))]),
        {"model__min_samples_leaf": [20, 100]},
    )


def trial(args, number, table):
    """Balanced accuracies by classifier and by what it has learnt from."""
    folder = args.out / f"trial-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    train, test = train_test_split(
        table, test_size=0.3, stratify=table[args.target], random_state=number
    )
    is_rare = train[args.target] == args.rare
    rare = train[is_rare].sample(args.keep, random_state=number)
    train = pd.concat([train[~is_rare], rare]).sample(frac=1, random_state=number)
    cut = folder / "cut.csv"
    train.to_csv(cut, index=False)
    common = int((train[args.target] != args.rare).sum())
    subprocess.run(
        [args.table, "--data", cut, "--target", args.target, "--balance", "--rows", str(2 * common),
         "--steps", str(args.steps), "--seed", str(number), "--out", folder / "table"],
        check=True,
    )  # fmt: skip
    made = rows(folder / "table" / "balanced.csv", args.target)

    columns = [name for name in table.columns if name != args.target]
    names = [name for name in columns if not pd.api.types.is_numeric_dtype(table[name])]
    numbers = [name for name in columns if name not in names]
    label = lambda of: (of[args.target] == args.rare).to_numpy(int)
    real, labels = train[columns], label(train)
    weights = np.where(labels == 1, common / args.keep, 1.0)
    plain = lambda sampled: (*sampled, None)
    places = [columns.index(name) for name in names]
    sets = {
        "real rows alone": (real, labels, None),
        "class weights": (real, labels, weights),
        "oversampling": plain(RandomOverSampler(random_state=number).fit_resample(real, labels)),
        "SMOTE": plain(SMOTENC(places, random_state=number).fit_resample(real, labels)),
        "generated": (
            pd.concat([real, made[columns]]),
            np.concatenate([labels, label(made)]),
            np.concatenate([weights, np.full(len(made), args.weight)]),
        ),
    }
    scores = {}
    for name, model, grid in classifiers(numbers, names):
        search = GridSearchCV(model, grid, cv=3, scoring="roc_auc").fit(real, labels)
        for kind, (values, classes, weight) in sets.items():
            model.set_params(**search.best_params_)
            model.fit(values, classes, **({} if weight is None else {"model__sample_weight": weight}))
            found = balanced_accuracy_score(label(test), model.predict(test[columns]))
            scores.setdefault(name, {})[kind] = found
    return scores


def main():
    args = arguments()
    table = rows(args.data, args.target)
    trials = []
    for number in range(args.trials):
        trials.append(trial(args, number, table))
        (args.out / "scores.json").write_text(json.dumps(trials, indent=1))
    deviation = lambda values: np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    for name in trials[0]:
        ours = np.array([scores[name]["generated"] for scores in trials])
        print(name)
        for kind in trials[0][name]:
            values = np.array([scores[name][kind] for scores in trials])
            gain = ours - values
            print(
                f"  {kind:16} {values.mean():.4f} ± {deviation(values):.4f}"
                f"   generated rows gain {gain.mean():+.4f} ± {deviation(gain):.4f}"
            )


if __name__ == "__main__":
    main()
