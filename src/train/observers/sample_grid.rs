//! The same latents drawn again and again: how a generator learns, in pictures.

use crate::pair::Pair;
use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use crate::data::ImageShape;
use crate::error::{Error, Result, check};
use crate::latent::Latent;
use crate::network::guard::quietly;
use crate::network::{Condition, Generator, TrainingBackend};
use crate::plot::{GridSize, GridStyle, check_grid, image_grid};
use crate::random::Stream;
use crate::report::Report;
use crate::sizes;
use crate::train::{Memories, Observer, StepEvent};

/// An observer that draws a grid of images each time it is called: `samples-000250.png` after 250
/// steps. Needs the feature `plot`, and a generator of images, `[batch, channels, height, width]`.
///
/// Images of 1 to 4 channels are drawn in their colours, a second or fourth channel as opacity; of
/// more channels each is drawn in grey ([`image_grid`]). A picture that would be too large is
/// refused before the first step.
///
/// The latents are the same in every picture, so that pictures of different steps compare. They are
/// drawn by the average of the generator's weights where the run keeps one, and without a tape,
/// with batch norms in inference mode.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::plot::GridSize;
/// use burn_gan::train::SampleGrid;
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
/// let size = GridSize { rows: 2, columns: 5 };
/// let mut grid = SampleGrid::<B>::new(out, &latent, size, 42, &device)?.with_scale(2);
/// Trainer::new(TrainerConfig::new(4, 8, latent), &device)?
///     .observe(Rhythm::Every(2), &mut grid)
///     .run(gan, &data)?;
/// let last = &grid.pictures()[1];
/// assert_eq!(*last, (4, out.join("samples-000004.png")));
/// assert!(last.1.exists());
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SampleGrid<B: AutodiffBackend, C: Condition<B> = ()> {
    folder: PathBuf,
    name: String,
    latents: Tensor<B::InnerBackend, 2>,
    condition: C::Inner,
    style: GridStyle,
    trained_weights: bool,
    pictures: Vec<(u64, PathBuf)>,
}

impl<B: AutodiffBackend> SampleGrid<B> {
    /// Pictures in `folder` of `rows × columns` images, their latents drawn from the prior by
    /// `seed`.
    ///
    /// # Errors
    /// If there is no column or no row, or more latents than memory holds.
    pub fn new(
        folder: impl Into<PathBuf>,
        latent: &Latent,
        GridSize { rows, columns }: GridSize,
        seed: u64,
        device: &B::Device,
    ) -> Result<Self> {
        check::at_least("rows", rows, 1)?;
        sizes::latents("rows", &[rows, columns, latent.dimensions()])?;
        let mut stream = Stream::new(seed, "samples");
        let latents = latent.draw(columns * rows, &mut stream, device);
        Self::from_latents(folder, latents, columns)
    }

    /// Pictures in `folder` of the images of these latents, `[images, latent]`, row by row.
    ///
    /// # Errors
    /// If there is no column or no latent.
    pub fn from_latents(
        folder: impl Into<PathBuf>,
        latents: Tensor<B::InnerBackend, 2>,
        columns: usize,
    ) -> Result<Self> {
        check::at_least("columns", columns, 1)?;
        check::at_least("latents", latents.dims()[0], 1)?;
        Ok(Self {
            folder: folder.into(),
            name: "samples".to_owned(),
            latents,
            condition: (),
            style: GridStyle {
                columns,
                ..GridStyle::default()
            },
            trained_weights: false,
            pictures: Vec::new(),
        })
    }
}

impl<B: AutodiffBackend, C: Condition<B>> SampleGrid<B, C> {
    /// What a conditional generator is told: one condition for each image, row by row.
    pub fn with_conditions<T: Condition<B>>(self, conditions: &T) -> SampleGrid<B, T> {
        SampleGrid {
            folder: self.folder,
            name: self.name,
            latents: self.latents,
            condition: conditions.inner(),
            style: self.style,
            trained_weights: self.trained_weights,
            pictures: self.pictures,
        }
    }

    /// The beginning of the files' names, and the name in checkpoints; `samples` if not given. Each
    /// of several grids of a run needs its own.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How many pixels wide and high a pixel of an image is drawn; 1 if not given.
    pub fn with_scale(mut self, scale: usize) -> Self {
        self.style.scale = scale;
        self
    }

