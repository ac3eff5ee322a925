//! Brings a run's numbers to the health watch.

use crate::pair::Pair;
use burn::module::AutodiffModule;
use burn::tensor::Device;
use std::collections::VecDeque;

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::StepEvent;
use super::feed::{self, Expected};
use super::health::{
    DiversityReading, Finding, GradientReading, HealthConfig, HealthWatch, HeldOutReading,
    LogitReading, LossReading, Policy, VitalSigns,
};
use crate::data::Dataset;
use crate::divergence::js_lower_bound;
use crate::error::{Error, Result};
use crate::latent::Latent;
use crate::network::{Condition, Discriminator, Generator, Sample, not_finite};
use crate::objective::Objective;
use crate::random::{Stream, derived_seed};
use crate::readback::scalar;
use crate::step::{GradientNorms, Vitals};
use crate::step::{StepOutcome, TrainState};

/// Samples of each kind that the discriminator is asked about.
const HELD_OUT: usize = 64;
/// Steps whose samples are remembered: looks that are further apart don't name spoilt samples of
/// all the steps between them.
const SHOWN: usize = 1_000;

/// A step's losses, still on the device.
#[derive(Debug)]
struct Pending<B: AutodiffBackend> {
    step: u64,
    discriminator: Tensor<B::InnerBackend, 1>,
    discriminator_penalty: Option<Tensor<B::InnerBackend, 1>>,
    generator: Tensor<B::InnerBackend, 1>,
    generator_penalty: Option<Tensor<B::InnerBackend, 1>>,
}

/// Collects losses on the device, and reads them and the rest at the watch's rhythm.
#[derive(Debug)]
pub(super) struct HealthCheck<B: AutodiffBackend> {
    watch: HealthWatch,
    config: HealthConfig,
    pending: Vec<Pending<B>>,
    /// The samples that the last steps were made with, of those since the last look.
    shown: VecDeque<(u64, Vec<usize>)>,
    /// Read already, not looked at yet.
    unread: Vec<LossReading>,
    /// The loss of guessing, and of which objective it is: the same for a whole run, as a rule.
    guessing: Option<(Objective, Option<f64>)>,
}

impl<B: AutodiffBackend> HealthCheck<B> {
    pub(super) fn new(config: HealthConfig, watch: HealthWatch, unread: Vec<LossReading>) -> Self {
        Self {
            watch,
            config,
            pending: Vec::new(),
            shown: VecDeque::new(),
            unread,
            guessing: None,
        }
    }

    /// The loss of guessing of an objective; measured again only where the objective is another.
    fn loss_of_guessing(&mut self, objective: &Objective, device: &B::Device) -> Option<f64> {
        let known = self.guessing.as_ref();
        if let Some((_, loss)) = known.filter(|(of, _)| of.has_the_costs_of(objective)) {
            return *loss;
        }
        let loss = objective.loss_of_guessing::<B>(device);
        self.guessing = Some((objective.clone(), loss));
        loss
    }

    /// Whether the watch looks after `step` steps of `steps`: after the first, in its rhythm, and
    /// after the last.
    pub(super) fn is_due(&self, step: u64, steps: u64) -> bool {
        self.config.is_due(step, steps)
    }

    /// The step of the check before that after `step` steps; 0 where there was none.
    pub(super) fn before(&self, step: u64) -> u64 {
        let last = step.saturating_sub(1);
        let due = last - last % self.config.every.max(1);
        due.max(last.min(1))
    }

    pub(super) fn watch(&self) -> &HealthWatch {
        &self.watch
    }

    pub(super) fn policy(&self, finding: &Finding) -> Policy {
        self.watch.policy(finding)
    }

    /// Keeps a step's losses for the next look, and the places of its samples in the data set;
    /// nothing is read.
    #[inline(never)]
    pub(super) fn keep(&mut self, step: u64, outcome: &StepOutcome<B>, samples: Vec<usize>) {
        if self.config.every == 0 {
            return;
        }
        while self.shown.len() >= SHOWN {
            self.shown.pop_front();
        }
        self.shown.push_back((step, samples));
        self.pending.push(Pending {
            step,
            discriminator: outcome.discriminator_loss.clone(),
            discriminator_penalty: outcome.discriminator_terms.clone(),
            generator: outcome.generator_loss.clone(),
            generator_penalty: outcome.generator_terms.clone(),
        });
    }

    /// Drops what was kept: another process looks.
    pub(super) fn forget(&mut self) {
        self.pending.clear();
        self.shown.clear();
    }

    /// The losses since the last look, read now.
    #[inline(never)]
    pub(super) fn unread(&mut self) -> &[LossReading] {
        let read = |loss: Option<Tensor<B::InnerBackend, 1>>| loss.as_ref().map(scalar);
        let readings = self.pending.drain(..).map(|pending| LossReading {
            step: pending.step,
            discriminator: scalar(&pending.discriminator),
            discriminator_penalty: read(pending.discriminator_penalty),
            generator: scalar(&pending.generator),
            generator_penalty: read(pending.generator_penalty),
        });
        self.unread.extend(readings);
        &self.unread
    }

