//! A look at the first batches of the data.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::warning::{Interval, Warning, way_into};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::network::{Condition, Sample};
use crate::step::diversity;
use crate::train::feed::{self, Expected};

/// How many batches are looked at, at most.
const BATCHES: usize = 4;
/// No further batch is looked at behind this many samples.
const SAMPLES: usize = 4_096;
/// How far data may lie outside a generator's range, relative to the range.
const TOLERANCE: f64 = 1e-3;
/// How many widths of a generator's range data may lie beyond it: standardised data lies within two
/// or three of [−1, 1], pixels from 0 to 255 within 127.
const FAR: f64 = 10.0;
/// Samples for each class after which a class that was not seen is told: of as many classes of one
/// size one is missed with a probability of e⁻²⁰.
const ENOUGH: usize = 20;
/// Classes that are named, at most.
const NAMED: usize = 10;
/// A mean squared distance of neighbours, relative to the mean squared norm, that is rounding.
const ROUNDING: f64 = 1e-12;

/// What was seen.
pub(super) struct Look<S, C> {
    /// The first batch.
    pub(super) real: S,
    /// What is known about it.
    pub(super) condition: C,
    /// The smallest and the largest number.
    pub(super) range: [f64; 2],
    /// The labels, where there are any.
    pub(super) labels: Labels,
}

/// The labels that were seen.
#[derive(Default)]
pub(super) struct Labels {
    pub(super) classes: BTreeSet<i64>,
    /// Of how many samples.
    pub(super) samples: usize,
    /// Whether these are all that there are.
    pub(super) all: bool,
}

impl Labels {
    fn add(&mut self, labels: impl IntoIterator<Item = i64>) {
        for label in labels {
            self.classes.insert(label);
            self.samples += 1;
        }
    }
}

