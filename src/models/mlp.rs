//! A pair of multilayer perceptrons for samples of any shape.

use burn::module::{Initializer, Module};
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::embedding::FEATURES;
use super::{
    Activation, AuxiliaryClassifier, CodeHead, CodeHeadConfig, ConcatenateFeatures, Conditional,
    LabelEmbedding, VectorEmbedding, range_of,
};
use crate::error::{Error, Result, check};
use crate::latent::Latent;
use crate::network::{Discriminator, Generator, Verdict};
use crate::nn::{FourierFeatures, Linear, LinearConfig};
use crate::settings::settings;
use crate::sizes;

/// A stack of linear layers with an activation between them.
#[derive(Module, Debug)]
struct Mlp<B: Backend> {
    layers: Vec<Linear<B>>,
    dropout: Dropout,
    activation: Activation,
}

impl<B: Backend> Mlp<B> {
    fn new(widths: &[usize], stack: &Stack<'_>, device: &B::Device) -> Self {
        let layers = widths
            .windows(2)
            .map(|pair| {
                let config = LinearConfig::new(pair[0], pair[1]);
                match stack.initializer {
                    Some(initializer) => config.with_initializer(initializer.clone()),
                    None => config,
                }
                .init(device)
            })
            .collect();
        Self {
            layers,
            dropout: DropoutConfig::new(stack.dropout).init(),
            activation: stack.activation,
        }
    }

    /// The output through an activation, and what the last layer reads.
    fn forward(&self, mut x: Tensor<B, 2>, output: Activation) -> (Tensor<B, 2>, Tensor<B, 2>) {
        let last = self.layers.len() - 1;
        for layer in &self.layers[..last] {
            x = self
                .dropout
                .forward(layer.forward_activated(x, self.activation));
        }
        (self.layers[last].forward_activated(x.clone(), output), x)
    }

    fn judge(&self, x: Tensor<B, 2>) -> Verdict<B> {
        let (logits, features) = self.forward(x, Activation::Identity);
        Verdict::from(logits).with_features(features)
    }
}

/// What the two configs share.
struct Stack<'a> {
    hidden: &'a [usize],
    activation: Activation,
    dropout: f64,
    initializer: Option<&'a Initializer>,
}

impl Stack<'_> {
    fn validate<const R: usize>(&self, shape: &[usize]) -> Result<()> {
        check::at_most("hidden.len()", self.hidden.len(), sizes::REPEATS)?;
        for width in self.hidden {
            sizes::size("hidden", *width)?;
        }
        check::below_one("dropout", self.dropout)?;
        if shape.len() + 1 != R {
            return Err(Error::setting(
                "shape",
                format!("{shape:?}"),
                format!(
                    "has {} dimensions, a tensor of rank {R} holds a batch of samples of {}",
                    shape.len(),
                    R - 1
                ),
            ));
        }
        sizes::shape("shape", shape).map(|_| ())
    }

    /// Refuses layers that are too large.
    fn check(widths: &[usize]) -> Result<()> {
        let layers: Vec<Vec<usize>> = widths.windows(2).map(<[usize]>::to_vec).collect();
        sizes::network("hidden", &layers)
    }

    fn widths(&self, first: usize, last: usize) -> Vec<usize> {
        let mut widths = vec![first];
        widths.extend(self.hidden);
        widths.push(last);
        widths
    }
}

settings! {
/// Settings of an [`MlpGenerator`].
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::MlpGeneratorConfig;
/// use burn_gan::network::Generator;
///
/// let device = Default::default();
/// let generator = MlpGeneratorConfig::new(100, [1, 28, 28]).init::<Flex, 4>(&device)?;
/// let images = generator.generate(Tensor::zeros([8, 100], &device), &());
/// assert_eq!(images.dims(), [8, 1, 28, 28]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MlpGeneratorConfig {
    /// Components of a latent.
    pub latent: usize,
    /// The shape of one sample, without the batch.
    pub shape: Vec<usize>,
    /// Widths of the hidden layers; 256, 512 by default.
    pub hidden: Vec<usize>,
    /// The activation after each hidden layer; leaky ReLU (0.2) by default.
    pub activation: Activation,
    /// The activation of the output; tanh by default, for data in [−1, 1].
    pub output: Activation,
    /// How weights are drawn; U(±1/√fan_in) if `None`.
    #[serde(default, deserialize_with = "crate::settings::foreign_option")]
    pub initializer: Option<Initializer>,
}
}

