//! The discriminator.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::blocks::{Plan, Stage, even_widths, linear, pointwise, pool};
use crate::data::ImageShape;
use crate::error::Result;
use crate::latent::Latent;
use crate::models::{
    AuxiliaryClassifier, CodeHead, CodeHeadConfig, LabelEmbedding, Projection, VectorEmbedding,
};
use crate::network::{Discriminator, Verdict};
use crate::nn::{Conv2d, Fir, Linear, channels_last};
use crate::settings::settings;

settings! {
/// Settings of an [`R3ganDiscriminator`].
///
/// The defaults are a small one for a CPU; the paper's are in [`R3ganPreset`](super::R3ganPreset).
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::R3ganDiscriminatorConfig;
/// use burn_gan::network::{Discriminator, Labels};
///
/// let device = Default::default();
/// let config = R3ganDiscriminatorConfig::new([3, 16, 16]).with_widths([32, 16]);
/// let images = Tensor::<Flex, 4>::zeros([2, 3, 16, 16], &device);
/// let verdict = config.init::<Flex>(&device)?.discriminate(images.clone(), &());
/// assert_eq!(verdict.logits.dims(), [2, 1]);
/// let labels = Labels::from_slice(&[7, 0], 10, &device)?;
/// let verdict = config.init_projected::<Flex>(10, &device)?.discriminate(images, &labels);
/// assert_eq!(verdict.logits.dims(), [2, 1]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct R3ganDiscriminatorConfig {
    /// The shape of an image. Height and width are multiples of 2 to the number of widths less one.
    pub image: ImageShape,
    /// Channels of each stage, from the smallest images up, as the generator has them; 128 by default.
    pub widths: Vec<usize>,
    /// Residual blocks of a stage; 1 by default, 2 in the paper.
    pub blocks: usize,
    /// How many times wider a block is inside; 2 by default, as in the paper.
    pub expansion: usize,
    /// Channels of a group of the 3×3 convolutions; 16 by default.
    pub group_width: usize,
}
}

impl R3ganDiscriminatorConfig {
    /// A discriminator of images of `[channels, height, width]`.
    pub fn new(image: [usize; 3]) -> Self {
        let image = ImageShape::new(image);
        Self {
            image,
            widths: even_widths(&image, 128),
            blocks: 1,
            expansion: 2,
            group_width: 16,
        }
    }

    /// Channels of each stage, from the smallest images up.
    pub fn with_widths(mut self, widths: impl Into<Vec<usize>>) -> Self {
        self.widths = widths.into();
        self
    }

    /// Residual blocks of a stage.
    pub fn with_blocks(mut self, blocks: usize) -> Self {
        self.blocks = blocks;
        self
    }

    /// How many times wider a block is inside.
    pub fn with_expansion(mut self, expansion: usize) -> Self {
        self.expansion = expansion;
        self
    }

    /// Channels of a group of the 3×3 convolutions.
    pub fn with_group_width(mut self, group_width: usize) -> Self {
        self.group_width = group_width;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, there are no widths, the image can't be halved so often, or the
    /// groups do not divide the channels.
    pub fn validate(&self) -> Result<()> {
        self.check(1)
    }

    /// With so many numbers from the last layer.
    fn check(&self, outputs: usize) -> Result<()> {
        let (first, last) = self.ends();
        let [height, width] = match self.widths.len() {
            1..64 => self.plan().base(),
            _ => [1, 1],
        };
        let ends = [
            vec![self.image.channels, last],
            vec![first, height, width],
            vec![first, outputs],
        ];
        self.plan().validate(&ends)
    }

    fn plan(&self) -> Plan<'_> {
        Plan {
            image: &self.image,
            widths: &self.widths,
            blocks: self.blocks,
            expansion: self.expansion,
            group_width: self.group_width,
        }
    }

    /// The widths of the smallest images and of the largest; 1 where there are none, which is refused
    /// elsewhere.
    fn ends(&self) -> (usize, usize) {
        let width = |width: Option<&usize>| width.copied().unwrap_or(1);
        (width(self.widths.first()), width(self.widths.last()))
    }

