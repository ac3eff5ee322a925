//! All scores of generated rows, with their provenance.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::pairs::pair_trends;
use super::privacy::closest_records_of;
use super::rows::RowNumbers;
use super::shapes::column_shapes;
use super::utility::{Utility, UtilityScores};
use crate::data::table::Table;
use crate::error::Result;
use crate::metrics::measured::{Measured, Origin};
use crate::metrics::two_sample::share_error;
use crate::metrics::{Better, Estimate, SampleSet, Score, TwoSample};
use crate::random::Stream;

/// Measures generated rows against those that a generator was trained on and held-out real ones:
/// scores with their provenance, each beside what the held-out rows have.
///
/// Shapes and pairs are those of all rows, copies are looked for among all that were trained on. What costs
/// more takes at most [`with_rows`](Self::with_rows) of each table, drawn at random, and says so in its
/// settings.
///
/// | number | better | what it is |
/// |---|---|---|
/// | `column_shapes` | higher | [`column_shapes`](super::column_shapes) |
/// | `pair_difference`, `pair_trends` | lower, higher | [`pair_trends`](super::pair_trends) |
/// | `two_sample_accuracy` | lower | [`TwoSample`] on [`RowNumbers`] |
/// | `copies`, `nearer_than_held_out` | lower | [`closest_records`](super::closest_records) |
/// | `accuracy_synthetic`, `balanced_accuracy_synthetic`, `f1_synthetic` | higher | [`Utility`], where there is a target; beside it what real rows teach |
///
/// ```
/// use burn_gan::data::table::{Column, Table};
/// use burn_gan::metrics::table::{TableScorer, Utility};
/// use burn_gan::random::Stream;
///
/// let rows = |seed: u64| {
///     let x: Vec<f64> = Stream::new(seed, "x").normal(300).iter().map(|x| f64::from(*x)).collect();
///     let names = x.iter().map(|x| u32::from(*x > 0.0)).collect();
///     let columns = vec![Column::continuous("x", x), Column::categorical("c", names, ["n", "p"])];
///     Table::new(columns)
/// };
/// let scorer = TableScorer::new(rows(1)?, rows(2)?).with_utility(Utility::new("c"));
/// let scores = scorer.score(&rows(3)?)?;
/// let accuracy = scores.iter().find(|score| score.name == "accuracy_synthetic").unwrap();
/// assert!(accuracy.value() > 0.9);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TableScorer {
    training: Table,
    held_out: Table,
    utility: Option<Utility>,
    seed: u64,
    rows: usize,
}

/// Rows of each table that distances and classifiers take, at most, where nobody says how many.
const ROWS: usize = 30_000;

/// As many rows of each table as what is costly takes.
struct Scored<'a> {
    training: Cow<'a, Table>,
    held_out: Cow<'a, Table>,
    generated: Cow<'a, Table>,
    /// How many it takes at most, where a table has more.
    limit: Option<usize>,
}

impl Scored<'_> {
    /// A measure's settings, with the limit where there is one.
    fn settings(&self, mut settings: Value) -> Value {
        if let (Value::Object(settings), Some(limit)) = (&mut settings, self.limit) {
            settings.insert("rows".to_owned(), json!(limit));
        }
        settings
    }
}

impl TableScorer {
    /// Measures against the rows that a generator was trained on, and real ones that it was not.
    pub fn new(training: Table, held_out: Table) -> Self {
        Self {
            training,
            held_out,
            utility: None,
            seed: 0,
            rows: ROWS,
        }
    }

    /// Measures as well what a classifier learns.
    pub fn with_utility(mut self, utility: Utility) -> Self {
        self.utility = Some(utility);
        self
    }

    /// Sets the seed of all random choices; 0 without it.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many rows of each table distances, classifiers and two-sample tests take at most; 30,000
    /// without it. Distances cost the product of two tables' rows.
    pub fn with_rows(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }

