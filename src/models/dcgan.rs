//! The convolutional pair of Radford et al., for images of any height and width.

use burn::module::{Initializer, Module};
use burn::nn::PaddingConfig2d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::embedding::FEATURES;
use super::{
    Activation, AuxiliaryClassifier, CodeHead, CodeHeadConfig, ConcatenateFeatures, Conditional,
    LabelEmbedding, Projection, VectorEmbedding, range_of,
};
use crate::data::ImageShape;
use crate::error::{Result, check};
use crate::latent::Latent;
use crate::network::{Discriminator, Generator, Verdict};
use crate::nn::{
    BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig,
    Linear, LinearConfig, channels_last,
};
use crate::settings::settings;
use crate::sizes;

/// The smallest height and width of an image, and of what is halved once more.
const SMALLEST_SIDE: usize = 8;
/// Convolution kernels are 4×4 with stride 2 and padding 1: they halve or double a size.
const KERNEL: [usize; 2] = [4, 4];
const STRIDE: [usize; 2] = [2, 2];
const PADDING: [usize; 2] = [1, 1];

/// The weights' standard deviation in the paper.
const STD: f64 = 0.02;

/// The weights' distribution in the paper.
fn initializer() -> Initializer {
    Initializer::Normal {
        mean: 0.0,
        std: STD,
    }
}

/// Refuses images that can't be halved, and those that are too large.
fn check_image(image: &ImageShape) -> Result<()> {
    check::at_least("channels", image.channels, 1)?;
    check::at_least("height", image.height, SMALLEST_SIDE)?;
    check::at_least("width", image.width, SMALLEST_SIDE)?;
    let shape = [image.channels, image.height, image.width];
    sizes::shape("shape", &shape).map(|_| ())
}

/// Refuses convolutions that are too large: channels of the image, then `width`, doubled at each
/// size below; and `ends`, the linear layer at the small end, from or to so many numbers.
fn check_layers(image: &ImageShape, width: usize, ends: usize) -> Result<()> {
    let pyramid = pyramid(image);
    let stages = pyramid.len() - 1;
    let mut channels = vec![image.channels];
    for stage in 0..stages {
        // At most 2²⁴ pixels a side are 22 halvings; a width that no shift holds is refused
        // with the layers.
        channels.push(width.saturating_mul(1 << stage));
    }
    let mut layers: Vec<Vec<usize>> = channels
        .windows(2)
        .map(|pair| vec![pair[0], pair[1], KERNEL[0], KERNEL[1]])
        .collect();
    let [height, low_width] = pyramid[stages];
    layers.push(vec![ends, channels[stages], height, low_width]);
    sizes::network("width", &layers)
}

/// Height and width at full size and after each halving (odd sizes round down), until the
/// shorter side is below 8: 32 → 16 → 8 → 4, 28 → 14 → 7, 24×40 → 12×20 → 6×10.
fn pyramid(image: &ImageShape) -> Vec<[usize; 2]> {
    let [mut height, mut width] = [image.height, image.width];
    let mut sizes = vec![[height, width]];
    while height.min(width) >= SMALLEST_SIDE {
        height /= 2;
        width /= 2;
        sizes.push([height, width]);
    }
    sizes
}

settings! {
/// Settings of a [`DcganGenerator`].
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::DcganGeneratorConfig;
/// use burn_gan::network::Generator;
///
/// let device = Default::default();
/// let generator = DcganGeneratorConfig::new(100, [3, 24, 40]).with_width(4).init::<Flex>(&device)?;
/// let images = generator.generate(Tensor::zeros([2, 100], &device), &());
/// assert_eq!(images.dims(), [2, 3, 24, 40]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DcganGeneratorConfig {
    /// Components of a latent.
    pub latent: usize,
    /// The shape of an image; height and width of at least 8.
    pub image: ImageShape,
    /// Channels at half the full size, doubled at each size below; 64 by default.
    pub width: usize,
    /// Numbers of a hidden layer, with batch norm and ReLU, between the latent and the smallest map; 0 by
    /// default, none. With one the codes of a latent can change an image as a whole (InfoGAN's has 1,024).
    #[serde(default)]
    pub hidden: usize,
    /// The activation of the output; tanh by default, for pixels in [−1, 1].
    pub output: Activation,
}
}