    /// How many features the network's verdicts have: what is read by a [`Projection`], an
    /// [`AuxiliaryClassifier`] or a [`CodeHead`] around it.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn verdict_features(&self) -> Result<usize> {
        self.validate()?;
        Ok(self.ends().0)
    }

    /// Makes the discriminator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<R3ganDiscriminator<B>> {
        self.make(None, device)
    }

    /// With a logit from the last layer, or as many features as are asked for, which a projection makes
    /// one of.
    fn make<B: Backend>(
        &self,
        projected: Option<usize>,
        device: &B::Device,
    ) -> Result<R3ganDiscriminator<B>> {
        let outputs = projected.unwrap_or(1);
        self.check(outputs)?;
        let plan = self.plan();
        let (first, last) = self.ends();
        // From the largest images down.
        let stages = (0..self.widths.len()).rev().map(|stage| {
            let change = stage.checked_sub(1);
            let change = change.map(|after| [self.widths[stage], self.widths[after]]);
            plan.stage(stage, change, device)
        });
        Ok(R3ganDiscriminator {
            input: pointwise(self.image.channels, last, device),
            stages: stages.collect(),
            pool: pool(first, plan.base(), device),
            head: linear(first, outputs, device),
            // One feature is not a logit.
            projected: projected.is_some(),
        })
    }

    /// Makes a discriminator that is conditioned on labels of `classes`: its last layer gives as many
    /// numbers as the smallest images have channels, and the logit is their inner product with the
    /// class's learned vector ([`Projection::inner_product`]).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_projected<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Projection<B, LabelEmbedding<B>, R3ganDiscriminator<B>>> {
        let features = self.ends().0;
        let network = self.make(Some(features), device)?;
        // A linear layer of one label of so many, with a gain that keeps inner products at 1.
        let std = ((classes.max(1) * features) as f64).powf(-0.5);
        let embedding = LabelEmbedding::with_std(classes, features, std, device)?;
        Ok(Projection::inner_product(embedding, network))
    }

    /// Makes a discriminator that is conditioned on vectors of `size` numbers, by the inner product of
    /// what it makes of the image with a linear map of the vector.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if vectors have no numbers.
    pub fn init_projected_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Projection<B, VectorEmbedding<B>, R3ganDiscriminator<B>>> {
        let features = self.ends().0;
        let network = self.make(Some(features), device)?;
        let embedding = VectorEmbedding::new(size, features, device)?;
        Ok(Projection::inner_product(embedding, network))
    }

    /// Makes a discriminator that tells which of `classes` a sample is of, beside its logit
    /// ([`AuxiliaryClassifier`]).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_classifying<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<AuxiliaryClassifier<B, R3ganDiscriminator<B>>> {
        let (network, features) = self.with_its_features(device)?;
        AuxiliaryClassifier::new(network, features, classes, device)
    }

    /// Makes a discriminator that recovers the codes of `prior` from samples, beside its logit
    /// ([`CodeHead`]).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), if the prior has no codes or the head is wrong.
    pub fn init_recovering<B: Backend>(
        &self,
        prior: &Latent,
        head: &CodeHeadConfig,
        device: &B::Device,
    ) -> Result<CodeHead<B, R3ganDiscriminator<B>>> {
        let (network, features) = self.with_its_features(device)?;
        head.init(network, features, prior, device)
    }

    /// The network, and how many features it gives.
    fn with_its_features<B: Backend>(
        &self,
        device: &B::Device,
    ) -> Result<(R3ganDiscriminator<B>, usize)> {
        Ok((self.init(device)?, self.ends().0))
    }
}

/// R3GAN's discriminator, the generator's mirror: residual blocks and halvings in turn, then each channel
/// to one number, and a linear layer without bias.
///
/// ```text
/// x = W·image
/// x + W₃·φ(W₂ ∗ φ(W₁·x + b₁) + b₂)          block, as the generator's
/// x ← W·down(x)                             between stages; taps 1, 3, 3, 1; W where widths differ
/// D = w·(Σ k_c,i,j · x_c,i,j)_c             k: a 4×4 kernel for each channel
/// ```
///
/// Images `[batch, channels, height, width]`, logits `[batch, 1]`; its features are what the last layer
/// reads, `[batch, widths[0]]`. Under a projection they are what the last layer gives, and the logit of
/// its own is their sum. Huang, Gokaslan, Kuleshov, Tompkin 2024, arXiv:2501.05441.
#[derive(Module, Debug)]
pub struct R3ganDiscriminator<B: Backend> {
    input: Conv2d<B>,
    stages: Vec<Stage<B>>,
    pool: Conv2d<B>,
    head: Linear<B>,
    projected: bool,
}

impl<B: Backend> Discriminator<B> for R3ganDiscriminator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 4>, _condition: &()) -> Verdict<B> {
        let mut x = self.input.forward(channels_last(sample));
        for (index, stage) in self.stages.iter().enumerate() {
            x = stage.forward(x);
            if index + 1 < self.stages.len() {
                x = stage.changed(Fir::downsample(Fir::BINOMIAL, 2).forward(x));
            }
        }
        let pooled: Tensor<B, 2> = self.pool.forward(x).flatten(1, 3);
        let numbers = self.head.forward(pooled.clone());
        if self.projected {
            return Verdict::from(numbers.clone().sum_dim(1)).with_features(numbers);
        }
        Verdict::from(numbers).with_features(pooled)
    }
}
