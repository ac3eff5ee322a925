//! The numbers of a run, kept for charts and reports.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::error::{Result, check};
use crate::pair::Pair;
use crate::report::Report;
use crate::train::reading::{chart_of, newest};
use crate::train::{Measurement, Memories, Observer, Reading, StepEvent};

/// An observer that keeps a [`Reading`] each time it is called, [`LIMIT`](Self::LIMIT) of them at
/// most.
///
/// When it is full it drops every second reading, and keeps every second one from then on: what is
/// left is spread evenly over the run, whatever its length, and the first and the last reading are
/// always there. Each reading waits for the device: give it a rhythm of tens of steps on a GPU.
/// Checkpoints hold the readings (about 10 bytes for each number), so that the history of a resumed
/// run is that of the whole run.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::train::{History, Rhythm, Trainer, TrainerConfig};
/// use burn_gan::{Gan, Latent};
///
/// let device = Default::default();
/// let gan = Gan::<_, _, Autodiff<Flex>>::seeded(
///     MlpGeneratorConfig::new(2, [2]).with_hidden([8]).init(&device)?,
///     MlpDiscriminatorConfig::new([2]).with_hidden([8]).init(&device)?,
///     1,
///     &device,
/// );
/// let data = MemoryDataset::<2>::new(vec![0.5; 32], [2])?;
///
/// let mut history = History::new();
/// Trainer::new(TrainerConfig::new(6, 8, Latent::normal(2)), &device)?
///     .observe(Rhythm::Every(2), &mut history)
///     .run(gan, &data)?;
/// let steps: Vec<u64> = history.readings().iter().map(|reading| reading.step).collect();
/// assert_eq!(steps, [2, 4, 6]);
/// assert_eq!(history.readings()[0].get("generator_rate"), Some(2e-4));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct History {
    name: String,
    limit: usize,
    thinned: Thinned,
}

/// Readings spread evenly: of the calls so far, counted from 0, the multiples of `stride`, and the
/// last.
#[derive(Debug, Clone, PartialEq)]
struct Thinned {
    stride: u64,
    calls: u64,
    readings: Vec<Reading>,
}

/// A reading as checkpoints hold it: its step, and of each name its number and how many steps
/// earlier it was measured; nothing where the reading has no such number.
type Row = (u64, Vec<Option<(f64, u64)>>);

/// What checkpoints hold.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    stride: u64,
    calls: u64,
    names: Vec<Cow<'static, str>>,
    readings: Vec<Row>,
}

impl Thinned {
    fn new() -> Self {
        Self {
            stride: 1,
            calls: 0,
            readings: Vec::new(),
        }
    }

    fn push(&mut self, reading: Reading, limit: usize) {
        if !self.last_stays() {
            self.readings.pop();
        }
        self.readings.push(reading);
        self.calls += 1;
        self.thin(limit);
    }

    /// Whether the last reading is one of those that are kept, and not there as the last one alone.
    fn last_stays(&self) -> bool {
        let last = self.calls.checked_sub(1);
        last.is_none_or(|last| last.is_multiple_of(self.stride))
    }

    /// Drops every second reading until there are no more than `limit`.
    fn thin(&mut self, limit: usize) {
        while self.readings.len() > limit.max(2) {
            let last = self.readings[self.readings.len() - 1].clone();
            self.stride *= 2;
            let mut index = 0;
            self.readings.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            // The last one may have gone as one of the others, or was there as the last one alone.
            if self.readings.last().map(|kept| kept.step) != Some(last.step) {
                self.readings.push(last);
            }
        }
    }

    /// Forgets what lies behind a step.
    fn cut(&mut self, step: u64) {
        let before = self.readings.len();
        self.readings.retain(|reading| reading.step <= step);
        if self.readings.len() < before {
            let kept = self.readings.len() as u64;
            self.calls = match kept.checked_sub(1) {
                Some(last) => last * self.stride + 1,
                None => 0,
            };
        }
    }
}

impl From<&Thinned> for Stored {
    fn from(thinned: &Thinned) -> Self {
        let names = names(&thinned.readings);
        let row = |reading: &Reading| {
            let numbers = names.iter().map(|name| {
                let number = newest(&reading.numbers, name)?;
                Some((number.value, reading.step.saturating_sub(number.step)))
            });
            (reading.step, numbers.collect())
        };
        Self {
            stride: thinned.stride,
            calls: thinned.calls,
            readings: thinned.readings.iter().map(row).collect(),
            names,
        }
    }
}

