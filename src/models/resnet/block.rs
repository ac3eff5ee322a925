//! Residual blocks that make images larger or smaller.

use burn::module::{Initializer, Module};
use burn::nn::PaddingConfig2d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::ResNetInit;
use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, ConditionalBatchNorm, ConditionalBatchNormConfig,
    Conv2d, Conv2dConfig, SpectralOption, concatenate_channels, first_channels, mean_pool, sum,
    upsample_nearest,
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

    /// A batch norm, conditioned on vectors of so many numbers or, where there are none, on nothing.
    ///
    /// Conditional ones begin as plain ones, unless spectral norms, which zeros have none of, are taken of
    /// what they learn.
    pub(super) fn norm<B: Backend>(
        self,
        channels: usize,
        condition: usize,
        device: &B::Device,
    ) -> Norm<B> {
        if condition == 0 {
            return Norm::Plain(BatchNormConfig::new(channels).init(device));
        }
        let mut config = ConditionalBatchNormConfig::new(channels, condition);
        if self.spectral_norm {
            config = config
                .with_spectral_norm(true)
                .with_initializer(self.init.plain());
        }
        Norm::Conditional(config.init(device))
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

/// How a block of the generator is built.
///
/// ```text
/// plain   y = conv(relu(norm(conv(up(relu(norm(x))))))) + up(shortcut(x))
/// deep    y = conv₁(a(conv(a(conv(up(a(conv₁(a(x))))))))) + up(first channels of x),   a(x) = relu(norm(x))
/// ```
///
/// conv is 3×3, conv₁ 1×1: a deep block computes with a quarter of its input's channels and learns no
/// shortcut. The shortcut of a plain one is a 1×1 convolution, before the upsampling instead of after it:
/// for pixels that are repeated that is the same, in a quarter of the work.
#[derive(Module, Debug)]
pub(super) struct UpBlock<B: Backend> {
    norms: Vec<Norm<B>>,
    convs: Vec<SpectralOption<B, Conv2d<B>>>,
    shortcut: Option<SpectralOption<B, Conv2d<B>>>,
    /// The convolution that the size is doubled before.
    up: Option<usize>,
    outputs: usize,
}

impl<B: Backend> UpBlock<B> {
    /// A plain block, twice as large.
    pub(super) fn plain(
        convolutions: Convolutions,
        [inputs, outputs]: [usize; 2],
        condition: usize,
        device: &B::Device,
    ) -> Self {
        Self {
            norms: vec![
                convolutions.norm(inputs, condition, device),
                convolutions.norm(outputs, condition, device),
            ],
            convs: vec![
                convolutions.square([inputs, outputs], true, device),
                convolutions.square([outputs, outputs], true, device),
            ],
            shortcut: Some(convolutions.pixelwise([inputs, outputs], device)),
            up: Some(0),
            outputs,
        }
    }

    /// A deep block; it has no more channels than its input.
    pub(super) fn deep(
        convolutions: Convolutions,
        [inputs, outputs]: [usize; 2],
        condition: usize,
        doubles: bool,
        device: &B::Device,
    ) -> Self {
        let hidden = bottleneck(inputs);
        let norm = |channels: usize| convolutions.norm(channels, condition, device);
        Self {
            norms: vec![norm(inputs), norm(hidden), norm(hidden), norm(hidden)],
            convs: vec![
                convolutions.pixelwise([inputs, hidden], device),
                convolutions.square([hidden, hidden], true, device),
                convolutions.square([hidden, hidden], true, device),
                convolutions.pixelwise([hidden, outputs], device),
            ],
            shortcut: None,
            up: doubles.then_some(1),
            outputs,
        }
    }

    pub(super) fn forward(
        &self,
        x: Tensor<B, 4>,
        condition: Option<&Tensor<B, 2>>,
    ) -> Tensor<B, 4> {
        let shortcut = match &self.shortcut {
            Some(shortcut) => shortcut.forward(x.clone()),
            None => first_channels(x.clone(), self.outputs),
        };
        let shortcut = match self.up {
            Some(_) => upsample_nearest(shortcut, 2),
            None => shortcut,
        };
        let mut x = x;
        for (index, (norm, conv)) in self.norms.iter().zip(&self.convs).enumerate() {
            x = norm.forward(x, condition);
            if self.up == Some(index) {
                x = upsample_nearest(x, 2);
            }
            x = conv.forward(x);
        }
        sum(x, shortcut)
    }
}

/// How a block of the discriminator is built, half as large where it halves.
///
/// ```text
/// plain   y = down(conv(relu(conv(relu(x))))) + shortcut(down(x))
/// deep    y = conv₁(down(relu(conv(relu(conv(relu(conv₁(relu(x))))))))) + (down(x), conv₁(down(x)))
/// ```
///
/// The first plain block of a network has no ReLU before its first convolution. Its shortcut is a 1×1
/// convolution, after the pooling instead of before it: the mean of what is linear is the same, in a
/// quarter of the work. Where neither channels nor size change, it is x itself. A deep block computes with
/// a quarter of its output's channels, and its shortcut learns only the channels that x does not have.
#[derive(Module, Debug)]
pub(super) struct DownBlock<B: Backend> {
    convs: Vec<SpectralOption<B, Conv2d<B>>>,
    shortcut: Option<SpectralOption<B, Conv2d<B>>>,
    first: bool,
    halves: bool,
    deep: bool,
}

impl<B: Backend> DownBlock<B> {
    /// A plain block.
    pub(super) fn plain(
        convolutions: Convolutions,
        [inputs, hidden, outputs]: [usize; 3],
        first: bool,
        halves: bool,
        device: &B::Device,
    ) -> Self {
        let changes = halves || inputs != outputs;
        Self {
            convs: vec![
                convolutions.square([inputs, hidden], true, device),
                convolutions.square([hidden, outputs], true, device),
            ],
            shortcut: changes.then(|| convolutions.pixelwise([inputs, outputs], device)),
            first,
            halves,
            deep: false,
        }
    }

    /// A deep block; it has no fewer channels than its input.
    pub(super) fn deep(
        convolutions: Convolutions,
        [inputs, outputs]: [usize; 2],
        halves: bool,
        device: &B::Device,
    ) -> Self {
        let hidden = bottleneck(outputs);
        let more = outputs.saturating_sub(inputs);
        Self {
            convs: vec![
                convolutions.pixelwise([inputs, hidden], device),
                convolutions.square([hidden, hidden], true, device),
                convolutions.square([hidden, hidden], true, device),
                convolutions.pixelwise([hidden, outputs], device),
            ],
            shortcut: (more > 0).then(|| convolutions.pixelwise([inputs, more], device)),
            first: false,
            halves,
            deep: true,
        }
    }

    pub(super) fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let down = |x: Tensor<B, 4>| if self.halves { mean_pool(x, 2) } else { x };
        let smaller = down(x.clone());
        let shortcut = match &self.shortcut {
            Some(more) if self.deep => concatenate_channels(smaller.clone(), more.forward(smaller)),
            Some(shortcut) => shortcut.forward(smaller),
            None => smaller,
        };
        let mut x = match self.first {
            true => x,
            false => Activation::Relu.apply(x),
        };
        let (last, before) = self.convs.split_last().expect("a block has convolutions");
        for conv in before {
            x = conv.forward_activated(x, Activation::Relu);
        }
        // A mean goes through a 1×1 convolution, which then has a quarter of the work.
        x = match self.deep {
            true => last.forward(down(x)),
            false => down(last.forward(x)),
        };
        sum(x, shortcut)
    }
}

/// The channels that a deep block computes with.
fn bottleneck(channels: usize) -> usize {
    (channels / 4).max(1)
}
