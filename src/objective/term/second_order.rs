//! Exact second order: a gradient that can be differentiated again.

use burn::backend::Autodiff;
use burn::module::{HasAutodiffModule, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;
use serde::Serialize;

use crate::error::{Result, check};
use crate::network::{
    Condition, ConditionOf, Discriminator, Generated, Generator, Sample, SampleOf,
    TrainableDiscriminator, Verdict, initialize,
};
use crate::objective::augment::Augmented;
use crate::pair::{LiftedSample, Pair};
use crate::settings::settings;

settings! {
/// How gradient penalties get the gradient of a gradient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondOrder {
    /// Automatic differentiation of second order: exact, the default.
    #[default]
    Exact,
    /// Differences of first-order gradients along one direction per sample, for networks with
    /// layers that burn 0.21 can't differentiate twice (its own `Linear`, poolings,
    /// interpolations).
    ///
    /// ```text
    /// ∇θ P ≈ ∇θ Σ_i ‖w_i‖·[D(x_i + h·u_i) − D(x_i − h·u_i)]/(2h),   w_i = ∂P/∂(∂D/∂x_i) = ‖w_i‖·u_i
    /// ```
    ///
    /// Measured in f32 with data of size 1 and the default step, relative to the network's largest
    /// gradient: on smooth networks (tanh) parameter gradients come out within 1e-4 of the exact
    /// ones at the weights that layers start with, within 5e-3 at three times these. Where a step
    /// crosses a kink of a ReLU they do not: of 72 small networks with leaky ReLUs, 43 were within
    /// 1e-3 and the others off, one by 15 times the gradient, since a kink's jump is divided by h.
    /// Not for networks with layers that draw at random, such as dropout: the two ends of the
    /// difference would be two networks.
    FiniteDifferences {
        /// h, the length of the step in the units of the data, a whole sample's norm. .01 suits
        /// data of size 1 in f32: smaller drowns in rounding, larger leaves the tangent.
        step: f64,
    },
}
}

impl SecondOrder {
    /// Finite differences with a step of .01.
    pub fn finite_differences() -> Self {
        Self::FiniteDifferences { step: 0.01 }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        match self {
            Self::Exact => Ok(()),
            Self::FiniteDifferences { step } => check::positive("step", *step)
                .map_err(|error| error.within("second_order.finite_differences")),
        }
    }
}

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
/// use burn_gan::objective::input_gradient;
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
        None => panic!("{NO_GRADIENT}"),
    }
}

/// The words of the panic of [`input_gradient`] where there is nothing to differentiate.
pub(crate) const NO_GRADIENT: &str =
    "the function does not depend on its input: there is no gradient";

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

/// What a discriminator says about a batch with the gradient of the sum of its logits, both on the
/// tape of the parameters: one pass for a loss and its penalty.
pub(in crate::objective) fn verdict_and_gradient<P: Pair>(
    discriminator: &P::Discriminator,
    sample: P::Sample,
    condition: &P::Condition,
    augmented: &Augmented<'_, P>,
) -> (Verdict<P::Backend>, P::Sample) {
    let condition = condition.lift();
    let mut verdict = None;
    let gradient = input_gradient(discriminator, sample, |discriminator, sample| {
        let judged = discriminator.discriminate(augmented.lifted(sample), &condition);
        let logits = judged.logits.clone();
        verdict = Some(judged.inner());
        logits.sum()
    });
    match verdict {
        Some(verdict) => (verdict, gradient),
        None => unreachable!("the function was called"),
    }
}

/// What a discriminator says about a batch, on the tape of its parameters, without a trace in
/// running statistics.
///
/// # Panics
/// If a layer can't be evaluated one level up.
pub(in crate::objective) fn judged_aside<P: Pair>(
    discriminator: &P::Discriminator,
    sample: P::Sample,
    condition: &P::Condition,
    augmented: &Augmented<'_, P>,
) -> Verdict<P::Backend> {
    initialize(discriminator);
    // A lifted copy has running statistics of its own; its outer tape records nothing.
    let lifted = discriminator
        .clone()
        .train::<Autodiff<P::Backend>>()
        .no_grad();
    let sample = <LiftedSample<P> as Sample<_>>::from_inner(sample);
    let verdict = lifted.discriminate(augmented.lifted(sample), &condition.lift());
    verdict.inner()
}

/// Generated samples with their log-probabilities, on the tape of the parameters, without a trace in
/// running statistics.
pub(in crate::objective) fn generated_aside<P: Pair>(
    generator: &P::Generator,
    latent: Tensor<P::Backend, 2>,
    condition: &P::Condition,
) -> Generated<P::Backend, P::Sample> {
    initialize(generator);
    // A lifted copy has running statistics of its own; its outer tape records nothing.
    let lifted = generator.clone().train::<Autodiff<P::Backend>>().no_grad();
    let latent = Tensor::from_inner(latent);
    let drawn = lifted.generate_with_log_probabilities(latent, &condition.lift());
    Generated {
        sample: drawn.sample.into_inner(),
        log_probabilities: drawn.log_probabilities.map(Tensor::inner),
    }
}
