//! Checkpoints: everything that the next step of a run depends on, in one file.

mod differences;
mod file;
mod folder;
mod records;
mod state;
#[cfg(test)]
mod tests;

pub(super) use records::Precision;
pub(super) use state::Position;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::backend::AutodiffBackend;
use serde_json::Value;

use self::differences::differences;
use self::file::{File, Metric, refuse};
use self::folder::Folder;
use super::{Notice, TrainState};
use crate::error::{Error, Result, check};
use crate::network::guard::caught;
use crate::network::{TrainableDiscriminator, TrainableGenerator, not_finite};

/// Measures a checkpoint's networks.
type Measure<'a, G, D, B> = Box<dyn FnMut(&TrainState<G, D, B>) -> Result<f64> + 'a>;

/// Which of two values of a metric is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// The lower: divergences, distances.
    Lower,
    /// The higher: scores, modes captured.
    Higher,
}

impl Better {
    /// Whether `a` is better than `b`.
    fn than(self, a: f64, b: f64) -> bool {
        match self {
            Self::Lower => a < b,
            Self::Higher => a > b,
        }
    }
}

/// Where a run begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// At its beginning. A folder that holds checkpoints of an earlier run is refused.
    #[default]
    Fresh,
    /// At its beginning; checkpoints of an earlier run are removed.
    Replace,
    /// At the newest checkpoint that is whole, or at the beginning where there is none at all.
    Resume,
    /// At this checkpoint; newer ones are removed.
    From(PathBuf),
}

/// Where and when a run stores checkpoints, and which it goes on from.
///
/// A checkpoint is one file, `step-000001200.checkpoint`: both networks with their buffers, both
/// optimisers, the generator's moving average, what penalties remember, the step, the place in the
/// data, every random stream, the health watch, what observers remember, all settings, and the
/// version of the crate. It holds burn records in full precision (double where the run is) and a
/// SHA-256 over everything, which is checked when it is read. It is written beside its place, synced
/// and renamed: it is whole or absent, whenever the process is killed. A resumed run makes the very
/// steps that the run would have made, bit for bit on the CPU backends with the same number of
/// threads.
///
/// ```
/// # use burn_gan::burn::backend::{Autodiff, Flex};
/// # use burn_gan::data::{MemoryDataset, Mixture};
/// # use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// # use burn_gan::random::Stream;
/// # use burn_gan::{Gan, Latent};
/// use burn_gan::train::{Checkpoints, Start, Trainer, TrainerConfig};
///
/// # type B = Autodiff<Flex>;
/// # let device = Default::default();
/// # let points = Mixture::ring().sample(100, &mut Stream::new(42, "data"));
/// # let data = MemoryDataset::<2>::new(points, [2])?;
/// # let gan = || -> burn_gan::Result<_> {
/// #     let generator = MlpGeneratorConfig::new(4, [2]).with_hidden([8]).init(&device)?;
/// #     let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([8]).init(&device)?;
/// #     Ok(Gan::<_, _, B>::seeded(generator, discriminator, 42, &device))
/// # };
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// let config = TrainerConfig::new(30, 16, Latent::normal(4));
/// let checkpoints = || Checkpoints::new(folder).every(10).keep(2).start(Start::Resume);
///
/// let run = Trainer::new(config.clone(), &device)?
///     .with_checkpoints(checkpoints())
///     .run(gan()?, &data)?;
/// assert!(run.ending.is_finished());
///
/// // The same program again goes on where the run was: here, at its end.
/// let again = Trainer::new(config, &device)?
///     .with_checkpoints(checkpoints())
///     .run(gan()?, &data)?;
/// assert_eq!(again.resumed_from, Some(folder.join("step-000000030.checkpoint")));
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// A run goes on with the settings that it was stored with: where the program's differ, it is
/// refused with a list of the differences, unless each is named by [`accept`](Self::accept).
pub struct Checkpoints<'a, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    folder: PathBuf,
    every: u64,
    keep: usize,
    best: Option<Best<'a, G, D, B>>,
    start: Start,
    accepted: Vec<String>,
    compared: Vec<(String, Value)>,
}

struct Best<'a, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    name: String,
    better: Better,
    measure: Measure<'a, G, D, B>,
}

impl<G, D, B> fmt::Debug for Checkpoints<'_, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoints")
            .field("folder", &self.folder)
            .field("every", &self.every)
            .field("keep", &self.keep)
            .field("best", &self.best.as_ref().map(|best| &best.name))
            .field("start", &self.start)
            .field("accepted", &self.accepted)
            .finish()
    }
}

