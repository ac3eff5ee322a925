//! The first GAN's experiment on digits.

use burn::module::{Initializer, Module, ModuleMapper, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use super::{
    Column, Evaluation, MaxoutDiscriminator, MaxoutDiscriminatorConfig, Protocol, ResultTable,
    Samples,
};
use crate::data::{MemoryDataset, Mnist, PixelRange};
use crate::error::{Error, Result};
use crate::latent::Latent;
use crate::metrics::{Better, Features, Parzen};
use crate::models::{MlpGenerator, MlpGeneratorConfig};
use crate::nn::Activation;
use crate::objective::{Loss, Objective};
use crate::step::{EmaConfig, OptimizerConfig};
use crate::train::{Ramp, Schedule, TrainerConfig};

const BATCH: usize = 100;
const EPOCHS: u64 = 250;
const LATENT: usize = 100;
/// Training images that are kept back to choose σ by.
const VALIDATION: usize = 1_000;
/// Generated samples that the density is estimated from.
const SAMPLES: usize = 10_000;
/// Ranges of the initial weights, uniform around 0.
const GENERATOR_RANGE: f64 = 0.05;
const DISCRIMINATOR_RANGE: f64 = 0.005;

/// The protocol of the first GAN's experiment on MNIST.
///
/// | | |
/// |---|---|
/// | data | digits, pixels in [0, 1], as 784 numbers; the last 1,000 of the training set are kept back |
/// | prior | N(0, I) of 100 numbers |
/// | generator | 2 layers of 1,200 with ReLU; 784 with sigmoid, whose biases start at the logits of the pixels' means; weights U(±0.05) |
/// | discriminator | 2 layers of 240 maxout units of 5 pieces; a linear one; dropout 0.2 of inputs and 0.5 of hidden units; weights U(±0.005) |
/// | plain | the non-saturating loss; gradient descent, learning rate 0.1 (0.05 for the discriminator, whose loss the paper halves) that falls by 1.000004 a step, momentum from 0.5 to 0.7 over 250 epochs; batches of 100 |
/// | evaluation | Parzen window's log-likelihood of the test digits from 10,000 samples, σ by the 1,000 digits kept back ([`Parzen`]) |
///
/// What is different here: the paper trains on 50,000 digits and chooses σ by 1,000 of the 10,000
/// that it keeps back.
///
/// Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville, Bengio 2014, *Generative
/// adversarial nets*, arXiv:1406.2661, section 5 and table 1; settings by its public program.
#[derive(Debug, Clone)]
pub struct Goodfellow {
    /// Training images, row-major.
    training: Vec<f32>,
    validation: Features,
    test: Features,
    /// Numbers of an image.
    dimensions: usize,
    parzen: Parzen,
}

impl Goodfellow {
    /// The protocol on these digits, of which the last 1,000 for training are kept back.
    ///
    /// # Errors
    /// If there are at most 1,000 of them, or the test digits are of another size.
    pub fn new(train: &Mnist, test: &Mnist) -> Result<Self> {
        if train.len() <= VALIDATION {
            let problem = format!(
                "{} images; {VALIDATION} are kept back to choose σ by, and some must be left",
                train.len()
            );
            return Err(Error::data("training digits", problem));
        }
        if (train.height, train.width) != (test.height, test.width) {
            let problem = format!(
                "test images of {} × {}, training images of {} × {}",
                test.height, test.width, train.height, train.width
            );
            return Err(Error::data("test digits", problem));
        }
        let dimensions = train.height * train.width;
        let mut training = train.pixels(PixelRange::Unit);
        let validation = training.split_off((train.len() - VALIDATION) * dimensions);
        Ok(Self {
            training,
            validation: Features::new(validation, dimensions)?.with_set("validation"),
            test: Features::new(test.pixels(PixelRange::Unit), dimensions)?.with_set("test"),
            dimensions,
            parzen: Parzen::default(),
        })
    }

    /// Images to train on.
    pub fn images(&self) -> usize {
        self.training.len() / self.dimensions
    }

    /// The generator's layers.
    fn generator(&self) -> MlpGeneratorConfig {
        MlpGeneratorConfig::new(LATENT, [self.dimensions])
            .with_hidden([1_200, 1_200])
            .with_activation(Activation::Relu)
            .with_output(Activation::Sigmoid)
            .with_initializer(uniform(GENERATOR_RANGE))
    }

    /// The mean of each pixel over the training images.
    fn means(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.dimensions];
        for image in self.training.chunks_exact(self.dimensions) {
            for (sum, pixel) in sums.iter_mut().zip(image) {
                *sum += f64::from(*pixel);
            }
        }
        let count = self.images() as f64;
        sums.iter().map(|sum| sum / count).collect()
    }
}