impl From<Stored> for Thinned {
    fn from(stored: Stored) -> Self {
        let names = stored.names;
        let reading = |(step, numbers): Row| Reading {
            step,
            numbers: (names.iter().zip(numbers))
                .filter_map(|(name, number)| {
                    let (value, age) = number?;
                    Some(Measurement {
                        name: name.clone(),
                        value,
                        step: step.saturating_sub(age),
                    })
                })
                .collect(),
        };
        Self {
            // 0 would divide nothing.
            stride: stored.stride.max(1),
            calls: stored.calls,
            readings: stored.readings.into_iter().map(reading).collect(),
        }
    }
}

/// The names of all numbers, in the order in which they first come; what only some readings have
/// stands where it does in those.
fn names(readings: &[Reading]) -> Vec<Cow<'static, str>> {
    let mut names: Vec<Cow<'static, str>> = Vec::new();
    for reading in readings {
        let mut place = 0;
        for number in &reading.numbers {
            match names.iter().position(|name| *name == number.name) {
                Some(known) => place = known + 1,
                None => {
                    names.insert(place, number.name.clone());
                    place += 1;
                }
            }
        }
    }
    names
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl History {
    /// The most readings that are kept where [`with_limit`](Self::with_limit) does not say
    /// otherwise: more than a chart has pixels to show.
    pub const LIMIT: usize = 2_000;

    /// An empty history.
    pub fn new() -> Self {
        Self {
            name: "history".to_owned(),
            limit: Self::LIMIT,
            thinned: Thinned::new(),
        }
    }

    /// Keeps at most so many readings.
    ///
    /// # Errors
    /// If the limit is below 2, the first and the last reading.
    pub fn with_limit(mut self, limit: usize) -> Result<Self> {
        check::at_least("limit", limit, 2)?;
        self.limit = limit;
        self.thinned.thin(limit);
        Ok(self)
    }

    /// Its name in checkpoints, `history` if not given. Each of several histories of a run needs
    /// its own.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds the curves of a run to a report, one for each number: losses, weighted terms, the bound
    /// on JS, mean logits, learning rates, and whatever evaluators have measured.
    pub fn report(&self, report: Report) -> Report {
        self.names().iter().fold(report, |report, name| {
            let (chart, line) = chart_of(name);
            let points = self.points(name);
            let points = points.iter().map(|(step, value)| (*step as f64, *value));
            report.curve(chart, line, points)
        })
    }

    /// The names of all numbers that the readings have.
    pub fn names(&self) -> Vec<Cow<'static, str>> {
        names(self.readings())
    }

    /// The course of one number: the steps that it was measured in, and its values. It is empty
    /// where no reading has the number. What an evaluator measured between two readings is there
    /// with its own step; of several such only the last.
    pub fn points(&self, name: &str) -> Vec<(u64, f64)> {
        let numbers = self.readings().iter();
        let mut points: Vec<(u64, f64)> = numbers
            .filter_map(|reading| newest(&reading.numbers, name))
            .map(|number| (number.step, number.value))
            .collect();
        points.dedup_by_key(|(step, _)| *step);
        points
    }

    /// The readings kept, in the order of their steps.
    pub fn readings(&self) -> &[Reading] {
        &self.thinned.readings
    }
}

impl<P: Pair> Observer<P> for History {
    fn is_remembered(&self) -> bool {
        true
    }

    fn observe(&mut self, event: &StepEvent<'_, P>) -> Result<()> {
        self.thinned.push(event.reading().clone(), self.limit);
        Ok(())
    }

    fn remember(&self, memories: &mut Memories) -> Result<()> {
        memories.put(&self.name, &Stored::from(&self.thinned))
    }

