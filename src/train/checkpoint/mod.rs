//! Checkpoints: everything that the next step of a run depends on, in one file.

mod differences;
mod file;
mod folder;
#[cfg(test)]
mod forged;
mod message;
mod place;
mod state;
mod stored_run;
#[cfg(test)]
mod tests;

pub(super) use differences::side_by_side;
pub(super) use message::{packed, unpacked};
pub(super) use state::Position;
pub use stored_run::StoredRun;

use crate::pair::Pair;
use burn::tensor::Device;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use self::differences::differences;
use self::file::{File, Header, Metric, refuse, unreadable};
use self::folder::{Aside, Folder};
use super::Notice;
use super::reading::is_of_the_step;
use crate::error::{Error, Result, check};
use crate::metrics::Better;
use crate::step::TrainState;

/// Where a run begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// At its beginning. A folder that holds checkpoints of an earlier run is refused.
    #[default]
    Fresh,
    /// At its beginning; it takes the place of an earlier run, whose checkpoints are put aside
    /// (`step-….checkpoint.replaced`) and removed once this run has stored its first.
    Replace,
    /// At the newest checkpoint that is whole, or at the beginning where there is none at all. One
    /// that proves to be damaged is put aside (`….damaged`), never removed, and the next older one
    /// is taken. One that can't be read for another reason (permissions, a failing disk, another
    /// format) ends the run with that reason, and so does one that belongs to other networks or
    /// settings.
    Resume,
    /// At this checkpoint. Newer ones in the folder are put aside (`….superseded`), and removed
    /// once the run has stored a checkpoint of as many steps. A checkpoint of another folder only
    /// starts a run in a folder without any.
    From(PathBuf),
}

/// Where and when a run stores checkpoints, and which it goes on from.
///
/// A checkpoint is one file, `step-000001200.checkpoint`: both networks with their buffers, both
/// optimisers, the generator's moving average, what penalties remember, the step, the place in the
/// data, every random stream, the health watch, what observers remember, all settings, and the
/// version of the crate. It holds burn records in full precision (double where the run is) and a
/// SHA-256 over everything, which is checked when it is read. It is written beside its place,
/// synced and renamed: it is whole or absent, whenever the process is killed. A resumed run makes
/// the very steps that the run would have made, bit for bit on the CPU backends with the same
/// number of threads.
///
/// What a checkpoint holds is looked through before anything is made of it: a file that was changed
/// is refused with what is wrong in it, whatever its checksum says. In the folder, only regular
/// files with exactly such names are checkpoints; nothing else is opened, followed or removed. A
/// file put aside is a checkpoint again once it has its old name back.
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
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    every: u64,
    keep: usize,
    best: Option<Best>,
    start: Start,
    accepted: Vec<String>,
    compared: Vec<(String, Value)>,
}

/// The number that the best checkpoint is chosen by.
#[derive(Debug)]
struct Best {
    name: String,
    better: Better,
}

impl Checkpoints {
    /// Checkpoints in `folder`, which is made: every 1,000 steps, when the run is interrupted and
    /// at its end, the last three kept.
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

    /// Keeps the best checkpoint as well, by a number that an [`Evaluator`](super::Evaluator) of
    /// the run gives, or by one of the step's own ([`Reading`](super::Reading)). What is not finite
    /// is never the best.
    ///
    /// Where an evaluator measures a better value than any before, a checkpoint of that step is
    /// stored, due or not. The step's own numbers are compared where a checkpoint is due. A run
    /// none of whose numbers has this name is refused.
    pub fn keep_best(mut self, name: impl Into<String>, better: Better) -> Self {
        self.best = Some(Best {
            name: name.into(),
            better,
        });
        self
    }

