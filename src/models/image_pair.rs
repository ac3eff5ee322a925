//! The stock networks for images behind one type: chosen by a setting, at run time.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::resnet::multiples;
use super::{
    AuxiliaryClassifier, CodeHead, CodeHeadConfig, Conditional, DcganDiscriminator,
    DcganDiscriminatorConfig, DcganGenerator, DcganGeneratorConfig, LabelEmbedding,
    LightDiscriminator, LightDiscriminatorConfig, LightGenerator, LightGeneratorConfig, Projection,
    R3ganDiscriminator, R3ganDiscriminatorConfig, R3ganGenerator, R3ganGeneratorConfig,
    ResNetDiscriminator, ResNetDiscriminatorConfig, ResNetGenerator, ResNetGeneratorConfig,
    StyleGan2Discriminator, StyleGan2DiscriminatorConfig, StyleGan2Generator,
    StyleGan2GeneratorConfig, VectorEmbedding,
};
use crate::data::ImageShape;
use crate::error::{Error, Result, check};
use crate::latent::Latent;
use crate::network::{Discriminator, Generator, StyleSpace, Verdict};
use crate::settings::settings;
use crate::sizes;

settings! {
/// A pair of networks for images, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImageNetwork {
    /// Strided convolutions: [`DcganGeneratorConfig`], [`DcganDiscriminatorConfig`] without batch norm.
    Dcgan,
    /// SNGAN's residual pair without spectral norm: [`ResNetGeneratorConfig`],
    /// [`ResNetDiscriminatorConfig`].
    Resnet,
    /// StyleGAN2 with two mapping layers: [`StyleGan2GeneratorConfig`],
    /// [`StyleGan2DiscriminatorConfig`].
    Stylegan2,
    /// R3GAN: [`R3ganGeneratorConfig`], [`R3ganDiscriminatorConfig`].
    R3gan,
    /// The light pair for few images: [`LightGeneratorConfig`], [`LightDiscriminatorConfig`].
    Light,
    /// BigGAN: [`ResNetGeneratorConfig::big`], [`ResNetDiscriminatorConfig::big`], with attention at half
    /// the height of images below 64 pixels. The latent has a part for each block
    /// ([`latent_parts`](Self::latent_parts)).
    Biggan,
    /// BigGAN-deep: [`ResNetGeneratorConfig::big_deep`], [`ResNetDiscriminatorConfig::big_deep`], with
    /// attention as BigGAN.
    BigganDeep,
}
}

impl ImageNetwork {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Dcgan,
        Self::Resnet,
        Self::Stylegan2,
        Self::R3gan,
        Self::Light,
        Self::Biggan,
        Self::BigganDeep,
    ];

    /// Into how many equal parts this network cuts its latent for images of `[channels, height, width]`:
    /// a number of components must be a multiple of it. BigGAN has a part for the first layer and one for
    /// each doubling of the size, all others take the latent whole: 1.
    ///
    /// ```
    /// use burn_gan::models::ImageNetwork;
    ///
    /// assert_eq!(ImageNetwork::Biggan.latent_parts([1, 28, 28]), 3);
    /// assert_eq!(ImageNetwork::Dcgan.latent_parts([1, 28, 28]), 1);
    /// ```
    pub fn latent_parts(self, image: [usize; 3]) -> usize {
        match self {
            Self::Biggan => ResNetGeneratorConfig::big(1, image).latent_parts(),
            _ => 1,
        }
    }

    /// The smallest latent of at least so many components that this network can be made with for images
    /// of `[channels, height, width]`: `least` or the next multiple of its
    /// [parts](Self::latent_parts).
    ///
    /// ```
    /// use burn_gan::models::ImageNetwork;
    ///
    /// assert_eq!(ImageNetwork::Biggan.smallest_latent(64, [1, 28, 28]), 66);
    /// assert_eq!(ImageNetwork::Dcgan.smallest_latent(64, [1, 28, 28]), 64);
    /// ```
    pub fn smallest_latent(self, least: usize, image: [usize; 3]) -> usize {
        let parts = self.latent_parts(image);
        // What can't be counted is refused as too large.
        least.checked_next_multiple_of(parts).unwrap_or(least)
    }
}