impl<'a, G, D, B> Checkpoints<'a, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    /// Checkpoints in `folder`, which is made: every 1,000 steps, when the run is interrupted and at
    /// its end, the last three kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every: 1_000,
            keep: 3,
            best: None,
            start: Start::Fresh,
            accepted: Vec::new(),
            compared: Vec::new(),
        }
    }

    /// Steps between two checkpoints; 0 stores one when the run is interrupted and at its end only.
    pub fn every(mut self, steps: u64) -> Self {
        self.every = steps;
        self
    }

    /// How many checkpoints are kept, at least 1: the newest. More than one, so that there is an
    /// older one if the disk damages the newest.
    pub fn keep(mut self, count: usize) -> Self {
        self.keep = count;
        self
    }

    /// Keeps the best checkpoint as well, by a metric measured at each; NaN is never the best.
    pub fn keep_best(
        mut self,
        metric: impl Into<String>,
        better: Better,
        measure: impl FnMut(&TrainState<G, D, B>) -> Result<f64> + 'a,
    ) -> Self {
        self.best = Some(Best {
            name: metric.into(),
            better,
            measure: Box::new(measure),
        });
        self
    }

    /// Where the run begins.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Goes on although this setting is not what the checkpoint was made with: its dotted name as
    /// the refusal shows it (`steps`, `objective.penalties[0].weight`), or that of a group it is in
    /// (`objective`). The new value then counts.
    pub fn accept(mut self, setting: impl Into<String>) -> Self {
        self.accepted.push(setting.into());
        self
    }

    /// Stores an option of the program with the settings, to be compared when the run is resumed:
    /// for what decides the run and stands in no setting of the trainer, such as the name of the data
    /// set or a width of the networks.
    pub fn compare(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.compared.push((name.into(), value.into()));
        self
    }

    /// Opens the folder.
    pub(super) fn open(self, mut settings: Value) -> Result<Store<'a, G, D, B>> {
        for (name, value) in &self.compared {
            settings[name.as_str()] = value.clone();
        }
        check::at_least("checkpoints.keep", self.keep, 1)?;
        let folder = Folder::open(&self.folder)?;
        Ok(Store {
            folder,
            settings,
            plan: self,
            best: None,
        })
    }
}

/// The file of the best checkpoint in a folder, by the metric that was measured when they were
/// written, and the metric's value; `None` where no whole checkpoint has one.
///
/// # Errors
/// If the folder can't be read.
pub fn best_checkpoint(folder: impl AsRef<Path>, better: Better) -> Result<Option<(PathBuf, f64)>> {
    Ok(best(folder.as_ref(), None, better)?.map(|(_, file, value)| (file, value)))
}

fn best(
    folder: &Path,
    metric: Option<&str>,
    better: Better,
) -> Result<Option<(u64, PathBuf, f64)>> {
    let mut best: Option<(u64, PathBuf, f64)> = None;
    for (step, path) in folder::list(folder)? {
        // Damaged ones are no candidates.
        let Ok(file) = File::read(&path) else {
            continue;
        };
        let Some(found) = file.header.metric else {
            continue;
        };
        if found.value.is_nan() || metric.is_some_and(|name| name != found.name) {
            continue;
        }
        let wins = best
            .as_ref()
            .is_none_or(|(_, _, value)| better.than(found.value, *value));
        if wins {
            best = Some((step, path, found.value));
        }
    }
    Ok(best)
}

/// An open folder of checkpoints.
pub(super) struct Store<'a, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    folder: Folder,
    /// What the run is made with, to be compared and stored.
    settings: Value,
    plan: Checkpoints<'a, G, D, B>,
    /// The step and the metric of the best checkpoint, once the folder was looked through.
    best: Option<(u64, f64)>,
}

/// What a run begins with.
pub(super) struct Beginning<G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    pub(super) state: TrainState<G, D, B>,
    /// `None` at the beginning.
    pub(super) position: Option<Position>,
    pub(super) notice: Option<Notice>,
}

impl<G, D, B> Beginning<G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    /// The beginning of a run.
    pub(super) fn fresh(state: TrainState<G, D, B>, notice: Option<Notice>) -> Self {
        Self {
            state,
            position: None,
            notice,
        }
    }
}