    /// The values of black and of white; −1 and 1 if not given.
    pub fn with_range(mut self, black: f32, white: f32) -> Self {
        self.style.range = (black, white);
        self
    }

    /// Draws with the weights that are trained, not with their average.
    pub fn with_trained_weights(mut self) -> Self {
        self.trained_weights = true;
        self
    }

    /// The pictures so far, in the order of their steps: the steps made, and the file.
    pub fn pictures(&self) -> &[(u64, PathBuf)] {
        &self.pictures
    }

    /// Adds the pictures so far to a report, as a timeline.
    pub fn report(&self, report: Report) -> Report {
        let pictures = self.pictures.iter();
        pictures.fold(report, |report, (step, file)| {
            report.picture("Samples", file, Some(*step))
        })
    }

    pub(super) fn latents(&self) -> &Tensor<B::InnerBackend, 2> {
        &self.latents
    }

    pub(super) fn set_latents(&mut self, latents: Tensor<B::InnerBackend, 2>) {
        self.latents = latents;
    }

    fn file(&self, step: u64) -> PathBuf {
        self.folder.join(format!("{}-{step:06}.png", self.name))
    }

    /// Refuses what can't be drawn.
    fn refuse(&self, sample_shape: &[usize]) -> Result<()> {
        let images = self.latents.dims()[0];
        if let Some(labels) = self.condition.labels()
            && labels.len() != images
        {
            return Err(Error::setting(
                "conditions",
                format!("{} labels", labels.len()),
                format!("must be one for each of the {images} images"),
            ));
        }
        let Ok(shape) = <[usize; 3]>::try_from(sample_shape) else {
            return Err(Error::setting(
                "samples",
                format!("of shape {sample_shape:?}"),
                "are no images: a grid draws samples of shape [channels, height, width]",
            ));
        };
        check_grid(images, ImageShape::new(shape), &self.style)
    }

    fn draw<G>(&self, generator: &G, path: &Path) -> Result<()>
    where
        G: Generator<B::InnerBackend, Sample = Tensor<B::InnerBackend, 4>, Condition = C::Inner>,
    {
        let images = || generator.generate(self.latents.clone(), &self.condition);
        let images = quietly(images).map_err(|words| Error::Plot {
            path: path.to_owned(),
            problem: format!(
                "the generator draws nothing from latents of shape {:?} and the conditions given \
                 ({words})",
                self.latents.dims()
            ),
        })?;
        let [_, channels, height, width] = images.dims();
        let pixels: Vec<f32> = images.into_data().iter().collect();
        let shape = ImageShape::new([channels, height, width]);
        image_grid(&pixels, shape, &self.style)?.save(path)
    }
}

impl<P, B, C> Observer<P> for SampleGrid<B, C>
where
    P: Pair<Backend = B, Sample = Tensor<B, 4>, Condition = C>,
    B: TrainingBackend,
    C: Condition<B>,
{
    fn check(&self, sample_shape: &[usize]) -> Result<()> {
        self.refuse(sample_shape)
            .map_err(|error| error.within(&self.name))
    }

    fn ends_run(&self) -> bool {
        false
    }

    fn observe(&mut self, event: &StepEvent<'_, P>) -> Result<()> {
        let path = self.file(event.step);
        let generator = if self.trained_weights {
            event.state.trained()
        } else {
            event.state.sampler()
        };
        self.draw(&generator, &path)?;
        self.pictures.push((event.step, path));
        Ok(())
    }

    fn remember(&self, memories: &mut Memories) -> Result<()> {
        // Steps, not files: the folder may be another when the run goes on.
        let steps: Vec<u64> = self.pictures.iter().map(|(step, _)| *step).collect();
        memories.put(&self.name, &steps)
    }

    fn recall(&mut self, step: u64, memories: &Memories) -> Result<()> {
        if let Some(steps) = memories.get::<Vec<u64>>(&self.name)? {
            self.pictures = (steps.into_iter())
                .map(|step| (step, self.file(step)))
                .collect();
        }
        self.pictures.retain(|(drawn, _)| *drawn <= step);
        Ok(())
    }
}