settings! {
/// Settings of an [`ImageGenerator`].
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::{ImageGeneratorConfig, ImageNetwork};
/// use burn_gan::network::Generator;
///
/// let device = Default::default();
/// for network in [ImageNetwork::Dcgan, ImageNetwork::Resnet, ImageNetwork::R3gan] {
///     let config = ImageGeneratorConfig::new(network, 16, [1, 16, 16]).with_width(8);
///     let images = config.init::<Flex>(&device)?.generate(Tensor::zeros([2, 16], &device), &());
///     assert_eq!(images.dims(), [2, 1, 16, 16]);
/// }
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageGeneratorConfig {
    /// Which.
    pub network: ImageNetwork,
    /// Components of a latent; of BigGAN a multiple of
    /// [`latent_parts`](ImageNetwork::latent_parts).
    pub latent: usize,
    /// The shape of an image.
    pub image: ImageShape,
    /// How wide the network is, in channels at half the full size or near it; 32 by default. A DCGAN has
    /// twice as many at each size below; StyleGAN2 and the light pair, too, eight times at most; a
    /// residual pair of up to three blocks and R3GAN have twice as many at every size. From 64 pixels on
    /// BigGAN and BigGAN-deep have their papers' channels at a width of 128, in proportion at others, and
    /// below twice as many at every size.
    pub width: usize,
}
}

settings! {
/// Settings of an [`ImageDiscriminator`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageDiscriminatorConfig {
    /// Which.
    pub network: ImageNetwork,
    /// The shape of an image.
    pub image: ImageShape,
    /// How wide the network is, as of the generator.
    pub width: usize,
}
}

/// What a projection of a DCGAN reads.
const FEATURES: usize = 128;

/// Channels times height of StyleGAN2: this width at half the full size.
fn base(width: usize, image: &ImageShape) -> usize {
    width.saturating_mul(image.height).div_ceil(2)
}

/// The most channels of StyleGAN2 and the light pair.
fn widest(width: usize) -> usize {
    width.saturating_mul(8)
}

/// The height at which BigGAN has attention on images for which the paper gives none: half of the full one,
/// where both networks have a map of it.
fn attention(image: &ImageShape) -> Option<usize> {
    let side = image.height.min(image.width);
    let halves = |size: usize| size.is_multiple_of(4);
    ((16..64).contains(&side) && halves(image.height) && halves(image.width))
        .then_some(image.height / 2)
}

/// Channels of each of R3GAN's stages, a whole number of groups.
fn r3gan(width: usize, stages: usize) -> (Vec<usize>, usize) {
    let width = width.saturating_mul(2);
    (vec![width; stages], width.clamp(1, 16))
}

/// A refusal by a network's own settings in the words of these, which have a latent, an image and a width.
fn in_these_words(error: Error, latent: usize, image: &ImageShape, width: usize) -> Error {
    let Error::Setting {
        field,
        value,
        problem,
    } = error
    else {
        return error;
    };
    match field.as_str() {
        own if ["latent", "width"].contains(&own) || own.starts_with("image.") => {
            Error::setting(own, value, problem)
        }
        "channels.len()" => {
            let value = format!("{}×{}", image.height, image.width);
            let problem = "can't be halved, which this network does to 4 pixels or more: height and \
                           width must be even, and 8 at least";
            Error::setting("image", value, problem)
        }
        "style" | "mapping_layers" => {
            let problem = format!("makes the network's `{field}` {value}: {problem}");
            Error::setting("latent", latent, problem)
        }
        _ => {
            let problem = format!("makes the network's `{field}` {value}: {problem}");
            Error::setting("width", width, problem)
        }
    }
}

/// A conditional generator of whichever network it is.
macro_rules! conditional {
    ($config:ident, $init:ident, $size:expr, $device:expr) => {
        match $config.network {
            ImageNetwork::Dcgan => conditional!(@ $config.dcgan().$init($size, $device)?, Dcgan),
            ImageNetwork::Resnet => conditional!(@ $config.resnet().$init($size, $device)?, Resnet),
            ImageNetwork::Stylegan2 => {
                conditional!(@ $config.stylegan2().$init($size, $device)?, Stylegan2)
            }
            ImageNetwork::R3gan => conditional!(@ $config.r3gan().$init($size, $device)?, R3gan),
            ImageNetwork::Light => conditional!(@ $config.light().$init($size, $device)?, Light),
            ImageNetwork::Biggan | ImageNetwork::BigganDeep => {
                conditional!(@ $config.big().$init($size, $device)?, Resnet)
            }
        }
    };
    (@ $network:expr, $kind:ident) => {
        $network.map_network(ImageGenerator::$kind)
    };
}