fn uniform(range: f64) -> Initializer {
    Initializer::Uniform {
        min: -range,
        max: range,
    }
}

impl<B: AutodiffBackend> Protocol<B, 2> for Goodfellow {
    type Generator = MlpGenerator<B, 2>;
    type Discriminator = MaxoutDiscriminator<B>;
    type Data = MemoryDataset<2>;

    fn published(&self) -> ResultTable {
        let columns = [Column::new(
            "log_likelihood",
            "log-likelihood",
            Better::Higher,
            1,
        )];
        let source = "Goodfellow et al. 2014, table 1: ± over test digits";
        [
            ("DBN", 138.0, 2.0),
            ("Stacked CAE", 121.0, 1.6),
            ("Deep GSN", 214.0, 1.1),
            ("Adversarial nets", 225.0, 2.0),
        ]
        .iter()
        .fold(
            ResultTable::new("Parzen window's log-likelihood of digits", columns),
            |table, (method, mean, error)| {
                table.published(*method, &[Some((*mean, Some(*error)))], source)
            },
        )
    }

    fn epochs(&self) -> u64 {
        EPOCHS
    }

    fn steps_per_epoch(&self) -> u64 {
        (self.images() / BATCH) as u64
    }

    fn plain(&self, steps: u64) -> TrainerConfig {
        // 1.000004 to the power of the paper's 125,000 steps, over the steps of this run: a line
        // is near enough to an exponential that falls to 0.61.
        TrainerConfig::new(steps, BATCH, Latent::normal(LATENT))
            .with_objective(Objective::new(Loss::NonSaturating))
            .with_generator_optimizer(OptimizerConfig::sgd(0.1, 0.5))
            .with_discriminator_optimizer(OptimizerConfig::sgd(0.05, 0.5))
            .with_schedule(Schedule::Linear { floor: 0.61 })
            .with_ramp(momentum("generator_optimizer.momentum", steps))
            .with_ramp(momentum("discriminator_optimizer.momentum", steps))
    }

    fn recommended(&self, steps: u64) -> TrainerConfig {
        // γ for 784 numbers in [0, 1].
        let mut objective = Objective::recommended();
        for term in &mut objective.terms {
            term.weight = 0.25;
        }
        TrainerConfig::new(steps, BATCH, Latent::normal(LATENT))
            .with_objective(objective)
            .with_optimizers(OptimizerConfig::adam(2e-4).with_betas(0.0, 0.99))
            .with_ema(EmaConfig::decay(0.998))
    }

    fn data(&self, _seed: u64) -> Result<MemoryDataset<2>> {
        MemoryDataset::new(self.training.clone(), [self.dimensions])
    }

    fn networks(
        &self,
        _objective: &Objective,
        device: &B::Device,
    ) -> Result<(Self::Generator, Self::Discriminator)> {
        let generator = self.generator().init(device)?;
        let discriminator = MaxoutDiscriminatorConfig {
            dimensions: self.dimensions,
            hidden: vec![240; 2],
            pieces: 5,
            input_dropout: 0.2,
            hidden_dropout: 0.5,
            initializer: uniform(DISCRIMINATOR_RANGE),
        };
        Ok((
            with_biases(generator, &self.means()),
            discriminator.init(device)?,
        ))
    }

    fn evaluated(&self) -> usize {
        SAMPLES
    }

    fn evaluate(&self, samples: &mut Samples<'_>) -> Result<Evaluation> {
        let generated = Features::new(samples.draw(SAMPLES), self.dimensions)?;
        let scores = (self.parzen).measure(&generated, &self.validation, &self.test)?;
        Ok(Evaluation {
            numbers: vec![scores.log_likelihood],
            details: serde_json::to_value(&scores)
                .map_err(|error| Error::data("Parzen window", error.to_string()))?,
        })
    }
}

/// Momentum up to 0.7.
fn momentum(setting: &str, steps: u64) -> Ramp {
    Ramp::linear(setting, 0.7, steps)
}

