//! A whole run: data, latents, schedules, checkpoints, health and observers around the step.

use crate::pair::{GanOf, Pair};
use burn::tensor::Device;
use std::rc::Rc;
use std::time::Duration;

use burn::tensor::backend::Backend;

use super::checkpoint::{Beginning, Position};
use super::evaluator::{self, Measure};
use super::feed::{self, Data, Expected};
use super::health::HealthConfig;
use super::preflight;
use super::session::Session;
use super::together::{agree, hand_on};
use super::{
    Checkpoints, Evaluator, Interrupt, Notice, Observer, Rhythm, Run, TrainerConfig, Warning,
};
use crate::data::{BatchIndices, Dataset};
use crate::error::{Error, Result};
use crate::network::{CustomConditions, Generator, Sample};
use crate::process::{Alone, ProcessGroup};
use crate::random::{StepDraws, Stream};
use crate::step::{Hooks, StandingStatistics, TrainState};

/// An observer and its rhythm.
pub(super) type Watch<'a, P> = (Rhythm, Box<dyn Observer<P> + 'a>);

/// Data that is not trained on.
pub(super) type HeldOut<'a, P> = Box<Data<'a, P>>;

/// Runs the step over a data set.
///
/// The same seed, networks and data give the same run, bit for bit, on the CPU backends, beside
/// other runs in other threads too. burn keeps one random generator per process (dropout draws from
/// it): runs whose networks draw from it take turns step by step.
pub struct Trainer<'a, P: Pair> {
    config: TrainerConfig,
    device: Device<P::Backend>,
    evaluators: Vec<Measure<'a, P>>,
    observers: Vec<Watch<'a, P>>,
    hooks: Box<dyn Hooks<P> + 'a>,
    checkpoints: Option<Checkpoints>,
    interrupt: Interrupt,
    held_out: Option<HeldOut<'a, P>>,
    conditions: Option<Box<CustomConditions<P::Condition>>>,
    group: Rc<dyn ProcessGroup + 'a>,
}

impl<P: Pair> std::fmt::Debug for Trainer<'_, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer")
            .field("config", &self.config)
            .field("observers", &self.observers.len())
            .finish_non_exhaustive()
    }
}

impl<'a, P: Pair> Trainer<'a, P> {
    /// A trainer without observers.
    ///
    /// # Errors
    /// If a setting is wrong.
    pub fn new(config: TrainerConfig, device: &Device<P::Backend>) -> Result<Self> {
        config.validate()?;
        // Names of ramped settings are known here only.
        config.ramped()?;
        Ok(Self {
            config,
            device: device.clone(),
            evaluators: Vec::new(),
            observers: Vec::new(),
            hooks: Box::new(()),
            checkpoints: None,
            interrupt: Interrupt::new(),
            held_out: None,
            conditions: None,
            group: Rc::new(Alone),
        })
    }

    /// Adds an evaluator, whose numbers all observers of a step see; evaluators are called in the
    /// order they were added, before the step's observers.
    pub fn evaluate(mut self, rhythm: Rhythm, evaluator: impl Evaluator<P> + 'a) -> Self {
        self.evaluators.push((rhythm, Box::new(evaluator)));
        self
    }

    /// Adds an observer; observers are called in the order they were added.
    pub fn observe(mut self, rhythm: Rhythm, observer: impl Observer<P> + 'a) -> Self {
        self.observers.push((rhythm, Box::new(observer)));
        self
    }

    /// Steps in before discriminator steps and optimiser steps.
    pub fn with_hooks(mut self, hooks: impl Hooks<P> + 'a) -> Self {
        self.hooks = Box::new(hooks);
        self
    }

    /// Stores checkpoints, and goes on from one where the plan says so.
    pub fn with_checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Ends the run after the step in which `interrupt` is asked to stop it, with a checkpoint
    /// where it has them. When the run is over, a signal that the interrupt waits for ends the
    /// process.
    pub fn stop_on(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = interrupt.clone();
        self
    }

    /// Data that is not trained on: the health watch compares the discriminator's view of it with
    /// its view of the training data.
    pub fn with_held_out(
        mut self,
        data: impl Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition> + 'a,
    ) -> Self {
        self.held_out = Some(Box::new(data));
        self
    }

    /// The rule behind [`ConditionRule::Custom`](crate::network::ConditionRule::Custom): from the
    /// conditions of the real batch, the number of generated samples and the run's own stream to
    /// the conditions of the generated batch.
    pub fn with_conditions(
        mut self,
        rule: impl Fn(&P::Condition, usize, &mut Stream) -> Result<P::Condition> + Send + Sync + 'static,
    ) -> Self {
        self.conditions = Some(Box::new(rule));
        self
    }