impl ImageGeneratorConfig {
    /// A generator of images of `[channels, height, width]`.
    pub fn new(network: ImageNetwork, latent: usize, image: [usize; 3]) -> Self {
        Self {
            network,
            latent,
            image: ImageShape::new(image),
            width: 32,
        }
    }

    /// How wide the network is.
    pub fn with_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    fn shape(&self) -> [usize; 3] {
        [self.image.channels, self.image.height, self.image.width]
    }

    fn dcgan(&self) -> DcganGeneratorConfig {
        DcganGeneratorConfig::new(self.latent, self.shape()).with_width(self.width)
    }

    fn resnet(&self) -> ResNetGeneratorConfig {
        ResNetGeneratorConfig::new(self.latent, self.shape())
            .with_width(self.width.saturating_mul(2))
    }

    /// BigGAN's, or BigGAN-deep's.
    fn big(&self) -> ResNetGeneratorConfig {
        let big = match self.network {
            ImageNetwork::BigganDeep => ResNetGeneratorConfig::big_deep,
            _ => ResNetGeneratorConfig::big,
        };
        let config = big(self.latent, self.shape()).with_width(self.width.saturating_mul(2));
        match attention(&self.image) {
            Some(height) => config.with_attention(height),
            None => config,
        }
    }

    fn stylegan2(&self) -> StyleGan2GeneratorConfig {
        StyleGan2GeneratorConfig::new(self.latent, self.shape())
            .with_style(self.latent)
            .with_mapping_layers(2)
            .with_base(base(self.width, &self.image))
            .with_widest(widest(self.width))
    }

    fn r3gan(&self) -> R3ganGeneratorConfig {
        let config = R3ganGeneratorConfig::new(self.latent, self.shape());
        let (widths, group) = r3gan(self.width, config.widths.len());
        config.with_widths(widths).with_group_width(group)
    }

    fn light(&self) -> LightGeneratorConfig {
        LightGeneratorConfig::new(self.latent, self.shape()).with_widest(widest(self.width))
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, the network can't make such images, or can't cut the latent into its
    /// [parts](ImageNetwork::latent_parts).
    pub fn validate(&self) -> Result<()> {
        check::at_least("width", self.width, 1)?;
        sizes::size("latent", self.latent)?;
        let parts = self.network.latent_parts(self.shape());
        if !self.latent.is_multiple_of(parts) {
            let problem = format!(
                "must be a multiple of {parts}, an equal part for the first layer and for each doubling of \
                 the size up to {}×{}: {} would do",
                self.image.height,
                self.image.width,
                multiples(self.latent, parts)
            );
            return Err(Error::setting("latent", self.latent, problem));
        }
        let valid = match self.network {
            ImageNetwork::Dcgan => self.dcgan().validate(),
            ImageNetwork::Resnet => self.resnet().validate(),
            ImageNetwork::Stylegan2 => self.stylegan2().validate(),
            ImageNetwork::R3gan => self.r3gan().validate(),
            ImageNetwork::Light => self.light().validate(),
            ImageNetwork::Biggan | ImageNetwork::BigganDeep => self.big().validate(),
        };
        valid.map_err(|error| in_these_words(error, self.latent, &self.image, self.width))
    }

    /// Makes the generator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<ImageGenerator<B>> {
        self.validate()?;
        Ok(match self.network {
            ImageNetwork::Dcgan => ImageGenerator::Dcgan(self.dcgan().init(device)?),
            ImageNetwork::Resnet => ImageGenerator::Resnet(self.resnet().init(device)?),
            ImageNetwork::Stylegan2 => ImageGenerator::Stylegan2(self.stylegan2().init(device)?),
            ImageNetwork::R3gan => ImageGenerator::R3gan(self.r3gan().init(device)?),
            ImageNetwork::Light => ImageGenerator::Light(self.light().init(device)?),
            ImageNetwork::Biggan | ImageNetwork::BigganDeep => {
                ImageGenerator::Resnet(self.big().init(device)?)
            }
        })
    }

