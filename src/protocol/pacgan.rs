//! PacGAN's two mixtures of Gaussians in the plane.

use burn::module::Initializer;
use burn::tensor::backend::AutodiffBackend;
use serde::Serialize;

use super::{
    Column, Evaluation, MaxoutDiscriminator, MaxoutDiscriminatorConfig, NormalizedGenerator,
    NormalizedGeneratorConfig, Protocol, ResultTable, Samples,
};
use crate::data::{MemoryDataset, Mixture};
use crate::error::{Error, Result, check};
use crate::latent::Latent;
use crate::metrics::{Better, ModeCoverage};
use crate::network::Packed;
use crate::objective::{Loss, Objective};
use crate::random::Stream;
use crate::sizes;
use crate::step::{EmaConfig, OptimizerConfig};
use crate::train::{Schedule, TrainerConfig};

/// Fixed points to train on.
const POINTS: usize = 100_000;
/// Packs in a batch.
const BATCH: usize = 100;
const EVALUATED: usize = 2_500;
const EPOCHS: u64 = 400;
const INITIAL_DEVIATION: f64 = 0.02;

/// The protocol of PacGAN's experiments on two mixtures: [`Mixture::ring`] and [`Mixture::grid`].
///
/// | | |
/// |---|---|
/// | data | 100,000 points, the same ones in each epoch |
/// | generator | N(0, I) of 2 numbers; 4 layers of 400 with batch norm (ε 1e-4, running statistics by 0.05) and ReLU; a linear one |
/// | discriminator | 3 layers of 200 maxout units of 5 pieces; a linear one |
/// | initial weights | N(0, 0.02²), biases 0 |
/// | plain | the non-saturating loss; Adam, learning rate 1e-4, β 0.8 and 0.999; 400 epochs of batches of 100 packs |
/// | recommended | the same networks and batches with [`Objective::recommended`]; Adam, learning rate 1e-3 that falls along a cosine to a hundredth, β 0 and 0.99; an average of the weights (decay 0.998) is scored; the generator's norms keep their statistics after a fifth of the run |
/// | evaluation | [`ModeCoverage`] of 2,500 samples |
///
/// What is different here: the generator's step comes after the discriminator's and sees its new
/// weights, where the paper's program takes both at once; reverse KL counts every sample, of high
/// quality or not; a generator that is packed normalises all samples of a batch together.
///
/// Lin, Khetan, Fanti, Oh 2017, *PacGAN: the power of two samples in generative adversarial
/// networks*, arXiv:1712.04086, section 4.1 and table 1; sizes and settings by its public program.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pacgan {
    name: &'static str,
    mixture: Mixture,
    pack: usize,
}

impl Pacgan {
    /// The ring of eight.
    pub fn ring() -> Self {
        Self {
            name: "ring",
            mixture: Mixture::ring(),
            pack: 1,
        }
    }

    /// The grid of twenty-five.
    pub fn grid() -> Self {
        Self {
            name: "grid",
            mixture: Mixture::grid(),
            pack: 1,
        }
    }

    /// How many samples the discriminator judges together; 1, no packing, by default. A batch has
    /// so many times as many samples.
    ///
    /// # Errors
    /// If it is 0 or above 1,000.
    pub fn with_pack(mut self, pack: usize) -> Result<Self> {
        check::at_least("pack", pack, 1)?;
        check::at_most("pack", pack, sizes::REPEATS)?;
        self.pack = pack;
        Ok(self)
    }

    /// The distribution that is learnt.
    pub fn mixture(&self) -> &Mixture {
        &self.mixture
    }

    fn config(&self, steps: u64) -> TrainerConfig {
        TrainerConfig::new(steps, BATCH * self.pack, Latent::normal(2))
    }
}

impl<B: AutodiffBackend> Protocol<B, 2> for Pacgan {
    type Generator = NormalizedGenerator<B>;
    type Discriminator = Packed<B, MaxoutDiscriminator<B>>;
    type Data = MemoryDataset<2>;

