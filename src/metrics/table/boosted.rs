//! Boosted trees as a classifier.

use rayon::prelude::*;
use smartcore::error::Failed;
use smartcore::xgboost::{XGRegressor, XGRegressorParameters};

use super::classify::{largest, matrix, one_of_two};
use crate::metrics::Features;

/// What boosted trees are made by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Boosted {
    pub trees: usize,
    pub depth: usize,
    pub rate: f64,
}

impl Boosted {
    /// Learns whether rows are of each class (of two classes, of the second) as numbers 0 and 1, and takes
    /// the class of the largest answer. Each class is learnt by itself, the same on any number of threads.
    pub(super) fn predict(
        &self,
        (training, classes): (&Features, &[u32]),
        asked: &Features,
        known: &[u32],
    ) -> Result<Vec<u32>, Failed> {
        let (training, asked) = (matrix(training)?, matrix(asked)?);
        let told = one_of_two(known);
        let answers = told.par_iter().map(|class| {
            let own: Vec<f64> = (classes.iter())
                .map(|other| f64::from(u8::from(other == class)))
                .collect();
            let share = own.iter().sum::<f64>() / own.len() as f64;
            // Every tree is of all rows, so that there is nothing to draw. The penalties are the crate's
            // own: a row in a leaf at least, and one more in its mean.
            let parameters = XGRegressorParameters::default()
                .with_n_estimators(self.trees)
                .with_max_depth(self.depth as u16)
                .with_learning_rate(self.rate)
                .with_base_score(share);
            let answers = XGRegressor::fit(&training, &own, parameters)?.predict(&asked)?;
            // Above 0 is this class rather than not.
            Ok(answers.into_iter().map(|answer| answer - 0.5).collect())
        });
        let answers: Result<Vec<Vec<f64>>, Failed> = answers.collect();
        Ok(largest(known, &answers?))
    }
}