    /// Makes a generator that is conditioned on labels of `classes`, each network in its own way.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_conditional<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, LabelEmbedding<B>, ImageGenerator<B>>> {
        self.validate()?;
        Ok(conditional!(self, init_conditional, classes, device))
    }

    /// Makes a generator that is conditioned on vectors of `size` numbers, each network in its own way.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if vectors have no numbers.
    pub fn init_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, VectorEmbedding<B>, ImageGenerator<B>>> {
        self.validate()?;
        Ok(conditional!(self, init_on_vectors, size, device))
    }
}

/// A projected discriminator of whichever network it is.
macro_rules! projected {
    ($config:ident, $init:ident, $size:expr, $device:expr) => {
        match $config.network {
            ImageNetwork::Dcgan => {
                let dcgan = $config.dcgan().with_features(FEATURES);
                projected!(@ dcgan.$init($size, $device)?, Dcgan)
            }
            ImageNetwork::Resnet => projected!(@ $config.resnet().$init($size, $device)?, Resnet),
            ImageNetwork::Stylegan2 => {
                projected!(@ $config.stylegan2().$init($size, $device)?, Stylegan2)
            }
            ImageNetwork::R3gan => projected!(@ $config.r3gan().$init($size, $device)?, R3gan),
            ImageNetwork::Light => projected!(@ $config.light().$init($size, $device)?, Light),
            ImageNetwork::Biggan | ImageNetwork::BigganDeep => {
                projected!(@ $config.big().$init($size, $device)?, Resnet)
            }
        }
    };
    (@ $network:expr, $kind:ident) => {
        $network.map_network(ImageDiscriminator::$kind)
    };
}

impl ImageDiscriminatorConfig {
    /// A discriminator of images of `[channels, height, width]`.
    pub fn new(network: ImageNetwork, image: [usize; 3]) -> Self {
        Self {
            network,
            image: ImageShape::new(image),
            width: 32,
        }
    }

    /// How wide the network is.
    pub fn with_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    fn shape(&self) -> [usize; 3] {
        [self.image.channels, self.image.height, self.image.width]
    }

    fn dcgan(&self) -> DcganDiscriminatorConfig {
        // Batch norms mix samples, which a penalty per sample forbids.
        DcganDiscriminatorConfig::new(self.shape())
            .with_width(self.width)
            .with_batch_norm(false)
    }

    fn resnet(&self) -> ResNetDiscriminatorConfig {
        ResNetDiscriminatorConfig::new(self.shape())
            .with_width(self.width.saturating_mul(2))
            .with_spectral_norm(false)
    }

    /// BigGAN's, or BigGAN-deep's.
    fn big(&self) -> ResNetDiscriminatorConfig {
        let big = match self.network {
            ImageNetwork::BigganDeep => ResNetDiscriminatorConfig::big_deep,
            _ => ResNetDiscriminatorConfig::big,
        };
        let config = big(self.shape()).with_width(self.width.saturating_mul(2));
        match attention(&self.image) {
            Some(height) => config.with_attention(height),
            None => config,
        }
    }

    fn stylegan2(&self) -> StyleGan2DiscriminatorConfig {
        StyleGan2DiscriminatorConfig::new(self.shape())
            .with_base(base(self.width, &self.image))
            .with_widest(widest(self.width))
    }

    fn r3gan(&self) -> R3ganDiscriminatorConfig {
        let config = R3ganDiscriminatorConfig::new(self.shape());
        let (widths, group) = r3gan(self.width, config.widths.len());
        config.with_widths(widths).with_group_width(group)
    }

    fn light(&self) -> LightDiscriminatorConfig {
        LightDiscriminatorConfig::new(self.shape()).with_widest(widest(self.width))
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, or the network can't take such images.
    pub fn validate(&self) -> Result<()> {
        check::at_least("width", self.width, 1)?;
        let valid = match self.network {
            ImageNetwork::Dcgan => self.dcgan().validate(),
            ImageNetwork::Resnet => self.resnet().validate(),
            ImageNetwork::Stylegan2 => self.stylegan2().validate(),
            ImageNetwork::R3gan => self.r3gan().validate(),
            ImageNetwork::Light => self.light().validate(),
            ImageNetwork::Biggan | ImageNetwork::BigganDeep => self.big().validate(),
        };
        valid.map_err(|error| in_these_words(error, 0, &self.image, self.width))
    }

    /// Makes the discriminator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<ImageDiscriminator<B>> {
        self.validate()?;
        Ok(match self.network {
            ImageNetwork::Dcgan => ImageDiscriminator::Dcgan(self.dcgan().init(device)?),
            ImageNetwork::Resnet => ImageDiscriminator::Resnet(self.resnet().init(device)?),
            ImageNetwork::Stylegan2 => {
                ImageDiscriminator::Stylegan2(self.stylegan2().init(device)?)
            }
            ImageNetwork::R3gan => ImageDiscriminator::R3gan(self.r3gan().init(device)?),
            ImageNetwork::Light => ImageDiscriminator::Light(self.light().init(device)?),
            ImageNetwork::Biggan | ImageNetwork::BigganDeep => {
                ImageDiscriminator::Resnet(self.big().init(device)?)
            }
        })
    }