    fn published(&self) -> ResultTable {
        let modes = self.mixture.means().len();
        let columns = [
            Column::new(
                "modes_captured",
                format!("modes (of {modes})"),
                Better::Higher,
                1,
            ),
            Column::new("high_quality_percent", "high quality %", Better::Higher, 1),
            Column::new("reverse_kl", "reverse KL", Better::Lower, 2),
        ];
        let title = format!("PacGAN's {}, mean ± standard error", self.name);
        let rows = match modes {
            8 => [
                ("GAN", [(6.3, 0.5), (98.2, 0.2), (0.45, 0.09)]),
                ("ALI", [(6.6, 0.3), (97.6, 0.4), (0.36, 0.04)]),
                ("PacGAN2", [(7.9, 0.1), (95.6, 2.0), (0.07, 0.03)]),
                ("PacGAN4", [(7.8, 0.1), (95.9, 1.4), (0.07, 0.02)]),
            ],
            _ => [
                ("GAN", [(17.3, 0.8), (94.8, 0.7), (0.70, 0.07)]),
                ("ALI", [(24.1, 0.4), (95.7, 0.6), (0.14, 0.03)]),
                ("PacGAN2", [(23.8, 0.7), (91.3, 0.8), (0.13, 0.04)]),
                ("PacGAN4", [(24.8, 0.2), (93.6, 0.6), (0.04, 0.01)]),
            ],
        };
        let table = ResultTable::new(title, columns);
        rows.iter().fold(table, |table, (method, numbers)| {
            let cells = numbers.map(|(mean, error)| Some((mean, Some(error))));
            table.published(*method, &cells, "Lin et al. 2017, table 1: 10 trials")
        })
    }

    fn epochs(&self) -> u64 {
        EPOCHS
    }

    fn steps_per_epoch(&self) -> u64 {
        // An epoch of packs: as many as there are points.
        (POINTS / BATCH) as u64
    }

    fn plain(&self, steps: u64) -> TrainerConfig {
        self.config(steps)
            .with_objective(Objective::new(Loss::NonSaturating))
            .with_optimizers(OptimizerConfig::adam(1e-4).with_betas(0.8, 0.999))
    }

