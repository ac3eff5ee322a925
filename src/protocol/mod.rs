//! Published protocols: the data, networks and settings that a paper trained with, the rules it
//! scored by, and the numbers it got.
//!
//! A number of a GAN paper means something beside numbers of the same protocol only: the same
//! baseline is far from itself in two papers' settings. A [`Protocol`] holds one together, so that
//! an objective or a network of your own can be put into its table:
//!
//! ```
//! use burn_gan::burn::backend::{Autodiff, Flex};
//! use burn_gan::metrics::Repeats;
//! use burn_gan::protocol::{Pacgan, Protocol, Samples};
//! use burn_gan::train::Trainer;
//! use burn_gan::Gan;
//!
//! type B = Autodiff<Flex>;
//! let device = Default::default();
//! let ring = Pacgan::ring();
//!
//! // A trial: one step of the paper's 400,000.
//! let config = Protocol::<B, 2>::plain(&ring, 1).with_seed(1);
//! let (generator, discriminator) = ring.networks(&config.objective, &device)?;
//! let gan = Gan::<_, _, B>::seeded(generator, discriminator, 1, &device);
//! let data = Protocol::<B, 2>::data(&ring, 1)?;
//! let run = Trainer::new(config.clone(), &device)?.run(gan, &data)?;
//! let mut samples = Samples::new(run.state.sampler(), &config, &device);
//! let evaluation = Protocol::<B, 2>::evaluate(&ring, &mut samples)?;
//!
//! // Its row in the paper's table.
//! let table = Protocol::<B, 2>::published(&ring);
//! let numbers = table.repeats(&[evaluation])?;
//! println!("{}", table.measured("one step", &numbers, "1 trial")?);
//! # Ok::<(), burn_gan::Error>(())
//! ```
//!
//! | protocol | data | numbers |
//! |---|---|---|
//! | [`Pacgan`] | a ring of 8 Gaussians, a grid of 25 | modes, high quality, reverse KL |
//! | [`Veegan`] | 10 Gaussians of 700 dimensions in 1,200 | modes, high quality |
//! | [`StackedMnist`] | three digits as the channels of an image | modes of 1,000, KL |
//! | [`Goodfellow`] | digits | Parzen log-likelihood |

mod goodfellow;
mod networks;
mod pacgan;
mod samples;
mod scores;
mod stacked_mnist;
mod table;
mod veegan;

pub use goodfellow::Goodfellow;
pub use networks::{
    MaxoutDiscriminator, MaxoutDiscriminatorConfig, NormalizedGenerator, NormalizedGeneratorConfig,
};
pub use pacgan::Pacgan;
pub use samples::Samples;
pub use scores::ProtocolScores;
pub use stacked_mnist::{ClassifierReader, ReadDigits, StackedDigits, StackedMnist, StackedModes};
pub use table::{Cell, Column, Measured, ResultTable, Row, Source};
pub use veegan::{Veegan, VeeganCoverage, VeeganPoints};

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;
use serde::Serialize;

use crate::data::Dataset;
use crate::error::Result;
use crate::metrics::ExtractorId;
use crate::network::{Discriminator, Generator, TrainableDiscriminator, TrainableGenerator};
use crate::objective::Objective;
use crate::random::Stream;
use crate::train::TrainerConfig;

/// A published way to train a GAN and to score it, on samples that are tensors of rank `R`.
pub trait Protocol<B: AutodiffBackend, const R: usize> {
    /// The generator of the paper.
    type Generator: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, R>, Condition = ()>;
    /// The discriminator of the paper.
    type Discriminator: TrainableDiscriminator<B>
        + Discriminator<B, Sample = Tensor<B, R>, Condition = ()>;
    /// The data.
    type Data: Dataset<B, Sample = Tensor<B, R>, Condition = ()>;

    /// The published table.
    fn published(&self) -> ResultTable;

    /// Epochs of training in the paper.
    fn epochs(&self) -> u64;

    /// Steps of an epoch.
    fn steps_per_epoch(&self) -> u64;

    /// The paper's settings of its plain GAN, for a run of so many steps.
    fn plain(&self, steps: u64) -> TrainerConfig;

    /// What this crate recommends on the same data, for a run of so many steps of the same batch.
    fn recommended(&self, steps: u64) -> TrainerConfig;

    /// The data of a trial.
    ///
    /// # Errors
    /// If it can't be made.
    fn data(&self, seed: u64) -> Result<Self::Data>;

    /// The networks, undrawn, for a run with this objective.
    ///
    /// # Errors
    /// If a setting is wrong.
    fn networks(
        &self,
        objective: &Objective,
        device: &B::Device,
    ) -> Result<(Self::Generator, Self::Discriminator)>;

    /// Scores what a trained generator draws, by the paper's rules.
    ///
    /// # Errors
    /// If the samples are not of this protocol's shape.
    fn evaluate(&self, samples: &mut Samples<'_>) -> Result<Evaluation>;

    /// How many samples [`evaluate`](Self::evaluate) scores.
    fn evaluated(&self) -> usize;

    /// The classifier that reads them, where one does.
    fn reader(&self) -> Option<ExtractorId> {
        None
    }

    /// Scores a trial's data by the same rules: what a generator would have that draws what it was
    /// trained on. Samples are taken at random, each once before any comes again.
    ///
    /// # Errors
    /// If the data can't be made or read, or as [`evaluate`](Self::evaluate).
    fn evaluate_data(&self, seed: u64, device: &B::Device) -> Result<Evaluation> {
        let data = self.data(seed)?;
        let order = Stream::new(seed, "the data itself").permutation(data.len());
        let mut order = order.iter().copied().cycle();
        let mut failed = None;
        let mut draw = |count: usize| {
            let rows: Vec<usize> = order.by_ref().take(count).collect();
            match data.batch(&rows, device) {
                Ok((samples, ())) => samples.into_data().iter::<f32>().collect(),
                Err(error) => {
                    failed.get_or_insert(error);
                    Vec::new()
                }
            }
        };
        let evaluation = self.evaluate(&mut Samples::from_fn(&mut draw));
        match failed {
            Some(error) => Err(error),
            None => evaluation,
        }
    }
}

/// What a trial came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// A number for each column of the protocol's table.
    pub numbers: Vec<f64>,
    /// What else was measured.
    pub details: serde_json::Value,
}