impl DcganGeneratorConfig {
    /// A generator of images of `[channels, height, width]`.
    pub fn new(latent: usize, image: [usize; 3]) -> Self {
        Self {
            latent,
            image: ImageShape::new(image),
            width: 64,
            hidden: 0,
            output: Activation::Tanh,
        }
    }

    /// Channels at half the full size.
    pub fn with_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// Numbers of a hidden layer between the latent and the smallest map.
    pub fn with_hidden(mut self, hidden: usize) -> Self {
        self.hidden = hidden;
        self
    }

    /// The activation of the output.
    pub fn with_output(mut self, output: Activation) -> Self {
        self.output = output;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, or height or width is below 8.
    pub fn validate(&self) -> Result<()> {
        sizes::size("latent", self.latent)?;
        sizes::size("width", self.width)?;
        check_image(&self.image).map_err(|e| e.within("image"))?;
        if self.hidden > 0 {
            sizes::size("hidden", self.hidden)?;
            sizes::network("hidden", &[vec![self.latent, self.hidden]])?;
        }
        check_layers(&self.image, self.width, self.projected())
    }

    /// How many numbers the smallest map is made of.
    fn projected(&self) -> usize {
        match self.hidden {
            0 => self.latent,
            hidden => hidden,
        }
    }

    /// Makes the generator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<DcganGenerator<B>> {
        self.validate()?;
        let sizes = pyramid(&self.image);
        let stages = sizes.len() - 1;
        let channels = |stage: usize| self.width << stage;
        let base = channels(stages - 1);
        let [height, width] = sizes[stages];
        let mut blocks = Vec::with_capacity(stages);
        for stage in (0..stages).rev() {
            let out = match stage {
                0 => self.image.channels,
                _ => channels(stage - 1),
            };
            // Where halving rounded down, one row or column is added back.
            let [to, from] = [sizes[stage], sizes[stage + 1]];
            let padding_out = [to[0] - 2 * from[0], to[1] - 2 * from[1]];
            blocks.push(UpBlock {
                conv: ConvTranspose2dConfig::new([channels(stage), out], KERNEL)
                    .with_stride(STRIDE)
                    .with_padding(PADDING)
                    .with_padding_out(padding_out)
                    // A norm after it has a bias of its own.
                    .with_bias(stage == 0)
                    .with_initializer(initializer())
                    .init(device),
                norm: (stage > 0).then(|| BatchNormConfig::new(out).init(device)),
            });
        }
        let linear = |inputs: usize, outputs: usize| {
            LinearConfig::new(inputs, outputs)
                .with_bias(false)
                .with_initializer(initializer())
                .init(device)
        };
        Ok(DcganGenerator {
            hidden: (self.hidden > 0).then(|| Hidden {
                linear: linear(self.latent, self.hidden),
                norm: BatchNormConfig::new(self.hidden).init(device),
            }),
            project: linear(self.projected(), base * height * width),
            norm: BatchNormConfig::new(base).init(device),
            blocks,
            base: [base, height, width],
            output: self.output,
        })
    }

    /// Makes a generator that is conditioned on labels of `classes`.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_conditional<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, LabelEmbedding<B>, DcganGenerator<B>>> {
        let network = self.wider()?.init(device)?;
        let embedding = LabelEmbedding::new(classes, FEATURES, device)?;
        Ok(Conditional::new(embedding, network))
    }

    /// Makes a generator that is conditioned on vectors of `size` numbers.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if vectors have no numbers.
    pub fn init_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, VectorEmbedding<B>, DcganGenerator<B>>> {
        let network = self.wider()?.init(device)?;
        let embedding = VectorEmbedding::new(size, FEATURES, device)?;
        Ok(Conditional::new(embedding, network))
    }

    /// With room for a condition's features beside the latent.
    fn wider(&self) -> Result<Self> {
        self.validate()?;
        Ok(Self {
            latent: self.latent + FEATURES,
            ..self.clone()
        })
    }
}

#[derive(Module, Debug)]
struct Hidden<B: Backend> {
    linear: Linear<B>,
    norm: BatchNorm<B>,
}

#[derive(Module, Debug)]
struct UpBlock<B: Backend> {
    conv: ConvTranspose2d<B>,
    norm: Option<BatchNorm<B>>,
}