    fn recommended(&self, steps: u64) -> TrainerConfig {
        self.config(steps)
            .with_objective(Objective::recommended())
            .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99))
            .with_schedule(Schedule::Cosine { floor: 0.01 })
            .with_ema(EmaConfig::decay(0.998))
            .with_frozen_batch_norm((steps / 5).max(1))
    }

    fn data(&self, seed: u64) -> Result<MemoryDataset<2>> {
        let mut stream = Stream::new(seed, "points");
        MemoryDataset::new(self.mixture.sample(POINTS, &mut stream), [2])
    }

    fn networks(
        &self,
        _objective: &Objective,
        device: &B::Device,
    ) -> Result<(Self::Generator, Self::Discriminator)> {
        let generator = NormalizedGeneratorConfig {
            latent: 2,
            dimensions: 2,
            hidden: vec![400; 4],
            epsilon: 1e-4,
            momentum: 0.05,
            initial_deviation: INITIAL_DEVIATION,
        };
        let discriminator = MaxoutDiscriminatorConfig {
            dimensions: 2 * self.pack,
            hidden: vec![200; 3],
            pieces: 5,
            input_dropout: 0.0,
            hidden_dropout: 0.0,
            initializer: Initializer::Normal {
                mean: 0.0,
                std: INITIAL_DEVIATION,
            },
        };
        let discriminator = discriminator.init(device)?;
        Ok((
            generator.init(device)?,
            Packed::new(discriminator, self.pack),
        ))
    }

    fn evaluated(&self) -> usize {
        EVALUATED
    }

    fn evaluate(&self, samples: &mut Samples<'_>) -> Result<Evaluation> {
        let samples = samples.draw(EVALUATED);
        let coverage = ModeCoverage::measure(&samples, &self.mixture)?;
        Ok(Evaluation {
            numbers: vec![
                coverage.modes_captured as f64,
                100.0 * coverage.high_quality,
                coverage.reverse_kl,
            ],
            details: serde_json::to_value(&coverage)
                .map_err(|error| Error::data("mode coverage", error.to_string()))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;
    use crate::network::{Discriminator, Generator};
    use crate::testing::Cpu;
    use burn::backend::Autodiff;
    use burn::tensor::Tensor;

    type B = Autodiff<Cpu>;

    fn evaluated(protocol: &Pacgan, samples: Vec<f32>) -> Evaluation {
        let mut samples = Samples::from_fn(move |count| {
            assert_eq!(count, EVALUATED);
            samples.clone()
        });
        Protocol::<B, 2>::evaluate(protocol, &mut samples).expect("points of the plane")
    }

    #[test]
    fn the_data_itself_scores_as_data() {
        for (protocol, modes) in [(Pacgan::ring(), 8.0), (Pacgan::grid(), 25.0)] {
            let real = protocol
                .mixture()
                .sample(EVALUATED, &mut Stream::new(1, "real"));
            let numbers = evaluated(&protocol, real).numbers;
            assert_eq!(numbers[0], modes);
            // 1 − exp(−9/2) = 98.9 %, within five standard errors of 2,500 samples.
            assert!((numbers[1] - 98.9).abs() < 1.05, "{numbers:?}");
            assert!(numbers[2] < 0.02, "{numbers:?}");
        }
    }

    #[test]
    fn a_trials_data_is_scored_by_the_rules_for_samples() {
        let ring = Pacgan::ring();
        let score = |seed| Protocol::<B, 2>::evaluate_data(&ring, seed, &Default::default());
        let found = score(3).expect("points");
        assert_eq!(found.numbers[0], 8.0);
        assert!((found.numbers[1] - 98.9).abs() < 1.05, "{found:?}");
        assert_eq!(found.details["samples"], Protocol::<B, 2>::evaluated(&ring));
        assert_eq!(found, score(3).expect("the same points"));
        assert_ne!(found, score(4).expect("other points"));
    }

    #[test]
    fn dropped_modes_cost_what_arithmetic_says() {
        let protocol = Pacgan::ring();
        let means = protocol.mixture().means();
        // Two modes of eight, in equal shares: KL = ln 4.
        let samples = (0..EVALUATED).flat_map(|i| {
            let mean = &means[3 * (i % 2)];
            [mean[0] as f32, mean[1] as f32]
        });
        let evaluation = evaluated(&protocol, samples.collect());
        assert_eq!(evaluation.numbers[..2], [2.0, 100.0]);
        assert!((evaluation.numbers[2] - 4f64.ln()).abs() < 1e-12);
        assert_eq!(evaluation.details["samples"], EVALUATED);
    }

    #[test]
    fn networks_judge_packs_of_the_papers_sizes() {
        let device = Default::default();
        let protocol = Pacgan::ring().with_pack(2).expect("a pack");
        let config = Protocol::<B, 2>::plain(&protocol, 10);
        let (generator, discriminator) =
            Protocol::<B, 2>::networks(&protocol, &config.objective, &device).expect("networks");
        let latents = Tensor::ones([4, 2], &device);
        let points = generator.generate(latents, &());
        assert_eq!(points.dims(), [4, 2]);
        let verdict = discriminator.discriminate(points, &());
        assert_eq!(verdict.logits.dims(), [2, 1]);
        assert_eq!(config.batches.batch_size, 200);
        let data = Protocol::<B, 2>::data(&protocol, 3).expect("points");
        assert_eq!(Dataset::<B>::len(&data), POINTS);
        assert!(Pacgan::ring().with_pack(0).is_err());
    }

    #[test]
    fn settings_of_both_rows_are_valid() {
        for protocol in [Pacgan::ring(), Pacgan::grid()] {
            Protocol::<B, 2>::plain(&protocol, 40_000)
                .validate()
                .expect("plain");
            let recommended = Protocol::<B, 2>::recommended(&protocol, 40_000);
            recommended.validate().expect("recommended");
        }
    }

    #[test]
    fn the_published_rows_are_there() {
        let table = Protocol::<B, 2>::published(&Pacgan::grid());
        let row = table.rows.iter().find(|row| row.method == "PacGAN4");
        let cells = row.expect("a row").cells.clone();
        let means: Vec<f64> = cells
            .iter()
            .map(|cell| cell.expect("a number").mean)
            .collect();
        assert_eq!(means, [24.8, 93.6, 0.04]);
        let ring = Protocol::<B, 2>::published(&Pacgan::ring());
        let gan = ring.rows[0].cells[0].expect("a number");
        assert_eq!(
            (ring.rows[0].method.as_str(), gan.mean, gan.error),
            ("GAN", 6.3, Some(0.5))
        );
    }
}
