//! The stock networks for images behind one type: chosen by a setting, at run time.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{
    Conditional, DcganDiscriminator, DcganDiscriminatorConfig, DcganGenerator,
    DcganGeneratorConfig, LabelEmbedding, LightDiscriminator, LightDiscriminatorConfig,
    LightGenerator, LightGeneratorConfig, Projection, R3ganDiscriminator, R3ganDiscriminatorConfig,
    R3ganGenerator, R3ganGeneratorConfig, ResNetDiscriminator, ResNetDiscriminatorConfig,
    ResNetGenerator, ResNetGeneratorConfig, StyleGan2Discriminator, StyleGan2DiscriminatorConfig,
    StyleGan2Generator, StyleGan2GeneratorConfig,
};
use crate::data::ImageShape;
use crate::error::{Result, check};
use crate::network::{Discriminator, Generator, StyleSpace, Verdict};
use crate::settings::settings;

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
    /// the height of images below 64 pixels. The latent has a part for each block.
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
    /// Components of a latent.
    pub latent: usize,
    /// The shape of an image.
    pub image: ImageShape,
    /// How wide the network is, in channels at half the full size or near it; 32 by default. A DCGAN has
    /// twice as many at each size below; StyleGAN2 and the light pair, too, eight times at most; a
    /// residual pair of up to three blocks (BigGAN's are such pairs) and R3GAN have twice as many at every
    /// size.
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
    /// Those of the network's own settings: a size is 0 or too large, or the network can't make such
    /// images.
    pub fn validate(&self) -> Result<()> {
        check::at_least("width", self.width, 1)?;
        match self.network {
            ImageNetwork::Dcgan => self.dcgan().validate(),
            ImageNetwork::Resnet => self.resnet().validate(),
            ImageNetwork::Stylegan2 => self.stylegan2().validate(),
            ImageNetwork::R3gan => self.r3gan().validate(),
            ImageNetwork::Light => self.light().validate(),
            ImageNetwork::Biggan | ImageNetwork::BigganDeep => self.big().validate(),
        }
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
        macro_rules! conditional {
            ($config:expr, $kind:ident) => {
                $config
                    .init_conditional(classes, device)?
                    .map_network(ImageGenerator::$kind)
            };
        }
        Ok(match self.network {
            ImageNetwork::Dcgan => conditional!(self.dcgan(), Dcgan),
            ImageNetwork::Resnet => conditional!(self.resnet(), Resnet),
            ImageNetwork::Stylegan2 => conditional!(self.stylegan2(), Stylegan2),
            ImageNetwork::R3gan => conditional!(self.r3gan(), R3gan),
            ImageNetwork::Light => conditional!(self.light(), Light),
            ImageNetwork::Biggan | ImageNetwork::BigganDeep => conditional!(self.big(), Resnet),
        })
    }
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
    /// Those of the network's own settings: a size is 0 or too large, or the network can't take such
    /// images.
    pub fn validate(&self) -> Result<()> {
        check::at_least("width", self.width, 1)?;
        match self.network {
            ImageNetwork::Dcgan => self.dcgan().validate(),
            ImageNetwork::Resnet => self.resnet().validate(),
            ImageNetwork::Stylegan2 => self.stylegan2().validate(),
            ImageNetwork::R3gan => self.r3gan().validate(),
            ImageNetwork::Light => self.light().validate(),
            ImageNetwork::Biggan | ImageNetwork::BigganDeep => self.big().validate(),
        }
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
        macro_rules! projected {
            ($config:expr, $kind:ident) => {
                $config
                    .init_projected(classes, device)?
                    .map_network(ImageDiscriminator::$kind)
            };
        }
        Ok(match self.network {
            ImageNetwork::Dcgan => projected!(self.dcgan().with_features(FEATURES), Dcgan),
            ImageNetwork::Resnet => projected!(self.resnet(), Resnet),
            ImageNetwork::Stylegan2 => projected!(self.stylegan2(), Stylegan2),
            ImageNetwork::R3gan => projected!(self.r3gan(), R3gan),
            ImageNetwork::Light => projected!(self.light(), Light),
            ImageNetwork::Biggan | ImageNetwork::BigganDeep => projected!(self.big(), Resnet),
        })
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
    use crate::latent::Latent;
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
}