    /// Reads everything and lets the watch judge. `spoilt` tells which of some samples of the data
    /// set hold a number that is not finite; it is asked only where a loss is not.
    pub(super) fn look<P: Pair<Backend = B>>(
        &mut self,
        event: &StepEvent<'_, P>,
        held_out: Option<HeldOutReading>,
        spoilt: impl FnOnce(&[usize]) -> Vec<usize>,
    ) -> Vec<Finding> {
        let (state, outcome, objective) = (event.state, event.outcome, &event.config.objective);
        self.unread();
        let losses = std::mem::take(&mut self.unread);
        let vitals = outcome.vitals.as_ref();
        let gradients = |norms: fn(&Vitals<B>) -> &GradientNorms<B>| {
            vitals.map(|vitals| {
                let norms = norms(vitals);
                GradientReading {
                    names: norms.names.clone().into(),
                    squared_norms: norms.squared_norms.to_data().iter().collect(),
                }
            })
        };
        let mut signs = VitalSigns {
            step: state.step,
            losses,
            loss_of_guessing: self.loss_of_guessing(objective, &outcome.real.logits.device()),
            generator_gradients: gradients(|vitals| &vitals.generator_gradients),
            discriminator_gradients: gradients(|vitals| &vitals.discriminator_gradients),
            logits: Some(logits(outcome)),
            diversity: vitals.map(|vitals| DiversityReading {
                real: scalar(&vitals.real_diversity),
                fake: scalar(&vitals.fake_diversity),
            }),
            held_out,
            weights: Vec::new(),
            spoilt_samples: Vec::new(),
            measurements: event.measurements.to_vec(),
            resident_bytes: memory_stats::memory_stats().map(|stats| stats.physical_mem as u64),
        };
        if !all_finite(&signs) {
            signs.weights = not_finite::<B, _>(&state.gan);
            let shown = std::mem::take(&mut self.shown);
            let first = signs.losses.iter().find(|reading| !is_finite(reading));
            let samples = first.and_then(|first| {
                let step = shown.into_iter().find(|(step, _)| *step == first.step);
                step.map(|(_, samples)| samples)
            });
            signs.spoilt_samples = samples.map(|samples| spoilt(&samples)).unwrap_or_default();
        }
        self.shown.clear();
        self.watch.check(&signs)
    }
}

/// Whether all losses of a step are numbers.
fn is_finite(reading: &LossReading) -> bool {
    let penalties = [reading.discriminator_penalty, reading.generator_penalty];
    reading.discriminator.is_finite()
        && reading.generator.is_finite()
        && penalties.into_iter().flatten().all(f64::is_finite)
}

/// Whether losses and gradients are numbers; weights are looked through only if not.
fn all_finite(signs: &VitalSigns) -> bool {
    let losses = signs.losses.iter().all(is_finite);
    let gradients = [&signs.generator_gradients, &signs.discriminator_gradients];
    losses
        && gradients.into_iter().flatten().all(|reading| {
            reading
                .squared_norms
                .iter()
                .all(|square| square.is_finite())
        })
}

fn logits<B: AutodiffBackend>(outcome: &StepOutcome<B>) -> LogitReading {
    let real: Vec<f64> = outcome.real.logits.to_data().iter().collect();
    let fake: Vec<f64> = outcome.fake.logits.to_data().iter().collect();
    let bound = js_lower_bound(outcome.real.logits.clone(), outcome.fake.logits.clone());
    LogitReading {
        real_mean: mean(&real),
        fake_mean: mean(&fake),
        separated: separated(real, fake),
        js_lower_bound: scalar(&bound),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// P(real > fake) over all pairs, ties counted half: the area under the ROC curve.
fn separated(mut real: Vec<f64>, mut fake: Vec<f64>) -> f64 {
    if real.is_empty() || fake.is_empty() {
        return 0.5;
    }
    real.sort_unstable_by(f64::total_cmp);
    fake.sort_unstable_by(f64::total_cmp);
    let (mut below, mut up_to, mut wins) = (0, 0, 0.0);
    for logit in &real {
        while below < fake.len() && fake[below] < *logit {
            below += 1;
        }
        while up_to < fake.len() && fake[up_to] <= *logit {
            up_to += 1;
        }
        wins += 0.5 * (below + up_to) as f64;
    }
    wins / (real.len() * fake.len()) as f64
}

/// What the discriminator makes of training, held-out and generated samples, without a tape.
pub(super) fn held_out<P: Pair>(
    state: &TrainState<P>,
    training: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    held_out: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    expected: &Expected,
    latent: &Latent,
    seed: u64,
    device: &Device<P::Backend>,
) -> Result<HeldOutReading> {
    // A stream of its own: the run's numbers stay what they are.
    let mut stream = Stream::new(derived_seed(seed, "held out", state.step), "held out");
    let discriminator = state.gan.discriminator.valid();
    let mut draw = |data: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>| {
        let count = HELD_OUT.min(data.len());
        let indices: Vec<usize> = (0..count).map(|_| stream.index(data.len())).collect();
        let (sample, condition) = feed::batch(data, &indices, expected, device)?;
        Ok::<_, Error>((sample.into_inner(), condition.inner(), count))
    };
    let average = |sample, condition: &_| {
        let verdict = discriminator.discriminate(sample, condition);
        scalar(&verdict.logits.mean())
    };
    let (sample, condition, _) = draw(held_out)?;
    let held_out = average(sample, &condition);
    let (sample, condition, count) = draw(training)?;
    let training = average(sample, &condition);
    let z = latent.draw(count, &mut stream, device);
    let fake = state.gan.generator.valid().generate(z, &condition);
    Ok(HeldOutReading {
        training,
        held_out,
        fake: average(fake, &condition),
    })
}

crate::compiled::compiled! {
    HealthCheck::<Tape>::keep,
    HealthCheck::<Tape>::unread,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separation_is_the_share_of_pairs_in_order() {
        assert_eq!(separated(vec![1.0, 2.0], vec![0.0, -3.0]), 1.0);
        assert_eq!(separated(vec![0.0], vec![1.0, 2.0]), 0.0);
        assert_eq!(separated(vec![0.0, 0.0], vec![0.0, 0.0]), 0.5);
        // Pairs in order: (1, 0), (3, 0), (3, 2) of four.
        assert_eq!(separated(vec![3.0, 1.0], vec![2.0, 0.0]), 0.75);
    }
}
