//! Classifiers of rows.

use serde::Serialize;
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;

use crate::error::{Error, Result, check};
use crate::metrics::classifier::Labelled;
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
}
}

impl TableClassifier {
    /// Checks the settings.
    ///
    /// # Errors
    /// If the penalty is not above 0, or trees or their depth are not from 1 to 1,000.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::Logistic { ridge } => check::positive("logistic.ridge", *ridge),
            Self::Forest { trees, depth } => {
                for (field, value) in [("forest.trees", *trees), ("forest.depth", *depth)] {
                    check::at_least(field, value, 1)?;
                    check::at_most(field, value, 1_000)?;
                }
                Ok(())
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
                forest(parameters, (training, classes), asked).map_err(|error| {
                    Error::data(metric, format!("the classifier did not learn: {error}"))
                })
            }
        }
    }
}

/// The class whose logit is the largest.
fn one_against_all(
    metric: &str,
    regression: &LogisticRegression,
    (training, classes): (&Features, &[u32]),
    asked: &Features,
    known: &[u32],
) -> Result<Vec<u32>> {
    // Of two classes one logit tells both.
    let told = if known.len() == 2 { &known[1..] } else { known };
    let mut best = vec![(0.0, known[0]); asked.count()];
    for (place, class) in told.iter().enumerate() {
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
        let logits = regression.train(metric, &data)?.logits(asked);
        for (best, logit) in best.iter_mut().zip(logits) {
            if logit > best.0 || (place == 0 && known.len() > 2) {
                *best = (logit, *class);
            }
        }
    }
    Ok(best.into_iter().map(|(_, class)| class).collect())
}

fn forest(
    parameters: RandomForestClassifierParameters,
    (training, classes): (&Features, &[u32]),
    asked: &Features,
) -> Result<Vec<u32>, smartcore::error::Failed> {
    let matrix = |features: &Features| {
        let numbers = features.values().iter().map(|x| f64::from(*x)).collect();
        DenseMatrix::new(features.count(), features.dimensions(), numbers, false)
    };
    let forest = RandomForestClassifier::fit(&matrix(training)?, &classes.to_vec(), parameters)?;
    forest.predict(&matrix(asked)?)
}
