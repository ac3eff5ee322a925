//! What both networks are made of.

use burn::module::{Initializer, Module};
use burn::nn::PaddingConfig2d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::data::ImageShape;
use crate::error::{Error, Result, check};
use crate::nn::{Activation, Conv2d, Conv2dConfig, Linear, LinearConfig, sum};
use crate::sizes;

/// The leaky ReLU's, [`Activation::LEAKY`].
const SLOPE: f64 = 0.2;
/// Stages: an image's sides are below 2²⁴.
const STAGES: usize = 24;
/// Height and width below which the default widths have no further stage.
const SMALLEST_SIDE: usize = 8;

/// The settings that both networks share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) image: &'a ImageShape,
    pub(super) widths: &'a [usize],
    pub(super) blocks: usize,
    pub(super) expansion: usize,
    pub(super) group_width: usize,
}

/// As many stages of `width` as an image can be halved exactly with at least 4 pixels left.
pub(super) fn even_widths(image: &ImageShape, width: usize) -> Vec<usize> {
    let [mut height, mut across] = [image.height, image.width];
    let mut widths = vec![width];
    while height.min(across) >= SMALLEST_SIDE && height % 2 == 0 && across % 2 == 0 {
        height /= 2;
        across /= 2;
        widths.push(width);
    }
    widths
}

impl Plan<'_> {
    /// Checks the settings; `ends` are the layers at both ends, by the sizes of their weights.
    pub(super) fn validate(&self, ends: &[Vec<usize>]) -> Result<()> {
        check::at_least("channels", self.image.channels, 1).map_err(|e| e.within("image"))?;
        let shape = [self.image.channels, self.image.height, self.image.width];
        sizes::shape("shape", &shape).map_err(|e| e.within("image"))?;
        check::at_least("widths.len()", self.widths.len(), 1)?;
        check::at_most("widths.len()", self.widths.len(), STAGES)?;
        check::at_least("blocks", self.blocks, 1)?;
        check::at_most("blocks", self.blocks, sizes::REPEATS)?;
        sizes::size("expansion", self.expansion)?;
        sizes::size("group_width", self.group_width)?;
        let halvings = self.widths.len() - 1;
        for (field, side) in [("height", self.image.height), ("width", self.image.width)] {
            if side % (1 << halvings) != 0 {
                let problem = format!(
                    "must be a multiple of {}, since {} widths are {halvings} halvings; take fewer \
                     widths, or pad the images",
                    1_usize << halvings,
                    self.widths.len()
                );
                return Err(Error::setting(field, side, problem).within("image"));
            }
        }
        let mut layers = ends.to_vec();
        for (stage, width) in self.widths.iter().copied().enumerate() {
            sizes::size("widths", width)?;
            let wide = width.saturating_mul(self.expansion);
            if !wide.is_multiple_of(self.group_width) {
                return Err(Error::setting(
                    "group_width",
                    self.group_width,
                    format!(
                        "must divide the channels that are grouped: {} times the width, {wide}",
                        self.expansion
                    ),
                ));
            }
            if let Some(other) = stage.checked_sub(1).map(|stage| self.widths[stage])
                && other != width
            {
                layers.push(vec![other, width]);
            }
            let block = [
                vec![width, wide],
                vec![wide, self.group_width, 3, 3],
                vec![wide, width],
            ];
            for _ in 0..self.blocks {
                layers.extend(block.iter().cloned());
            }
        }
        sizes::network("widths", &layers)
    }

    /// Height and width of the smallest stage.
    pub(super) fn base(&self) -> [usize; 2] {
        let halvings = self.widths.len() - 1;
        [self.image.height >> halvings, self.image.width >> halvings]
    }

    /// Makes a stage: its blocks, and what changes the width between it and its neighbour.
    pub(super) fn stage<B: Backend>(
        &self,
        stage: usize,
        change: Option<[usize; 2]>,
        device: &B::Device,
    ) -> Stage<B> {
        let blocks = (0..self.blocks).map(|_| self.block(self.widths[stage], device));
        let change = change.filter(|[from, to]| from != to);
        Stage {
            change: change.map(|[from, to]| pointwise(from, to, device)),
            blocks: blocks.collect(),
        }
    }

    fn block<B: Backend>(&self, width: usize, device: &B::Device) -> ResidualBlock<B> {
        let wide = self.expansion * width;
        let all = (self.widths.len() * self.blocks) as f64;
        // What keeps the sum of all branches at the same size, however deep the network is.
        let gain = (2.0 / (1.0 + SLOPE.powi(2))).sqrt() * all.powf(-0.25);
        let convolution = |config: Conv2dConfig, fan_in: usize| {
            let initializer = normal(gain, fan_in);
            let config = config.with_initializer(initializer);
            config
                .with_bias_initializer(Initializer::Zeros)
                .init(device)
        };
        let grouped = Conv2dConfig::new([wide, wide], [3, 3])
            .with_groups(wide / self.group_width)
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
        ResidualBlock {
            expand: convolution(Conv2dConfig::new([width, wide], [1, 1]), width),
            grouped: convolution(grouped, self.group_width * 9),
            reduce: Conv2dConfig::new([wide, width], [1, 1])
                .with_bias(false)
                .with_initializer(Initializer::Zeros)
                .init(device),
        }
    }
}

