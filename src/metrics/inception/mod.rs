//! The Inception network of the published Fréchet distances, read from a file that the user has.

mod network;
mod resize;
#[cfg(test)]
mod tests;
mod weights;

use std::path::Path;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

pub use network::InceptionNetwork;
pub use resize::InceptionResize;

use super::extractor::FeatureExtractor;
use super::features::ExtractorId;
use crate::data::PixelRange;
use crate::error::{Error, Result};
use crate::settings::settings;

settings! {
/// What of the network is an image's features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InceptionOutput {
    /// The 2,048 means of the last block: what Fréchet and kernel distances, precision and recall
    /// are measured on.
    #[default]
    Features,
    /// The 1,008 logits of the classes.
    Logits,
    /// The logits without the last layer's bias: what torch-fidelity's inception score is of.
    UnbiasedLogits,
}
}

impl InceptionOutput {
    /// The numbers of an image.
    pub fn dimensions(self) -> usize {
        match self {
            Self::Features => network::FEATURES,
            Self::Logits | Self::UnbiasedLogits => network::CLASSES,
        }
    }
}

settings! {
/// What is done to images before the network sees them, and what is taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct InceptionSettings {
    /// Whose way of making 299 × 299 pixels of an image: scores of two ways are not comparable.
    pub resize: InceptionResize,
    /// The range of the pixels that come in; [−1, 1] by default.
    pub pixels: PixelRange,
    /// Whether pixels are rounded to the 256 values of a byte first, as they are in a file of
    /// images; true by default. Published scores are of such images.
    pub rounded: bool,
    /// What is taken from the network; its features by default.
    pub output: InceptionOutput,
}
}

impl Default for InceptionSettings {
    fn default() -> Self {
        Self {
            resize: InceptionResize::default(),
            pixels: PixelRange::default(),
            rounded: true,
            output: InceptionOutput::default(),
        }
    }
}

impl InceptionSettings {
    /// Whose way of making 299 × 299 pixels of an image.
    pub fn with_resize(mut self, resize: InceptionResize) -> Self {
        self.resize = resize;
        self
    }

    /// The range of the pixels that come in.
    pub fn with_pixels(mut self, pixels: PixelRange) -> Self {
        self.pixels = pixels;
        self
    }

    /// Whether pixels are rounded to the 256 values of a byte first.
    pub fn with_rounded(mut self, rounded: bool) -> Self {
        self.rounded = rounded;
        self
    }

    /// What is taken from the network.
    pub fn with_output(mut self, output: InceptionOutput) -> Self {
        self.output = output;
        self
    }

    /// Images as the network takes them: three channels, 299 × 299 pixels, about [−1, 1].
    fn prepared<B: Backend>(&self, images: Tensor<B, 4>) -> Result<Tensor<B, 4>> {
        let [_, channels, height, width] = images.dims();
        if ![1, 3].contains(&channels) || height * width == 0 {
            return Err(Error::data(
                "inception",
                format!(
                    "images of shape {:?} can't be looked at: they are to be [batch, channels, \
                     height, width] with 1 channel or 3",
                    images.dims()
                ),
            ));
        }
        // In units of a byte: 0 to 255.
        let bytes = match self.pixels {
            PixelRange::Symmetric => images.add_scalar(1.0).mul_scalar(127.5),
            PixelRange::Unit => images.mul_scalar(255.0),
        };
        let bytes = if self.rounded {
            bytes.clamp(0.0, 255.0).round()
        } else {
            bytes
        };
        let resized = self.resize.apply(bytes);
        Ok(match channels {
            1 => resized.repeat_dim(1, 3),
            _ => resized,
        })
    }
}

