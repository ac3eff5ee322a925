//! A network of random weights as an extractor.

use std::fmt;

use burn::module::{Initializer, Module};
use burn::nn::PaddingConfig2d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::extractor::FeatureExtractor;
use super::features::ExtractorId;
use crate::error::{Error, Result, check};
use crate::network::initialize;
use crate::nn::{Activation, Conv2d, Conv2dConfig, Linear, LinearConfig, channels_last};
use crate::random::{alone, reseed};
use crate::sizes;

/// The smallest height and width of what is halved once more.
const SMALLEST_SIDE: usize = 8;
/// Channels at half the full size; doubled at the next two sizes.
const WIDTH: usize = 32;
const DOUBLINGS: usize = 2;
/// Features of an image.
const FEATURES: usize = 128;

/// What a convolutional network sees in images that nothing was ever taught to: an extractor for
/// pictures of any kind, where no network trained on such pictures is at hand.
///
/// Convolutions that halve the image until its shorter side is below 8, with leaky ReLU and He's
/// normal weights, and a linear layer to 128 features. The weights are a function of the seed, the
/// backend and the shape of images; their hash is in the [id](ExtractorId).
///
/// It sees shapes, colours and where they are, and knows nothing of what they mean: distances on its
/// features tell a generator that learns from one that collapses, and rank runs on the same data
/// roughly. A classifier of such pictures ([`ClassifierFeatures`](super::ClassifierFeatures)) sees
/// more. Naeem et al. 2020, *Reliable fidelity and diversity metrics for generative models*,
/// arXiv:2002.09797, take random weights for data that is unlike ImageNet.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::metrics::{FeatureExtractor, RandomNetwork};
///
/// let device = Default::default();
/// let network = RandomNetwork::<Flex>::new([3, 32, 32], 0, &device)?;
/// let features = network.extract(Tensor::ones([5, 3, 32, 32], &device))?;
/// assert_eq!(features.dims(), [5, 128]);
/// // The same seed, the same weights.
/// assert_eq!(network.id(), RandomNetwork::<Flex>::new([3, 32, 32], 0, &device)?.id());
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub struct RandomNetwork<B: Backend> {
    layers: Layers<B>,
    image: [usize; 3],
    id: ExtractorId,
}

#[derive(Module, Debug)]
struct Layers<B: Backend> {
    convolutions: Vec<Conv2d<B>>,
    projection: Linear<B>,
}

impl<B: Backend> fmt::Debug for RandomNetwork<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RandomNetwork")
            .field("image", &self.image)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl<B: Backend> RandomNetwork<B> {
    /// A network for images of `[channels, height, width]`, its weights drawn by `seed`.
    ///
    /// # Errors
    /// If there is no channel, height or width is below 8, or the image is too large.
    pub fn new(image: [usize; 3], seed: u64, device: &B::Device) -> Result<Self> {
        let [channels, height, width] = image;
        let check = || -> Result<()> {
            check::at_least("channels", channels, 1)?;
            check::at_least("height", height, SMALLEST_SIDE)?;
            check::at_least("width", width, SMALLEST_SIDE)?;
            sizes::shape("shape", &image).map(|_| ())
        };
        check().map_err(|error| error.within("image"))?;
        let initializer = Initializer::KaimingNormal {
            gain: std::f64::consts::SQRT_2,
            fan_out_only: false,
        };
        let (mut convolutions, mut input) = (Vec::new(), channels);
        let (mut height, mut width) = (height, width);
        while height.min(width) >= SMALLEST_SIDE {
            let output = WIDTH << convolutions.len().min(DOUBLINGS);
            convolutions.push(
                Conv2dConfig::new([input, output], [4, 4])
                    .with_stride([2, 2])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                    .with_bias(false)
                    .with_initializer(initializer.clone())
                    .init(device),
            );
            (input, height, width) = (output, height / 2, width / 2);
        }
        let layers = Layers {
            convolutions,
            projection: LinearConfig::new(input * height * width, FEATURES)
                .with_bias(false)
                .with_initializer(initializer)
                .init(device),
        };
        {
            let _alone = alone();
            reseed::<B>(device, seed, "random network", 0);
            initialize(&layers);
        }
        let id = ExtractorId::of_module::<B, _>("random network", &layers)?;
        Ok(Self { layers, image, id })
    }
}

impl<B: Backend> FeatureExtractor<B, Tensor<B, 4>> for RandomNetwork<B> {
    fn id(&self) -> ExtractorId {
        self.id.clone()
    }

    fn extract(&self, images: Tensor<B, 4>) -> Result<Tensor<B, 2>> {
        let [batch, shape @ ..] = images.dims();
        if shape != self.image {
            return Err(Error::data(
                "random network",
                format!(
                    "it was made for images of shape {:?}, these have {shape:?}",
                    self.image
                ),
            ));
        }
        let mut x = channels_last(images);
        for convolution in &self.layers.convolutions {
            x = convolution.forward_activated(x, Activation::LEAKY);
        }
        let [_, channels, height, width] = x.dims();
        let x: Tensor<B, 2> = x.reshape([batch, channels * height * width]);
        Ok(self.layers.projection.forward(x))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::testing::{for_each_backend, values};

    fn images<B: Backend>(phase: f32) -> Tensor<B, 4> {
        let numbers: Vec<f32> = (0..4 * 2 * 9 * 17)
            .map(|i| (i as f32 * 0.37 + phase).sin())
            .collect();
        Tensor::from_data(TensorData::new(numbers, [4, 2, 9, 17]), &Default::default())
    }

    fn a_seed_decides_the_features_and_images_differ<B: Backend>() {
        let device = Default::default();
        let network = |seed| RandomNetwork::<B>::new([2, 9, 17], seed, &device).expect("a network");
        let extract = |seed, phase| values(network(seed).extract(images(phase)).expect("features"));
        let features = extract(3, 0.0);
        assert_eq!(features.len(), 4 * FEATURES);
        assert_eq!(features, extract(3, 0.0));
        assert_ne!(features, extract(4, 0.0));
        assert_ne!(features, extract(3, 0.5));
        assert_ne!(network(3).id(), network(4).id());
        // He's weights neither shrink nor blow up what goes through them.
        let mean = features.iter().map(|x| x * x).sum::<f64>() / features.len() as f64;
        assert!((0.05..20.0).contains(&mean), "{mean}");
    }

    fn other_images_are_refused<B: Backend>() {
        let device = Default::default();
        let small = RandomNetwork::<B>::new([3, 7, 8], 0, &device).expect_err("too small");
        assert!(small.to_string().contains("`image.height` = 7"), "{small}");
        let network = RandomNetwork::<B>::new([2, 9, 17], 0, &device).expect("a network");
        let error = network.extract(Tensor::zeros([1, 2, 9, 16], &device));
        let error = error.expect_err("another shape").to_string();
        assert!(error.contains("[2, 9, 17]") && error.contains("[2, 9, 16]"));
    }

    for_each_backend!(
        a_seed_decides_the_features_and_images_differ,
        other_images_are_refused,
    );
}
