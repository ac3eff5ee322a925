//! Exact second order: a gradient that can be differentiated again.

use burn::backend::Autodiff;
use burn::module::{HasAutodiffModule, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use crate::network::{
    Condition, ConditionOf, Discriminator, Sample, SampleOf, TrainableDiscriminator, initialize,
};

/// The gradient of a scalar function of a module and an input with respect to the input, on the
/// tape of the module's parameters: differentiate it again and parameter gradients come out.
///
/// ```text
/// g(x; θ) = ∂f(x; θ)/∂x
/// ```
///
/// The module is lifted one level of automatic differentiation up, to `Autodiff<B>`, with its
/// parameters still recorded on `B`'s tape. `function` sees the lifted module and the lifted
/// input and returns f, whose elements are summed. The module's running statistics are left
/// alone.
///
/// # Panics
/// If f does not depend on the input, or if a layer runs on an operation that burn 0.21 cannot
/// differentiate twice (burn's own `Linear` and poolings among them; this crate's layers, matrix
/// products, convolutions, norms and activations can).
///
/// ```
/// use burn_gan::burn::{backend::{Autodiff, Flex}, tensor::Tensor};
/// use burn_gan::nn::{Linear, LinearConfig};
/// use burn_gan::objective::penalty::second_order::input_gradient;
///
/// type B = Autodiff<Flex>;
/// let device = Default::default();
/// let layer = LinearConfig::new(3, 1).init::<B>(&device);
/// let x = Tensor::<B, 2>::ones([4, 3], &device);
/// let gradient = input_gradient(&layer, x, |layer, x| layer.forward(x).powi_scalar(2).sum());
/// // ∂/∂x (w·x + b)² = 2·(w·x + b)·w, and it still depends on w and b.
/// let _parameter_gradients = gradient.powi_scalar(2).sum().backward();
/// ```
pub fn input_gradient<B, M, S>(
    module: &M,
    input: S,
    function: impl FnOnce(&M::TrainModule, S::Lifted) -> Tensor<Autodiff<B>, 1>,
) -> S
where
    B: AutodiffBackend,
    M: Module<B> + HasAutodiffModule<Autodiff<B>>,
    S: Sample<B>,
{
    // A parameter drawn after the clone would be another one in the clone.
    initialize(module);
    // Without gradients of their own, the lifted parameters cost nothing on the outer tape.
    let lifted = module.clone().train::<Autodiff<B>>().no_grad();
    let input = input.lift();
    let mut gradients = function(&lifted, input.clone()).sum().backward();
    match input.take_gradient(&mut gradients) {
        Some(gradient) => gradient,
        None => panic!("the function does not depend on its input: there is no gradient"),
    }
}

/// The gradient of a discriminator's logits with respect to its input, differentiable again.
///
/// ```text
/// g_i = ∂/∂x_i Σ_patches D(x_i)
/// ```
///
/// Shapes: those of `sample`. A batch norm in the discriminator mixes samples; then g_i holds
/// the sum over the batch that x_i has a part in.
///
/// # Panics
/// As [`input_gradient`].
pub fn logit_gradient<B, D>(
    discriminator: &D,
    sample: SampleOf<D, B>,
    condition: &ConditionOf<D, B>,
) -> SampleOf<D, B>
where
    B: AutodiffBackend,
    D: TrainableDiscriminator<B>,
{
    let condition = condition.lift();
    input_gradient(discriminator, sample, |discriminator, sample| {
        discriminator.discriminate(sample, &condition).logits.sum()
    })
}
