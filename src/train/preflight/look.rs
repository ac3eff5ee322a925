//! A look at the first batches of the data.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::Warning;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::network::{Condition, Sample};
use crate::train::feed::{self, Expected};

/// How many batches are looked at, at most.
const BATCHES: usize = 4;
/// No further batch is looked at behind this many samples.
const SAMPLES: usize = 4_096;
/// How far data may lie outside a generator's range, relative to the range.
const TOLERANCE: f64 = 1e-3;

/// What was seen.
pub(super) struct Look<S, C> {
    /// The first batch.
    pub(super) real: S,
    /// What is known about it.
    pub(super) condition: C,
    /// The smallest and the largest number.
    pub(super) range: [f64; 2],
}

/// Looks at the first batches; a number that is not finite, or a label that is no class of a
/// network (by name and class count), is an error that names the sample.
pub(super) fn at<B: Backend, T: Dataset<B>>(
    data: &T,
    batches: &[Vec<usize>],
    networks: [(&str, Option<usize>); 2],
    device: &B::Device,
) -> Result<Look<T::Sample, T::Condition>> {
    let mut first = None;
    let mut range = [f64::INFINITY, f64::NEG_INFINITY];
    let mut seen = 0;
    for indices in batches.iter().take(BATCHES) {
        if seen >= SAMPLES {
            break;
        }
        seen += indices.len();
        let (real, condition) = feed::batch(data, indices, &Expected::default(), device)?;
        finite(indices, &numbers(real.clone().squared_norms()))?;
        for (network, classes) in networks {
            if let (Some(labels), Some(classes)) = (condition.labels(), classes) {
                within(indices, &labels, network, classes)?;
            }
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
        }),
        None => Err(Error::data("data set", "has no batch to look at")),
    }
}

fn numbers<B: Backend>(x: Tensor<B, 1>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
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

fn within(indices: &[usize], labels: &[i64], network: &str, classes: usize) -> Result<()> {
    let known = |label: i64| usize::try_from(label).is_ok_and(|label| label < classes);
    match indices
        .iter()
        .zip(labels)
        .find(|(_, label)| !known(**label))
    {
        None => Ok(()),
        Some((index, label)) => Err(Error::data(
            "data set",
            format!(
                "sample {index} (counted from 0) has label {label}, and the {network} was made \
                 for {classes} classes, labels 0 to {}; make it for more classes, or change the \
                 labels",
                classes - 1
            ),
        )),
    }
}

/// What the data's range says about a generator of another range.
pub(super) fn against(data: [f64; 2], (low, high): (f64, f64)) -> Option<Warning> {
    let [least, most] = data;
    let generator = [low, high];
    let width = high - low;
    let slack = TOLERANCE
        * if width.is_finite() {
            width
        } else {
            most - least
        };
    if least < low - slack || most > high + slack {
        return Some(Warning::DataOutOfRange { data, generator });
    }
    let middle = low + width / 2.0;
    // Of an unbounded range no half is left empty.
    let one_sided = least >= middle - slack || most <= middle + slack;
    (width.is_finite() && one_sided).then_some(Warning::DataInHalfOfRange { data, generator })
}