impl MlpGeneratorConfig {
    /// A generator of samples of `shape` from latents of `latent` components.
    pub fn new(latent: usize, shape: impl Into<Vec<usize>>) -> Self {
        Self {
            latent,
            shape: shape.into(),
            hidden: vec![256, 512],
            activation: Activation::LEAKY,
            output: Activation::Tanh,
            initializer: None,
        }
    }

    /// Widths of the hidden layers.
    pub fn with_hidden(mut self, hidden: impl Into<Vec<usize>>) -> Self {
        self.hidden = hidden.into();
        self
    }

    /// The activation after each hidden layer.
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// The activation of the output.
    pub fn with_output(mut self, output: Activation) -> Self {
        self.output = output;
        self
    }

    /// How weights are drawn.
    pub fn with_initializer(mut self, initializer: Initializer) -> Self {
        self.initializer = Some(initializer);
        self
    }

    fn stack(&self) -> Stack<'_> {
        Stack {
            hidden: &self.hidden,
            activation: self.activation,
            dropout: 0.0,
            initializer: self.initializer.as_ref(),
        }
    }

    /// Makes the generator; `R` is the rank of its samples, the batch counted.
    ///
    /// # Errors
    /// If a size is 0 or too large, or `R` is not the number of dimensions of `shape` and one.
    pub fn init<B: Backend, const R: usize>(
        &self,
        device: &B::Device,
    ) -> Result<MlpGenerator<B, R>> {
        sizes::size("latent", self.latent)?;
        let stack = self.stack();
        stack.validate::<R>(&self.shape)?;
        let widths = stack.widths(self.latent, self.shape.iter().product());
        Stack::check(&widths)?;
        Ok(MlpGenerator {
            mlp: Mlp::new(&widths, &stack, device),
            shape: self.shape.clone(),
            output: self.output,
        })
    }

    /// Makes a generator that is conditioned on labels of `classes`.
    ///
    /// # Errors
    /// As [`init`](Self::init), or if there is no class.
    pub fn init_conditional<B: Backend, const R: usize>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, LabelEmbedding<B>, MlpGenerator<B, R>>> {
        let network = self.wider()?.init(device)?;
        let embedding = LabelEmbedding::new(classes, FEATURES, device)?;
        Ok(Conditional::new(embedding, network))
    }

    /// Makes a generator that is conditioned on vectors of `size` numbers.
    ///
    /// # Errors
    /// As [`init`](Self::init), or if vectors have no numbers.
    pub fn init_on_vectors<B: Backend, const R: usize>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, VectorEmbedding<B>, MlpGenerator<B, R>>> {
        let network = self.wider()?.init(device)?;
        let embedding = VectorEmbedding::new(size, FEATURES, device)?;
        Ok(Conditional::new(embedding, network))
    }

    /// With room for a condition's features beside the latent.
    fn wider(&self) -> Result<Self> {
        sizes::size("latent", self.latent)?;
        Ok(Self {
            latent: self.latent + FEATURES,
            ..self.clone()
        })
    }
}

/// A generator of linear layers. Latents `[batch, latent]`, samples `[batch, …shape]`.
#[derive(Module, Debug)]
pub struct MlpGenerator<B: Backend, const R: usize> {
    mlp: Mlp<B>,
    shape: Vec<usize>,
    output: Activation,
}