    /// Refuses a best checkpoint by a number that nobody gives.
    pub(super) fn check(&self, measured: &BTreeSet<String>) -> Result<()> {
        match &self.best {
            Some(Best { name, .. }) if !measured.contains(name) && !is_of_the_step(name) => {
                let known: Vec<&str> = measured.iter().map(String::as_str).collect();
                let known = match known.as_slice() {
                    [] => "nothing".to_owned(),
                    names => format!("`{}`", names.join("`, `")),
                };
                Err(Error::setting(
                    "checkpoints.keep_best",
                    name,
                    format!(
                        "is measured by no evaluator (they give {known}); add one with \
                         `Trainer::evaluate`, or choose a number of the step, such as \
                         `generator_loss`"
                    ),
                ))
            }
            _ => Ok(()),
        }
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
    /// for what decides the run and stands in no setting of the trainer, such as the name of the
    /// data set or a width of the networks.
    pub fn compare(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.compared.push((name.into(), value.into()));
        self
    }

    /// Puts the program's own options among the settings.
    pub(super) fn with_compared(&self, settings: &mut Value) {
        for (name, value) in &self.compared {
            settings[name.as_str()] = value.clone();
        }
    }

    /// Opens the folder.
    pub(super) fn open(self, mut settings: Value) -> Result<Store> {
        self.with_compared(&mut settings);
        check::at_least("checkpoints.keep", self.keep, 1)?;
        let folder = Folder::open(&self.folder)?;
        Ok(Store {
            folder,
            settings,
            plan: self,
            best: None,
            notices: Vec::new(),
        })
    }
}

/// The file of the best checkpoint in a folder, by the metric that was measured when they were
/// written, and the metric's value; `None` where no whole checkpoint has one.
///
/// # Errors
/// If the folder or a checkpoint in it can't be read, or one is of another format. A damaged one is
/// no candidate.
pub fn best_checkpoint(folder: impl AsRef<Path>, better: Better) -> Result<Option<(PathBuf, f64)>> {
    Ok(best(folder.as_ref(), None, better)?.map(|(_, file, value)| (file, value)))
}

fn best(
    folder: &Path,
    metric: Option<&str>,
    better: Better,
) -> Result<Option<(u64, PathBuf, f64)>> {
    let mut candidates = Vec::new();
    for (step, path) in folder::list(folder)? {
        let header = match Header::peek(&path) {
            Ok(header) => header,
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(unreadable(error, &path)),
        };
        if let Some(found) = header.metric
            && found.value.is_finite()
            && metric.is_none_or(|name| name == found.name)
        {
            candidates.push((step, path, found.value));
        }
    }
    // Among equals the newest, which comes first in the list.
    candidates.sort_by(|(.., a), (.., b)| match better {
        Better::Lower => a.total_cmp(b),
        Better::Higher => b.total_cmp(a),
    });
    // No checksum was looked at yet.
    for candidate in candidates {
        match file::read(&candidate.1) {
            Ok(_) => return Ok(Some(candidate)),
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(unreadable(error, &candidate.1)),
        }
    }
    Ok(None)
}

/// An open folder of checkpoints.
pub(super) struct Store {
    folder: Folder,
    /// What the run is made with, to be compared and stored.
    settings: Value,
    plan: Checkpoints,
    /// The step and the metric of the best checkpoint, once the folder was looked through.
    best: Option<(u64, f64)>,
    /// What is to be told about the folder.
    notices: Vec<Notice>,
}

/// What a run begins with.
pub(super) struct Beginning<P: Pair> {
    pub(super) state: TrainState<P>,
    /// `None` at the beginning.
    pub(super) position: Option<Position>,
    pub(super) notice: Option<Notice>,
}

impl<P: Pair> Beginning<P> {
    /// The beginning of a run.
    pub(super) fn fresh(state: TrainState<P>, notice: Option<Notice>) -> Self {
        Self {
            state,
            position: None,
            notice,
        }
    }
}

impl Store {
    /// Whether a checkpoint is to be written after `step` steps.
    pub(super) fn is_due(&self, step: u64) -> bool {
        self.plan.every > 0 && step.is_multiple_of(self.plan.every)
    }

    /// What happened in the folder since the last call: files passed over, put aside, not removed.
    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Begins as the plan says.
    pub(super) fn begin<P: Pair>(
        &mut self,
        state: TrainState<P>,
        device: &Device<P::Backend>,
    ) -> Result<Beginning<P>> {
        let found = self.folder.look()?;
        for (file, problem) in found.others {
            self.notices.push(Notice::PassedOver {
                file,
                problem: problem.to_owned(),
            });
        }
        match self.plan.start.clone() {
            Start::Fresh => {
                self.is_unused(&found.checkpoints)?;
                Ok(Beginning::fresh(state, None))
            }
            Start::Replace => {
                let aside = found.aside.into_iter();
                let undone = aside.filter(|(.., why)| *why != Aside::Replaced);
                let live = found.checkpoints.into_iter();
                for file in live
                    .map(|(_, file)| file)
                    .chain(undone.map(|(_, file, _)| file))
                {
                    self.put_aside(&file, Aside::Replaced, "a new run takes its place")?;
                }
                Ok(Beginning::fresh(state, None))
            }
            Start::From(path) => {
                let file = file::read(&path).map_err(|error| unreadable(error, &path))?;
                if !self.folder.holds(&path) {
                    // Of another run: a rollback would mix the two.
                    self.is_unused(&found.checkpoints)?;
                }
                self.go_on(file, Vec::new(), state, device)
            }
            Start::Resume => {
                if found.checkpoints.is_empty() {
                    let folder = self.folder.path().to_owned();
                    return Ok(Beginning::fresh(
                        state,
                        Some(Notice::NothingToResume { folder }),
                    ));
                }
                let (file, damaged) = self.newest(found.checkpoints)?;
                self.go_on(file, damaged, state, device)
            }
        }
    }