    fn recall(&mut self, step: u64, memories: &Memories) -> Result<()> {
        if let Some(stored) = memories.get::<Stored>(&self.name)? {
            self.thinned = stored.into();
        }
        self.thinned.cut(step);
        if self.thinned.readings.is_empty() {
            // A run from the beginning: nothing is left of an earlier one's thinning.
            self.thinned = Thinned::new();
        }
        self.thinned.thin(self.limit);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(step: u64) -> Reading {
        let number = |name: &'static str, value: f64| Measurement {
            name: Cow::Borrowed(name),
            value,
            step,
        };
        let mut numbers = vec![
            number("discriminator_loss", step as f64),
            number("generator_loss", f64::NAN),
            number("js_lower_bound", -1.0),
            number("discriminator_rate", 1e-3),
            number("generator_rate", 1e-4),
        ];
        if step.is_multiple_of(16) {
            numbers.insert(2, number("discriminator_terms", 0.1));
        }
        Reading { step, numbers }
    }

    fn steps(thinned: &Thinned) -> Vec<u64> {
        thinned
            .readings
            .iter()
            .map(|reading| reading.step)
            .collect()
    }

    /// One call after each step from `first` on.
    fn observe(thinned: &mut Thinned, first: u64, last: u64, limit: usize) {
        for step in first..=last {
            thinned.push(reading(step), limit);
        }
    }

    #[test]
    fn a_full_history_keeps_every_second_reading_and_the_last() {
        let mut thinned = Thinned::new();
        observe(&mut thinned, 1, 4, 4);
        assert_eq!(steps(&thinned), [1, 2, 3, 4]);
        observe(&mut thinned, 5, 5, 4);
        assert_eq!(steps(&thinned), [1, 3, 5]);
        observe(&mut thinned, 6, 6, 4);
        assert_eq!(steps(&thinned), [1, 3, 5, 6]);
        observe(&mut thinned, 7, 8, 4);
        assert_eq!(steps(&thinned), [1, 5, 8]);
        observe(&mut thinned, 9, 9, 4);
        assert_eq!(steps(&thinned), [1, 5, 9]);
    }

    #[test]
    fn a_long_run_takes_no_more_memory_than_a_short_one() {
        let mut sizes = Vec::new();
        let mut thinned = Thinned::new();
        let mut last = 0;
        for run in [10_000, 100_000] {
            observe(&mut thinned, last + 1, run, History::LIMIT);
            last = run;
            let kept = steps(&thinned);
            assert!(kept.len() <= History::LIMIT && kept.len() > History::LIMIT / 2);
            assert_eq!((kept[0], kept[kept.len() - 1]), (1, run));
            let gaps: Vec<u64> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let even = &gaps[..gaps.len() - 1];
            assert!(even.iter().all(|gap| *gap == gaps[0]), "{gaps:?}");
            let mut memories = Memories::default();
            let stored = Stored::from(&thinned);
            memories.put("history", &stored).expect("it can be stored");
            sizes.push(rmp_serde::to_vec_named(&stored).expect("bytes").len());
        }
        assert!(
            sizes.iter().all(|size| *size < 80 * History::LIMIT),
            "{sizes:?}"
        );
    }

    #[test]
    fn a_history_cut_by_resumes_anywhere_is_that_of_a_run_never_disturbed() {
        for limit in [2, 3, 7, 10] {
            for stop in 0..100 {
                let mut whole = Thinned::new();
                observe(&mut whole, 1, stop, limit);
                let bytes = rmp_serde::to_vec_named(&Stored::from(&whole)).expect("bytes");
                let stored: Stored = rmp_serde::from_slice(&bytes).expect("its own");
                let mut resumed = Thinned::from(stored);
                resumed.cut(stop);
                observe(&mut whole, stop + 1, 100, limit);
                observe(&mut resumed, stop + 1, 100, limit);
                assert_eq!(steps(&resumed), steps(&whole), "stopped after {stop}");
                assert!(whole.readings.len() <= limit);
                assert_eq!(whole.stride, resumed.stride);
            }
        }
    }

    #[test]
    fn a_limit_below_two_is_refused_and_a_smaller_one_thins_what_is_there() {
        for limit in [0, 1] {
            let error = History::new().with_limit(limit).expect_err("too small");
            assert!(error.to_string().contains("`limit`"), "{error}");
        }
        let mut history = History::new();
        observe(&mut history.thinned, 1, 100, history.limit);
        let history = history.with_limit(30).expect("enough");
        assert_eq!(history.readings().len(), 26);
        assert_eq!(history.readings()[25].step, 100);
    }
}