    /// Trains together with other processes, each of which makes the same calls: of every batch it
    /// reads and computes its part, and all make the same updates. A `&group` serves several runs.
    ///
    /// The batch size stays that of the run, whatever the number of processes, and so do all random
    /// numbers but those of the backend's own generator (dropout, noise layers), so that the run is the
    /// one of a single process ([`step_in_group`](crate::step::step_in_group) says to which digit).
    /// [`TrainerConfig::micro_batches`] cut the part of a process.
    ///
    /// Before the first step, processes with other settings, networks, data or another version of the
    /// crate are refused, and the first process' state is handed on to all: the checkpoint that it goes
    /// on from is read there alone, and may have been made by any number of processes. Only the
    /// first process stores checkpoints, calls evaluators and observers and shows notices; the health
    /// watch's findings are its. A wish to stop, a limit of time or an error of any process ends all.
    /// Other processes' [`Run`] has the same state and ending.
    ///
    /// ```
    /// use burn_gan::process::Alone;
    /// # use burn_gan::burn::backend::{Autodiff, Flex};
    /// # use burn_gan::data::MemoryDataset;
    /// # use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
    /// # use burn_gan::train::{Trainer, TrainerConfig};
    /// # use burn_gan::{Gan, Latent};
    /// # type B = Autodiff<Flex>;
    /// # let device = Default::default();
    /// # let gan = Gan::<_, _, B>::seeded(
    /// #     MlpGeneratorConfig::new(2, [2]).with_hidden([8]).init(&device)?,
    /// #     MlpDiscriminatorConfig::new([2]).with_hidden([8]).init(&device)?,
    /// #     1,
    /// #     &device,
    /// # );
    /// # let data = MemoryDataset::<2>::new(vec![0.5; 32], [2])?;
    /// # let config = TrainerConfig::new(2, 8, Latent::normal(2));
    ///
    /// // With the feature `mpi`, `Mpi::start()?` is the group that `mpirun` has started.
    /// let group = Alone;
    /// let run = Trainer::new(config, &device)?.with_group(&group).run(gan, &data)?;
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    pub fn with_group(mut self, group: impl ProcessGroup + 'a) -> Self {
        self.group = Rc::new(group);
        self
    }

    /// Looks for what can't work, which is an error, and for what usually does not, without
    /// training anything: [`run`](Self::run) does it first.
    ///
    /// # Errors
    /// If data, networks and settings don't go together, or the networks can't do what the
    /// objective asks of them ([`Objective::probe`](crate::objective::Objective::probe)).
    pub fn check(
        &self,
        gan: &P,
        data: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    ) -> Result<Vec<Warning>> {
        Ok(self.examine(gan.gan(), data)?.0)
    }