    fn scored<'a>(&'a self, generated: &'a Table) -> Scored<'a> {
        let draw = |purpose, table: &'a Table| {
            table.at_most(self.rows, &mut Stream::new(self.seed, purpose))
        };
        let tables = [&self.training, &self.held_out, generated];
        let some = tables.iter().any(|table| table.rows() > self.rows);
        Scored {
            training: draw("scored training rows", &self.training),
            held_out: draw("scored held-out rows", &self.held_out),
            generated: draw("scored generated rows", generated),
            limit: some.then_some(self.rows),
        }
    }

    /// What a classifier learns from real and from generated rows, where there is a target.
    ///
    /// # Errors
    /// As [`Utility::measure`].
    pub fn utility(&self, generated: &Table) -> Result<Option<UtilityScores>> {
        self.utility_of(&self.scored(generated))
    }

    fn utility_of(&self, scored: &Scored<'_>) -> Result<Option<UtilityScores>> {
        let measure = |utility: &Utility| {
            utility.measure(&scored.training, &scored.held_out, &scored.generated)
        };
        self.utility.as_ref().map(measure).transpose()
    }

    /// Measures generated rows.
    ///
    /// # Errors
    /// If tables have other columns or too few rows, or a measure fails: its name and the cause.
    pub fn score(&self, generated: &Table) -> Result<Vec<Score>> {
        let mut measured = self.shapes(generated)?;
        let scored = self.scored(generated);
        measured.push(self.two_sample(&scored)?);
        measured.extend(self.privacy(&scored)?);
        if let Some(scores) = self.utility_of(&scored)? {
            measured.extend(self.learnt(&scores, &scored));
        }
        let set = |name: &str, table: &Table| SampleSet {
            name: name.to_owned(),
            count: table.rows(),
            digest: table.digest(),
        };
        let origin = Origin {
            kind: "table",
            real: set("training", &self.training),
            generated: set("generated", generated),
            stand_in: set("held out", &self.held_out),
            seed: self.seed,
        };
        Ok(origin.scores(measured))
    }

    fn shapes(&self, generated: &Table) -> Result<Vec<Measured>> {
        let shapes = |table: &Table| column_shapes(&self.training, table);
        let pairs = |table: &Table| pair_trends(&self.training, table);
        let plain = |name, better, metric, value: f64, real: f64| Measured {
            name,
            better,
            metric,
            settings: json!({}),
            estimate: value.into(),
            real: Some(real),
        };
        let (own, other) = (shapes(generated)?.score, shapes(&self.held_out)?.score);
        let mut measured = vec![plain(
            "column_shapes",
            Better::Higher,
            "column_shapes",
            own,
            other,
        )];
        if self.training.columns().len() > 1 {
            let (own, other) = (pairs(generated)?, pairs(&self.held_out)?);
            let (lower, higher, metric) = (Better::Lower, Better::Higher, "pair_trends");
            measured.push(plain(
                "pair_difference",
                lower,
                metric,
                own.difference,
                other.difference,
            ));
            measured.push(plain("pair_trends", higher, metric, own.score, other.score));
        }
        Ok(measured)
    }

    fn two_sample(&self, scored: &Scored<'_>) -> Result<Measured> {
        let numbers = RowNumbers::fit(&scored.training, None)?;
        let real = numbers.features(&scored.training)?;
        let test = TwoSample::default();
        let measure = |table: &Table| {
            let stream = &mut Stream::new(self.seed, "metric two_sample");
            test.measure(&real, &numbers.features(table)?, stream)
        };
        let own = measure(&scored.generated)?;
        Ok(Measured {
            name: "two_sample_accuracy",
            better: Better::Lower,
            metric: "two_sample",
            settings: scored.settings(json!(test)),
            estimate: Estimate::with_error(own.accuracy, own.standard_error),
            // Few held-out rows are no reason to have no score.
            real: measure(&scored.held_out).ok().map(|scores| scores.accuracy),
        })
    }

    fn privacy(&self, scored: &Scored<'_>) -> Result<Vec<Measured>> {
        let tables = [&*scored.held_out, &*scored.generated];
        let scores = closest_records_of(&self.training, &scored.training, tables)?;
        let error = share_error(scores.copies, scored.generated.rows());
        let lower = |name, estimate, real| Measured {
            name,
            better: Better::Lower,
            metric: "closest_records",
            settings: scored.settings(json!({})),
            estimate,
            real: Some(real),
        };
        Ok(vec![
            lower(
                "copies",
                Estimate::with_error(scores.copies, error),
                scores.copies_held_out,
            ),
            lower(
                "nearer_than_held_out",
                scores.nearer_than_held_out.into(),
                0.5,
            ),
        ])
    }

    fn learnt(&self, scores: &UtilityScores, scored: &Scored<'_>) -> Vec<Measured> {
        let (own, real) = (&scores.synthetic, &scores.real);
        let error = share_error(own.accuracy, scores.test_rows);
        let higher = |name, estimate, real| Measured {
            name,
            better: Better::Higher,
            metric: "utility",
            settings: scored.settings(json!(self.utility)),
            estimate,
            real: Some(real),
        };
        let accuracy = Estimate::with_error(own.accuracy, error);
        let (balanced, real_balanced) = (own.balanced_accuracy, real.balanced_accuracy);
        vec![
            higher("accuracy_synthetic", accuracy, real.accuracy),
            higher(
                "balanced_accuracy_synthetic",
                balanced.into(),
                real_balanced,
            ),
            higher("f1_synthetic", own.f1.into(), real.f1),
        ]
    }
}