/// A generator of transposed convolutions: a hidden layer where the settings have one, a projection, then
/// doublings, with batch norm and ReLU after all but the last.
///
/// Latents `[batch, latent]`, images `[batch, channels, height, width]`. Radford, Metz, Chintala
/// 2015, arXiv:1511.06434.
#[derive(Module, Debug)]
pub struct DcganGenerator<B: Backend> {
    hidden: Option<Hidden<B>>,
    project: Linear<B>,
    norm: BatchNorm<B>,
    blocks: Vec<UpBlock<B>>,
    base: [usize; 3],
    output: Activation,
}

impl<B: Backend> Generator<B> for DcganGenerator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 4> {
        let batch = latent.dims()[0];
        let [channels, height, width] = self.base;
        let features = match &self.hidden {
            Some(Hidden { linear, norm }) => {
                norm.forward_activated(linear.forward(latent), Activation::Relu)
            }
            None => latent,
        };
        let x: Tensor<B, 4> = self
            .project
            .forward(features)
            .reshape([batch, channels, height, width]);
        let mut x = self
            .norm
            .forward_activated(channels_last(x), Activation::Relu);
        for block in &self.blocks {
            x = match &block.norm {
                Some(norm) => norm.forward_activated(block.conv.forward(x), Activation::Relu),
                None => block.conv.forward_activated(x, self.output),
            };
        }
        x
    }

    fn output_range(&self) -> Option<(f64, f64)> {
        range_of(self.output)
    }
}

settings! {
/// Settings of a [`DcganDiscriminator`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DcganDiscriminatorConfig {
    /// The shape of an image; height and width of at least 8.
    pub image: ImageShape,
    /// Channels at half the full size, doubled at each size below; 64 by default.
    pub width: usize,
    /// Whether all convolutions but the first have a batch norm; true by default. Gradient
    /// penalties are per sample, and a batch norm mixes samples: turn it off with them.
    pub batch_norm: bool,
    /// How many images are judged together, by [`Packed`](crate::network::Packed) around it; 1 by
    /// default.
    #[serde(default = "super::alone")]
    pub pack: usize,
    /// Features: numbers of a hidden layer with leaky ReLU before the last; 0 by default, none: the
    /// thousands of numbers that the convolutions give. A [projection](Self::init_projected) has as many
    /// weights for each class as there are features.
    #[serde(default)]
    pub features: usize,
}
}

impl DcganDiscriminatorConfig {
    /// A discriminator of images of `[channels, height, width]`.
    pub fn new(image: [usize; 3]) -> Self {
        Self {
            image: ImageShape::new(image),
            width: 64,
            batch_norm: true,
            pack: 1,
            features: 0,
        }
    }

    /// Channels at half the full size.
    pub fn with_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// Whether all convolutions but the first have a batch norm.
    pub fn with_batch_norm(mut self, batch_norm: bool) -> Self {
        self.batch_norm = batch_norm;
        self
    }

    /// Numbers of a hidden layer before the last.
    pub fn with_features(mut self, features: usize) -> Self {
        self.features = features;
        self
    }

    /// How many images are judged together, by [`Packed`](crate::network::Packed) around it.
    pub fn with_pack(mut self, pack: usize) -> Self {
        self.pack = pack;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, or height or width is below 8.
    pub fn validate(&self) -> Result<()> {
        self.input(0).map(|_| ())
    }

    /// What the first convolution sees: the images of a pack, with so many more channels each.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    fn input(&self, more: usize) -> Result<ImageShape> {
        sizes::size("width", self.width)?;
        check::at_least("pack", self.pack, 1)?;
        check::at_most("pack", self.pack, sizes::REPEATS)?;
        check_image(&self.image).map_err(|e| e.within("image"))?;
        let channels = self.pack * (self.image.channels + more);
        let input = ImageShape {
            channels,
            ..self.image
        };
        check_image(&input).map_err(|e| e.within("image"))?;
        check_layers(&input, self.width, self.features.max(1))?;
        Ok(input)
    }