    /// Makes a discriminator that is conditioned on labels of `classes` by a [projection](Projection).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_projected<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Projection<B, LabelEmbedding<B>, ImageDiscriminator<B>>> {
        self.validate()?;
        Ok(projected!(self, init_projected, classes, device))
    }

    /// Makes a discriminator that is conditioned on vectors of `size` numbers by a
    /// [projection](Projection).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if vectors have no numbers.
    pub fn init_projected_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Projection<B, VectorEmbedding<B>, ImageDiscriminator<B>>> {
        self.validate()?;
        Ok(projected!(self, init_projected_on_vectors, size, device))
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
    ) -> Result<AuxiliaryClassifier<B, ImageDiscriminator<B>>> {
        let features = self.verdict_features()?;
        AuxiliaryClassifier::new(self.init(device)?, features, classes, device)
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
    ) -> Result<CodeHead<B, ImageDiscriminator<B>>> {
        let features = self.verdict_features()?;
        head.init(self.init(device)?, features, prior, device)
    }

    /// How many features the verdicts of the network have that [`init`](Self::init) makes.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn verdict_features(&self) -> Result<usize> {
        self.validate()?;
        match self.network {
            ImageNetwork::Dcgan => self.dcgan().verdict_features(),
            ImageNetwork::Resnet => self.resnet().verdict_features(),
            ImageNetwork::Stylegan2 => self.stylegan2().verdict_features(),
            ImageNetwork::R3gan => self.r3gan().verdict_features(),
            ImageNetwork::Light => self.light().verdict_features(),
            ImageNetwork::Biggan | ImageNetwork::BigganDeep => self.big().verdict_features(),
        }
    }
}

/// A generator of images that is one of the stock networks: what a program takes whose user chooses.
///
/// Latents `[batch, latent]`, images `[batch, channels, height, width]`. A program whose network is
/// fixed is compiled sooner with that network's own type.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a module lives in one place and is not boxed"
)]
pub enum ImageGenerator<B: Backend> {
    /// [`ImageNetwork::Dcgan`].
    Dcgan(DcganGenerator<B>),
    /// [`ImageNetwork::Resnet`], [`ImageNetwork::Biggan`], [`ImageNetwork::BigganDeep`].
    Resnet(ResNetGenerator<B>),
    /// [`ImageNetwork::Stylegan2`].
    Stylegan2(StyleGan2Generator<B>),
    /// [`ImageNetwork::R3gan`].
    R3gan(R3ganGenerator<B>),
    /// [`ImageNetwork::Light`].
    Light(LightGenerator<B>),
}

/// A discriminator of images that is one of the stock networks.
///
/// Images `[batch, channels, height, width]`; of each network the logits and features that it has.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a module lives in one place and is not boxed"
)]
pub enum ImageDiscriminator<B: Backend> {
    /// [`ImageNetwork::Dcgan`].
    Dcgan(DcganDiscriminator<B>),
    /// [`ImageNetwork::Resnet`], [`ImageNetwork::Biggan`], [`ImageNetwork::BigganDeep`].
    Resnet(ResNetDiscriminator<B>),
    /// [`ImageNetwork::Stylegan2`].
    Stylegan2(StyleGan2Discriminator<B>),
    /// [`ImageNetwork::R3gan`].
    R3gan(R3ganDiscriminator<B>),
    /// [`ImageNetwork::Light`].
    Light(LightDiscriminator<B>),
}