impl<B: Backend, const R: usize> Generator<B> for MlpGenerator<B, R> {
    type Sample = Tensor<B, R>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, R> {
        let mut shape = [latent.dims()[0]; R];
        shape[1..].copy_from_slice(&self.shape);
        self.mlp.forward(latent, self.output).0.reshape(shape)
    }

    fn output_range(&self) -> Option<(f64, f64)> {
        range_of(self.output)
    }
}

settings! {
/// Settings of an [`MlpDiscriminator`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MlpDiscriminatorConfig {
    /// The shape of one sample, without the batch.
    pub shape: Vec<usize>,
    /// Widths of the hidden layers; 512, 256 by default.
    pub hidden: Vec<usize>,
    /// The activation after each hidden layer; leaky ReLU (0.2) by default.
    pub activation: Activation,
    /// The probability that a hidden unit is dropped; 0 by default.
    pub dropout: f64,
    /// How weights are drawn; U(±1/√fan_in) if `None`.
    #[serde(default, deserialize_with = "crate::settings::foreign_option")]
    pub initializer: Option<Initializer>,
    /// How many samples are judged together, by [`Packed`](crate::network::Packed) around it; 1 by
    /// default.
    #[serde(default = "super::alone")]
    pub pack: usize,
    /// Frequencies whose sines and cosines of the sample the first layer reads beside it, as
    /// [`FourierFeatures`] has them; none by default.
    #[serde(default)]
    pub frequencies: Vec<f64>,
}
}

impl MlpDiscriminatorConfig {
    /// A discriminator of samples of `shape`.
    pub fn new(shape: impl Into<Vec<usize>>) -> Self {
        Self {
            shape: shape.into(),
            hidden: vec![512, 256],
            activation: Activation::LEAKY,
            dropout: 0.0,
            initializer: None,
            pack: 1,
            frequencies: Vec::new(),
        }
    }

    /// Widths of the hidden layers.
    pub fn with_hidden(mut self, hidden: impl Into<Vec<usize>>) -> Self {
        self.hidden = hidden.into();
        self
    }

    /// The activation after each hidden layer.
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// How many samples are judged together, by [`Packed`](crate::network::Packed) around it.
    pub fn with_pack(mut self, pack: usize) -> Self {
        self.pack = pack;
        self
    }

    /// The probability that a hidden unit is dropped.
    pub fn with_dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// How weights are drawn.
    pub fn with_initializer(mut self, initializer: Initializer) -> Self {
        self.initializer = Some(initializer);
        self
    }

    /// Frequencies whose sines and cosines of the sample the first layer reads beside it.
    pub fn with_frequencies(mut self, frequencies: impl Into<Vec<f64>>) -> Self {
        self.frequencies = frequencies.into();
        self
    }

    /// The layers, with so many features of a condition beside each sample.
    fn mlp<B: Backend, const R: usize>(
        &self,
        features: usize,
        device: &B::Device,
    ) -> Result<MlpDiscriminator<B, R>> {
        let stack = Stack {
            hidden: &self.hidden,
            activation: self.activation,
            dropout: self.dropout,
            initializer: self.initializer.as_ref(),
        };
        stack.validate::<R>(&self.shape)?;
        check::at_least("pack", self.pack, 1)?;
        check::at_most("pack", self.pack, sizes::REPEATS)?;
        let waves = FourierFeatures::new(self.frequencies.clone());
        waves.validate()?;
        let features = waves.width(self.shape.iter().product()) + features;
        let widths = stack.widths(self.pack * features, 1);
        Stack::check(&widths)?;
        Ok(MlpDiscriminator {
            waves,
            mlp: Mlp::new(&widths, &stack, device),
        })
    }

    /// Makes the discriminator; `R` is the rank of its samples, the batch counted.
    ///
    /// # Errors
    /// If a size is 0 or too large, the dropout is not in [0, 1), a frequency is not above 0, or `R` is not the number of
    /// dimensions of `shape` and one.
    pub fn init<B: Backend, const R: usize>(
        &self,
        device: &B::Device,
    ) -> Result<MlpDiscriminator<B, R>> {
        self.mlp(0, device)
    }

