//! A layer with spectral normalisation or without, by a setting.

use burn::module::{Initializer, Module, ModuleDisplay};
use burn::nn::Embedding;
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};

use super::spectral_norm::Normalizable;
use super::{Activation, Conv1d, Conv2d, Linear, SpectralNorm};
use crate::error::{Error, Result};

/// Refuses weights of 0 that are to be normalised.
pub(super) fn normable(normalized: bool, initializer: &Initializer) -> Result<()> {
    if normalized && *initializer == Initializer::Zeros {
        let problem = "can't be normalised, since zeros have no largest singular value: draw them by \
                       another one, or leave `spectral_norm` off";
        return Err(Error::setting("initializer", "zeros", problem));
    }
    Ok(())
}

/// A layer as it is, or with its weight divided by its largest singular value.
///
/// A network whose settings say whether its weights are normalised has layers of this type.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a module lives in one place and is not boxed"
)]
pub enum SpectralOption<B: Backend, L: Module<B> + ModuleDisplay> {
    /// The layer as it is.
    Plain(L),
    /// The layer in a [`SpectralNorm`].
    Normalized(SpectralNorm<B, L>),
}

impl<B: Backend, L: Module<B> + ModuleDisplay + Normalizable<B>> SpectralOption<B, L> {
    /// `layer`, normalised or not.
    pub fn new(layer: L, normalized: bool) -> Self {
        if normalized {
            Self::Normalized(SpectralNorm::new(layer))
        } else {
            Self::Plain(layer)
        }
    }
}

impl<B: Backend> SpectralOption<B, Linear<B>> {
    /// As [`Linear::forward`].
    pub fn forward<const R: usize>(&self, input: Tensor<B, R>) -> Tensor<B, R> {
        self.forward_activated(input, Activation::Identity)
    }

    /// As [`Linear::forward_activated`].
    pub fn forward_activated<const R: usize>(
        &self,
        input: Tensor<B, R>,
        activation: Activation,
    ) -> Tensor<B, R> {
        match self {
            Self::Plain(layer) => layer.forward_activated(input, activation),
            Self::Normalized(layer) => layer.forward_activated(input, activation),
        }
    }
}

impl<B: Backend> SpectralOption<B, Embedding<B>> {
    /// The rows of the table: indices `[batch, count]` to `[batch, count, features]`.
    pub fn forward(&self, indices: Tensor<B, 2, Int>) -> Tensor<B, 3> {
        match self {
            Self::Plain(table) => table.forward(indices),
            Self::Normalized(table) => table.forward(indices),
        }
    }
}

impl<B: Backend> SpectralOption<B, Conv2d<B>> {
    /// As [`Conv2d::forward`].
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        self.forward_activated(input, Activation::Identity)
    }

    /// As [`Conv2d::forward_activated`].
    pub fn forward_activated(&self, input: Tensor<B, 4>, activation: Activation) -> Tensor<B, 4> {
        match self {
            Self::Plain(layer) => layer.forward_activated(input, activation),
            Self::Normalized(layer) => layer.forward_activated(input, activation),
        }
    }
}

impl<B: Backend> SpectralOption<B, Conv1d<B>> {
    /// As [`Conv1d::forward`].
    pub fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.forward_activated(input, Activation::Identity)
    }

    /// As [`Conv1d::forward_activated`].
    pub fn forward_activated(&self, input: Tensor<B, 3>, activation: Activation) -> Tensor<B, 3> {
        match self {
            Self::Plain(layer) => layer.forward_activated(input, activation),
            Self::Normalized(layer) => layer.forward_activated(input, activation),
        }
    }
}
