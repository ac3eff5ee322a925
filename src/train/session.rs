//! One process' part of a run: the loop around the step.

use crate::pair::Pair;
use burn::tensor::Device;
use std::cell::OnceCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::checkpoint::{Position, Store, packed, unpacked};
use super::drawn::{Drawn, RealBatch, Source};
use super::evaluator::{self, Measure, evaluate};
use super::feed::{self, Expected};
use super::health_check::{HealthCheck, held_out};
use super::preflight::not_finite;
use super::ramp::Ramps;
use super::reading::{is_of_the_step, newest};
use super::schedule::warm_up;
use super::snapshot::Snapshot;
use super::together::{self, Judgement};

use super::trainer::{HeldOut, Watch};
use super::{Ending, HealthWatch, Interrupt, Memories, Notice, Policy, StepEvent, TrainerConfig};
use crate::data::{BatchIndices, Dataset, Loader};
use crate::error::{Error, Result};
use crate::network::CustomConditions;
use crate::network::guard::{caught, tried};
use crate::process::ProcessGroup;
use crate::random::{StepDraws, Stream, derived_seed};
use crate::step::{
    Hooks, RateFactors, Share, StepBatch, StepOutcome, StepSettings, Together, TrainState, WISHES,
    guarded_step,
};
use crate::terminal;

/// Findings that a run remembers, in its checkpoints too, and notices.
const FINDINGS: usize = 1_000;
const NOTICES: usize = 10_000;

/// What the loop needs beside the state that it moves on.
pub(super) struct Session<'a, P: Pair> {
    pub(super) config: TrainerConfig,
    pub(super) ramps: Ramps<TrainerConfig>,
    pub(super) device: Device<P::Backend>,
    pub(super) evaluators: Vec<Measure<'a, P>>,
    pub(super) observers: Vec<Watch<'a, P>>,
    pub(super) hooks: Box<dyn Hooks<P> + 'a>,
    pub(super) store: Option<Store>,
    pub(super) interrupt: Interrupt,
    pub(super) held_out: Option<HeldOut<'a, P>>,
    /// What every batch must be.
    pub(super) expected: Expected,
    /// The program's own rule for the conditions of generated batches.
    pub(super) conditions: Option<Box<CustomConditions<P::Condition>>>,
    /// The layers of the generator's style space, where it has one.
    pub(super) style_layers: Option<usize>,
    pub(super) position: Position,
    pub(super) draws: StepDraws,
    pub(super) notices: Vec<Notice>,
    /// Steps made.
    pub(super) step: u64,
    /// The step whose state is not worth a checkpoint, and why.
    pub(super) refused: Option<(u64, String)>,
    /// The number by which the best checkpoint is chosen, in the step that it was measured in.
    pub(super) best: Option<(u64, f64)>,
    /// Who trains together.
    pub(super) group: Rc<dyn ProcessGroup + 'a>,
    /// What the run is made with, as it is stored.
    pub(super) settings: serde_json::Value,
}

/// The run between two steps, where an error or a panic may find it.
struct Work<'a, P: Pair> {
    /// The state after `step` steps; `None` where a panic in the middle of a step took it along.
    state: Option<TrainState<P>>,
    step: u64,
    loader: Loader<'a, RealBatch<P>>,
    health: HealthCheck<P::Backend>,
    /// The step of the newest checkpoint.
    saved: u64,
    begun: Instant,
    /// Training time before this process.
    before: Duration,
    /// Steps made in this process.
    made: u64,
    /// How the group has agreed to end.
    asked: Option<Ending>,
}

/// What a run's loop came to.
pub(super) struct Trained<P: Pair> {
    pub(super) state: TrainState<P>,
    pub(super) ending: Ending,
    /// Why the state could not be stored, where it should be.
    pub(super) unsaved: Option<String>,
}

