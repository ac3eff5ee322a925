//! Who measures a run: named numbers, computed once and seen by everybody.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::reading::{is_taken, renew};
use super::{Measurement, Notice, Required, Rhythm, StepEvent, Tolerated};
use crate::error::{Error, Result};
use crate::network::guard::caught;
use crate::pair::Pair;

/// An evaluator and its rhythm.
pub(super) type Measure<'a, P> = (Rhythm, Box<dyn Evaluator<P> + 'a>);

/// Measures a run's networks in a rhythm of its own: the distance of samples to the data, the modes
/// that are captured. [`measure_fn`] makes one of a closure.
///
/// What it gives is computed once. Observers find it in [`StepEvent::measurements`] and in the
/// [`Reading`](super::Reading) of the step, logs, charts, progress and report show it by its name,
/// [`Checkpoints::keep_best`](super::Checkpoints::keep_best) chooses by it, and the health watch
/// sees it ([`Worsening`](super::health::Worsening)). Checkpoints hold the newest of each name.
///
/// Only the numbers are in a checkpoint: an evaluator that draws random numbers takes them from a
/// [`Stream`](crate::random::Stream) of the step, so that a resumed run measures the same.
pub trait Evaluator<P: Pair> {
    /// The names of the numbers that it gives, none of which another evaluator of the run has.
    fn names(&self) -> Vec<String>;

    /// Called before the first step, with the shape of a sample (without the batch): refuses what
    /// can't be measured later.
    ///
    /// # Errors
    /// An error keeps the run from being begun.
    fn check(&self, _sample_shape: &[usize]) -> Result<()> {
        Ok(())
    }

    /// Measures after a step, in the evaluator's rhythm and before any observer is called: a number
    /// for each name, in their order.
    ///
    /// A number that is not finite is told ([`Notice::NotMeasured`]), and no checkpoint is the best
    /// by it.
    ///
    /// # Errors
    /// An error ends the run, unless [`ends_run`](Self::ends_run) says otherwise; a panic is taken
    /// for one. The observers see the step, and the state after it is stored first.
    fn evaluate(&mut self, event: &StepEvent<'_, P>) -> Result<Vec<f64>>;

    /// Whether an error of [`evaluate`](Self::evaluate) ends the run. Where it does not
    /// ([`Tolerated`]), it is a [`Notice::NotMeasured`].
    fn ends_run(&self) -> bool {
        true
    }
}

// Asked something after the run, an evaluator is handed over as a reference.
impl<P: Pair, E: Evaluator<P> + ?Sized> Evaluator<P> for &mut E {
    fn names(&self) -> Vec<String> {
        (**self).names()
    }

    fn check(&self, sample_shape: &[usize]) -> Result<()> {
        (**self).check(sample_shape)
    }

    fn evaluate(&mut self, event: &StepEvent<'_, P>) -> Result<Vec<f64>> {
        (**self).evaluate(event)
    }

    fn ends_run(&self) -> bool {
        (**self).ends_run()
    }
}

macro_rules! evaluate_within {
    ($wrapper:ident, $ends_run:literal) => {
        impl<P: Pair, E: Evaluator<P>> Evaluator<P> for $wrapper<E> {
            fn names(&self) -> Vec<String> {
                self.0.names()
            }

            fn check(&self, sample_shape: &[usize]) -> Result<()> {
                self.0.check(sample_shape)
            }

            fn evaluate(&mut self, event: &StepEvent<'_, P>) -> Result<Vec<f64>> {
                self.0.evaluate(event)
            }

            fn ends_run(&self) -> bool {
                $ends_run
            }
        }
    };
}

evaluate_within!(Required, true);
evaluate_within!(Tolerated, false);

/// A closure as an evaluator; see [`measure_fn`].
pub struct EvaluatorFn<F> {
    name: String,
    measure: F,
}

impl<F> std::fmt::Debug for EvaluatorFn<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EvaluatorFn").field(&self.name).finish()
    }
}