/// The same of whichever network it is.
macro_rules! whichever {
    ($enum:ident, $value:expr, $network:ident => $then:expr) => {
        match $value {
            $enum::Dcgan($network) => $then,
            $enum::Resnet($network) => $then,
            $enum::Stylegan2($network) => $then,
            $enum::R3gan($network) => $then,
            $enum::Light($network) => $then,
        }
    };
}

impl<B: Backend> Generator<B> for ImageGenerator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, condition: &()) -> Tensor<B, 4> {
        whichever!(ImageGenerator, self, network => network.generate(latent, condition))
    }

    fn style_space(&self) -> Option<&dyn StyleSpace<B, Tensor<B, 4>, ()>> {
        whichever!(ImageGenerator, self, network => network.style_space())
    }

    fn output_range(&self) -> Option<(f64, f64)> {
        whichever!(ImageGenerator, self, network => network.output_range())
    }
}

impl<B: Backend> Discriminator<B> for ImageDiscriminator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 4>, condition: &()) -> Verdict<B> {
        whichever!(ImageDiscriminator, self, network => network.discriminate(sample, condition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gan::Gan;
    use crate::network::Labels;
    use crate::step::{OptimizerConfig, StepBatch, StepSettings, TrainState, step};
    use crate::testing::values;
    use burn::backend::{Autodiff, Flex};

    type B = Autodiff<Flex>;

    #[test]
    fn each_network_makes_a_conditional_step_with_its_objective() {
        let device = Default::default();
        for network in ImageNetwork::ALL {
            let generator = ImageGeneratorConfig::new(network, 6, [3, 8, 8]).with_width(2);
            let discriminator = ImageDiscriminatorConfig::new(network, [3, 8, 8]).with_width(2);
            let gan = Gan::<_, _, B>::seeded(
                generator.init_conditional::<B>(3, &device).expect("valid"),
                discriminator
                    .init_projected::<B>(3, &device)
                    .expect("valid"),
                1,
                &device,
            );
            let labels = Labels::from_slice(&[1, 0, 2, 1], 3, &device).expect("labels");
            let before = gan
                .generator
                .generate(Tensor::ones([4, 6], &device), &labels);
            assert_eq!(before.dims(), [4, 3, 8, 8], "{network:?}");
            let objective = network.objective();
            let adam = OptimizerConfig::adam(1e-2);
            let state = TrainState::new(gan, adam, adam).expect("valid settings");
            let real = Tensor::ones([4, 3, 8, 8], &device) * 0.5;
            let mut stream = crate::random::Stream::new(1, "latent");
            let latent = Latent::normal(6).draw(4, &mut stream, &device);
            let batch = StepBatch::new(real, labels.clone(), latent);
            let settings = StepSettings::new(&objective);
            let (state, outcome) = step(state, &settings, vec![batch], &mut ());
            assert!(
                values(outcome.discriminator_loss)[0].is_finite(),
                "{network:?}"
            );
            let latent = Tensor::ones([4, 6], &device);
            let after = state.gan.generator.generate(latent, &labels);
            assert_ne!(values(before), values(after), "{network:?}");
        }
    }

    #[test]
    fn only_stylegan2_has_a_style_space() {
        let device = Default::default();
        for network in ImageNetwork::ALL {
            let config = ImageGeneratorConfig::new(network, 6, [1, 8, 8]).with_width(2);
            let generator = config.init::<Flex>(&device).expect("valid");
            let styles = generator.style_space().is_some();
            assert_eq!(styles, network == ImageNetwork::Stylegan2, "{network:?}");
        }
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        for network in ImageNetwork::ALL {
            let generator = |latent, image| ImageGeneratorConfig::new(network, latent, image);
            for (wrong, field) in [
                (generator(0, [1, 8, 8]), "latent"),
                (generator(6, [1, 8, 8]).with_width(0), "width"),
                (generator(6, [0, 8, 8]), "channels"),
            ] {
                let error = wrong.validate().expect_err(field).to_string();
                assert!(error.contains(field), "{network:?}: no {field} in {error}");
            }
            let far = generator(6, [1, 8, 8]).with_width(usize::MAX);
            assert!(far.validate().is_err(), "{network:?}");
            let discriminator = ImageDiscriminatorConfig::new(network, [1, 8, 8]);
            assert!(discriminator.clone().with_width(0).validate().is_err());
            let far = discriminator.with_width(usize::MAX);
            assert!(far.validate().is_err(), "{network:?}");
        }
    }

    /// A setting that a program has which takes these, at the beginning of an error's words.
    fn is_of_the_user(error: &Error) -> bool {
        let Error::Setting { field, .. } = error else {
            return false;
        };
        let own = ["latent", "width", "image"];
        own.contains(&field.as_str()) || field.starts_with("image.")
    }

    #[test]
    fn every_network_has_settings_for_images_of_every_side_or_says_why_not() {
        let squares = |side: usize| side.is_power_of_two();
        for network in ImageNetwork::ALL {
            for side in [8, 16, 28, 32, 48, 64, 128, 256] {
                for width in [2, 16, 64] {
                    let image = [3, side, side];
                    let latent = network.smallest_latent(64, image);
                    let generator =
                        ImageGeneratorConfig::new(network, latent, image).with_width(width);
                    let discriminator =
                        ImageDiscriminatorConfig::new(network, image).with_width(width);
                    let case = format!("{network:?}, {side}, {width}");
                    for valid in [generator.validate(), discriminator.validate()] {
                        match network {
                            ImageNetwork::Stylegan2 | ImageNetwork::Light if !squares(side) => {
                                let error = valid.expect_err(&case);
                                assert!(is_of_the_user(&error), "{case}: {error}");
                            }
                            _ => valid.unwrap_or_else(|error| panic!("{case}: {error}")),
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_a_network_can_not_be_made_of_is_said_in_the_words_of_these_settings() {
        for network in ImageNetwork::ALL {
            for (latent, image, width) in [
                (64, [3, 9, 9], 4),
                (64, [3, 5, 5], 4),
                (64, [3, 30, 34], 4),
                (64, [3, 8, 7], 4),
                (64, [3, 100, 65], 4),
                (64, [3, 129, 128], 4),
                (64, [3, 32, 32], 17),
                (64, [3, 32, 32], 1 << 20),
                (64, [3, 128, 128], usize::MAX),
                (1 << 22, [3, 32, 32], 32),
            ] {
                let generator = ImageGeneratorConfig::new(network, latent, image).with_width(width);
                let discriminator = ImageDiscriminatorConfig::new(network, image).with_width(width);
                for valid in [generator.validate(), discriminator.validate()] {
                    if let Err(error) = valid {
                        assert!(
                            is_of_the_user(&error),
                            "{network:?}, {image:?}, {width}: {error}"
                        );
                    }
                }
            }
        }
        let odd = ImageGeneratorConfig::new(ImageNetwork::Biggan, 64, [1, 9, 9]);
        let error = odd.validate().expect_err("9 can't be halved").to_string();
        assert_eq!(
            error,
            "invalid setting `image` = 9×9: can't be halved, which this network does to 4 pixels or \
             more: height and width must be even, and 8 at least"
        );
    }

    #[test]
    fn a_latent_that_can_not_be_cut_says_which_can() {
        for (side, parts, latent) in [
            (8, 2, 64),
            (16, 3, 66),
            (28, 3, 66),
            (32, 4, 64),
            (64, 5, 65),
            (128, 6, 66),
            (256, 7, 70),
        ] {
            let image = [1, side, side];
            assert_eq!(ImageNetwork::Biggan.latent_parts(image), parts, "{side}");
            let smallest = ImageNetwork::Biggan.smallest_latent(64, image);
            assert_eq!(smallest, latent, "{side}");
            for network in ImageNetwork::ALL {
                let latent = network.smallest_latent(64, image);
                assert!(latent % network.latent_parts(image) == 0 && (64..71).contains(&latent));
                if network != ImageNetwork::Biggan {
                    assert_eq!((latent, network.latent_parts(image)), (64, 1));
                }
            }
        }
        let of = |latent| ImageGeneratorConfig::new(ImageNetwork::Biggan, latent, [1, 28, 28]);
        let error = of(64).validate().expect_err("64 is not cut in 3");
        assert_eq!(
            error.to_string(),
            "invalid setting `latent` = 64: must be a multiple of 3, an equal part for the first layer \
             and for each doubling of the size up to 28×28: 63 or 66 would do"
        );
        let error = of(2).validate().expect_err("2 is not cut in 3").to_string();
        assert!(error.ends_with(": 3 would do"), "{error}");
        assert_eq!(
            ImageNetwork::Biggan.smallest_latent(usize::MAX - 1, [1, 256, 256]),
            usize::MAX - 1
        );
    }
}