/// With biases at 0, but those of the output at the logits of the pixels' means.
fn with_biases<B: Backend>(generator: MlpGenerator<B, 2>, means: &[f64]) -> MlpGenerator<B, 2> {
    struct Biases<'a> {
        means: &'a [f64],
    }
    impl<B: Backend> ModuleMapper<B> for Biases<'_> {
        fn map_float<const D: usize>(
            &mut self,
            parameter: Param<Tensor<B, D>>,
        ) -> Param<Tensor<B, D>> {
            if D != 1 {
                // Weights stay undrawn, for the seed to decide them.
                return parameter;
            }
            parameter.map(|bias| {
                let (dims, trained) = (bias.dims(), bias.is_require_grad());
                if dims[0] != self.means.len() {
                    return bias.zeros_like().set_require_grad(trained);
                }
                // As far as 1e-4 from 0 and 1, where a logit is ±9.
                let logits = self.means.iter().map(|mean| {
                    let mean = mean.clamp(1e-4, 1.0 - 1e-4);
                    (mean / (1.0 - mean)).ln() as f32
                });
                let data = TensorData::new(logits.collect::<Vec<f32>>(), dims);
                Tensor::from_data(data, &bias.device()).set_require_grad(trained)
            })
        }
    }
    generator.map(&mut Biases { means })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;
    use crate::network::{Discriminator, Generator};
    use crate::testing::{Cpu, gradients, values};
    use burn::backend::Autodiff;

    type B = Autodiff<Cpu>;

    /// Images of 2 × 2, of the class 0, all grey but the first pixel, which is black.
    fn digits(count: usize, grey: u8) -> Mnist {
        Mnist {
            images: [0, grey, grey, grey].repeat(count),
            labels: vec![0; count],
            classes: 10,
            height: 2,
            width: 2,
        }
    }

    fn protocol() -> Goodfellow {
        Goodfellow::new(&digits(1_200, 51), &digits(20, 51)).expect("digits")
    }

    #[test]
    fn the_last_thousand_digits_are_kept_back() {
        let protocol = protocol();
        assert_eq!(protocol.images(), 200);
        assert_eq!(protocol.validation.count(), 1_000);
        assert_eq!(Protocol::<B, 2>::steps_per_epoch(&protocol), 2);
        let data = Protocol::<B, 2>::data(&protocol, 0).expect("data");
        assert_eq!(Dataset::<B>::len(&data), 200);
        let error = Goodfellow::new(&digits(1_000, 1), &digits(1, 1)).unwrap_err();
        assert!(error.to_string().contains("some must be left"), "{error}");
        let mut other = digits(4, 1);
        (other.height, other.width) = (4, 1);
        assert!(Goodfellow::new(&digits(1_001, 1), &other).is_err());
    }

    #[test]
    fn a_generator_begins_at_the_mean_image() {
        let device = Default::default();
        let protocol = protocol();
        let config = Protocol::<B, 2>::plain(&protocol, 4);
        let (generator, discriminator) =
            Protocol::<B, 2>::networks(&protocol, &config.objective, &device).expect("networks");
        // At latents of 0 and biases of 0 only the output's biases are left.
        let image = generator.generate(Tensor::zeros([2, LATENT], &device), &());
        let pixels = values(image.clone());
        // Grey is 51/255 = 0.2; black is drawn as 1e-4.
        for (pixel, expected) in pixels.iter().zip([1e-4, 0.2, 0.2, 0.2]) {
            assert!((pixel - expected).abs() < 1e-5, "{pixel}");
        }
        let verdict = discriminator.discriminate(image, &());
        let all = gradients::<B, _>(&generator, &verdict.logits.sum().backward());
        // The output's bias is trained, although it was set.
        let bias = &all[all.len() - 1];
        assert_eq!(bias.len(), 4);
        assert!(bias.iter().any(|g| *g != 0.0), "{bias:?}");
    }

    #[test]
    fn samples_are_scored_by_their_windows() {
        // Every sample is the test image itself: ln p = −d·ln(σ√2π) at the smallest σ, 0.1.
        let image = [0.0, 0.2, 0.2, 0.2];
        let mut samples = Samples::from_fn(|count| image.repeat(count));
        let evaluation = Protocol::<B, 2>::evaluate(&protocol(), &mut samples).expect("samples");
        let expected = -4.0 * (0.1 * std::f64::consts::TAU.sqrt()).ln();
        assert!(
            (evaluation.numbers[0] - expected).abs() < 1e-5,
            "{evaluation:?}"
        );
        assert_eq!(evaluation.details["sigma"], 0.1);
        let table = Protocol::<B, 2>::published(&protocol());
        assert!(
            table.to_string().contains("Adversarial nets  225.0 ± 2.0"),
            "{table}"
        );
    }

    #[test]
    fn settings_of_both_rows_are_valid() {
        let plain = Protocol::<B, 2>::plain(&protocol(), 100);
        plain.validate().expect("plain");
        Protocol::<B, 2>::recommended(&protocol(), 100)
            .validate()
            .expect("recommended");
    }
}
