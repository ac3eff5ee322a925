//! The network.

use std::iter;

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, PaddingConfig2d};
use burn::tensor::backend::Backend;
use burn::tensor::module::max_pool2d;
use burn::tensor::{Int, Tensor};
use serde::Serialize;

use crate::data::{BatchPlan, Dataset, ImageShape, LastBatch, PixelRange};
use crate::error::{Error, Result, check};
use crate::network::Labels;
use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Linear, LinearConfig,
    channels_last,
};
use crate::settings::settings;
use crate::sizes;

/// The smallest height and width of an image, and of what is halved once more.
const SMALLEST_SIDE: usize = 8;
/// Channels double at each halving, so many times.
const DOUBLINGS: usize = 3;

settings! {
/// Settings of a [`Classifier`].
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::ClassifierConfig;
///
/// let device = Default::default();
/// let digits = ClassifierConfig::new([1, 28, 28], 10);
/// let classifier = digits.with_width(4).init::<Flex>(&device)?;
/// let seen = classifier.see(Tensor::zeros([2, 1, 28, 28], &device));
/// assert_eq!((seen.features.dims(), seen.logits.dims()), ([2, 128], [2, 10]));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassifierConfig {
    /// The shape of an image; height and width of at least 8.
    pub image: ImageShape,
    /// The number of classes, at least 2.
    pub classes: usize,
    /// Channels at full size, doubled at each of the first three halvings; 16 by default.
    pub width: usize,
    /// Features of an image, what the last layer reads; 128 by default.
    pub features: usize,
    /// The range of the pixels that it is trained on and reads; [−1, 1] by default.
    pub pixels: PixelRange,
    /// The probability that a number is dropped in training, of what the hidden layer reads and of
    /// what it gives; 0 by default. For few images 0.5.
    #[serde(default)]
    pub dropout: f64,
    /// How an image is halved; by strided convolutions by default.
    #[serde(default)]
    pub halving: Halving,
    /// Whether convolutions have a batch norm; true by default.
    #[serde(default = "normed")]
    pub batch_norm: bool,
}
}

settings! {
/// How a [`Classifier`] halves height and width.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Halving {
    /// By convolutions of 4×4 with stride 2.
    #[default]
    Stride,
    /// By the maximum of 2×2 numbers after a convolution of 3×3.
    MaxPool,
}
}

/// What files say that are older than the setting.
fn normed() -> bool {
    true
}

impl ClassifierConfig {
    /// A classifier of images of `[channels, height, width]`.
    pub fn new(image: [usize; 3], classes: usize) -> Self {
        Self {
            image: ImageShape::new(image),
            classes,
            width: 16,
            features: 128,
            pixels: PixelRange::Symmetric,
            dropout: 0.0,
            halving: Halving::Stride,
            batch_norm: true,
        }
    }

    /// A classifier that is trained on few images, some tens of each class: convolutions of 3×3 with
    /// poolings, no batch norm, 64 features, a dropout of 0.5.
    ///
    /// Trained on 20 digits of each class it names 92.5 % of others right, the one of [`new`](Self::new)
    /// with the same dropout and steps 87.7 %. Where changes of the images are known that keep their
    /// class ([`Augmentation`](crate::network::Augmentation)), the latter is the better one: 95.9 and
    /// 96.7 %.
    pub fn for_few(image: [usize; 3], classes: usize) -> Self {
        Self {
            features: 64,
            dropout: 0.5,
            halving: Halving::MaxPool,
            batch_norm: false,
            ..Self::new(image, classes)
        }
    }

    /// Channels at full size.
    pub fn with_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// Features of an image.
    pub fn with_features(mut self, features: usize) -> Self {
        self.features = features;
        self
    }

    /// The range of the pixels.
    pub fn with_pixels(mut self, pixels: PixelRange) -> Self {
        self.pixels = pixels;
        self
    }

    /// The probability that a number is dropped in training.
    pub fn with_dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// How an image is halved.
    pub fn with_halving(mut self, halving: Halving) -> Self {
        self.halving = halving;
        self
    }

