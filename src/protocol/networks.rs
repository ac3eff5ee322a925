//! The networks of the papers, as far as [`models`](crate::models) does not have them.

use burn::module::{Initializer, Module, ModuleMapper, Param};
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use crate::error::{Result, check};
use crate::network::{Discriminator, Generator, Verdict};
use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, Linear, LinearConfig, Maxout, MaxoutConfig,
};
use crate::settings::settings;
use crate::sizes;

settings! {
/// Settings of a [`NormalizedGenerator`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NormalizedGeneratorConfig {
    /// Components of a latent.
    pub latent: usize,
    /// Numbers of a sample.
    pub dimensions: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// The batch norms' ε.
    pub epsilon: f64,
    /// The weight of a new batch in the batch norms' running statistics.
    pub momentum: f64,
    /// The standard deviation of the initial weights, which are normal around 0; biases start at 0.
    pub initial_deviation: f64,
}
}

impl NormalizedGeneratorConfig {
    /// Makes the generator.
    ///
    /// # Errors
    /// If a size is 0 or too large, there is no hidden layer, or a number is out of its range.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<NormalizedGenerator<B>> {
        sizes::size("latent", self.latent)?;
        sizes::size("dimensions", self.dimensions)?;
        check::at_least("hidden.len()", self.hidden.len(), 1)?;
        check::at_most("hidden.len()", self.hidden.len(), sizes::REPEATS)?;
        for width in &self.hidden {
            sizes::size("hidden", *width)?;
        }
        check::positive("epsilon", self.epsilon)?;
        check::at_most_one("momentum", self.momentum)?;
        let initializer = normal(self.initial_deviation)?;
        let mut widths = vec![self.latent];
        widths.extend(&self.hidden);
        let pairs: Vec<&[usize]> = widths.windows(2).collect();
        let layers: Vec<Vec<usize>> = pairs.iter().map(|pair| pair.to_vec()).collect();
        sizes::network("hidden", &layers)?;
        let linear = |d_input, d_output| {
            LinearConfig::new(d_input, d_output).with_initializer(initializer.clone())
        };
        Ok(NormalizedGenerator {
            // A norm after it has a bias of its own.
            layers: (pairs.iter())
                .map(|pair| linear(pair[0], pair[1]).with_bias(false).init(device))
                .collect(),
            norms: (self.hidden.iter())
                .map(|width| {
                    BatchNormConfig::new(*width)
                        .with_epsilon(self.epsilon)
                        .with_momentum(self.momentum)
                        .init(device)
                })
                .collect(),
            output: with_zero_biases::<B, _>(
                linear(widths[widths.len() - 1], self.dimensions).init(device),
            ),
        })
    }
}

/// Linear layers, each but the last with a batch norm and ReLU after it. Latents `[batch, latent]`,
/// samples `[batch, dimensions]`.
#[derive(Module, Debug)]
pub struct NormalizedGenerator<B: Backend> {
    layers: Vec<Linear<B>>,
    norms: Vec<BatchNorm<B>>,
    output: Linear<B>,
}

impl<B: Backend> Generator<B> for NormalizedGenerator<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        let layers = self.layers.iter().zip(&self.norms);
        let hidden = layers.fold(latent, |x, (layer, norm)| {
            norm.forward_activated(layer.forward(x), Activation::Relu)
        });
        self.output.forward(hidden)
    }
}

settings! {
/// Settings of a [`MaxoutDiscriminator`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaxoutDiscriminatorConfig {
    /// Numbers of a sample, of all samples of a pack together.
    pub dimensions: usize,
    /// Units of each hidden layer.
    pub hidden: Vec<usize>,
    /// Linear pieces of each unit.
    pub pieces: usize,
    /// The probability that an input is dropped.
    pub input_dropout: f64,
    /// The probability that a hidden unit is dropped.
    pub hidden_dropout: f64,
    /// How weights are drawn; biases start at 0.
    #[serde(deserialize_with = "crate::settings::foreign")]
    pub initializer: Initializer,
}
}

impl MaxoutDiscriminatorConfig {
    /// Makes the discriminator.
    ///
    /// # Errors
    /// If a size is 0 or too large, there is no hidden layer, or a probability is not in [0, 1).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<MaxoutDiscriminator<B>> {
        sizes::size("dimensions", self.dimensions)?;
        check::at_least("hidden.len()", self.hidden.len(), 1)?;
        check::at_most("hidden.len()", self.hidden.len(), sizes::REPEATS)?;
        check::below_one("input_dropout", self.input_dropout)?;
        check::below_one("hidden_dropout", self.hidden_dropout)?;
        let mut widths = vec![self.dimensions];
        widths.extend(&self.hidden);
        let mut layers = Vec::new();
        for pair in widths.windows(2) {
            let layer = MaxoutConfig::new(pair[0], pair[1], self.pieces)
                .with_initializer(self.initializer.clone());
            layer.validate()?;
            layers.push(layer.init(device));
        }
        let output = LinearConfig::new(widths[widths.len() - 1], 1)
            .with_initializer(self.initializer.clone())
            .init(device);
        let dropout = |probability| DropoutConfig::new(probability).init();
        Ok(with_zero_biases::<B, _>(MaxoutDiscriminator {
            layers,
            output,
            input_dropout: dropout(self.input_dropout),
            hidden_dropout: dropout(self.hidden_dropout),
        }))
    }
}

/// Maxout layers and a linear one. Samples `[batch, dimensions]`, logits `[batch, 1]`; its features
/// are what the last layer reads.
///
/// Dropout is burn's: what stays is divided by the probability that it stays.
#[derive(Module, Debug)]
pub struct MaxoutDiscriminator<B: Backend> {
    layers: Vec<Maxout<B>>,
    output: Linear<B>,
    input_dropout: Dropout,
    hidden_dropout: Dropout,
}

impl<B: Backend> Discriminator<B> for MaxoutDiscriminator<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let input = self.input_dropout.forward(sample);
        let features = (self.layers.iter()).fold(input, |x, layer| {
            self.hidden_dropout.forward(layer.forward(x))
        });
        Verdict::from(self.output.forward(features.clone())).with_features(features)
    }
}

/// The normal distribution around 0 that weights are drawn from.
fn normal(std: f64) -> Result<Initializer> {
    check::positive("initial_deviation", std)?;
    Ok(Initializer::Normal { mean: 0.0, std })
}

/// With biases, the parameters of one axis, at 0.
fn with_zero_biases<B: Backend, M: Module<B>>(module: M) -> M {
    struct Zero;
    impl<B: Backend> ModuleMapper<B> for Zero {
        fn map_float<const D: usize>(
            &mut self,
            parameter: Param<Tensor<B, D>>,
        ) -> Param<Tensor<B, D>> {
            // Weights stay undrawn, for the seed to decide them.
            match D {
                1 => parameter.map(|bias| bias.zeros_like()),
                _ => parameter,
            }
        }
    }
    module.map(&mut Zero)
}
