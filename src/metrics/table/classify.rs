//! Classifiers of rows.

use serde::Serialize;
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

use crate::error::{Error, Result, check};
use crate::settings::settings;

settings! {
/// What learns from rows: a classifier of the crate `smartcore`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TableClassifier {
    /// Multinomial logistic regression,
    ///
    /// ```text
    /// min over W, b of  −Σ_i ln softmax(W·x_i + b)[y_i] + ridge/2·‖W‖²
    /// ```
    ///
    /// convex, so that the rows decide it.
    Logistic {
        /// The weight of the penalty.
        ridge: f64,
    },
    /// A random forest.
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

    /// Learns classes from rows `[rows, width]` and tells those of others.
    pub(super) fn predict(
        &self,
        metric: &str,
        (training, classes): (&[f64], &[u32]),
        asked: &[f64],
        width: usize,
        seed: u64,
    ) -> Result<Vec<u32>> {
        let Some(first) = classes.first() else {
            return Err(Error::data(metric, "there is no row to learn from"));
        };
        if classes.iter().all(|class| class == first) {
            return Ok(vec![*first; asked.len() / width]);
        }
        let failed = |error: smartcore::error::Failed| {
            Error::data(metric, format!("the classifier did not learn: {error}"))
        };
        let matrix = |numbers: &[f64]| {
            DenseMatrix::new(numbers.len() / width, width, numbers.to_vec(), false)
        };
        let (x, asked) = (
            matrix(training).map_err(failed)?,
            matrix(asked).map_err(failed)?,
        );
        let y = classes.to_vec();
        match self {
            Self::Logistic { ridge } => {
                let parameters = LogisticRegressionParameters::default().with_alpha(*ridge);
                LogisticRegression::fit(&x, &y, parameters).and_then(|model| model.predict(&asked))
            }
            Self::Forest { trees, depth } => {
                let parameters = RandomForestClassifierParameters::default()
                    .with_n_trees(*trees as u16)
                    .with_max_depth(*depth as u16)
                    .with_seed(seed);
                RandomForestClassifier::fit(&x, &y, parameters)
                    .and_then(|model| model.predict(&asked))
            }
        }
        .map_err(failed)
    }
}
