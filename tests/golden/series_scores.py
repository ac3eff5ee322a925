"""Scores of series by NumPy, SciPy and scikit-learn in float64: tests/golden/series_scores.json.

    python series_scores.py > series_scores.json

Made with NumPy 2.4.6, SciPy 1.17.1 and scikit-learn 1.9.1; statsmodels' `acf(adjusted=False)` is
the formula below. The windows come from a formula that src/metrics/series/golden.rs has, too.
"""

import json

import numpy as np
from scipy.signal import correlate, periodogram
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors


def windows(first, count, channels, time, speed):
    i = np.arange(first, first + count)[:, None, None].astype(float)
    c = np.arange(channels)[None, :, None].astype(float)
    t = np.arange(time)[None, None, :].astype(float)
    wave = np.sin((speed + 0.05 * ((7 * i) % 5)) * t + i)
    return wave + 0.3 * np.cos(1.3 * t * (c + 1) + 2 * i) + 0.01 * i * c


def autocorrelation(x, lags):
    """Mean over windows, [channels, lags + 1]."""
    x = x - x.mean(2, keepdims=True)
    found = np.zeros((x.shape[1], lags + 1))
    for window in x:
        for c, row in enumerate(window):
            full = correlate(row, row, mode="full", method="direct")[len(row) - 1 :]
            found[c] += full[: lags + 1] / full[0]
    return found / len(x)


def shares(x):
    """Mean over windows of shares of the power, [channels, time // 2]."""
    _, power = periodogram(x, detrend="constant", axis=2)
    power = power[:, :, 1:]
    return (power / power.sum(2, keepdims=True)).mean(0)


def lagged(x, lags):
    """Rows of what a moment is told from, and of the moment itself."""
    told_from = [x[:, :, lags - k : x.shape[2] - k] for k in range(1, lags + 1)]
    rows = lambda part: part.transpose(0, 2, 1).reshape(-1, part.shape[1])
    return rows(np.concatenate(told_from, axis=1)), rows(x[:, :, lags:])


def prediction_error(training, test):
    lags = min(8, test.shape[2] // 2)
    mean, deviation = (f(test, axis=(0, 2), keepdims=True) for f in (np.mean, np.std))
    (x, y), (asked, expected) = (lagged((z - mean) / deviation, lags) for z in (training, test))
    # The penalty is 1e-6 of the mean of squares.
    told = Ridge(alpha=1e-6 * len(x), solver="svd").fit(x, y).predict(asked)
    told = told.reshape(expected.shape)
    shares = ((expected - told) ** 2).sum(0) / ((expected - expected.mean(0)) ** 2).sum(0)
    return float(np.sqrt(shares.mean()))


def nearest(training, windows):
    """Distances to the nearest training window, root mean square of standardised values."""
    mean, deviation = (f(training, axis=(0, 2), keepdims=True) for f in (np.mean, np.std))
    flat = lambda x: ((x - mean) / deviation).reshape(len(x), -1) / np.sqrt(x[0].size)
    found = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(flat(training))
    return found.kneighbors(flat(windows))[0][:, 0]


cases = []
for count, other, channels, time, lags in [(5, 7, 1, 24, None), (6, 4, 2, 15, 14), (3, 3, 3, 8, 2)]:
    real = windows(0, count, channels, time, 0.2)
    made = windows(100, other, channels, time, 0.27)
    reach = lags or time // 2
    a, b = autocorrelation(real, reach), autocorrelation(made, reach)
    p, q = shares(real), shares(made)
    labels = lambda n: (np.arange(n) * 3 + 1) % 2
    neighbour = KNeighborsClassifier(1, algorithm="brute").fit(made.reshape(other, -1), labels(other))
    cases.append(
        {
            "sizes": [count, other, channels, time],
            "lags": lags,
            "autocorrelation": float(np.sqrt(((a - b)[:, 1:] ** 2).mean())),
            "function": a[-1].tolist(),
            "spectrum": float(0.5 * np.abs(p - q).sum(1).mean()),
            "log_spectrum": float(np.sqrt(((10 * np.log10(p / q)) ** 2).mean())),
            "errors": [prediction_error(made, real), prediction_error(real, real)],
            "median_distance": float(np.median(nearest(real, made))),
            "accuracy": float((neighbour.predict(real.reshape(count, -1)) == labels(count)).mean()),
        }
    )
print(json.dumps(cases, indent=1))