    /// Makes the discriminator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<DcganDiscriminator<B>> {
        Ok(self.stack(&self.input(0)?, device))
    }

    /// How many features the network's verdicts have: what is read by a [`Projection`], an
    /// [`AuxiliaryClassifier`] or a [`CodeHead`] around it.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn verdict_features(&self) -> Result<usize> {
        Ok(self.last(&self.input(0)?))
    }

    /// What the last layer reads.
    fn last(&self, input: &ImageShape) -> usize {
        match self.features {
            0 => self.flattened(input),
            features => features,
        }
    }

    /// What the convolutions give.
    fn flattened(&self, input: &ImageShape) -> usize {
        let sizes = pyramid(input);
        let stages = sizes.len() - 1;
        let [height, width] = sizes[stages];
        (self.width << (stages - 1)) * height * width
    }

    /// The layers.
    fn stack<B: Backend>(&self, input: &ImageShape, device: &B::Device) -> DcganDiscriminator<B> {
        let stages = pyramid(input).len() - 1;
        let mut channels = input.channels;
        let mut blocks = Vec::with_capacity(stages);
        for stage in 0..stages {
            let out = self.width << stage;
            let norm = self.batch_norm && stage > 0;
            blocks.push(DownBlock {
                conv: Conv2dConfig::new([channels, out], KERNEL)
                    .with_stride(STRIDE)
                    .with_padding(PaddingConfig2d::Explicit(
                        PADDING[0], PADDING[1], PADDING[0], PADDING[1],
                    ))
                    .with_bias(!norm)
                    .with_initializer(initializer())
                    .init(device),
                norm: norm.then(|| BatchNormConfig::new(out).init(device)),
            });
            channels = out;
        }
        let linear = |sizes: [usize; 2]| {
            LinearConfig::new(sizes[0], sizes[1])
                .with_initializer(initializer())
                .init(device)
        };
        DcganDiscriminator {
            blocks,
            hidden: (self.features > 0).then(|| linear([self.flattened(input), self.features])),
            head: linear([self.last(input), 1]),
        }
    }

    /// Makes a discriminator that is conditioned on labels of `classes`: it sees the label's
    /// learned picture as one more channel.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_conditional<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, LabelEmbedding<B>, DcganDiscriminator<B>>> {
        let input = self.input(1)?;
        let embedding = LabelEmbedding::new(classes, input.height * input.width, device)?;
        Ok(Conditional::new(embedding, self.stack(&input, device)))
    }

    /// Makes a discriminator that is conditioned on labels of `classes` by a
    /// [projection](Projection) of its features.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), if there is no class, or if images are packed: a projection has
    /// one label for each verdict.
    pub fn init_projected<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Projection<B, LabelEmbedding<B>, DcganDiscriminator<B>>> {
        let input = self.input(0)?;
        check::at_most("pack", self.pack, 1)?;
        let embedding = LabelEmbedding::with_std(classes, self.last(&input), STD, device)?;
        Ok(Projection::new(embedding, self.stack(&input, device)))
    }

    /// Makes a discriminator that is conditioned on vectors of `size` numbers by a
    /// [projection](Projection) of its features.
    ///
    /// # Errors
    /// As [`init_projected`](Self::init_projected), or if vectors have no numbers.
    pub fn init_projected_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Projection<B, VectorEmbedding<B>, DcganDiscriminator<B>>> {
        let (network, features) = self.with_its_features(device)?;
        let embedding = VectorEmbedding::new(size, features, device)?;
        Ok(Projection::new(embedding, network))
    }

    /// Makes a discriminator that is conditioned on vectors of `size` numbers: it sees a learned
    /// picture of them as one more channel.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if vectors have no numbers.
    pub fn init_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, VectorEmbedding<B>, DcganDiscriminator<B>>> {
        let input = self.input(1)?;
        let embedding = VectorEmbedding::new(size, input.height * input.width, device)?;
        Ok(Conditional::new(embedding, self.stack(&input, device)))
    }

    /// Makes a discriminator that tells which of `classes` a sample is of, beside its logit
    /// ([`AuxiliaryClassifier`]).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class, or if images are packed: it tells one class for each verdict.
    pub fn init_classifying<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<AuxiliaryClassifier<B, DcganDiscriminator<B>>> {
        let (network, features) = self.with_its_features(device)?;
        AuxiliaryClassifier::new(network, features, classes, device)
    }

    /// Makes a discriminator that recovers the codes of `prior` from samples, beside its logit
    /// ([`CodeHead`]).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), if the prior has no codes or the head is wrong, or if images are packed.
    pub fn init_recovering<B: Backend>(
        &self,
        prior: &Latent,
        head: &CodeHeadConfig,
        device: &B::Device,
    ) -> Result<CodeHead<B, DcganDiscriminator<B>>> {
        let (network, features) = self.with_its_features(device)?;
        head.init(network, features, prior, device)
    }

    /// The network, and how many features it gives of single samples.
    fn with_its_features<B: Backend>(
        &self,
        device: &B::Device,
    ) -> Result<(DcganDiscriminator<B>, usize)> {
        let input = self.input(0)?;
        check::at_most("pack", self.pack, 1)?;
        Ok((self.stack(&input, device), self.last(&input)))
    }
}