    /// Whether convolutions have a batch norm.
    pub fn with_batch_norm(mut self, batch_norm: bool) -> Self {
        self.batch_norm = batch_norm;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, height or width is below 8, there are fewer than two classes, or
    /// the dropout is not in [0, 1).
    pub fn validate(&self) -> Result<()> {
        let ImageShape {
            channels,
            height,
            width,
        } = self.image;
        let image = || -> Result<()> {
            check::at_least("channels", channels, 1)?;
            check::at_least("height", height, SMALLEST_SIDE)?;
            check::at_least("width", width, SMALLEST_SIDE)?;
            sizes::shape("shape", &[channels, height, width]).map(|_| ())
        };
        image().map_err(|error| error.within("image"))?;
        check::at_least("classes", self.classes, 2)?;
        sizes::size("classes", self.classes)?;
        sizes::size("width", self.width)?;
        sizes::size("features", self.features)?;
        check::below_one("dropout", self.dropout)?;
        let stack = self.stack();
        let mut layers: Vec<_> = (stack.iter())
            .map(|layer| {
                vec![
                    layer.channels[0],
                    layer.channels[1],
                    layer.kernel,
                    layer.kernel,
                ]
            })
            .collect();
        let halvings = self.halvings();
        let [height, width] = [height >> halvings, width >> halvings];
        layers.push(vec![
            stack[stack.len() - 1].channels[1],
            height,
            width,
            self.features,
        ]);
        layers.push(vec![self.features, self.classes]);
        sizes::network("width", &layers)
    }

    /// How often an image is halved until its shorter side is below 8.
    fn halvings(&self) -> usize {
        let mut shorter = self.image.height.min(self.image.width);
        let mut halvings = 0;
        while shorter >= SMALLEST_SIDE {
            shorter /= 2;
            halvings += 1;
        }
        halvings
    }

    /// Channels after so many halvings.
    fn channels_at(&self, halvings: usize) -> usize {
        self.width.saturating_mul(1 << halvings.min(DOUBLINGS))
    }

    /// The convolutions, in their order.
    fn stack(&self) -> Vec<Layer> {
        let (image, halvings) = (self.image.channels, self.halvings());
        match self.halving {
            Halving::Stride => {
                let first = Layer {
                    channels: [image, self.width],
                    kernel: 3,
                    stride: 1,
                };
                let halved = (0..halvings).map(|stage| Layer {
                    channels: [self.channels_at(stage), self.channels_at(stage + 1)],
                    kernel: 4,
                    stride: 2,
                });
                iter::once(first).chain(halved).collect()
            }
            Halving::MaxPool => {
                let before = |stage: usize| match stage {
                    0 => image,
                    _ => self.channels_at(stage - 1),
                };
                let pooled = (0..halvings).map(|stage| Layer {
                    channels: [before(stage), self.channels_at(stage)],
                    kernel: 3,
                    stride: 1,
                });
                pooled.collect()
            }
        }
    }

    /// Makes the classifier; its weights are drawn at first use.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<Classifier<B>> {
        self.validate()?;
        let ImageShape {
            channels,
            height,
            width,
        } = self.image;
        let block = |layer: &Layer| Block {
            conv: Conv2dConfig::new(layer.channels, [layer.kernel; 2])
                .with_stride([layer.stride; 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                // A norm after it has a bias of its own.
                .with_bias(!self.batch_norm)
                .init(device),
            norm: (self.batch_norm).then(|| BatchNormConfig::new(layer.channels[1]).init(device)),
        };
        let stack = self.stack();
        let halvings = self.halvings();
        let places = (height >> halvings) * (width >> halvings);
        Ok(Classifier {
            blocks: stack.iter().map(block).collect(),
            pools: self.halving == Halving::MaxPool,
            hidden: LinearConfig::new(stack[stack.len() - 1].channels[1] * places, self.features)
                .init(device),
            head: LinearConfig::new(self.features, self.classes).init(device),
            dropout: DropoutConfig::new(self.dropout).init(),
            image: [channels, height, width],
            sizes: [self.features, self.classes],
        })
    }
}

#[derive(Module, Debug)]
struct Block<B: Backend> {
    conv: Conv2d<B>,
    norm: Option<BatchNorm<B>>,
}

/// A convolution, with what follows it.
struct Layer {
    /// In and out.
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
}

/// A classifier of images: a convolution, then halvings by convolutions, each with batch norm and
/// ReLU, a hidden layer with ReLU, and a linear layer to the classes; or, for few images, convolutions
/// with poolings ([`ClassifierConfig::for_few`]).
///
/// Images `[batch, channels, height, width]` in the range of pixels that it was trained on. What the
/// hidden layer gives are an image's features. About the size of LeNet-5 at 28 × 28 pixels
/// (LeCun et al. 1998), with convolutions of stride 2 in the place of poolings (Springenberg et al.
/// 2014, *Striving for simplicity*, arXiv:1412.6806).
/// [`ClassifierTraining`](crate::train::ClassifierTraining) trains it.
#[derive(Module, Debug)]
pub struct Classifier<B: Backend> {
    blocks: Vec<Block<B>>,
    /// Whether a pooling is behind each block.
    pools: bool,
    hidden: Linear<B>,
    head: Linear<B>,
    dropout: Dropout,
    image: [usize; 3],
    /// Features and classes.
    sizes: [usize; 2],
}

/// What a classifier sees in a batch of images.
#[derive(Debug, Clone)]
pub struct Seen<B: Backend> {
    /// Their features, `[batch, features]`, none below 0.
    pub features: Tensor<B, 2>,
    /// Their logits, `[batch, classes]`: a softmax makes probabilities of them.
    pub logits: Tensor<B, 2>,
}

impl<B: Backend> Classifier<B> {
    /// Features and logits of a batch of images. On a backend that differentiates, some numbers are
    /// dropped, if the settings say so.
    ///
    /// # Panics
    /// If the images are of another shape than the classifier's.
    pub fn see(&self, images: Tensor<B, 4>) -> Seen<B> {
        let [batch, shape @ ..] = images.dims();
        assert_eq!(
            shape,
            self.image,
            "a classifier of images of shape {:?} can't take a batch of shape {:?}",
            self.image,
            images.dims()
        );
        let mut x = channels_last(images);
        for block in &self.blocks {
            x = match &block.norm {
                Some(norm) => norm.forward_activated(block.conv.forward(x), Activation::Relu),
                None => block.conv.forward_activated(x, Activation::Relu),
            };
            if self.pools {
                x = max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], false);
            }
        }
        let [_, channels, height, width] = x.dims();
        let x: Tensor<B, 2> = x.reshape([batch, channels * height * width]);
        let x = self.dropout.forward(x);
        let features = self.hidden.forward_activated(x, Activation::Relu);
        let logits = self.head.forward(self.dropout.forward(features.clone()));
        Seen { features, logits }
    }

