//! One process' part of a run: the loop around the step.

use std::time::{Duration, Instant};

use burn::tensor::backend::AutodiffBackend;

use super::batches::BatchIndices;
use super::checkpoint::{Position, Store};
use super::health_check::{HealthCheck, held_out};
use super::preflight::not_finite;
use super::ramp::Ramps;
use super::schedule::warm_up;
use super::step::{StepSettings, step};
use super::trainer::{HeldOut, Watch};
use super::{
    Ending, Finding, HealthWatch, Hooks, Interrupt, Memories, Notice, Policy, RateFactors,
    StepBatch, StepEvent, StepOutcome, TrainState, TrainerConfig,
};
use crate::data::Dataset;
use crate::error::Result;
use crate::network::{TrainableDiscriminator, TrainableGenerator};
use crate::random::{Stream, reseed};

/// What the loop needs beside the state that it moves on.
pub(super) struct Session<'a, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    pub(super) config: TrainerConfig,
    pub(super) ramps: Ramps<TrainerConfig>,
    pub(super) device: B::Device,
    pub(super) observers: Vec<Watch<'a, G, D, B>>,
    pub(super) hooks: Box<dyn Hooks<G, D> + 'a>,
    pub(super) store: Option<Store<'a, G, D, B>>,
    pub(super) interrupt: Interrupt,
    pub(super) held_out: Option<HeldOut<'a, G, B>>,
    pub(super) position: Position,
    pub(super) notices: Vec<Notice>,
}

/// What a health check leads to.
enum Verdict {
    GoOn,
    Halt(Finding),
    RollBack(Finding, f64),
}

impl Position {
    /// That of a run at its beginning.
    pub(super) fn start(config: &TrainerConfig) -> Result<Self> {
        Ok(Self {
            epoch: 0,
            batch: 0,
            samples: 0,
            latents: Stream::new(config.seed, "latent"),
            elapsed: 0.0,
            rate_scale: 1.0,
            rollbacks: 0,
            health: HealthWatch::new(config.health.clone())?.state().clone(),
            unread: Vec::new(),
            findings: Vec::new(),
            memories: Memories::default(),
        })
    }
}

