"""Scores of generated rows by SciPy and scikit-learn in float64.

Writes table_scores.json: three small tables (real, generated, test) and what the scores of
src/metrics/table are of them. Versions are printed; made by NumPy 2.4.6, SciPy 1.17.1 and
scikit-learn 1.9.1.

    python tests/golden/table_scores.py
"""

import json
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.stats import ks_2samp
from scipy.stats.contingency import association
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from sklearn.neighbors import NearestNeighbors

random = np.random.default_rng(16)


def rows(count, slope, shift):
    c = random.choice(5, count, p=[0.35, 0.3, 0.15, 0.15, 0.05])  # 4 is missing
    y = np.round(random.normal(shift, 2, count) + 1.5 * (c == 1), 2)
    x = np.round(slope * y + random.normal(0, 1, count), 2)
    x[random.random(count) < 0.07] = np.nan
    logit = 0.6 * y - 1.2 * (c == 0) - 1.0
    d = (random.random(count) < 1 / (1 + np.exp(-logit))).astype(int)
    return {"x": x, "y": y, "c": c, "d": d}


real, generated, test = rows(300, 0.8, 0.5), rows(260, 0.5, 0.8), rows(200, 0.8, 0.5)
for column in real:  # copies
    generated[column][:9] = real[column][20:29]


def shares(values, count):
    return np.bincount(values, minlength=count) / len(values)


def total_variation(column, count):
    return 0.5 * np.abs(shares(real[column], count) - shares(generated[column], count)).sum()


def pearson(rows):
    both = ~np.isnan(rows["x"])
    return np.corrcoef(rows["x"][both], rows["y"][both])[0, 1]


def cramer(rows):
    return association(scipy.stats.contingency.crosstab(rows["c"], rows["d"]).count, method="cramer")


def ratio(rows):
    y, c = rows["y"], rows["c"]
    between = sum((c == v).sum() * (y[c == v].mean() - y.mean()) ** 2 for v in np.unique(c))
    return np.sqrt(between / ((y - y.mean()) ** 2).sum())


def numbers(rows, fitted, names):
    """Standardised numbers with an indicator of missing ones, one-hot names of size √½."""
    parts = []
    for column in "xy":
        values, own = rows[column], fitted[column]
        z = (values - np.nanmean(own)) / np.nanstd(own)
        parts.append(np.nan_to_num(z, nan=0.0))
        if np.isnan(own).any():
            parts.append(np.isnan(values).astype(float))
    for column, count in names:
        parts.extend(np.sqrt(0.5) * np.eye(count)[rows[column]].T)
    return np.array(parts).T


def learnt(training):
    x, asked = (numbers(rows, training, [("c", 5)]) for rows in (training, test))
    # Standardised once more, as the classifier does; the penalty is 1e-4/2 of the mean loss.
    mean, deviation = x.mean(0), x.std(0)
    scale = np.where(deviation > 0, 1 / np.where(deviation > 0, deviation, 1), 0)
    model = LogisticRegression(C=1 / (len(x) * 1e-4), tol=1e-10, max_iter=10_000)
    model.fit((x - mean) * scale, training["d"])
    told = model.predict((asked - mean) * scale)
    rarer = int(test["d"].mean() <= 0.5)
    return (
        accuracy_score(test["d"], told),
        balanced_accuracy_score(test["d"], told),
        f1_score(test["d"], told, pos_label=rarer),
    )


def key(rows, i):
    return tuple(str(rows[column][i]) for column in rows)


known = {key(real, i) for i in range(300)}
names = [("c", 5), ("d", 3)]
nearest = NearestNeighbors(n_neighbors=1).fit(numbers(real, real, names))
distances = nearest.kneighbors(numbers(generated, real, names))[0][:, 0]
scores = [learnt(real), learnt(generated)]


def plain(rows):
    return {
        "x": [None if np.isnan(x) else x for x in rows["x"].tolist()],
        "y": rows["y"].tolist(),
        "c": [None if c == 4 else c for c in rows["c"].tolist()],
        "d": rows["d"].tolist(),
    }


# Kolmogorov–Smirnov of numbers some of which are missing: these before all others, or behind them.
ends = [
    ks_2samp(*(np.nan_to_num(rows["x"], nan=end) for rows in (real, generated))).statistic
    for end in (-1e9, 1e9)
]
golden = {
    "real": plain(real),
    "generated": plain(generated),
    "test": plain(test),
    "ks_x": max(ends),
    "ks_y": ks_2samp(real["y"], generated["y"]).statistic,
    "tv_c": total_variation("c", 5),
    "tv_d": total_variation("d", 2),
    "pearson": [pearson(real), pearson(generated)],
    "cramers_v": [cramer(real), cramer(generated)],
    "correlation_ratio": [ratio(real), ratio(generated)],
    "copies": np.mean([key(generated, i) in known for i in range(260)]),
    "median_distance": np.median(distances),
    "accuracy": [s[0] for s in scores],
    "balanced_accuracy": [s[1] for s in scores],
    "f1": [s[2] for s in scores],
}
print({name: value for name, value in golden.items() if name not in ("real", "generated", "test")})
print("numpy", np.__version__, "scipy", scipy.__version__, "scikit-learn", sklearn.__version__)
path = Path(__file__).with_name("table_scores.json")
path.write_text(json.dumps(golden, separators=(",", ":"), default=float) + "\n")
