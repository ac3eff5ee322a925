//! Classifiers of rows.

use serde::Serialize;
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::error::Failed;
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::boosted::Boosted;
use crate::error::{Error, Result, check};
use crate::metrics::classifier::Labelled;
use crate::metrics::features::usable;
use crate::metrics::{Features, LogisticRegression};
use crate::settings::settings;

settings! {
/// What learns from rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TableClassifier {
    /// Logistic regression on standardised numbers, of each class against all others where there are
    /// more than two:
    ///
    /// ```text
    /// min over w, b of  mean softplus(−y·(w·x + b)) + ridge/2·‖w‖²,   y = ±1
    /// ```
    ///
    /// Convex, so that the rows decide it. It is the classifier of [`LogisticRegression`], with one
    /// weight for all rows.
    Logistic {
        /// The weight of the penalty.
        ridge: f64,
    },
    /// A random forest of the crate `smartcore`; it takes minutes on tens of thousands of rows.
    Forest {
        /// Trees, from 1 to 1,000.
        trees: usize,
        /// The most questions one after the other.
        depth: usize,
    },
    /// Boosted regression trees of the crate `smartcore` (`XGRegressor`, XGBoost's algorithm with exact
    /// splits) on the squared error of 0 and 1, of each class against all others where there are more than
    /// two:
    ///
    /// ```text
    /// F_0 = share of the class,   F_t = F_{t−1} + rate·tree_t,   tree_t fitted to 1[y = class] − F_{t−1}
    /// ```
    ///
    /// The class with the largest F is told. Chen, Guestrin 2016, arXiv:1603.02754, section 2; the squared
    /// error for classes: Bühlmann, Yu 2003, *Boosting with the L2 loss*. The rows decide it, the seed
    /// nothing. It takes minutes on tens of thousands of rows, and as often as there are classes.
    Boosted {
        /// Trees, from 1 to 10,000.
        trees: usize,
        /// The most questions one after the other, from 1 to 64.
        depth: usize,
        /// What a tree's answer is multiplied with, above 0 and at most 1.
        rate: f64,
    },
}
}

impl TableClassifier {
    /// Logistic regression with a penalty of weight 1e-4.
    pub fn logistic() -> Self {
        Self::Logistic { ridge: 1e-4 }
    }

    /// A forest of 100 trees of a depth of 16.
    pub fn forest() -> Self {
        Self::Forest {
            trees: 100,
            depth: 16,
        }
    }

    /// 100 boosted trees of a depth of 5, at a rate of 0.2.
    pub fn boosted() -> Self {
        Self::Boosted {
            trees: 100,
            depth: 5,
            rate: 0.2,
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If the penalty is not above 0, trees or their depth are out of their bounds, or the rate is not
    /// above 0 and at most 1.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::Logistic { ridge } => check::positive("logistic.ridge", *ridge),
            Self::Forest { trees, depth } => {
                bounded("forest.trees", *trees, 1_000)?;
                bounded("forest.depth", *depth, 1_000)
            }
            Self::Boosted { trees, depth, rate } => {
                bounded("boosted.trees", *trees, 10_000)?;
                bounded("boosted.depth", *depth, 64)?;
                check::positive("boosted.rate", *rate)?;
                check::at_most_one("boosted.rate", *rate)
            }
        }
    }

    /// Learns classes from rows and tells those of others. `seed` is a forest's.
    pub(super) fn predict(
        &self,
        metric: &str,
        (training, classes): (&Features, &[u32]),
        asked: &Features,
        seed: u64,
    ) -> Result<Vec<u32>> {
        // Trees sort the numbers.
        usable(metric, 1, training)?;
        usable(metric, 1, asked)?;
        let failed = |error| Error::data(metric, format!("the classifier did not learn: {error}"));
        let mut known = classes.to_vec();
        known.sort_unstable();
        known.dedup();
        match (&known[..], self) {
            ([only], _) => Ok(vec![*only; asked.count()]),
            (_, Self::Logistic { ridge }) => {
                let regression = LogisticRegression { ridge: *ridge };
                one_against_all(metric, &regression, (training, classes), asked, &known)
            }
            (_, Self::Forest { trees, depth }) => {
                let parameters = RandomForestClassifierParameters::default()
                    .with_n_trees(*trees as u16)
                    .with_max_depth(*depth as u16)
                    .with_seed(seed);
                forest(parameters, (training, classes), asked).map_err(failed)
            }
            (_, Self::Boosted { trees, depth, rate }) => {
                let boosted = Boosted {
                    trees: *trees,
                    depth: *depth,
                    rate: *rate,
                };
                (boosted.predict((training, classes), asked, &known)).map_err(failed)
            }
        }
    }
}

fn bounded(field: &str, value: usize, most: usize) -> Result<()> {
    check::at_least(field, value, 1)?;
    check::at_most(field, value, most)
}

/// The classes that are told from all others: of two, one answer tells both.
pub(super) fn one_of_two(known: &[u32]) -> &[u32] {
    if known.len() == 2 { &known[1..] } else { known }
}

/// The class whose answer is the largest, of each row: of two classes the second where its answer is above 0.
pub(super) fn largest(known: &[u32], answers: &[Vec<f64>]) -> Vec<u32> {
    let told = one_of_two(known);
    let mut best = vec![(0.0, known[0]); answers.first().map_or(0, Vec::len)];
    for (place, (class, answers)) in told.iter().zip(answers).enumerate() {
        for (best, answer) in best.iter_mut().zip(answers) {
            if *answer > best.0 || (place == 0 && known.len() > 2) {
                *best = (*answer, *class);
            }
        }
    }
    best.into_iter().map(|(_, class)| class).collect()
}

/// Logistic regressions of each class.
fn one_against_all(
    metric: &str,
    regression: &LogisticRegression,
    (training, classes): (&Features, &[u32]),
    asked: &Features,
    known: &[u32],
) -> Result<Vec<u32>> {
    let logits = one_of_two(known).iter().map(|class| {
        let rows = |own: bool| -> Vec<usize> {
            let rows = 0..classes.len();
            rows.filter(|row| (classes[*row] == *class) == own)
                .collect()
        };
        let data = Labelled {
            real: training.select(&rows(true)),
            generated: training.select(&rows(false)),
            balanced: false,
        };
        Ok(regression.train(metric, &data)?.logits(asked))
    });
    let logits: Result<Vec<Vec<f64>>> = logits.collect();
    Ok(largest(known, &logits?))
}

pub(super) fn matrix(features: &Features) -> Result<DenseMatrix<f64>, Failed> {
    let numbers = features.values().iter().map(|x| f64::from(*x)).collect();
    DenseMatrix::new(features.count(), features.dimensions(), numbers, false)
}

fn forest(
    parameters: RandomForestClassifierParameters,
    (training, classes): (&Features, &[u32]),
    asked: &Features,
) -> Result<Vec<u32>, Failed> {
    let forest = RandomForestClassifier::fit(&matrix(training)?, &classes.to_vec(), parameters)?;
    forest.predict(&matrix(asked)?)
}