    /// Looks for what can't work; the warnings, and what every batch must be.
    fn examine(&self, gan: &GanOf<P>, data: &Data<'_, P>) -> Result<(Vec<Warning>, Expected)> {
        let processes = self.group.size();
        let own = preflight::of_a_process(&self.config, data.len(), processes)?;
        let warnings = preflight::check::<P>(&own, gan, data, processes, &self.device)?;
        let measured = evaluator::names(&self.evaluators)?;
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.check(&measured)?;
        }
        for (index, worsening) in self.config.health.worsening.iter().enumerate() {
            // The defaults watch what happens to be measured.
            let asked_for = !HealthConfig::default().worsening.contains(worsening);
            if asked_for && !measured.contains(&worsening.name) {
                return Err(Error::setting(
                    &format!("health.worsening[{index}].name"),
                    &worsening.name,
                    "is measured by no evaluator; add one with `Trainer::evaluate`",
                ));
            }
        }
        let shape = self.probe(&own, gan, data)?;
        for (_, evaluator) in &self.evaluators {
            evaluator.check(&shape)?;
        }
        for (_, observer) in &self.observers {
            observer.check(&shape)?;
        }
        let expected = Expected {
            shape,
            classes: feed::classes::<P>(gan),
        };
        Ok((warnings, expected))
    }

    /// Trains `gan` on `data`: to the end, or until something stops it.
    ///
    /// # Errors
    /// If [`check`](Self::check) finds what can't work, a checkpoint can't be read or written or
    /// belongs to another run, a hook asks for settings that can't be, or an observer ends the run.
    pub fn run(
        self,
        gan: P,
        data: &dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    ) -> Result<Run<P>> {
        let group = self.group.clone();
        let ran = self.run_on(gan, data);
        // The others wait for this process, unless they know.
        if let Err(error) = &ran
            && !matches!(error, Error::Process { .. })
        {
            group.fail(&error.to_string());
        }
        ran
    }

    /// Compiled once for all kinds of data.
    fn run_on(mut self, gan: P, data: &Data<'_, P>) -> Result<Run<P>> {
        let gan = gan.into_gan();
        let group = self.group.clone();
        let (warnings, expected) = self.examine(&gan, data)?;
        let mut settings = self.settings(data)?;
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.with_compared(&mut settings);
        }
        agree::<P>(&*group, &settings, &gan, data, &expected, &self.device)?;
        if !group.is_first() {
            self.checkpoints = None;
            self.evaluators.clear();
            self.observers.clear();
        }
        let config = self.config.clone();
        let style_layers = gan.generator.style_space().map(|space| space.layers());
        let mut state = TrainState::of(
            gan,
            config.generator_optimizer,
            config.discriminator_optimizer,
        )?
        .with_seed(config.seed);
        if config.ema.is_some() {
            state = state.with_ema();
            let standing = StandingStatistics::of_run::<P>(
                &state.gan.generator,
                &config.latent,
                [config.batches.batch_size, data.len()],
                config.seed,
                |indices| feed::conditions(data, indices, &expected, &self.device),
            )?;
            if let Some(standing) = standing {
                state = state.with_standing_statistics(standing);
            }
        }
        let mut store = match self.checkpoints.take() {
            Some(checkpoints) => Some(checkpoints.open(settings.clone())?),
            None => None,
        };
        let mut beginning = Beginning::fresh(state, None);
        if let Some(store) = &mut store {
            beginning = store.begin(beginning.state, &self.device)?;
        }
        // As the step before, which another process may have made, left it.
        let before = beginning.state.step.checked_sub(1);
        let frozen = before.is_some_and(|step| config.is_batch_norm_frozen(step));
        let state = &mut beginning.state;
        state.ema = (state.ema.take()).map(|ema| ema.with_frozen_statistics(frozen));
        let resumed_from = match &beginning.notice {
            Some(Notice::Resumed { file, .. }) => Some(file.clone()),
            _ => None,
        };
        let position = match beginning.position {
            Some(position) => position,
            None => Position::start(&config)?,
        };
        let (state, position) = hand_on(
            &*group,
            (beginning.state, position),
            &settings,
            &self.device,
        )?;
        let mut session = Session {
            ramps: config.ramped()?,
            config,
            device: self.device,
            evaluators: self.evaluators,
            observers: self.observers,
            hooks: self.hooks,
            store,
            interrupt: self.interrupt,
            held_out: self.held_out,
            expected,
            conditions: self.conditions,
            style_layers,
            position,
            draws: StepDraws::default(),
            notices: Vec::new(),
            step: state.step,
            refused: None,
            best: None,
            group,
            settings,
        };
        session.recall(state.step)?;
        session.check_memories()?;
        for warning in warnings {
            session.tell(Notice::Warning(warning));
        }
        session.tell_of_folder();
        if let Some(notice) = beginning.notice {
            session.tell(notice);
        }
        let trained = session.train(state, data);
        session.interrupt.stop_waiting();
        let trained = trained?;
        Ok(Run {
            state: trained.state,
            ending: trained.ending,
            unsaved: trained.unsaved,
            notices: session.notices,
            findings: session.position.findings,
            measurements: session.position.measurements,
            elapsed: Duration::from_secs_f64(session.position.elapsed),
            resumed_from,
        })
    }

    /// What a resumed run is compared with: all settings, and what else decides the numbers.
    fn settings(&self, data: &Data<'_, P>) -> Result<serde_json::Value> {
        let backend = <P::Backend as Backend>::name(&self.device);
        self.config.of_run(&backend, data.len(), data.digest())
    }

    /// Tries the objective on the first batch, before anything is trained; the shape of its
    /// samples.
    fn probe(
        &self,
        config: &TrainerConfig,
        gan: &GanOf<P>,
        data: &Data<'_, P>,
    ) -> Result<Vec<usize>> {
        let mut batches = BatchIndices::from(&config.batches, config.seed, data.len(), (0, 0))?;
        let first = batches.next_batch();
        let (real, condition) = feed::batch(data, &first, &Expected::default(), &self.device)?;
        // A stream of its own: the run's latents stay what they are.
        let mut stream = Stream::new(config.seed, "probe");
        let latent = config.latent.draw(first.len(), &mut stream, &self.device);
        let probed = config.objective.probe::<P>(
            &gan.generator,
            &gan.discriminator,
            &real,
            &condition,
            &latent,
            Some(&config.latent),
        );
        probed.map_err(|error| error.within("objective"))?;
        Ok(real.shape().split_off(1))
    }
}
