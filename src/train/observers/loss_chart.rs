//! The losses as a picture that grows with the run.

use crate::pair::Pair;
use std::path::{Path, PathBuf};

use super::History;
use super::Reading;
use crate::error::Result;
use crate::plot::{LineChart, Series};
use crate::train::{Memories, Observer, StepEvent};

/// The name in checkpoints.
const NAME: &str = "loss_chart";

/// An observer that takes a reading each time it is called and draws all of them as an SVG: both
/// losses, the penalties where there are any, and the lower bound on JS(p_data ‖ p_g) in nats.
/// Needs the feature `plot`.
///
/// The readings are those of a [`History`], which thins them evenly when there are very many.
/// Checkpoints hold the readings, so that the chart of a resumed run is that of the whole run. The
/// picture is written whole each time: a rhythm of hundreds of steps is enough.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::train::observers::LossChart;
/// use burn_gan::train::{Rhythm, Trainer, TrainerConfig};
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
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("losses.svg");
/// Trainer::new(TrainerConfig::new(6, 8, Latent::normal(2)), &device)?
///     .observe(Rhythm::Every(2), LossChart::new(&path).with_title("Points"))
///     .run(gan, &data)?;
/// assert!(std::fs::read_to_string(&path).unwrap().contains("Points"));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LossChart {
    path: PathBuf,
    title: String,
    history: History,
}

impl LossChart {
    /// A chart in the file `path`; folders above it are made.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            title: "Losses".to_owned(),
            history: History::new().with_name(NAME),
        }
    }

    /// The chart's title, `Losses` if not given.
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn draw(&self) -> Result<()> {
        let series = |name: &str, value: fn(&Reading) -> f64| {
            let points = self.history.readings().iter();
            Series::new(
                name,
                points.map(|reading| (reading.step as f64, value(reading))),
            )
        };
        // A penalty is not due in every step: only the readings that have one are joined.
        let penalty = |name: &str, value: fn(&Reading) -> Option<f64>| {
            let points = self.history.readings().iter();
            let points = points.filter_map(|reading| Some((reading.step as f64, value(reading)?)));
            let series = Series::new(name, points);
            (!series.points.is_empty()).then_some(series)
        };
        let mut chart = LineChart::new(&self.title, "step", "loss")
            .with_series(series("discriminator", |reading| {
                reading.discriminator_loss
            }))
            .with_series(series("generator", |reading| reading.generator_loss))
            .with_series(series("JS bound (nats)", |reading| reading.js_lower_bound));
        let penalties = [
            penalty("penalties", |reading| reading.penalty),
            penalty("generator penalties", |reading| reading.generator_penalty),
        ];
        for penalty in penalties.into_iter().flatten() {
            chart = chart.with_series(penalty);
        }
        chart.save(&self.path)
    }
}

impl<P: Pair> Observer<P> for LossChart {
    fn ends_run(&self) -> bool {
        false
    }

    fn is_remembered(&self) -> bool {
        true
    }

    fn observe(&mut self, event: &StepEvent<'_, P>) -> Result<()> {
        Observer::<P>::observe(&mut self.history, event)?;
        self.draw()
    }

    fn remember(&self, memories: &mut Memories) -> Result<()> {
        Observer::<P>::remember(&self.history, memories)
    }

    fn recall(&mut self, step: u64, memories: &Memories) -> Result<()> {
        Observer::<P>::recall(&mut self.history, step, memories)
    }
}
