//! A pair with everything in it that a run could forget: running statistics, power iterations, and
//! draws of the backend's own.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::gan::Gan;
use crate::network::{Discriminator, Generator, Verdict};
use crate::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, SpectralNorm};

/// Latents of three numbers to points of the plane, with running statistics.
#[derive(Module, Debug)]
pub(in crate::train) struct Normed<B: Backend> {
    hidden: Linear<B>,
    norm: BatchNorm<B>,
    output: Linear<B>,
}

impl<B: Backend> Generator<B> for Normed<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        let hidden = self.norm.forward(self.hidden.forward(latent)).tanh();
        self.output.forward(hidden)
    }
}

/// Points to logits, with running statistics, a spectral norm and dropout.
#[derive(Module, Debug)]
pub(in crate::train) struct Restless<B: Backend> {
    hidden: SpectralNorm<B, Linear<B>>,
    norm: BatchNorm<B>,
    dropout: Dropout,
    output: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Restless<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let hidden = self.norm.forward(self.hidden.forward(sample)).tanh();
        self.output.forward(self.dropout.forward(hidden)).into()
    }
}

/// Such a pair, `width` units in the generator's hidden layer.
pub(in crate::train) fn restless<B: Backend>(
    seed: u64,
    width: usize,
) -> Gan<Normed<B>, Restless<B>, B> {
    let device = Default::default();
    let linear = |from, to| LinearConfig::new(from, to);
    let generator = Normed {
        hidden: linear(3, width).init(&device),
        norm: BatchNormConfig::new(width).init(&device),
        output: linear(width, 2).init(&device),
    };
    let discriminator = Restless {
        hidden: SpectralNorm::new(linear(2, 8).init(&device)),
        norm: BatchNormConfig::new(8).init(&device),
        dropout: DropoutConfig::new(0.2).init(),
        output: linear(8, 1).init(&device),
    };
    Gan::seeded(generator, discriminator, seed, &device)
}