/// N(0, gain²/fan_in).
fn normal(gain: f64, fan_in: usize) -> Initializer {
    Initializer::Normal {
        mean: 0.0,
        std: gain / (fan_in as f64).sqrt(),
    }
}

/// A convolution of single pixels, without bias.
pub(super) fn pointwise<B: Backend>(from: usize, to: usize, device: &B::Device) -> Conv2d<B> {
    Conv2dConfig::new([from, to], [1, 1])
        .with_bias(false)
        .with_initializer(normal(1.0, from))
        .init(device)
}

/// A linear layer without bias.
pub(super) fn linear<B: Backend>(from: usize, to: usize, device: &B::Device) -> Linear<B> {
    LinearConfig::new(from, to)
        .with_bias(false)
        .with_initializer(normal(1.0, from))
        .init(device)
}

/// All of each channel to one number, each channel by itself.
pub(super) fn pool<B: Backend>(
    width: usize,
    [height, across]: [usize; 2],
    device: &B::Device,
) -> Conv2d<B> {
    Conv2dConfig::new([width, width], [height, across])
        .with_groups(width)
        .with_bias(false)
        .with_initializer(normal(1.0, height * across))
        .init(device)
}

/// The blocks of one size of images.
#[derive(Module, Debug)]
pub(super) struct Stage<B: Backend> {
    /// To the width of the next stage, or from that of the one before, if they differ.
    pub(super) change: Option<Conv2d<B>>,
    blocks: Vec<ResidualBlock<B>>,
}

impl<B: Backend> Stage<B> {
    /// Through the blocks.
    pub(super) fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.blocks.iter().fold(x, |x, block| block.forward(x))
    }

    /// To the other width.
    pub(super) fn changed(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        match &self.change {
            Some(change) => change.forward(x),
            None => x,
        }
    }
}

/// ```text
/// x + W₃·φ(W₂ ∗ φ(W₁·x + b₁) + b₂)        φ leaky ReLU, W₂ in groups of channels
/// ```
#[derive(Module, Debug)]
struct ResidualBlock<B: Backend> {
    expand: Conv2d<B>,
    grouped: Conv2d<B>,
    reduce: Conv2d<B>,
}

impl<B: Backend> ResidualBlock<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let y = self.expand.forward_activated(x.clone(), Activation::LEAKY);
        let y = self.grouped.forward_activated(y, Activation::LEAKY);
        sum(x, self.reduce.forward(y))
    }
}