impl<G, D, B> Store<'_, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    /// Whether a checkpoint is to be written after `step` steps.
    pub(super) fn is_due(&self, step: u64) -> bool {
        self.plan.every > 0 && step.is_multiple_of(self.plan.every)
    }

    /// Begins as the plan says.
    pub(super) fn begin(
        &self,
        state: TrainState<G, D, B>,
        device: &B::Device,
    ) -> Result<Beginning<G, D, B>> {
        match &self.plan.start {
            Start::Fresh => {
                if let Some((step, _)) = self.folder.files()?.first() {
                    return Err(refuse(
                        self.folder.path(),
                        format!(
                            "holds checkpoints of an earlier run, up to step {step}: resume it, \
                             let it be replaced, or choose another folder"
                        ),
                    ));
                }
                Ok(Beginning::fresh(state, None))
            }
            Start::Replace => {
                for (_, file) in self.folder.files()? {
                    std::fs::remove_file(&file).map_err(|error| Error::io(&file, error))?;
                }
                Ok(Beginning::fresh(state, None))
            }
            Start::From(path) => self.go_on(File::read(path)?, Vec::new(), state, device),
            Start::Resume => {
                if self.folder.files()?.is_empty() {
                    let folder = self.folder.path().to_owned();
                    return Ok(Beginning::fresh(
                        state,
                        Some(Notice::NothingToResume { folder }),
                    ));
                }
                let (file, skipped) = self.newest()?;
                self.go_on(file, skipped, state, device)
            }
        }
    }

    /// Goes on from a checkpoint; newer ones are removed, since their steps will be made anew.
    fn go_on(
        &self,
        file: File,
        skipped: Vec<String>,
        state: TrainState<G, D, B>,
        device: &B::Device,
    ) -> Result<Beginning<G, D, B>> {
        self.compare(&file)?;
        let (state, position) = state::restore(&file, state, device)?;
        self.folder.forget_after(state.step)?;
        let notice = Notice::Resumed {
            step: state.step,
            file: file.path,
            skipped,
        };
        Ok(Beginning {
            state,
            position: Some(position),
            notice: Some(notice),
        })
    }

    /// The newest whole checkpoint, and what is wrong with newer ones.
    fn newest(&self) -> Result<(File, Vec<String>)> {
        let mut skipped = Vec::new();
        for (_, path) in self.folder.files()? {
            match File::read(&path) {
                Ok(file) => return Ok((file, skipped)),
                Err(error) => skipped.push(error.to_string()),
            }
        }
        Err(refuse(
            self.folder.path(),
            format!("holds no whole checkpoint: {}", skipped.join("; ")),
        ))
    }

    /// Refuses other settings than the checkpoint's.
    fn compare(&self, file: &File) -> Result<()> {
        let mut found = differences(&file.header.settings, &self.settings);
        let accepted = &self.plan.accepted;
        found.retain(|difference| !accepted.iter().any(|name| difference.is_named(name)));
        if found.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = found.iter().map(ToString::to_string).collect();
        Err(refuse(
            &file.path,
            format!(
                "was made with other settings: {}; go back to them, or accept each change by its \
                 name",
                list.join("; ")
            ),
        ))
    }

    /// The state and position of the newest whole checkpoint of at most `steps` steps, for a
    /// rollback; `None` where there is none. Newer ones are removed.
    #[allow(clippy::type_complexity)]
    pub(super) fn roll_back(
        &mut self,
        state: TrainState<G, D, B>,
        steps: u64,
        device: &B::Device,
    ) -> Result<(TrainState<G, D, B>, Option<Position>)> {
        for (step, path) in self.folder.files()? {
            if step > steps {
                continue;
            }
            // A damaged one is passed over.
            let Ok(file) = File::read(&path) else {
                continue;
            };
            let (state, position) = state::restore(&file, state, device)?;
            self.folder.forget_after(state.step)?;
            // It may have been removed: the folder is looked through anew.
            self.best = None;
            return Ok((state, Some(position)));
        }
        Ok((state, None))
    }

    /// Writes a checkpoint and removes those that are not kept. What holds numbers that are not
    /// finite is not stored: nothing good would come of going on from it.
    pub(super) fn save(
        &mut self,
        state: &TrainState<G, D, B>,
        position: &Position,
    ) -> Result<Vec<Notice>> {
        let start = Instant::now();
        let path = self.folder.file(state.step);
        let mut notices = Vec::new();
        if let Some(problem) = spoilt(state) {
            notices.push(Notice::NotSaved {
                step: state.step,
                problem,
            });
            return Ok(notices);
        }
        let mut draft = state::draft(state, position, self.settings.clone())
            .map_err(|problem| refuse(&path, format!("can't be written: {problem}")))?;
        if let Some(plan) = &mut self.plan.best {
            // A measure that fails is no reason to lose the checkpoint.
            let value = match caught(|| (plan.measure)(state)) {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(error)) => Err(error.to_string()),
                Err(words) => Err(words),
            };
            let value = value.unwrap_or_else(|problem| {
                notices.push(Notice::NotMeasured {
                    step: state.step,
                    metric: plan.name.clone(),
                    problem,
                });
                f64::NAN
            });
            if self.best.is_none() {
                let found = best(self.folder.path(), Some(&plan.name), plan.better)?;
                self.best = found.map(|(step, _, value)| (step, value));
            }
            let wins = self
                .best
                .is_none_or(|(_, best)| plan.better.than(value, best));
            if wins && !value.is_nan() {
                self.best = Some((state.step, value));
            }
            draft.header.metric = Some(Metric {
                name: plan.name.clone(),
                value,
            });
        }
        let bytes = file::write(&path, draft.header, &draft.sections)?;
        self.folder
            .prune(self.plan.keep, self.best.map(|(step, _)| step))?;
        notices.push(Notice::Saved {
            step: state.step,
            file: path,
            bytes,
            seconds: start.elapsed().as_secs_f64(),
        });
        Ok(notices)
    }
}

/// What in a state is not finite.
fn spoilt<G, D, B>(state: &TrainState<G, D, B>) -> Option<String>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    let names = not_finite::<B, _>(&state.gan);
    if let Some(name) = names.first() {
        return Some(format!(
            "{} parameters hold numbers that are not finite, `{name}` first",
            names.len()
        ));
    }
    let gan = &state.gan;
    let finite = state.generator_optimizer.is_finite(&gan.generator)
        && state.discriminator_optimizer.is_finite(&gan.discriminator);
    (!finite).then(|| "an optimiser remembers numbers that are not finite".to_owned())
}
