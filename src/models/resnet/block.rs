//! Residual blocks that make images larger or smaller.

use burn::module::{Initializer, Module};
use burn::nn::PaddingConfig2d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::ResNetInit;
use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, ConditionalBatchNorm, ConditionalBatchNormConfig,
    Conv2d, Conv2dConfig, SpectralOption, mean_pool, sum, upsample_nearest,
};

/// What the convolutions of a network have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Convolutions {
    pub(super) init: ResNetInit,
    pub(super) spectral_norm: bool,
}

impl Convolutions {
    /// A 3×3 convolution that keeps the size.
    pub(super) fn square<B: Backend>(
        self,
        channels: [usize; 2],
        residual: bool,
        device: &B::Device,
    ) -> SpectralOption<B, Conv2d<B>> {
        let init = if residual {
            self.init.residual()
        } else {
            self.init.plain()
        };
        let conv = Conv2dConfig::new(channels, [3, 3])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_initializer(init)
            .with_bias_initializer(Initializer::Zeros);
        self.of(conv, device)
    }

    /// A linear map of each pixel's channels.
    fn pixelwise<B: Backend>(
        self,
        channels: [usize; 2],
        device: &B::Device,
    ) -> SpectralOption<B, Conv2d<B>> {
        let conv = Conv2dConfig::new(channels, [1, 1])
            .with_initializer(self.init.plain())
            .with_bias_initializer(Initializer::Zeros);
        self.of(conv, device)
    }

    fn of<B: Backend>(
        self,
        conv: Conv2dConfig,
        device: &B::Device,
    ) -> SpectralOption<B, Conv2d<B>> {
        SpectralOption::new(conv.init(device), self.spectral_norm)
    }
}

/// A batch norm, conditioned or not.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a module lives in one place and is not boxed"
)]
pub(super) enum Norm<B: Backend> {
    Plain(BatchNorm<B>),
    Conditional(ConditionalBatchNorm<B>),
}

impl<B: Backend> Norm<B> {
    /// Conditioned on vectors of so many numbers, or not where there are none.
    pub(super) fn new(channels: usize, condition: usize, device: &B::Device) -> Self {
        match condition {
            0 => Self::Plain(BatchNormConfig::new(channels).init(device)),
            condition => {
                Self::Conditional(ConditionalBatchNormConfig::new(channels, condition).init(device))
            }
        }
    }

    /// With ReLU.
    pub(super) fn forward(
        &self,
        x: Tensor<B, 4>,
        condition: Option<&Tensor<B, 2>>,
    ) -> Tensor<B, 4> {
        match (self, condition) {
            (Self::Plain(norm), _) => norm.forward_activated(x, Activation::Relu),
            (Self::Conditional(norm), Some(condition)) => {
                norm.forward_activated(x, condition.clone(), Activation::Relu)
            }
            (Self::Conditional(_), None) => {
                unreachable!("a network with conditional norms gives them their condition")
            }
        }
    }
}

/// A block of the generator: twice as large.
///
/// ```text
/// y = conv(relu(norm(conv(up(relu(norm(x))))))) + up(shortcut(x))
/// ```
///
/// The shortcut is a 1×1 convolution, before the upsampling instead of after it: for pixels that are
/// repeated that is the same, in a quarter of the work.
#[derive(Module, Debug)]
pub(super) struct UpBlock<B: Backend> {
    norms: [Norm<B>; 2],
    convs: [SpectralOption<B, Conv2d<B>>; 2],
    shortcut: SpectralOption<B, Conv2d<B>>,
}

impl<B: Backend> UpBlock<B> {
    pub(super) fn new(
        convolutions: Convolutions,
        [inputs, outputs]: [usize; 2],
        condition: usize,
        device: &B::Device,
    ) -> Self {
        Self {
            norms: [
                Norm::new(inputs, condition, device),
                Norm::new(outputs, condition, device),
            ],
            convs: [
                convolutions.square([inputs, outputs], true, device),
                convolutions.square([outputs, outputs], true, device),
            ],
            shortcut: convolutions.pixelwise([inputs, outputs], device),
        }
    }

    pub(super) fn forward(
        &self,
        x: Tensor<B, 4>,
        condition: Option<&Tensor<B, 2>>,
    ) -> Tensor<B, 4> {
        let shortcut = upsample_nearest(self.shortcut.forward(x.clone()), 2);
        let x = upsample_nearest(self.norms[0].forward(x, condition), 2);
        let x = self.norms[1].forward(self.convs[0].forward(x), condition);
        sum(self.convs[1].forward(x), shortcut)
    }
}

/// A block of the discriminator, half as large where it halves.
///
/// ```text
/// y = down(conv(relu(conv(relu(x))))) + shortcut(down(x))
/// ```
///
/// The first block of a network has no ReLU before its first convolution. The shortcut is a 1×1
/// convolution, after the pooling instead of before it: the mean of what is linear is the same, in a
/// quarter of the work. Where neither channels nor size change, it is x itself.
#[derive(Module, Debug)]
pub(super) struct DownBlock<B: Backend> {
    convs: [SpectralOption<B, Conv2d<B>>; 2],
    shortcut: Option<SpectralOption<B, Conv2d<B>>>,
    first: bool,
    halves: bool,
}

impl<B: Backend> DownBlock<B> {
    pub(super) fn new(
        convolutions: Convolutions,
        [inputs, hidden, outputs]: [usize; 3],
        first: bool,
        halves: bool,
        device: &B::Device,
    ) -> Self {
        let changes = halves || inputs != outputs;
        Self {
            convs: [
                convolutions.square([inputs, hidden], true, device),
                convolutions.square([hidden, outputs], true, device),
            ],
            shortcut: changes.then(|| convolutions.pixelwise([inputs, outputs], device)),
            first,
            halves,
        }
    }

    pub(super) fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let down = |x: Tensor<B, 4>| if self.halves { mean_pool(x, 2) } else { x };
        let shortcut = match &self.shortcut {
            Some(shortcut) => shortcut.forward(down(x.clone())),
            None => x.clone(),
        };
        let x = if self.first {
            x
        } else {
            Activation::Relu.apply(x)
        };
        let x = self.convs[0].forward_activated(x, Activation::Relu);
        sum(down(self.convs[1].forward(x)), shortcut)
    }
}
