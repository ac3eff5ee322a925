//! A convolution with or without spectral normalisation, as settings say.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Activation, Conv2d, SpectralNorm};

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
pub(super) enum MaybeNormed<B: Backend> {
    Plain(Conv2d<B>),
    Normed(SpectralNorm<B, Conv2d<B>>),
}

impl<B: Backend> MaybeNormed<B> {
    pub(super) fn new(conv: Conv2d<B>, normed: bool) -> Self {
        match normed {
            true => Self::Normed(SpectralNorm::new(conv)),
            false => Self::Plain(conv),
        }
    }

    pub(super) fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        self.forward_activated(input, Activation::Identity)
    }

    pub(super) fn forward_activated(
        &self,
        input: Tensor<B, 4>,
        activation: Activation,
    ) -> Tensor<B, 4> {
        match self {
            Self::Plain(conv) => conv.forward_activated(input, activation),
            Self::Normed(conv) => conv.forward_activated(input, activation),
        }
    }
}