impl<G, D, B> Session<'_, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    /// Lets everybody know.
    pub(super) fn tell(&mut self, notice: Notice) {
        notice.log();
        for (_, observer) in &mut self.observers {
            observer.notice(&notice);
        }
        self.notices.push(notice);
    }

    /// Gives observers back what they remembered after `step` steps.
    pub(super) fn recall(&mut self, step: u64) -> Result<()> {
        for (_, observer) in &mut self.observers {
            observer.recall(step, &self.position.memories)?;
        }
        Ok(())
    }

    /// Makes the steps that are left.
    pub(super) fn train(
        &mut self,
        mut state: TrainState<G, D, B>,
        data: &dyn Dataset<B, Sample = G::Sample, Condition = G::Condition>,
    ) -> Result<(TrainState<G, D, B>, Ending)> {
        self.interrupt.wait();
        let begun = Instant::now();
        let before = Duration::from_secs_f64(self.position.elapsed);
        let first = state.step;
        let mut made = 0;
        let mut batches = self.batches(data.len())?;
        let mut health = self.health()?;
        let mut saved = first;
        while state.step < self.config.steps {
            if self.interrupt.is_requested() {
                let signal = self.interrupt.signal();
                self.save(&state, &mut health, &mut saved)?;
                self.tell(Notice::Interrupted {
                    step: state.step,
                    signal,
                });
                return Ok((state, Ending::Interrupted { signal }));
            }
            let done = state.step;
            let config = self.ramps.at(done)?;
            let rates = self.rates(&config, done);
            let due = health.is_due(done + 1, self.config.steps);
            let (outcome, shown);
            (state, outcome, shown) = self.step(state, &config, rates, due, &mut batches, data)?;
            made += 1;
            (self.position.epoch, self.position.batch) = batches.place();
            self.position.elapsed = (before + begun.elapsed()).as_secs_f64();
            health.keep(state.step, &outcome, shown);
            let event = StepEvent {
                step: state.step,
                steps: self.config.steps,
                samples: self.position.samples,
                config: &config,
                rates,
                state: &state,
                outcome: &outcome,
                elapsed: before + begun.elapsed(),
                session: begun.elapsed(),
                session_steps: made,
            };
            for (rhythm, observer) in &mut self.observers {
                if rhythm.is_due(event.step, event.steps) {
                    observer.observe(&event)?;
                }
            }
            if due {
                match self.check(&state, &outcome, &config, &mut health, data) {
                    Verdict::GoOn => {}
                    Verdict::Halt(finding) => return Ok((state, Ending::Halted(finding))),
                    Verdict::RollBack(finding, factor) => {
                        let rolled_back;
                        let proven = health.before(state.step);
                        (state, rolled_back) = self.roll_back(state, factor, proven)?;
                        if !rolled_back {
                            return Ok((state, Ending::Halted(finding)));
                        }
                        batches = self.batches(data.len())?;
                        health = self.health()?;
                        // The checkpoint is written anew: whoever is killed from here on must not
                        // forget the smaller rates.
                        saved = u64::MAX;
                        self.save(&state, &mut health, &mut saved)?;
                        continue;
                    }
                }
            }
            if self
                .store
                .as_ref()
                .is_some_and(|store| store.is_due(state.step))
            {
                self.save(&state, &mut health, &mut saved)?;
            }
        }
        self.save(&state, &mut health, &mut saved)?;
        Ok((state, Ending::Finished))
    }

    fn batches(&self, len: usize) -> Result<BatchIndices> {
        let place = (self.position.epoch, self.position.batch);
        BatchIndices::from(&self.config.batches, self.config.seed, len, place)
    }

    fn health(&self) -> Result<HealthCheck<B>> {
        let config = self.config.health.clone();
        let watch = HealthWatch::with_state(config.clone(), self.position.health.clone())?;
        Ok(HealthCheck::new(
            config,
            watch,
            self.position.unread.clone(),
        ))
    }

    /// The factors on the learning rates in the step after `done`.
    fn rates(&self, config: &TrainerConfig, done: u64) -> RateFactors {
        let factor = config.schedule.factor(done, config.steps)
            * warm_up(done, config.warm_up)
            * self.position.rate_scale;
        RateFactors {
            generator: factor,
            discriminator: factor,
        }
    }

    /// One step on the next batches; the places of their samples in the data set come back too.
    #[allow(clippy::type_complexity)]
    fn step(
        &mut self,
        mut state: TrainState<G, D, B>,
        config: &TrainerConfig,
        rates: RateFactors,
        vitals: bool,
        batches: &mut BatchIndices,
        data: &dyn Dataset<B, Sample = G::Sample, Condition = G::Condition>,
    ) -> Result<(TrainState<G, D, B>, StepOutcome<B>, Vec<usize>)> {
        let done = state.step;
        // Dropout draws from the backend's one hidden generator.
        reseed::<B>(&self.device, config.seed, "step", done);
        let mut step_batches = Vec::with_capacity(config.discriminator_steps);
        let mut length = 0;
        let mut shown = Vec::new();
        for _ in 0..config.discriminator_steps {
            let indices = batches.next_batch()?;
            length = indices.len();
            self.position.samples += length as u64;
            let (real, condition) = data.batch(&indices, &self.device);
            let latent = config
                .latent
                .draw(length, &mut self.position.latents, &self.device);
            step_batches.push(StepBatch {
                real,
                condition,
                latent,
            });
            shown.extend(indices);
        }
        let (generator, discriminator) = self.hooks.optimizers(
            done,
            config.generator_optimizer,
            config.discriminator_optimizer,
        );
        state
            .generator_optimizer
            .set_config(generator)
            .map_err(|error| error.within("generator_optimizer"))?;
        state
            .discriminator_optimizer
            .set_config(discriminator)
            .map_err(|error| error.within("discriminator_optimizer"))?;
        let settings = StepSettings {
            objective: &config.objective,
            rates,
            gradient_clipping: config.gradient_clipping,
            micro_batches: config.micro_batches,
            ema_decay: config
                .ema
                .map_or(0.0, |ema| ema.decay_at(self.position.samples, length)),
            vitals,
        };
        let (state, outcome) = step(state, &settings, step_batches, self.hooks.as_mut());
        Ok((state, outcome, shown))
    }

    /// Looks after the run's health, and tells what it found.
    fn check(
        &mut self,
        state: &TrainState<G, D, B>,
        outcome: &StepOutcome<B>,
        config: &TrainerConfig,
        health: &mut HealthCheck<B>,
        data: &dyn Dataset<B, Sample = G::Sample, Condition = G::Condition>,
    ) -> Verdict {
        let unseen = self.held_out.as_ref().map(|unseen| {
            held_out(
                state,
                data,
                unseen.as_ref(),
                &config.latent,
                config.seed,
                &self.device,
            )
        });
        let mut verdict = Verdict::GoOn;
        let spoilt = |samples: &[usize]| {
            let (real, _) = data.batch(samples, &self.device);
            not_finite::<B>(samples, real)
        };
        for finding in health.look(state, outcome, &config.objective, unseen, spoilt) {
            let policy = health.policy(&finding);
            if policy == Policy::Ignore {
                continue;
            }
            self.position.findings.push(finding.clone());
            self.tell(Notice::Finding(finding.clone()));
            match (policy, &verdict) {
                (Policy::Halt, Verdict::GoOn | Verdict::RollBack(..)) => {
                    verdict = Verdict::Halt(finding);
                }
                (
                    Policy::Rollback {
                        rate_factor,
                        at_most,
                    },
                    Verdict::GoOn,
                ) => {
                    verdict = if self.position.rollbacks < at_most {
                        Verdict::RollBack(finding, rate_factor)
                    } else {
                        Verdict::Halt(finding)
                    };
                }
                _ => {}
            }
        }
        verdict
    }

    /// Goes back with smaller learning rates to the newest checkpoint of at most `proven` steps, so
    /// that a check behind it has found nothing; `false` where there is none.
    fn roll_back(
        &mut self,
        state: TrainState<G, D, B>,
        factor: f64,
        proven: u64,
    ) -> Result<(TrainState<G, D, B>, bool)> {
        let Some(store) = &mut self.store else {
            return Ok((state, false));
        };
        let from = state.step;
        let (state, position) = store.roll_back(state, proven, &self.device)?;
        let Some(position) = position else {
            return Ok((state, false));
        };
        let now = &self.position;
        self.position = Position {
            elapsed: now.elapsed,
            rate_scale: now.rate_scale * factor,
            rollbacks: now.rollbacks + 1,
            findings: now.findings.clone(),
            ..position
        };
        self.recall(state.step)?;
        self.tell(Notice::RolledBack {
            from,
            to: state.step,
            rate_scale: self.position.rate_scale,
        });
        Ok((state, true))
    }

    /// Writes a checkpoint, unless this step has one.
    fn save(
        &mut self,
        state: &TrainState<G, D, B>,
        health: &mut HealthCheck<B>,
        saved: &mut u64,
    ) -> Result<()> {
        let Some(store) = &mut self.store else {
            return Ok(());
        };
        // A checkpoint of the beginning would save nothing.
        if *saved == state.step {
            return Ok(());
        }
        *saved = state.step;
        self.position.unread = health.unread().to_vec();
        self.position.health = health.watch().state().clone();
        let mut memories = Memories::default();
        for (_, observer) in &self.observers {
            observer.remember(&mut memories)?;
        }
        self.position.memories = memories;
        let notice = store.save(state, &self.position)?;
        self.tell(notice);
        Ok(())
    }
}