/// Looks at the first batches; a number that is not finite, or a label that is no class of a
/// network (by name and class count), is an error that names the sample.
#[inline(never)]
pub(super) fn at<B: Backend, T: Dataset<B> + ?Sized>(
    data: &T,
    batches: &[Vec<usize>],
    classes: &[(&'static str, usize)],
    device: &B::Device,
) -> Result<Look<T::Sample, T::Condition>> {
    let mut first = None;
    let mut range = [f64::INFINITY, f64::NEG_INFINITY];
    let mut seen = 0;
    let mut labels = Labels::default();
    if let Some(all) = data.labels() {
        labels.all = true;
        labels.add(all.iter().map(|label| *label as i64));
    }
    for indices in batches.iter().take(BATCHES) {
        if seen >= SAMPLES {
            break;
        }
        seen += indices.len();
        let (real, condition) = feed::batch(data, indices, &Expected::default(), device)?;
        finite(indices, &numbers(real.clone().squared_norms()))?;
        feed::labels_within(indices, &condition, classes)?;
        if !labels.all {
            labels.add(condition.labels().into_iter().flatten());
        }
        let [least, most] = real.clone().extremes().map(numbers);
        range[0] = least.into_iter().fold(range[0], f64::min);
        range[1] = most.into_iter().fold(range[1], f64::max);
        first.get_or_insert((real, condition));
    }
    match first {
        Some((real, condition)) => Ok(Look {
            real,
            condition,
            range,
            labels,
        }),
        None => Err(Error::data("data set", "has no batch to look at")),
    }
}

fn numbers<B: Backend>(x: Tensor<B, 1>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}

/// Which of the samples of a batch, by their places in the data set, hold a number that is not
/// finite or can't be squared.
#[inline(never)]
pub(in crate::train) fn not_finite<B: Backend, S: Sample<B>>(
    indices: &[usize],
    batch: S,
) -> Vec<usize> {
    let norms = numbers(batch.squared_norms());
    let pairs = indices.iter().zip(norms);
    let spoilt = pairs.filter(|(_, norm)| !norm.is_finite());
    spoilt.map(|(index, _)| *index).collect()
}

fn finite(indices: &[usize], squared_norms: &[f64]) -> Result<()> {
    let wrong = indices
        .iter()
        .zip(squared_norms)
        .find(|(_, norm)| !norm.is_finite());
    let Some((index, norm)) = wrong else {
        return Ok(());
    };
    let what = if norm.is_nan() {
        "NaN"
    } else {
        "an infinity, or numbers too large to be squared"
    };
    Err(Error::data(
        "data set",
        format!(
            "sample {index} (counted from 0) holds {what}: a run would carry it into every \
             weight; repair the sample or leave it out"
        ),
    ))
}

/// What the data's range says about a generator of another range. Data that lies far outside is an
/// error: of what it can't come near, a generator learns the side alone.
pub(super) fn against(data: [f64; 2], (low, high): (f64, f64)) -> Result<Option<Warning>> {
    let [least, most] = data;
    let generator = [low, high];
    let width = high - low;
    let beyond = (low - least).max(most - high);
    if width.is_finite() && beyond > FAR * width {
        let size = |ends: [f64; 2]| ends[0].abs().max(ends[1].abs());
        return Err(Error::data(
            "data set",
            format!(
                "it lies in {}, and the generator draws in {}: the data reaches {:.0} times as far; \
                 {}",
                Interval(data),
                Interval(generator),
                size(data) / size(generator),
                way_into(generator)
            ),
        ));
    }
    let slack = TOLERANCE
        * if width.is_finite() {
            width
        } else {
            most - least
        };
    if least < low - slack || most > high + slack {
        return Ok(Some(Warning::DataOutOfRange { data, generator }));
    }
    let middle = low + width / 2.0;
    // Of an unbounded range no half is left empty.
    let one_sided = least >= middle - slack || most <= middle + slack;
    let warning = Warning::DataInHalfOfRange { data, generator };
    Ok((width.is_finite() && one_sided).then_some(warning))
}

/// What labels say: all of one class, or classes without a sample.
pub(super) fn labels(seen: &Labels, classes: Option<usize>) -> Option<Warning> {
    let samples = seen.samples;
    let first = *seen.classes.first()?;
    let classes = classes.unwrap_or(usize::try_from(first).unwrap_or(0) + 1);
    // Two samples of one class say nothing.
    let enough = seen.all || samples >= ENOUGH * classes;
    if !enough || classes < 2 {
        return None;
    }
    if seen.classes.len() == 1 {
        return Some(Warning::OneClass {
            class: first,
            samples,
            classes,
        });
    }
    let missing = (0..classes).filter(|class| !seen.classes.contains(&(*class as i64)));
    let missing: Vec<usize> = missing.collect();
    (!missing.is_empty()).then(|| Warning::MissingClasses {
        count: missing.len(),
        missing: missing.into_iter().take(NAMED).collect(),
        samples,
        classes,
    })
}

/// Whether the first batch has no spread: the squared distances of neighbours are rounding beside
/// the samples themselves.
#[inline(never)]
pub(super) fn without_spread<B, S>(real: &S) -> bool
where
    B: AutodiffBackend,
    S: Sample<B>,
{
    if real.batch_size() < 2 {
        return false;
    }
    let norms = numbers(real.clone().squared_norms());
    let mean = norms.iter().sum::<f64>() / norms.len() as f64;
    numbers(diversity::<S, B>(real.clone()))
        .iter()
        .all(|diversity| *diversity <= ROUNDING * mean)
}

crate::compiled::compiled! {
    at::<Tape, dyn Dataset<Tape, Sample = Tensor<Tape, 2>, Condition = ()>>,
    at::<Tape, dyn Dataset<Tape, Sample = Tensor<Tape, 2>, Condition = crate::network::Labels<Tape>>>,
    at::<Tape, dyn Dataset<Tape, Sample = Tensor<Tape, 4>, Condition = ()>>,
    at::<Tape, dyn Dataset<Tape, Sample = Tensor<Tape, 4>, Condition = crate::network::Labels<Tape>>>,
    not_finite::<Tape, Tensor<Tape, 2>>,
    not_finite::<Tape, Tensor<Tape, 4>>,
    without_spread::<Tape, Tensor<Tape, 2>>,
    without_spread::<Tape, Tensor<Tape, 4>>,
}
