//! The losses as a picture that grows with the run.

use crate::pair::Pair;
use std::path::{Path, PathBuf};

use super::History;
use crate::error::Result;
use crate::plot::{LineChart, Series};
use crate::train::reading::chart_of;
use crate::train::{Memories, Observer, StepEvent};

/// The name in checkpoints.
const NAME: &str = "loss_chart";

/// What is drawn where nothing else is asked for: what can share the losses' axis.
const LOSSES: [&str; 5] = [
    "discriminator_loss",
    "generator_loss",
    "js_lower_bound",
    "discriminator_terms",
    "generator_terms",
];

/// An observer that takes a reading each time it is called and draws all of them as an SVG: both
/// losses, the weighted terms where there are any, and the lower bound on JS(p_data ‖ p_g) in nats,
/// or the numbers that [`with_numbers`](Self::with_numbers) names. Needs the feature `plot`.
///
/// The readings are those of a [`History`], which thins them evenly when there are very many.
/// Checkpoints hold the readings, so that the chart of a resumed run is that of the whole run. The
/// picture is written whole each time: a rhythm of hundreds of steps is enough.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::train::LossChart;
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
    /// The numbers that are drawn, by their names.
    numbers: Vec<String>,
    history: History,
}

impl LossChart {
    /// A chart in the file `path`; folders above it are made.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            title: "Losses".to_owned(),
            numbers: LOSSES.map(str::to_owned).into(),
            history: History::new().with_name(NAME),
        }
    }

    /// The chart's title, `Losses` if not given.
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Draws these numbers of a [`Reading`](crate::train::Reading) instead, such as those of an
    /// [`Evaluator`](crate::train::Evaluator). All have one axis. Of several charts each remembers
    /// its readings under the names of its numbers.
    pub fn with_numbers<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.numbers = names.into_iter().map(Into::into).collect();
        self.history = History::new().with_name(format!("{NAME}: {}", self.numbers.join(", ")));
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the vertical axis shows: the first number's kind.
    fn axis(&self) -> &str {
        self.numbers.first().map_or("", |name| chart_of(name).0)
    }

    fn draw(&self) -> Result<()> {
        let mut chart = LineChart::new(&self.title, "step", self.axis());
        for name in &self.numbers {
            // Terms are not due in every step: only the readings that have some are joined.
            let points = self.history.points(name);
            if !points.is_empty() {
                let points = points.iter().map(|(step, value)| (*step as f64, *value));
                chart = chart.with_series(Series::new(name.replace('_', " "), points));
            }
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
