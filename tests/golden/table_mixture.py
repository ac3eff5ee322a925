"""Variational Gaussian mixtures of one column, by scikit-learn in float64.

Writes table_mixture.json: values, and the mean log-likelihood of the mixture's point estimate (weights_,
means_, covariances_) on them. Made by NumPy 2.4.6, SciPy 1.17.1 and scikit-learn 1.9.1; the versions are printed.

    python tests/golden/table_mixture.py
"""

import json
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.special import logsumexp
from sklearn.mixture import BayesianGaussianMixture


def likelihood(values):
    # The fit is of values of mean 0 and deviation 1, as the priors' scales are the data's anyway and
    # `reg_covar` is absolute.
    mean, deviation = values.mean(), values.std()
    y = (values - mean) / deviation
    mixture = BayesianGaussianMixture(
        n_components=10,
        weight_concentration_prior_type="dirichlet_process",
        weight_concentration_prior=0.001,
        max_iter=2000,
        tol=1e-6,
        n_init=10,
        random_state=0,
    ).fit(y[:, None])
    variances = mixture.covariances_[:, 0, 0]
    z = y[:, None] - mixture.means_[:, 0]
    logs = np.log(mixture.weights_) - 0.5 * (np.log(2 * np.pi * variances) + z**2 / variances)
    return float(logsumexp(logs, axis=1).mean() - np.log(deviation))


def cases():
    random = np.random.default_rng(16)
    yield "one normal", random.normal(3, 2, 600)
    yield "two apart", np.concatenate([random.normal(-50, 0.5, 150), random.normal(100, 5, 450)])
    yield "three of unequal widths", np.concatenate(
        [random.normal(0, 1, 300), random.normal(12, 0.3, 200), random.normal(30, 6, 300)]
    )
    yield "uniform", random.uniform(0, 1000, 600)
    yield "exponential", random.exponential(20, 800)
    yield "few whole numbers", random.poisson(4, 700).astype(float)


out = []
for name, values in cases():
    values = np.round(values, 4)
    out.append({"name": name, "values": values.tolist(), "log_likelihood": likelihood(values)})
    print(name, out[-1]["log_likelihood"])
print("numpy", np.__version__, "scipy", scipy.__version__, "scikit-learn", sklearn.__version__)
path = Path(__file__).with_name("table_mixture.json")
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