    /// The likeliest class of each image, `[batch]`.
    ///
    /// # Panics
    /// As [`see`](Self::see).
    pub fn classify(&self, images: Tensor<B, 4>) -> Tensor<B, 1, Int> {
        self.see(images).logits.argmax(1).squeeze_dim(1)
    }

    /// The shape of an image, `[channels, height, width]`.
    pub fn image(&self) -> [usize; 3] {
        self.image
    }

    /// The number of features of an image.
    pub fn features(&self) -> usize {
        self.sizes[0]
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.sizes[1]
    }

    /// The likeliest class of each sample of a data set, in their order.
    ///
    /// # Errors
    /// If a sample can't be read, or is no image of the classifier's shape.
    pub fn predictions<D>(&self, data: &D, batch: usize, device: &B::Device) -> Result<Vec<usize>>
    where
        D: Dataset<B, Sample = Tensor<B, 4>>,
    {
        let plan = BatchPlan::new(batch)
            .with_shuffle(false)
            .with_last(LastBatch::Keep);
        let mut predictions = Vec::with_capacity(data.len());
        for batch in plan.epoch(data.len(), 0, 0)? {
            let (images, _) = data.batch(&batch, device)?;
            self.check(&images)?;
            let classes = self.classify(images).into_data();
            predictions.extend(classes.iter::<i64>().map(|class| class as usize));
        }
        Ok(predictions)
    }

    /// The share of a labelled data set's samples that it names right.
    ///
    /// # Errors
    /// As [`predictions`](Self::predictions); if a sample has no label.
    pub fn accuracy<D>(&self, data: &D, batch: usize, device: &B::Device) -> Result<f64>
    where
        D: Dataset<B, Sample = Tensor<B, 4>, Condition = Labels<B>>,
    {
        let Some(labels) = data.labels() else {
            return Err(Error::data(
                "the classifier's accuracy",
                "the data set has no labels at hand (`Dataset::labels`)",
            ));
        };
        let predictions = self.predictions(data, batch, device)?;
        let pairs = predictions.iter().zip(labels);
        let right = pairs.filter(|(found, label)| found == label).count();
        Ok(right as f64 / labels.len() as f64)
    }

