//! From latents to styles, and from labels to what a discriminator compares with.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::error::{Result, check};
use crate::models::ConditionEmbedding;
use crate::nn::{Activation, EqualizedLinear, EqualizedLinearConfig, pixel_norm};
use crate::sizes;

/// How fast the mapping learns beside the other layers.
const LR_MULTIPLIER: f64 = 0.01;

/// The mapping network of StyleGAN2: perceptron layers from a latent, and a condition's features beside
/// it, to a style.
///
/// ```text
/// w = h(norm(z), norm(e)),     each layer of h: y = √2·lrelu(x·W + b)
/// ```
///
/// z and e are scaled to a mean square of 1 each ([`pixel_norm`]); the slope is 0.2, and the layers'
/// learning rate a hundredth of the others'
/// ([`EqualizedLinearConfig::lr_multiplier`](crate::nn::EqualizedLinearConfig::lr_multiplier)).
#[derive(Module, Debug)]
pub struct StyleMapping<B: Backend> {
    layers: Vec<EqualizedLinear<B>>,
    latent: usize,
}

/// Sizes of a mapping that can be.
pub(super) fn check_sizes(inputs: usize, style: usize, layers: usize) -> Result<()> {
    sizes::size("style", style)?;
    check::at_least("mapping_layers", layers, 1)?;
    check::at_most("mapping_layers", layers, sizes::REPEATS)?;
    let weights = (0..layers).map(|layer| match layer {
        0 => vec![inputs, style],
        _ => vec![style, style],
    });
    sizes::network("mapping_layers", &weights.collect::<Vec<_>>())
}

impl<B: Backend> StyleMapping<B> {
    /// From `latent` components and `features` of a condition, either of which may be 0, by so many
    /// layers to `style` components.
    pub(super) fn new(
        [latent, features]: [usize; 2],
        style: usize,
        layers: usize,
        device: &B::Device,
    ) -> Self {
        let layers = (0..layers).map(|layer| {
            let inputs = match layer {
                0 => latent + features,
                _ => style,
            };
            EqualizedLinearConfig::new(inputs, style)
                .with_lr_multiplier(LR_MULTIPLIER)
                .with_gain(std::f64::consts::SQRT_2)
                .init(device)
        });
        Self {
            layers: layers.collect(),
            latent,
        }
    }

    /// `[batch, latent + features]`, the latent first, to `[batch, style]`.
    pub fn forward(&self, input: Tensor<B, 2>) -> Tensor<B, 2> {
        let width = input.dims()[1];
        let features = width - self.latent.min(width);
        let mut x = match (self.latent, features) {
            (0, _) | (_, 0) => pixel_norm(input),
            (latent, features) => {
                let condition = pixel_norm(input.clone().narrow(1, latent, features));
                let latent = pixel_norm(input.narrow(1, 0, latent));
                Tensor::cat(vec![latent, condition], 1)
            }
        };
        for layer in &self.layers {
            x = layer.forward_activated(x, Activation::LEAKY);
        }
        x
    }
}

/// What a condition's features become on the way to a projection: an embedding, and a mapping after it.
///
/// ```text
/// m(y) = h(norm(e(y)))/√F        F: the features of the discriminator
/// ```
#[derive(Module, Debug)]
pub struct MappedEmbedding<B: Backend, E> {
    embedding: E,
    mapping: StyleMapping<B>,
    scale: f64,
}

impl<B: Backend, E: ConditionEmbedding<B>> MappedEmbedding<B, E> {
    pub(super) fn new(embedding: E, mapping: StyleMapping<B>, features: usize) -> Self {
        Self {
            embedding,
            mapping,
            scale: (features as f64).powf(-0.5),
        }
    }
}

impl<B, E> ConditionEmbedding<B> for MappedEmbedding<B, E>
where
    B: Backend,
    E: ConditionEmbedding<B> + ModuleDisplay,
{
    type Condition = E::Condition;

    fn embed(&self, condition: &E::Condition) -> Tensor<B, 2> {
        let features = self.embedding.embed(condition);
        self.mapping.forward(features).mul_scalar(self.scale)
    }

    fn classes(&self) -> Option<usize> {
        self.embedding.classes()
    }

    fn vector_size(&self) -> Option<usize> {
        self.embedding.vector_size()
    }
}
