//! What a classifier learns from generated rows.

use serde::Serialize;

use super::classify::TableClassifier;
use super::comparable;
use super::rows::RowNumbers;
use crate::data::table::{Cells, MISSING, Table};
use crate::error::{Error, Result};
use crate::settings::settings;

const NAME: &str = "utility";

settings! {
/// Train on synthetic, test on real: a classifier learns one column of names from the others, once from
/// real rows and once from generated ones, and is asked about the same real rows that neither has
/// seen.
///
/// Rows are numbers as [`RowNumbers`] has them, fitted to the rows that are learnt from. Rows without a
/// value of the target are left out. Esteban, Hyland, Rätsch 2017, arXiv:1706.02633, section 4; Xu et al.
/// 2019, arXiv:1907.00503, section 5. *What is perfect*: the real rows' accuracy; what lies below it
/// is what the generator has not learnt. *Cost*: that of two classifiers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Utility {
    /// The column that is to be told.
    pub target: String,
    /// What learns.
    pub classifier: TableClassifier,
    /// The seed of a forest.
    #[serde(default)]
    pub seed: u64,
}
}

/// How well a classifier did on real rows that it has not seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassifierScores {
    /// The share told right.
    pub accuracy: f64,
    /// The mean over classes of the share told right.
    pub balanced_accuracy: f64,
    /// The harmonic mean of precision and recall: of the rarer of two classes; of more the mean over
    /// classes.
    pub f1: f64,
}

/// What [`Utility`] measures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct UtilityScores {
    /// Of a classifier that has learnt from real rows.
    pub real: ClassifierScores,
    /// Of one that has learnt from generated rows.
    pub synthetic: ClassifierScores,
    /// The real rows that were asked about.
    pub test_rows: usize,
}

impl Utility {
    /// Of a target, by logistic regression with a penalty of weight 1e-4.
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            classifier: TableClassifier::logistic(),
            seed: 0,
        }
    }

    /// Sets what learns.
    pub fn with_classifier(mut self, classifier: TableClassifier) -> Self {
        self.classifier = classifier;
        self
    }

    /// Measures: `real` rows to learn from and `test` rows to be asked about.
    ///
    /// # Errors
    /// If a setting is wrong, the tables differ in columns, the target is no column of names, or has
    /// no value in one of the tables.
    pub fn measure(&self, real: &Table, test: &Table, generated: &Table) -> Result<UtilityScores> {
        comparable(NAME, real, generated)?;
        let real = self.learn(real, test)?;
        let synthetic = self.learn(generated, test)?;
        Ok(UtilityScores {
            real,
            synthetic,
            test_rows: test.rows(),
        })
    }

    /// Trains on `training` and asks about `test`.
    fn learn(&self, training: &Table, test: &Table) -> Result<ClassifierScores> {
        self.classifier.validate()?;
        comparable(NAME, training, test)?;
        let (training, classes) = self.labelled(training, test)?;
        let (test, expected) = self.labelled(test, test)?;
        let numbers = RowNumbers::fit(&training, Some(&self.target))?;
        if numbers.width() == 0 {
            return Err(Error::data(
                NAME,
                "there is no column to tell the target by",
            ));
        }
        let (learnt, asked) = (numbers.features(&training)?, numbers.features(&test)?);
        let told = (self.classifier).predict(NAME, (&learnt, &classes), &asked, self.seed)?;
        Ok(ClassifierScores::of(&expected, &told))
    }

    /// The rows that have a value of the target, and its class by the names of `known`.
    fn labelled(&self, table: &Table, known: &Table) -> Result<(Table, Vec<u32>)> {
        let column = table.column(&self.target)?;
        let names = &known.column(&self.target)?.schema.categories;
        let Cells::Codes(codes) = &column.cells else {
            let problem = "is a column of numbers; a classifier tells names: read it as \
                           `categorical` or `ordered`";
            return Err(Error::setting("target", &self.target, problem));
        };
        // Names that the test rows do not know get classes behind theirs.
        let class = |code: u32| {
            let name = &column.schema.categories[code as usize];
            let known = names.iter().position(|own| own == name);
            known.unwrap_or(names.len() + code as usize) as u32
        };
        let rows: Vec<usize> = (0..codes.len())
            .filter(|row| codes[*row] != MISSING)
            .collect();
        if rows.is_empty() {
            return Err(Error::data(
                NAME,
                format!("no row has a value of `{}`", self.target),
            ));
        }
        let classes = rows.iter().map(|row| class(codes[*row])).collect();
        Ok((table.select(&rows), classes))
    }
}

impl ClassifierScores {
    /// Of classes as they are and as they were told.
    fn of(expected: &[u32], told: &[u32]) -> Self {
        let mut classes = expected.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let count = |of: &dyn Fn(u32, u32) -> bool| {
            let pairs = expected.iter().zip(told);
            pairs.filter(|(e, t)| of(**e, **t)).count() as f64
        };
        let accuracy = count(&|e, t| e == t) / expected.len() as f64;
        let each: Vec<(f64, f64, f64)> = (classes.iter())
            .map(|class| {
                let rows = count(&|e, _| e == *class);
                let right = count(&|e, t| e == *class && t == *class);
                let named = count(&|_, t| t == *class);
                (rows, right / rows, 2.0 * right / (rows + named))
            })
            .collect();
        let mean = |part: &dyn Fn(&(f64, f64, f64)) -> f64| {
            each.iter().map(part).sum::<f64>() / each.len() as f64
        };
        let f1 = match &each[..] {
            [a, b] => {
                if b.0 <= a.0 {
                    b.2
                } else {
                    a.2
                }
            }
            _ => mean(&|class| class.2),
        };
        Self {
            accuracy,
            balanced_accuracy: mean(&|class| class.1),
            f1,
        }
    }
}