/// Makes an evaluator of a closure that measures one number.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::train::{History, Rhythm, StepEvent, Trainer, TrainerConfig, measure_fn};
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
///     .evaluate(Rhythm::Every(3), measure_fn("thirds", |event: &StepEvent<'_, _>| {
///         Ok(event.step as f64 / 3.0)
///     }))
///     .observe(Rhythm::Every(2), &mut history)
///     .run(gan, &data)?;
/// // The history sees each number at its next reading.
/// assert_eq!(history.points("thirds"), [(3, 1.0), (6, 2.0)]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub fn measure_fn<P, F>(name: impl Into<String>, measure: F) -> EvaluatorFn<F>
where
    P: Pair,
    F: FnMut(&StepEvent<'_, P>) -> Result<f64>,
{
    EvaluatorFn {
        name: name.into(),
        measure,
    }
}

impl<P, F> Evaluator<P> for EvaluatorFn<F>
where
    P: Pair,
    F: FnMut(&StepEvent<'_, P>) -> Result<f64>,
{
    fn names(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn evaluate(&mut self, event: &StepEvent<'_, P>) -> Result<Vec<f64>> {
        (self.measure)(event).map(|value| vec![value])
    }
}

/// The names of all numbers that evaluators give.
///
/// # Errors
/// If one has no name, or one that is taken.
pub(super) fn names<P: Pair>(evaluators: &[Measure<'_, P>]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for name in (evaluators.iter()).flat_map(|(_, evaluator)| evaluator.names()) {
        let reason = if name.is_empty() {
            "must have a name"
        } else if is_taken(&name) {
            "is a name of the run's own; give the number another one"
        } else if names.contains(&name) {
            "is measured by two evaluators; give each number a name of its own"
        } else {
            names.insert(name);
            continue;
        };
        return Err(Error::setting("evaluate.name", name, reason));
    }
    Ok(names)
}

/// Calls the evaluators that are due after a step, and takes what they measure over into
/// `measurements`, where later ones find it. What is to be told, and the first error of one that
/// ends the run.
pub(super) fn evaluate<P: Pair>(
    evaluators: &mut [Measure<'_, P>],
    event: &StepEvent<'_, P>,
    measurements: &mut Vec<Measurement>,
) -> (Vec<Notice>, Option<Error>) {
    let (mut notices, mut first) = (Vec::new(), None);
    let step = event.step;
    for (rhythm, evaluator) in evaluators {
        if !rhythm.is_due(step, event.steps) {
            continue;
        }
        let measured = caught(|| {
            let names = evaluator.names();
            let event = event.with_measurements(measurements);
            let values = evaluator.evaluate(&event)?;
            Ok((names, values))
        });
        let measured = measured.unwrap_or_else(|words| {
            Err(Error::Panic {
                what: format!("an evaluator of step {step}"),
                words,
            })
        });
        let not_measured = |metric: String, problem: String| Notice::NotMeasured {
            step,
            metric,
            problem,
        };
        let error = match measured {
            Ok((names, values)) if names.len() == values.len() => {
                for (name, value) in names.into_iter().zip(values) {
                    if !value.is_finite() {
                        notices.push(not_measured(name.clone(), format!("it is {value}")));
                    }
                    renew(
                        measurements,
                        Measurement {
                            name: Cow::Owned(name),
                            value,
                            step,
                        },
                    );
                }
                continue;
            }
            Ok((names, values)) => Error::setting(
                "evaluate.names",
                names.join(", "),
                format!("must be as many as the numbers measured, {}", values.len()),
            ),
            Err(error) => error,
        };
        if evaluator.ends_run() {
            first.get_or_insert(error);
        } else {
            let names = caught(|| evaluator.names()).unwrap_or_default();
            notices.push(not_measured(names.join("`, `"), error.to_string()));
        }
    }
    (notices, first)
}
