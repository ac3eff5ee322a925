//! A checkpoint read without a trainer: to draw samples from what it holds, and to measure them.

use std::path::Path;

use burn::tensor::Device;
use serde::Deserialize;
use serde_json::Value;

use super::file::{self, File, refuse, unreadable};
use super::{folder, state};
use crate::error::Result;
use crate::pair::{GanOf, Pair};
use crate::step::TrainState;
use crate::train::TrainerConfig;

/// A checkpoint that was opened to be looked at. The run that it belongs to is left alone, and may
/// go on meanwhile.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::train::{Checkpoints, StoredRun, Trainer, TrainerConfig};
/// use burn_gan::{Gan, Latent};
///
/// type B = Autodiff<Flex>;
/// let device = Default::default();
/// let networks = || -> burn_gan::Result<_> {
///     Ok(Gan::<_, _, B>::seeded(
///         MlpGeneratorConfig::new(2, [2]).with_hidden([8]).init(&device)?,
///         MlpDiscriminatorConfig::new([2]).with_hidden([8]).init(&device)?,
///         1,
///         &device,
///     ))
/// };
/// let data = MemoryDataset::<2>::new(vec![0.5; 32], [2])?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// Trainer::new(TrainerConfig::new(4, 8, Latent::normal(2)), &device)?
///     .with_checkpoints(Checkpoints::new(folder).every(2))
///     .run(networks()?, &data)?;
///
/// // The newest one of the folder.
/// let stored = StoredRun::open(folder)?;
/// assert_eq!(stored.step(), 4);
/// let state = stored.state(networks()?, &device)?;
/// assert_eq!(state.step, 4);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug)]
pub struct StoredRun {
    file: File,
}

impl StoredRun {
    /// Opens a checkpoint, or the newest whole one of a folder.
    ///
    /// # Errors
    /// If there is none, or it can't be read, is damaged or of another format.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if !path.is_dir() {
            let file = file::read(path).map_err(|error| unreadable(error, path))?;
            return Ok(Self { file });
        }
        for (_, file) in folder::list(path)? {
            match file::read(&file) {
                Ok(file) => return Ok(Self { file }),
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(unreadable(error, &file)),
            }
        }
        Err(refuse(path, "holds no whole checkpoint"))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// The steps that the run had made.
    pub fn step(&self) -> u64 {
        self.file.header.step
    }

    /// What the run was made with: the trainer's settings, and beside them what the program stored
    /// by [`Checkpoints::compare`](super::Checkpoints::compare).
    pub fn settings(&self) -> &Value {
        &self.file.header.settings
    }

    /// The trainer's settings.
    ///
    /// # Errors
    /// If they are not those of this version of the crate.
    pub fn config(&self) -> Result<TrainerConfig> {
        // What a program added is no setting of the trainer's.
        let ours = serde_json::to_value(TrainerConfig::new(1, 1, crate::Latent::normal(1)));
        let mut settings = self.settings().clone();
        if let (Some(settings), Ok(Value::Object(ours))) = (settings.as_object_mut(), ours) {
            settings.retain(|name, _| ours.contains_key(name));
        }
        TrainerConfig::deserialize(settings).map_err(|error| {
            let problem = format!("has settings that this version does not read: {error}");
            refuse(&self.file.path, problem)
        })
    }

    /// The state that it holds, in `gan`, whose networks are those of the run.
    ///
    /// The average of a generator with batch norms has the statistics of the trained weights until
    /// it is given others ([`TrainState::with_standing_statistics`]).
    ///
    /// # Errors
    /// If it belongs to other networks, or holds what can't be.
    pub fn state<P: Pair>(&self, gan: P, device: &Device<P::Backend>) -> Result<TrainState<P>> {
        let config = self.config()?;
        self.restored(gan.into_gan(), &config, device)
    }

    fn restored<P: Pair>(
        &self,
        gan: GanOf<P>,
        config: &TrainerConfig,
        device: &Device<P::Backend>,
    ) -> Result<TrainState<P>> {
        let mut fresh = TrainState::<P>::of(
            gan,
            config.generator_optimizer,
            config.discriminator_optimizer,
        )?;
        if config.ema.is_some() {
            fresh = fresh.with_ema();
        }
        let (state, _) = state::restore(&self.file, &fresh, device)?;
        Ok(state)
    }
}