    /// Refuses images of another shape than its own.
    pub(crate) fn check(&self, images: &Tensor<B, 4>) -> Result<()> {
        let [_, shape @ ..] = images.dims();
        if shape == self.image {
            return Ok(());
        }
        Err(Error::data(
            "classifier",
            format!(
                "it reads images of shape {:?}, these have {shape:?}: take one that was trained on \
                 such images",
                self.image
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{for_each_backend, int_values, values};
    use burn::tensor::TensorData;

    fn images<B: Backend>(count: usize, shape: [usize; 3]) -> Tensor<B, 4> {
        let [channels, height, width] = shape;
        let numbers: Vec<f32> = (0..count * channels * height * width)
            .map(|i| (i as f32 * 0.37).sin())
            .collect();
        let data = TensorData::new(numbers, [count, channels, height, width]);
        Tensor::from_data(data, &Default::default())
    }

    fn images_of_any_size_have_features_and_logits<B: Backend>() {
        let device = Default::default();
        for (shape, classes) in [([1, 8, 9], 2), ([3, 17, 30], 7), ([2, 40, 12], 3)] {
            for settings in [
                ClassifierConfig::new(shape, classes),
                ClassifierConfig::for_few(shape, classes),
            ] {
                let settings = settings.with_width(2).with_features(5);
                let classifier = settings.init::<B>(&device).expect("valid settings");
                let seen = classifier.see(images(3, shape));
                assert_eq!(seen.features.dims(), [3, 5]);
                assert_eq!(seen.logits.dims(), [3, classes]);
                assert!(values(seen.features).iter().all(|x| *x >= 0.0));
                assert_eq!((classifier.features(), classifier.classes()), (5, classes));
            }
        }
    }

    fn a_class_is_that_of_the_largest_logit<B: Backend>() {
        let settings = ClassifierConfig::new([1, 8, 8], 4).with_width(2);
        let classifier = settings
            .init::<B>(&Default::default())
            .expect("valid settings");
        let logits = values(classifier.see(images(6, [1, 8, 8])).logits);
        let largest = |row: &[f64]| {
            let by_size = |a: &usize, b: &usize| row[*a].total_cmp(&row[*b]);
            (0..4).max_by(by_size).expect("four of them") as i64
        };
        let expected: Vec<i64> = logits.chunks(4).map(largest).collect();
        let found = int_values(classifier.classify(images(6, [1, 8, 8])));
        assert_eq!(found, expected);
    }

    for_each_backend!(
        images_of_any_size_have_features_and_logits,
        a_class_is_that_of_the_largest_logit,
    );

    #[test]
    fn settings_from_before_poolings_are_read() {
        let text = r#"{"image":{"channels":1,"height":28,"width":28},"classes":10,"width":16,
            "features":128,"pixels":"symmetric"}"#;
        let read: ClassifierConfig = serde_json::from_str(text).expect("settings");
        assert_eq!(read, ClassifierConfig::new([1, 28, 28], 10));
    }

    #[test]
    fn settings_that_no_classifier_can_be_made_with_are_refused() {
        let digits = || ClassifierConfig::new([1, 28, 28], 10);
        let refused = |settings: ClassifierConfig, words: &str| {
            let error = settings.validate().expect_err("wrong settings").to_string();
            assert!(error.contains(words), "{error}");
        };
        assert!(digits().validate().is_ok());
        refused(ClassifierConfig::new([1, 28, 7], 10), "`image.width` = 7");
        refused(
            ClassifierConfig::new([0, 28, 28], 10),
            "`image.channels` = 0",
        );
        refused(ClassifierConfig::new([1, 28, 28], 1), "`classes` = 1");
        refused(digits().with_width(0), "`width` = 0");
        refused(digits().with_features(usize::MAX), "`features`");
        refused(digits().with_width(1 << 20), "weights of one layer");
    }

    #[test]
    #[should_panic(expected = "images of shape [1, 8, 8] can't take a batch of shape [1, 1, 9, 8]")]
    fn images_of_another_shape_panic_with_both() {
        type B = crate::testing::Cpu;
        let settings = ClassifierConfig::new([1, 8, 8], 2).with_width(1);
        let classifier = settings.init::<B>(&Default::default()).expect("valid");
        let _ = classifier.see(images(1, [1, 9, 8]));
    }
}
