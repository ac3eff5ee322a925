//! Walks through the latent space: what lies between two samples.

use crate::pair::Pair;
use std::path::PathBuf;

use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::SampleGrid;
use crate::error::{Result, check};
use crate::latent::Latent;
use crate::network::{Condition, TrainingBackend};
use crate::plot::GridSize;
use crate::random::Stream;
use crate::report::Report;
use crate::sizes;
use crate::train::{Memories, Observer, StepEvent};

/// An observer that draws rows of images each time it is called, each row a walk from one latent to
/// another along [`Latent::path`]: `interpolation-000250.png` after 250 steps. Needs the feature
/// `plot`, and a generator of images.
///
/// Where neighbours in a row change little by little, the generator has learnt a space of images;
/// where they jump between a few, it has learnt those by heart. The ends of a row are the same in
/// every picture.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::plot::GridSize;
/// use burn_gan::train::Interpolations;
/// use burn_gan::train::{Rhythm, Trainer, TrainerConfig};
/// use burn_gan::{Gan, Latent};
///
/// type B = Autodiff<Flex>;
/// let device = Default::default();
/// let image = [1, 8, 8];
/// let gan = Gan::<_, _, B>::seeded(
///     MlpGeneratorConfig::new(4, image).with_hidden([8]).init::<B, 4>(&device)?,
///     MlpDiscriminatorConfig::new(image).with_hidden([8]).init::<B, 4>(&device)?,
///     1,
///     &device,
/// );
/// let data = MemoryDataset::<4>::new(vec![0.5; 16 * 64], image)?;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let out = folder.path();
/// let latent = Latent::normal(4);
/// // Three walks of seven images, from seed 42, their ends typical latents.
/// let size = GridSize { rows: 3, columns: 7 };
/// let walks = Interpolations::<B>::new(out, &latent, size, 42, &device)?.with_truncation(1.0)?;
/// Trainer::new(TrainerConfig::new(4, 8, latent), &device)?
///     .observe(Rhythm::AtEnd, walks)
///     .run(gan, &data)?;
/// assert!(out.join("interpolation-000004.png").exists());
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Interpolations<B: AutodiffBackend, C: Condition<B> = ()> {
    grid: SampleGrid<B, C>,
    prior: Latent,
    size: GridSize,
    seed: u64,
}

impl<B: AutodiffBackend> Interpolations<B> {
    /// Pictures in `folder` of `rows` walks of `columns` images each, both ends counted; the ends
    /// are drawn from the prior by `seed`.
    ///
    /// # Errors
    /// If there is no row, or less than two columns.
    pub fn new(
        folder: impl Into<PathBuf>,
        latent: &Latent,
        size: GridSize,
        seed: u64,
        device: &B::Device,
    ) -> Result<Self> {
        let GridSize { rows, columns } = size;
        check::at_least("rows", rows, 1)?;
        check::at_least("columns", columns, 2)?;
        sizes::latents("rows", &[rows, columns, latent.dimensions()])?;
        let latents = walks(latent, columns, seed, |stream| {
            Ok(latent.draw(rows, stream, device))
        })?;
        Ok(Self {
            grid: SampleGrid::from_latents(folder, latents, columns)?.with_name("interpolation"),
            prior: latent.clone(),
            size,
            seed,
        })
    }
}

impl<B: AutodiffBackend, C: Condition<B>> Interpolations<B, C> {
    /// Draws the ends of the walks truncated ([`Latent::draw_truncated`]): more typical images,
    /// less varied.
    ///
    /// # Errors
    /// If the prior can't be truncated at this threshold.
    pub fn with_truncation(mut self, threshold: f32) -> Result<Self> {
        let device = self.grid.latents().device();
        let latents = walks(&self.prior, self.size.columns, self.seed, |stream| {
            self.prior
                .draw_truncated(self.size.rows, threshold, stream, &device)
        })?;
        self.grid.set_latents(latents);
        Ok(self)
    }

    /// What a conditional generator is told: one condition for each image, row by row.
    pub fn with_conditions<T: Condition<B>>(self, conditions: &T) -> Interpolations<B, T> {
        Interpolations {
            grid: self.grid.with_conditions(conditions),
            prior: self.prior,
            size: self.size,
            seed: self.seed,
        }
    }

    /// The beginning of the files' names, and the name in checkpoints; `interpolation` if not
    /// given.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.grid = self.grid.with_name(name);
        self
    }

    /// How many pixels wide and high a pixel of an image is drawn; 1 if not given.
    pub fn with_scale(mut self, scale: usize) -> Self {
        self.grid = self.grid.with_scale(scale);
        self
    }

    /// The values of black and of white; −1 and 1 if not given.
    pub fn with_range(mut self, black: f32, white: f32) -> Self {
        self.grid = self.grid.with_range(black, white);
        self
    }

    /// Draws with the weights that are trained, not with their average.
    pub fn with_trained_weights(mut self) -> Self {
        self.grid = self.grid.with_trained_weights();
        self
    }

    /// The pictures so far, in the order of their steps: the steps made, and the file.
    pub fn pictures(&self) -> &[(u64, PathBuf)] {
        self.grid.pictures()
    }

    /// Adds the pictures so far to a report, each on its own.
    pub fn report(&self, report: Report) -> Report {
        let pictures = self.pictures().iter();
        pictures.fold(report, |report, (_, file)| {
            report.picture("Between two latents, left to right", file, None)
        })
    }
}

/// The latents of all walks, `[rows·columns, latent]`, row by row.
fn walks<B: Backend>(
    prior: &Latent,
    columns: usize,
    seed: u64,
    mut ends: impl FnMut(&mut Stream) -> Result<Tensor<B, 2>>,
) -> Result<Tensor<B, 2>> {
    let mut stream = Stream::new(seed, "interpolation");
    let from = ends(&mut stream)?;
    let to = ends(&mut stream)?;
    prior.path(from, to, columns)
}

impl<P, B, C> Observer<P> for Interpolations<B, C>
where
    P: Pair<Backend = B, Sample = Tensor<B, 4>, Condition = C>,
    B: TrainingBackend,
    C: Condition<B>,
{
    fn check(&self, sample_shape: &[usize]) -> Result<()> {
        Observer::<P>::check(&self.grid, sample_shape)
    }

    fn ends_run(&self) -> bool {
        false
    }

    fn observe(&mut self, event: &StepEvent<'_, P>) -> Result<()> {
        self.grid.observe(event)
    }

    fn remember(&self, memories: &mut Memories) -> Result<()> {
        Observer::<P>::remember(&self.grid, memories)
    }

    fn recall(&mut self, step: u64, memories: &Memories) -> Result<()> {
        Observer::<P>::recall(&mut self.grid, step, memories)
    }
}
