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
                1 => {
                    parameter.map(|bias| bias.zeros_like().set_require_grad(bias.is_require_grad()))
                }
                _ => parameter,
            }
        }
    }
    module.map(&mut Zero)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gan::Gan;
    use crate::network::initialize;
    use crate::testing::{
        Cpu, for_each_autodiff_backend, for_each_backend, gradients as gradients_of, parameters,
        values,
    };
    use burn::tensor::Distribution;
    use burn::tensor::backend::AutodiffBackend;

    fn generator() -> NormalizedGeneratorConfig {
        NormalizedGeneratorConfig {
            latent: 3,
            dimensions: 2,
            hidden: vec![8, 5],
            epsilon: 1e-4,
            momentum: 0.05,
            initial_deviation: 0.02,
        }
    }

    fn discriminator() -> MaxoutDiscriminatorConfig {
        MaxoutDiscriminatorConfig {
            dimensions: 4,
            hidden: vec![6, 3],
            pieces: 5,
            input_dropout: 0.2,
            hidden_dropout: 0.5,
            initializer: Initializer::Uniform {
                min: -0.005,
                max: 0.005,
            },
        }
    }

    fn shapes_are_as_documented<B: Backend>() {
        let device = Default::default();
        let generator = generator().init::<B>(&device).expect("valid settings");
        let points = generator.generate(Tensor::ones([7, 3], &device), &());
        assert_eq!(points.dims(), [7, 2]);
        let discriminator = discriminator().init::<B>(&device).expect("valid settings");
        let verdict = discriminator.discriminate(Tensor::ones([7, 4], &device), &());
        assert_eq!(verdict.logits.dims(), [7, 1]);
        let logits = values(verdict.logits);
        assert!(logits.iter().all(|logit| logit.is_finite()));
    }

    for_each_backend!(shapes_are_as_documented);

    #[test]
    fn biases_start_at_zero_and_weights_where_the_paper_has_them() {
        let device = Default::default();
        let wide = MaxoutDiscriminatorConfig {
            hidden: vec![200],
            ..discriminator()
        };
        let network = wide.init::<Cpu>(&device).expect("valid settings");
        initialize(&network);
        let parameters = parameters::<Cpu, _>(&network);
        // Weight and bias of the maxout layer and of the linear one.
        let [weight, bias, _, last] = parameters.as_slice() else {
            panic!("{} parameters", parameters.len());
        };
        assert!(bias.iter().chain(last).all(|bias| *bias == 0.0));
        assert!(weight.iter().all(|weight| weight.abs() <= 0.005));
        let square = weight.iter().map(|weight| weight * weight).sum::<f64>();
        let deviation = (square / weight.len() as f64).sqrt();
        // U(±a) has a deviation of a/√3; 4,000 weights tell it within a few percent.
        assert!((deviation / (0.005 / 3f64.sqrt()) - 1.0).abs() < 0.05);
    }

    fn every_parameter_is_trained<B: AutodiffBackend>() {
        let device = B::Device::default();
        let generator = generator().init::<B>(&device).expect("valid settings");
        let discriminator = MaxoutDiscriminatorConfig {
            dimensions: 2,
            input_dropout: 0.0,
            hidden_dropout: 0.0,
            ..discriminator()
        };
        let discriminator = discriminator.init::<B>(&device).expect("valid settings");
        let latents = Tensor::random([9, 3], Distribution::Normal(0.0, 1.0), &device);
        let points = generator.generate(latents, &());
        let gradients = discriminator
            .discriminate(points, &())
            .logits
            .sum()
            .backward();
        let of_generator = gradients_of::<B, _>(&generator, &gradients);
        // Three layers, of which two have norms: 2 weights, 2 × (γ, β), running statistics, output.
        assert!(
            of_generator[of_generator.len() - 1]
                .iter()
                .any(|g| *g != 0.0),
            "output's bias"
        );
        let of_discriminator = gradients_of::<B, _>(&discriminator, &gradients);
        for (place, gradient) in of_discriminator.iter().enumerate() {
            assert!(gradient.iter().any(|g| *g != 0.0), "parameter {place}");
        }
    }

    mod tracked {
        use super::*;
        for_each_autodiff_backend!(every_parameter_is_trained);
    }

    #[test]
    fn a_seed_decides_the_weights_although_biases_are_set_before() {
        let device = Default::default();
        let made = |seed| {
            let generator = generator().init::<Cpu>(&device).expect("valid settings");
            let discriminator = discriminator()
                .init::<Cpu>(&device)
                .expect("valid settings");
            let gan = Gan::<_, _, Cpu>::seeded(generator, discriminator, seed, &device);
            let both = [
                parameters::<Cpu, _>(&gan.generator),
                parameters::<Cpu, _>(&gan.discriminator),
            ];
            both.concat()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }

    #[test]
    fn settings_that_no_network_can_be_made_of_are_refused_by_name() {
        let device = Default::default();
        let refused = |error: crate::Error, name: &str| {
            let error = error.to_string();
            assert!(error.contains(name), "{error}");
        };
        let change = |change: fn(&mut NormalizedGeneratorConfig)| {
            let mut config = generator();
            change(&mut config);
            config.init::<Cpu>(&device).expect_err("a wrong setting")
        };
        refused(change(|c| c.hidden.clear()), "`hidden.len()`");
        refused(change(|c| c.epsilon = f64::NAN), "`epsilon`");
        refused(change(|c| c.momentum = 1.5), "`momentum`");
        refused(change(|c| c.initial_deviation = 0.0), "`initial_deviation`");
        let change = |change: fn(&mut MaxoutDiscriminatorConfig)| {
            let mut config = discriminator();
            change(&mut config);
            config.init::<Cpu>(&device).expect_err("a wrong setting")
        };
        refused(change(|c| c.pieces = 0), "`pieces`");
        refused(change(|c| c.input_dropout = 1.0), "`input_dropout`");
        refused(change(|c| c.hidden_dropout = -0.1), "`hidden_dropout`");
    }
}