    /// Makes a discriminator that is conditioned on labels of `classes`.
    ///
    /// # Errors
    /// As [`init`](Self::init), or if there is no class.
    pub fn init_conditional<B: Backend, const R: usize>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, LabelEmbedding<B>, MlpDiscriminator<B, R>>> {
        let embedding = LabelEmbedding::new(classes, FEATURES, device)?;
        Ok(Conditional::new(embedding, self.mlp(FEATURES, device)?))
    }

    /// Makes a discriminator that is conditioned on vectors of `size` numbers.
    ///
    /// # Errors
    /// As [`init`](Self::init), or if vectors have no numbers.
    pub fn init_on_vectors<B: Backend, const R: usize>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, VectorEmbedding<B>, MlpDiscriminator<B, R>>> {
        let embedding = VectorEmbedding::new(size, FEATURES, device)?;
        Ok(Conditional::new(embedding, self.mlp(FEATURES, device)?))
    }

    /// Makes a discriminator that tells which of `classes` a sample is of, beside its logit
    /// ([`AuxiliaryClassifier`]).
    ///
    /// # Errors
    /// As [`init`](Self::init), or if there is no class, or if samples are packed: it tells one class for each verdict.
    pub fn init_classifying<B: Backend, const R: usize>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<AuxiliaryClassifier<B, MlpDiscriminator<B, R>>> {
        let (network, features) = self.with_its_features(device)?;
        AuxiliaryClassifier::new(network, features, classes, device)
    }

    /// Makes a discriminator that recovers the codes of `prior` from samples, beside its logit
    /// ([`CodeHead`]).
    ///
    /// # Errors
    /// As [`init`](Self::init), if the prior has no codes or the head is wrong, or if samples are packed.
    pub fn init_recovering<B: Backend, const R: usize>(
        &self,
        prior: &Latent,
        head: &CodeHeadConfig,
        device: &B::Device,
    ) -> Result<CodeHead<B, MlpDiscriminator<B, R>>> {
        let (network, features) = self.with_its_features(device)?;
        head.init(network, features, prior, device)
    }

    /// The network, and how many features it gives of single samples.
    fn with_its_features<B: Backend, const R: usize>(
        &self,
        device: &B::Device,
    ) -> Result<(MlpDiscriminator<B, R>, usize)> {
        check::at_most("pack", self.pack, 1)?;
        let network = self.mlp(0, device)?;
        let waves = FourierFeatures::new(self.frequencies.clone());
        let features = match self.hidden.last() {
            Some(width) => *width,
            None => waves.width(self.shape.iter().product()),
        };
        Ok((network, features))
    }
}

/// A discriminator of linear layers. Samples `[batch, …]`, logits `[batch, 1]`; its features are
/// what the last layer reads, `[batch, width of the last hidden layer]`.
#[derive(Module, Debug)]
pub struct MlpDiscriminator<B: Backend, const R: usize> {
    waves: FourierFeatures,
    mlp: Mlp<B>,
}

impl<B: Backend, const R: usize> Discriminator<B> for MlpDiscriminator<B, R> {
    type Sample = Tensor<B, R>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, R>, _condition: &()) -> Verdict<B> {
        self.mlp.judge(self.waves.forward(sample.flatten(1, R - 1)))
    }
}

/// Features come after the sample's numbers.
impl<B: Backend, const R: usize> ConcatenateFeatures<B> for MlpDiscriminator<B, R> {
    fn discriminate_with(&self, sample: Tensor<B, R>, features: Tensor<B, 2>) -> Verdict<B> {
        let sample = self.waves.forward(sample.flatten(1, R - 1));
        self.mlp.judge(Tensor::cat(vec![sample, features], 1))
    }
}