impl Position {
    /// That of a run at its beginning.
    pub(super) fn start(config: &TrainerConfig) -> Result<Self> {
        Ok(Self {
            epoch: 0,
            used: 0,
            samples: 0,
            latents: Stream::new(config.seed, "latent"),
            conditions: Stream::new(config.seed, "conditions"),
            styles: Stream::new(config.seed, "styles"),
            elapsed: 0.0,
            rate_scale: 1.0,
            rollbacks: 0,
            health: HealthWatch::new(config.health.clone())?.state().clone(),
            unread: Vec::new(),
            findings: Vec::new(),
            memories: Memories::default(),
            measurements: Vec::new(),
        })
    }
}

impl<P: Pair> Session<'_, P> {
    /// Lets everybody know. What must not be missed is written to standard error where there is
    /// neither an observer that shows it nor a logger that takes it.
    pub(super) fn tell(&mut self, notice: Notice) {
        if !self.group.is_first() {
            keep(&mut self.notices, notice, NOTICES);
            return;
        }
        let logged = notice.log();
        let mut shown = logged;
        let mut failures = Vec::new();
        for (_, observer) in &mut self.observers {
            shown |= observer.shows_notices();
            if let Err(words) = caught(|| observer.notice(&notice)) {
                failures.push(Notice::ObserverFailed {
                    step: self.step,
                    problem: words,
                });
            }
        }
        if notice.is_urgent() && !shown {
            terminal::say(&notice);
        }
        keep(&mut self.notices, notice, NOTICES);
        // Not to the observers: one that fails at each notice would never hear the last.
        for failure in failures {
            keep(&mut self.notices, failure, NOTICES);
        }
    }

    /// Lets everybody know what happened in the folder of checkpoints.
    pub(super) fn tell_of_folder(&mut self) {
        let notices = self.store.as_mut().map(Store::take_notices);
        for notice in notices.into_iter().flatten() {
            self.tell(notice);
        }
    }

    /// Gives observers back what they remembered after `step` steps. Numbers that nobody measures
    /// any more are forgotten.
    pub(super) fn recall(&mut self, step: u64) -> Result<()> {
        let measured = evaluator::names(&self.evaluators)?;
        let numbers = &mut self.position.measurements;
        numbers.retain(|number| measured.contains(&*number.name));
        for (_, observer) in &mut self.observers {
            observer.recall(step, &self.position.memories)?;
        }
        Ok(())
    }

    /// Makes the steps that are left.
    ///
    /// # Errors
    /// Whatever ends the run before its end, after the state of the last whole step was stored.
    pub(super) fn train(
        &mut self,
        state: TrainState<P>,
        data: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    ) -> Result<Trained<P>> {
        self.interrupt.wait();
        let order = self.order(data.len())?;
        // The loader's threads read while the session changes.
        let (expected, device) = (self.expected.clone(), self.device.clone());
        let here = self.here();
        let read = |indices: &[usize]| {
            feed::batch(
                data,
                &indices[here.range(indices.len())],
                &expected,
                &device,
            )
        };
        Loader::scope(self.config.loading, order, &read, |loader| {
            self.train_on(state, data, loader)
        })
    }

    fn train_on(
        &mut self,
        state: TrainState<P>,
        data: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
        loader: Loader<'_, RealBatch<P>>,
    ) -> Result<Trained<P>> {
        let mut work = Work {
            step: state.step,
            saved: state.step,
            loader,
            health: self.health()?,
            state: Some(state),
            begun: Instant::now(),
            before: Duration::from_secs_f64(self.position.elapsed),
            made: 0,
            asked: None,
        };
        let ended = caught(|| self.steps(&mut work, data)).unwrap_or_else(|words| {
            Err(Error::Panic {
                what: format!("the run, after step {},", work.step),
                words,
            })
        });
        let ended = ended.map(|ending| {
            // A run that was halted is not stored: what halted it is in its state.
            let unsaved = match ending {
                Ending::Halted(_) => None,
                _ => self.save(&mut work),
            };
            (ending, unsaved)
        });
        let step = work.step;
        match ended {
            Ok((ending, unsaved)) => {
                match ending {
                    Ending::Interrupted { signal } => {
                        self.tell(Notice::Interrupted { step, signal });
                    }
                    Ending::TimeUp => self.tell(Notice::TimeUp {
                        step,
                        seconds: self.config.limits.seconds.unwrap_or_default(),
                    }),
                    _ => {}
                }
                let Some(state) = work.state else {
                    unreachable!("a run that ends without an error has its state");
                };
                Ok(Trained {
                    state,
                    ending,
                    unsaved,
                })
            }
            Err(error) => {
                if !matches!(error, Error::Process { .. }) {
                    self.group.fail(&error.to_string());
                }
                if work.state.is_some() {
                    self.save(&mut work);
                } else if self.store.is_some() {
                    self.tell(Notice::NotSaved {
                        step,
                        problem:
                            "an error in the generator's half of the next step took the state \
                                  along"
                                .to_owned(),
                    });
                }
                self.tell(Notice::Failed {
                    step,
                    problem: error.to_string(),
                });
                Err(error)
            }
        }
    }

    /// The loop. An error leaves in `work` what was whole before it.
    fn steps(
        &mut self,
        work: &mut Work<'_, P>,
        data: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    ) -> Result<Ending> {
        let alone = self.group.size() == 1;
        if !alone {
            // Later steps agree in the sums of their gradients.
            let wishes = self.group.sum_f64(self.wishes(work).to_vec())?;
            let wishes = wishes.try_into().unwrap_or_default();
            work.asked = together::ending(wishes);
        }
        while work.step < self.config.steps {
            if alone {
                work.asked = together::ending(self.wishes(work));
            }
            if let Some(ending) = work.asked.take() {
                return Ok(ending);
            }
            match self.one_step(work, data)? {
                Judgement::GoOn => {}
                Judgement::Halt(finding) => return Ok(Ending::Halted(finding)),
                Judgement::RollBack(finding, factor) => {
                    if !self.roll_back(work, factor, data.len())? {
                        return Ok(Ending::Halted(finding));
                    }
                }
            }
        }
        if let Some(state) = work.state.as_ref().filter(|_| work.made > 0) {
            together::judge(&*self.group, state, || Ok(Judgement::GoOn))?;
        }
        Ok(Ending::Finished)
    }

    /// Which part of each batch this process has.
    fn here(&self) -> Share {
        Share::new(self.group.rank(), self.group.size())
    }

    /// Whether this process wants to stop, and why.
    fn wishes(&self, work: &Work<'_, P>) -> [f64; WISHES] {
        let elapsed = work.before + work.begun.elapsed();
        let limit = self.config.limits.seconds;
        together::wishes(
            self.interrupt.is_requested(),
            self.interrupt.signal(),
            limit.is_some_and(|seconds| elapsed.as_secs_f64() >= seconds),
        )
    }

    /// One step, and all that comes after it: evaluators, observers, the health check, the
    /// checkpoint.
    fn one_step(
        &mut self,
        work: &mut Work<'_, P>,
        data: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    ) -> Result<Judgement> {
        let done = work.step;
        let config = TrainerConfig::at(&mut self.ramps, done);
        let rates = self.rates(&config, done);
        let due = work.health.is_due(done + 1, self.config.steps);
        let left = usize::try_from(self.config.steps - done).unwrap_or(usize::MAX);
        work.loader.make_ready(
            config.discriminator_steps,
            left.saturating_mul(config.discriminator_steps),
        );
        // Dropout draws from the backend's one hidden generator; each process has other samples.
        let seed = match self.group.rank() {
            0 => config.seed,
            rank => derived_seed(config.seed, "process", rank as u64),
        };
        let turn = self.draws.step::<P::Backend>(&self.device, seed, done);
        let source = Source {
            data,
            expected: &self.expected,
            rule: self.conditions.as_deref(),
            style_layers: self.style_layers,
            here: self.here(),
            device: &self.device,
        };
        let drawn = source.draw(&config, &mut work.loader, &self.position);
        let Drawn {
            batches,
            indices,
            streams,
        } = drawn.map_err(|error| in_step(done + 1, error))?;
        let shown = indices.iter().map(Vec::len).sum::<usize>() as u64;
        let samples = self.position.samples + shown;
        let outcome = self
            .change(work, &config, rates, due, samples, batches)
            .map_err(|error| self.explained(error, &indices, data, done + 1))?;
        drop(turn);
        let Some(state) = &work.state else {
            unreachable!("a step leaves its state");
        };
        work.step = state.step;
        work.made += 1;
        self.step = state.step;
        (self.position.epoch, self.position.used) = work.loader.place();
        self.position.samples = samples;
        streams.keep_in(&mut self.position);
        let elapsed = work.before + work.begun.elapsed();
        self.position.elapsed = elapsed.as_secs_f64();
        work.health.keep(state.step, &outcome, indices.concat());

        let mut measurements = self.position.measurements.clone();
        let made = StepEvent {
            step: state.step,
            steps: self.config.steps,
            samples,
            config: &config,
            rates,
            state,
            outcome: &outcome,
            elapsed,
            session: work.begun.elapsed(),
            session_steps: work.made,
            measurements: &[],
            reading: OnceCell::new(),
        };
        let (notices, mut failure) = evaluate(&mut self.evaluators, &made, &mut measurements);
        self.position.measurements.clone_from(&measurements);
        for notice in notices {
            self.tell(notice);
        }
        let event = made.with_measurements(&measurements);
        let failed = self.observe(&event, true);
        failure = failure.or(failed);
        let verdict = if due {
            let checked = self.checked(&event, &mut work.health, data);
            checked.unwrap_or_else(|error| {
                failure.get_or_insert(error);
                Judgement::GoOn
            })
        } else {
            Judgement::GoOn
        };
        if self.store_is_due(&event) && matches!(verdict, Judgement::GoOn) {
            self.store_state(state, &mut work.health, &mut work.saved);
        }
        let failed = self.observe(&event, false);
        match failure.or(failed) {
            Some(error) => Err(error),
            None => Ok(verdict),
        }
    }

    /// Whether a checkpoint is to be stored after this step; notes the number by which the best one
    /// is chosen.
    fn store_is_due(&mut self, event: &StepEvent<'_, P>) -> bool {
        let Some(store) = &self.store else {
            return false;
        };
        let due = store.is_due(event.step);
        let Some(name) = store.best_by() else {
            return due;
        };
        if is_of_the_step(name) {
            // Read only where it is wanted: on a GPU that waits for the device.
            if due || event.step == event.steps {
                let value = event.reading().get(name);
                self.best = value.map(|value| (event.step, value));
            }
            return due;
        }
        let number = newest(event.measurements, name).filter(|number| number.step == event.step);
        let is_best = number.is_some_and(|number| store.is_best(number.value));
        self.best = number.map(|number| (number.step, number.value));
        due || is_best
    }

    /// Calls the observers that are due; the first error of one that ends the run.
    fn observe(&mut self, event: &StepEvent<'_, P>, remembered: bool) -> Option<Error> {
        let mut first = None;
        let mut failures = Vec::new();
        for (rhythm, observer) in &mut self.observers {
            if observer.is_remembered() != remembered || !rhythm.is_due(event.step, event.steps) {
                continue;
            }
            let error = match caught(|| observer.observe(event)) {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error,
                Err(words) => Error::Panic {
                    what: format!("an observer of step {}", event.step),
                    words,
                },
            };
            if observer.ends_run() {
                first.get_or_insert(error);
            } else {
                failures.push(error.to_string());
            }
        }
        for problem in failures {
            self.tell(Notice::ObserverFailed {
                step: event.step,
                problem,
            });
        }
        first
    }

    fn order(&self, len: usize) -> Result<BatchIndices> {
        let place = (self.position.epoch, self.position.used);
        BatchIndices::from(&self.config.batches, self.config.seed, len, place)
    }

    fn health(&self) -> Result<HealthCheck<P::Backend>> {
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

    /// Makes the step itself. A panic before the first weight was changed leaves the state as it
    /// was.
    fn change(
        &mut self,
        work: &mut Work<'_, P>,
        config: &TrainerConfig,
        rates: RateFactors,
        vitals: bool,
        samples: u64,
        batches: Vec<StepBatch<P>>,
    ) -> Result<StepOutcome<P::Backend>> {
        let done = work.step;
        let (generator, discriminator) = self.hooks.optimizers(
            done,
            config.generator_optimizer,
            config.discriminator_optimizer,
        );
        let Some(state) = &mut work.state else {
            unreachable!("a step begins with a state");
        };
        state
            .generator_optimizer
            .set_config(generator)
            .map_err(|error| error.within("generator_optimizer"))?;
        state
            .discriminator_optimizer
            .set_config(discriminator)
            .map_err(|error| error.within("discriminator_optimizer"))?;
        let processes = self.group.size();
        let length = (batches.last()).map_or(0, |batch| batch.latent.dims()[0] * processes);
        let settings = StepSettings {
            objective: &config.objective,
            prior: Some(&config.latent),
            rates,
            gradient_clipping: config.gradient_clipping,
            micro_batches: config.micro_batches,
            synchronized_batch_norm: config.synchronized_batch_norm,
            frozen_batch_norm: config.is_batch_norm_frozen(state.step),
            ema_decay: config.ema.map_or(0.0, |ema| ema.decay_at(samples, length)),
            vitals,
        };
        let Some(state) = work.state.take() else {
            unreachable!("it was there a moment ago");
        };
        let mut before = Some(Snapshot::of(&state));
        let group = self.group.clone();
        let mut together = Together::of(&*group);
        together.wishes = self.wishes(work);
        let hooks = self.hooks.as_mut();
        // Optimisers change weights where they lie only if nobody else holds them.
        let mut drop_before = || before = None;
        let stepped = caught(|| {
            guarded_step(
                state,
                &settings,
                batches,
                hooks,
                &mut together,
                &mut drop_before,
            )
        });
        match stepped {
            Ok(Ok(stepped)) => {
                let (state, outcome) = *stepped;
                work.state = Some(state);
                if processes > 1 {
                    work.asked = together::ending(together.wishes);
                }
                Ok(outcome)
            }
            Ok(Err(error)) => {
                work.state = before.map(Snapshot::restore);
                Err(error)
            }
            Err(words) => {
                work.state = before.map(Snapshot::restore);
                Err(Error::Panic {
                    what: format!("step {}", done + 1),
                    words,
                })
            }
        }
    }

    /// A step's error, or what in its data is the reason for it.
    fn explained(
        &self,
        error: Error,
        indices: &[Vec<usize>],
        data: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
        step: u64,
    ) -> Error {
        if matches!(error, Error::Process { .. }) {
            return error;
        }
        for indices in indices {
            let indices = &indices[self.here().range(indices.len())];
            let batch = feed::batch(data, indices, &self.expected, &self.device);
            let looked = batch.and_then(|(_, condition)| {
                feed::labels_within::<P::Backend, _>(indices, &condition, &self.expected.classes)
            });
            if let Err(reason) = looked {
                return in_step(step, reason);
            }
        }
        error
    }

    /// The first process' look after the run's health, and what all make of it.
    fn checked(
        &mut self,
        event: &StepEvent<'_, P>,
        health: &mut HealthCheck<P::Backend>,
        data: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    ) -> Result<Judgement> {
        let group = self.group.clone();
        if !group.is_first() {
            health.forget();
        }
        together::judge(&*group, event.state, || self.check(event, health, data))
    }

    /// Looks after the run's health, and tells what it found.
    fn check(
        &mut self,
        event: &StepEvent<'_, P>,
        health: &mut HealthCheck<P::Backend>,
        data: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    ) -> Result<Judgement> {
        let (state, config) = (event.state, event.config);
        let unseen = self.held_out.as_ref().map(|unseen| {
            held_out(
                state,
                data,
                unseen.as_ref(),
                &self.expected,
                &config.latent,
                config.seed,
                &self.device,
            )
        });
        let unseen = unseen.transpose()?;
        let mut verdict = Judgement::GoOn;
        let spoilt = |samples: &[usize]| {
            let batch = feed::batch(data, samples, &self.expected, &self.device);
            batch.map_or_else(
                |_| Vec::new(),
                |(real, _)| not_finite::<P::Backend, _>(samples, real),
            )
        };
        for finding in health.look(event, unseen, spoilt) {
            let policy = health.policy(&finding);
            if policy == Policy::Ignore {
                continue;
            }
            keep(&mut self.position.findings, finding.clone(), FINDINGS);
            self.tell(Notice::Finding(finding.clone()));
            match (policy, &verdict) {
                (Policy::Halt, Judgement::GoOn | Judgement::RollBack(..)) => {
                    verdict = Judgement::Halt(finding);
                }
                (
                    Policy::Rollback {
                        rate_factor,
                        at_most,
                    },
                    Judgement::GoOn,
                ) => {
                    verdict = if self.position.rollbacks < at_most {
                        Judgement::RollBack(finding, rate_factor)
                    } else {
                        Judgement::Halt(finding)
                    };
                }
                _ => {}
            }
        }
        Ok(verdict)
    }

    /// Goes back with smaller learning rates to the newest checkpoint that a check after it has
    /// found nothing against; `false` where there is none.
    fn roll_back(&mut self, work: &mut Work<'_, P>, factor: f64, samples: usize) -> Result<bool> {
        let group = self.group.clone();
        if group.size() == 1 {
            return self.roll_back_here(work, factor, samples);
        }
        let Some(state) = &work.state else {
            return Ok(false);
        };
        if group.is_first() {
            let settings = self.settings.clone();
            let back = self.roll_back_here(work, factor, samples)?;
            let state = work.state.as_ref().filter(|_| back);
            let message = match state {
                Some(state) => packed(state, &self.position, settings)?,
                // Nothing to go back to from there.
                None => Vec::new(),
            };
            group.broadcast(message)?;
            return Ok(back);
        }
        let message = group.broadcast(Vec::new())?;
        if message.is_empty() {
            return Ok(false);
        }
        let (state, position) = unpacked(&message, state, &self.device)?;
        self.position = position;
        (work.step, self.step) = (state.step, state.step);
        work.state = Some(state);
        work.loader.go_on(self.order(samples)?);
        work.health = self.health()?;
        Ok(true)
    }

    /// [`roll_back`](Self::roll_back) of the process that has the checkpoints.
    fn roll_back_here(
        &mut self,
        work: &mut Work<'_, P>,
        factor: f64,
        samples: usize,
    ) -> Result<bool> {
        let proven = work.health.before(work.step);
        let Some(store) = &mut self.store else {
            return Ok(false);
        };
        let Some(state) = work.state.take() else {
            return Ok(false);
        };
        let restored = store.roll_back(&state, proven, &self.device);
        let from = work.step;
        self.tell_of_folder();
        let (state, position) = match restored {
            Ok(Some(restored)) => restored,
            none => {
                work.state = Some(state);
                return none.map(|_| false);
            }
        };
        work.step = state.step;
        work.state = Some(state);
        let now = &self.position;
        self.position = Position {
            elapsed: now.elapsed,
            rate_scale: now.rate_scale * factor,
            rollbacks: now.rollbacks + 1,
            findings: now.findings.clone(),
            ..position
        };
        self.step = work.step;
        self.recall(work.step)?;
        self.tell(Notice::RolledBack {
            from,
            to: work.step,
            rate_scale: self.position.rate_scale,
        });
        work.loader.go_on(self.order(samples)?);
        work.health = self.health()?;
        // The checkpoint is written anew: whoever is killed from here on must not forget the
        // smaller rates.
        work.saved = u64::MAX;
        // The steps until there are made anew, and may be worth a checkpoint now.
        self.refused = None;
        self.save(work);
        Ok(true)
    }

    /// Writes a checkpoint, unless this step has one; why there is none, where it could not.
    fn save(&mut self, work: &mut Work<'_, P>) -> Option<String> {
        let state = work.state.as_ref()?;
        self.store_state(state, &mut work.health, &mut work.saved)
    }

    fn store_state(
        &mut self,
        state: &TrainState<P>,
        health: &mut HealthCheck<P::Backend>,
        saved: &mut u64,
    ) -> Option<String> {
        // A checkpoint of the beginning would save nothing.
        if self.store.is_none() || *saved == state.step {
            return None;
        }
        if let Some((step, problem)) = &self.refused
            && *step == state.step
        {
            return Some(problem.clone());
        }
        self.position.unread = health.unread().to_vec();
        self.position.health = health.watch().state().clone();
        self.remember(state.step);
        let best = self.best.filter(|(step, _)| *step == state.step);
        let best = best.map(|(_, value)| value);
        let Some(store) = &mut self.store else {
            return None;
        };
        let written = tried(|| store.save(state, &self.position, best));
        let refused = written.is_ok();
        let notices = match written {
            Ok(notices) => notices,
            Err(problem) => vec![Notice::NotSaved {
                step: state.step,
                problem,
            }],
        };
        let mut problem = None;
        for notice in notices {
            match &notice {
                Notice::Saved { .. } => *saved = state.step,
                Notice::NotSaved { problem: words, .. } => {
                    problem = Some(words.clone());
                    // The disk may have room again; numbers that are not finite stay so.
                    self.refused = refused.then(|| (state.step, words.clone()));
                }
                _ => {}
            }
            self.tell(notice);
        }
        problem
    }

    /// Refuses observers whose memories would go under one name.
    pub(super) fn check_memories(&self) -> Result<()> {
        let mut names = Memories::default();
        if self.store.is_none() {
            return Ok(());
        }
        for (_, observer) in &self.observers {
            let mut memories = Memories::default();
            match caught(|| observer.remember(&mut memories)) {
                Ok(Ok(())) => names.add(memories)?,
                Ok(Err(error @ Error::Setting { .. })) => return Err(error),
                // Told of when there is a checkpoint.
                _ => {}
            }
        }
        Ok(())
    }

    /// Asks observers what is to be stored of them; one that fails keeps what it had stored before.
    fn remember(&mut self, step: u64) {
        let mut saved = Memories::default();
        let mut failures = Vec::new();
        for (_, observer) in &self.observers {
            let remembered = tried(|| {
                let mut memories = Memories::default();
                observer.remember(&mut memories)?;
                saved.add(memories)
            });
            if let Err(problem) = remembered {
                failures.push(Notice::ObserverFailed { step, problem });
            }
        }
        self.position.memories.update(saved);
        for notice in failures {
            self.tell(notice);
        }
    }
}

/// Puts an entry at the end of a list that must not grow for ever: at the limit the oldest of its
/// later half goes. How things began is worth as much as how they are.
fn keep<T>(list: &mut Vec<T>, entry: T, limit: usize) {
    if list.len() >= limit {
        list.remove(limit / 2);
    }
    list.push(entry);
}

/// An error of the data, with the step that it happened in.
fn in_step(step: u64, error: Error) -> Error {
    match error {
        Error::Data { path, problem } => Error::Data {
            path,
            problem: format!("step {step}: {problem}"),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_at_its_limit_keeps_its_beginning_and_its_end() {
        let mut list = Vec::new();
        for entry in 0..100 {
            keep(&mut list, entry, 6);
        }
        assert_eq!(list, [0, 1, 2, 97, 98, 99]);
    }
}