/// FID's features: those of the Inception network that published Fréchet distances are measured on.
///
/// The network is Inception v3 as TensorFlow had it in 2015, with 1,008 classes and, unlike
/// torchvision's, average poolings that leave the border out and one maximum pooling in the last
/// block. Its weights (Apache-2.0) are not part of this crate: `pytorch-fid` and `torch-fidelity`
/// fetch the same ones, `pt_inception-2015-12-05-6726825d.pth` and
/// `weights-inception-2015-12-05-6726825d.pth`. Either becomes what [`open`](Self::open) reads by
///
/// ```text
/// import torch, safetensors.torch
/// weights = torch.load("pt_inception-2015-12-05-6726825d.pth", weights_only=True)
/// safetensors.torch.save_file({k: v.contiguous() for k, v in weights.items()}, "inception.safetensors")
/// ```
///
/// Which of the two packages' resizes is meant is a [setting](InceptionSettings), and part of the
/// extractor's identity, as is the file's hash. A Fréchet distance is an FID only on these features.
///
/// Images `[batch, channels, height, width]` of any size, grey ones (repeated in three channels) or
/// RGB; features `[batch, 2048]`. An image costs 5.7 thousand million multiplications.
///
/// Szegedy et al. 2015, *Rethinking the Inception architecture for computer vision*,
/// arXiv:1512.00567; Heusel et al. 2017, *GANs trained by a two time-scale update rule converge to a
/// local Nash equilibrium*, arXiv:1706.08500.
///
/// ```no_run
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::metrics::{FeatureExtractor, Inception, InceptionResize, InceptionSettings};
///
/// let device = Default::default();
/// let settings = InceptionSettings::default().with_resize(InceptionResize::TorchFidelity);
/// let inception = Inception::<Flex>::open("inception.safetensors", settings, &device)?;
/// let images = Tensor::<Flex, 4>::zeros([8, 3, 64, 64], &device);
/// assert_eq!(inception.extract(images)?.dims(), [8, 2048]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Inception<B: Backend> {
    network: InceptionNetwork<B>,
    hash: String,
    settings: InceptionSettings,
}

impl<B: Backend> Inception<B> {
    /// Reads the network's weights from a safetensors file with the names of `pytorch-fid`'s and
    /// `torch-fidelity`'s (`Conv2d_1a_3x3.conv.weight`, …).
    ///
    /// # Errors
    /// If the file can't be read or is no safetensors file; if a tensor is missing, has another
    /// shape than the network's, is no floats or not finite, or belongs to no layer, by its name; if
    /// logits are asked for and the file has no last layer (`fc.weight`, `fc.bias`).
    pub fn open(
        path: impl AsRef<Path>,
        settings: InceptionSettings,
        device: &B::Device,
    ) -> Result<Self> {
        let (network, hash) = weights::read(path.as_ref(), device)?;
        let inception = Self {
            network,
            hash,
            settings: InceptionSettings::default(),
        };
        inception.with_settings(settings)
    }

    /// The same network with other settings.
    ///
    /// # Errors
    /// If logits are asked for and the file had no last layer.
    pub fn with_settings(mut self, settings: InceptionSettings) -> Result<Self> {
        if settings.output != InceptionOutput::Features && !self.network.has_classes() {
            return Err(Error::setting(
                "output",
                "logits",
                "needs a file of weights with the last layer, `fc.weight` and `fc.bias`",
            ));
        }
        self.settings = settings;
        Ok(self)
    }

    /// The settings.
    pub fn settings(&self) -> &InceptionSettings {
        &self.settings
    }

    /// The network, which takes images of 299 × 299 in [−1, 1].
    pub fn network(&self) -> &InceptionNetwork<B> {
        &self.network
    }

    /// A SHA-256 of the file of weights, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl<B: Backend> FeatureExtractor<B, Tensor<B, 4>> for Inception<B> {
    fn id(&self) -> ExtractorId {
        let name = match self.settings.output {
            InceptionOutput::Features => "inception",
            InceptionOutput::Logits => "inception logits",
            InceptionOutput::UnbiasedLogits => "inception logits without bias",
        };
        let pixels = match self.settings.rounded {
            true => "bytes",
            false => "pixels not rounded to bytes",
        };
        ExtractorId::new(name)
            .with_hash(&self.hash)
            .with_input(format!("{pixels}, {}", self.settings.resize.words()))
    }

    fn extract(&self, images: Tensor<B, 4>) -> Result<Tensor<B, 2>> {
        let features = self.network.features(self.settings.prepared(images)?);
        Ok(match self.settings.output {
            InceptionOutput::Features => features,
            InceptionOutput::Logits => self.network.logits(features, true),
            InceptionOutput::UnbiasedLogits => self.network.logits(features, false),
        })
    }
}