#[derive(Module, Debug)]
struct DownBlock<B: Backend> {
    conv: Conv2d<B>,
    norm: Option<BatchNorm<B>>,
}

/// A discriminator of strided convolutions with leaky ReLU (0.2), a linear layer after them.
///
/// Images `[batch, channels, height, width]`, logits `[batch, 1]`; its features are what the last
/// layer reads. Radford, Metz, Chintala 2015,
/// arXiv:1511.06434.
#[derive(Module, Debug)]
pub struct DcganDiscriminator<B: Backend> {
    blocks: Vec<DownBlock<B>>,
    hidden: Option<Linear<B>>,
    head: Linear<B>,
}

impl<B: Backend> Discriminator<B> for DcganDiscriminator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 4>, _condition: &()) -> Verdict<B> {
        let mut x = channels_last(sample);
        for block in &self.blocks {
            x = match &block.norm {
                Some(norm) => norm.forward_activated(block.conv.forward(x), Activation::LEAKY),
                None => block.conv.forward_activated(x, Activation::LEAKY),
            };
        }
        let flat: Tensor<B, 2> = x.flatten(1, 3);
        let features = match &self.hidden {
            Some(hidden) => hidden.forward_activated(flat, Activation::LEAKY),
            None => flat,
        };
        Verdict::from(self.head.forward(features.clone())).with_features(features)
    }
}

/// Features are pictures: each as large as the image, channels after its own.
impl<B: Backend> ConcatenateFeatures<B> for DcganDiscriminator<B> {
    fn discriminate_with(&self, sample: Tensor<B, 4>, features: Tensor<B, 2>) -> Verdict<B> {
        let [batch, _, height, width] = sample.dims();
        let pictures = features.dims()[1] / (height * width);
        let pictures = features.reshape([batch, pictures, height, width]);
        self.discriminate(Tensor::cat(vec![sample, pictures], 1), &())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use crate::testing::values;
    use burn::tensor::TensorData;

    /// The hidden layer is relu(norm(W·z)) before all else, and its size is checked by name.
    fn a_hidden_layer_lies_before_the_maps<B: Backend>() {
        let device = Default::default();
        let config = DcganGeneratorConfig::new(5, [1, 8, 8]).with_width(2);
        let hidden = config.clone().with_hidden(7);
        let whole = hidden.init::<B>(&device).expect("valid settings");
        let plain = config.init::<B>(&device).expect("valid settings");
        assert_eq!(
            whole.num_params(),
            plain.num_params() + 5 * 7 + 4 * 7 + (7 - 5) * whole.base.iter().product::<usize>(),
            "weights, the norm (its statistics too), and a wider projection"
        );
        let latent = TensorData::new(Stream::new(1, "z").normal(15), [3, 5]);
        let latent = Tensor::<B, 2>::from_data(latent, &device);
        let images = whole.generate(latent.clone(), &());
        let Some(Hidden { linear, norm }) = whole.hidden.clone() else {
            panic!("a hidden layer");
        };
        let features = norm.forward(linear.forward(latent)).clamp_min(0.0);
        let rest = DcganGenerator {
            hidden: None,
            ..whole
        };
        let by_hand = values(rest.generate(features, &()));
        for (a, b) in values(images).iter().zip(&by_hand) {
            assert!((a - b).abs() < 1e-6, "{a} and {b}");
        }
        let error = config.with_hidden(usize::MAX).validate();
        let error = error.expect_err("too many").to_string();
        assert!(error.contains("`hidden`"), "{error}");
    }

    #[test]
    fn a_hidden_layer_lies_before_the_maps_on_cpus() {
        a_hidden_layer_lies_before_the_maps::<crate::testing::Cpu>();
        a_hidden_layer_lies_before_the_maps::<burn::backend::NdArray>();
    }
}