    /// Refuses a folder with checkpoints of an earlier run.
    fn is_unused(&self, checkpoints: &[(u64, PathBuf)]) -> Result<()> {
        match checkpoints.first() {
            Some((step, _)) => Err(refuse(
                self.folder.path(),
                format!(
                    "holds checkpoints of an earlier run, up to step {step}: resume it, let it be \
                     replaced, or choose another folder"
                ),
            )),
            None => Ok(()),
        }
    }

    fn put_aside(&mut self, file: &Path, why: Aside, reason: &str) -> Result<()> {
        let to = self.folder.put_aside(file, why)?;
        self.notices.push(Notice::PutAside {
            file: file.to_owned(),
            to,
            reason: reason.to_owned(),
        });
        Ok(())
    }

    /// Puts aside the checkpoints of more than `step` steps, which will be made anew.
    fn supersede(&mut self, step: u64) -> Result<()> {
        for (made, file) in self.folder.look()?.checkpoints {
            if made > step {
                let reason = format!("the run goes on from step {step}");
                self.put_aside(&file, Aside::Superseded, &reason)?;
            }
        }
        Ok(())
    }

    /// Goes on from a checkpoint. Nothing in the folder is touched before all that it holds was
    /// found right.
    fn go_on<P: Pair>(
        &mut self,
        file: File,
        damaged: Vec<(PathBuf, String)>,
        state: TrainState<P>,
        device: &Device<P::Backend>,
    ) -> Result<Beginning<P>> {
        self.compare(&file)?;
        let (state, position) = state::restore(&file, &state, device)?;
        let mut skipped = Vec::new();
        for (path, problem) in damaged {
            self.put_aside(&path, Aside::Damaged, &problem)?;
            skipped.push(refuse(&path, problem).to_string());
        }
        self.supersede(state.step)?;
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

    /// The newest whole checkpoint, and the newer ones that are damaged, each with what is wrong.
    fn newest(&self, files: Vec<(u64, PathBuf)>) -> Result<(File, Vec<(PathBuf, String)>)> {
        let mut damaged = Vec::new();
        for (_, path) in files {
            match file::read(&path) {
                Ok(file) => return Ok((file, damaged)),
                Err(error) if error.is_damage() => damaged.push((path, error.to_string())),
                Err(error) => return Err(unreadable(error, &path)),
            }
        }
        let told = damaged
            .into_iter()
            .map(|(path, problem)| refuse(&path, problem).to_string());
        let told: Vec<String> = told.collect();
        Err(refuse(
            self.folder.path(),
            format!("holds no whole checkpoint: {}", told.join("; ")),
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

    /// The state and position of the newest checkpoint of at most `steps` steps, for a rollback;
    /// `None` where there is none that can be restored. Newer ones are put aside, and so are
    /// damaged ones; what can't be read for another reason stays and is told.
    #[allow(clippy::type_complexity)]
    pub(super) fn roll_back<P: Pair>(
        &mut self,
        state: &TrainState<P>,
        steps: u64,
        device: &Device<P::Backend>,
    ) -> Result<Option<(TrainState<P>, Position)>> {
        for (step, path) in self.folder.look()?.checkpoints {
            if step > steps {
                continue;
            }
            let restored = match file::read(&path) {
                Ok(file) => state::restore(&file, state, device),
                Err(error) if error.is_damage() => {
                    if let Err(error) = self.put_aside(&path, Aside::Damaged, &error.to_string()) {
                        self.pass_over(path, error.to_string());
                    }
                    continue;
                }
                Err(error) => Err(unreadable(error, &path)),
            };
            let (state, position) = match restored {
                Ok(restored) => restored,
                Err(error) => {
                    self.pass_over(path, error.to_string());
                    continue;
                }
            };
            if let Err(error) = self.supersede(state.step) {
                self.pass_over(self.folder.path().to_owned(), error.to_string());
            }
            // It may have been put aside: the folder is looked through anew.
            self.best = None;
            return Ok(Some((state, position)));
        }
        Ok(None)
    }

    fn pass_over(&mut self, file: PathBuf, problem: String) {
        self.notices.push(Notice::PassedOver { file, problem });
    }

    /// Writes a checkpoint and removes those that are not kept. What holds numbers that are not
    /// finite is not stored: nothing good would come of going on from it. `value` is that of the
    /// number by which the best is chosen, where it was measured in this step.
    ///
    /// # Errors
    /// If the checkpoint can't be written.
    pub(super) fn save<P: Pair>(
        &mut self,
        state: &TrainState<P>,
        position: &Position,
        value: Option<f64>,
    ) -> Result<Vec<Notice>> {
        let start = Instant::now();
        let path = self.folder.file(state.step);
        let mut notices = Vec::new();
        let mut draft = match state::draft(state, position, self.settings.clone()) {
            Ok(draft) => draft,
            Err(problem) => {
                notices.push(Notice::NotSaved {
                    step: state.step,
                    problem,
                });
                return Ok(notices);
            }
        };
        if let Some((plan, value)) = self.plan.best.as_ref().zip(value) {
            draft.header.metric = Some(Metric {
                name: plan.name.clone(),
                value,
            });
        }
        // Looked for before the new one is there.
        let best = self.best_with(state.step, draft.header.metric.as_ref());
        if let Some(to) = self.folder.make_way(state.step)? {
            self.notices.push(Notice::PutAside {
                file: path.clone(),
                to,
                reason: "it is no file, and stood where a checkpoint is to be".to_owned(),
            });
        }
        let bytes = file::write(&path, draft.header, &draft.sections)?;
        match best {
            Ok(best) => {
                self.best = best;
                let best = best.map(|(step, _)| step);
                match self.folder.prune(state.step, self.plan.keep, best) {
                    Ok(left) => {
                        for (file, error) in left {
                            self.pass_over(file, format!("it can't be removed: {error}"));
                        }
                    }
                    Err(error) => self.pass_over(path.clone(), error.to_string()),
                }
            }
            // One that can't be read now may be the best: nothing is removed this time.
            Err(error) => self.pass_over(path.clone(), error.to_string()),
        }
        notices.append(&mut self.notices);
        notices.push(Notice::Saved {
            step: state.step,
            file: path,
            bytes,
            seconds: start.elapsed().as_secs_f64(),
        });
        Ok(notices)
    }

    /// The best checkpoint once one of `step` steps with this metric is there.
    fn best_with(&self, step: u64, metric: Option<&Metric>) -> Result<Option<(u64, f64)>> {
        let known = self.known_best()?;
        let now = metric.map(|metric| metric.value);
        Ok(match now {
            Some(now) if self.beats(now, known) => Some((step, now)),
            _ => known,
        })
    }

    /// The step and the value of the best checkpoint that is there.
    fn known_best(&self) -> Result<Option<(u64, f64)>> {
        match (&self.plan.best, self.best) {
            (None, _) => Ok(None),
            (_, Some(known)) => Ok(Some(known)),
            (Some(plan), None) => {
                let found = best(self.folder.path(), Some(&plan.name), plan.better)?;
                Ok(found.map(|(step, _, value)| (step, value)))
            }
        }
    }

    fn beats(&self, value: f64, known: Option<(u64, f64)>) -> bool {
        let Some(plan) = &self.plan.best else {
            return false;
        };
        value.is_finite() && known.is_none_or(|(_, best)| plan.better.than(value, best))
    }

    /// The name of the number by which the best checkpoint is chosen.
    pub(super) fn best_by(&self) -> Option<&str> {
        self.plan.best.as_ref().map(|best| best.name.as_str())
    }

    /// Whether a checkpoint with this value would be the best.
    pub(super) fn is_best(&self, value: f64) -> bool {
        // A folder that can't be looked through is told of when there is a checkpoint to write.
        self.known_best()
            .is_ok_and(|known| self.beats(value, known))
    }
}
