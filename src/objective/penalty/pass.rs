//! What a penalty can look at.

use crate::pair::Pair;
use burn::module::{AutodiffModule, Module};
use burn::tensor::Tensor;

use super::finite_difference::{finite_difference, packed_norms};
use super::second_order::{SecondOrder, logit_gradient, logits_aside};
use crate::network::{Discriminator, Sample, initialize};

/// What a penalty remembers from one time to the next: running means, `[1]` each. Stored with the
/// run; without history on the tape.
pub type Memory<B> = Vec<Tensor<B, 1>>;

/// The discriminator's half of a step, as its penalties see it.
#[derive(Debug)]
pub struct DiscriminatorPass<'a, P: Pair> {
    /// The generator.
    pub generator: &'a P::Generator,
    /// The discriminator, its parameters on the tape.
    pub discriminator: &'a P::Discriminator,
    /// Real samples.
    pub real: &'a P::Sample,
    /// Generated samples, cut from the tape.
    pub fake: &'a P::Sample,
    /// What both networks were told, of both batches.
    pub condition: &'a P::Condition,
    /// The latents of the generated samples, `[batch, latent]`.
    pub latent: &'a Tensor<P::Backend, 2>,
    /// The logits of the real samples, on the tape, `[batch, patches]`.
    pub real_logits: Tensor<P::Backend, 2>,
    /// The logits of the generated samples, on the tape, `[batch, patches]`.
    pub fake_logits: Tensor<P::Backend, 2>,
    /// How gradients of gradients are made.
    pub second_order: SecondOrder,
    /// The gradient at the real samples, where the loss's own pass has made it already.
    pub(crate) real_gradient: Option<P::Sample>,
    /// The same at the generated samples.
    pub(crate) fake_gradient: Option<P::Sample>,
}

impl<P: Pair> DiscriminatorPass<'_, P> {
    /// A function of the discriminator's squared gradient norms at some points, its own gradient
    /// with respect to the parameters included, exact or by differences as the objective says.
    ///
    /// ```text
    /// penalty(‖∂/∂x_1 D(x_1)‖², …, ‖∂/∂x_n D(x_n)‖²)
    /// ```
    ///
    /// `penalty` maps `[count]` to `[1]`. There is one norm for each thing that is judged: each
    /// sample, or each pack of samples of a [`Packed`](crate::network::Packed) discriminator.
    /// Running statistics are left alone.
    pub fn gradient_penalty(
        &self,
        at: P::Sample,
        penalty: impl FnOnce(Tensor<P::Backend, 1>) -> Tensor<P::Backend, 1>,
    ) -> Tensor<P::Backend, 1> {
        let packed = self.samples_per_logit();
        let penalty =
            |gradient: P::Sample| penalty(packed_norms::<P::Backend, P::Sample>(gradient, packed));
        match self.second_order {
            SecondOrder::Exact => penalty(logit_gradient(
                self.discriminator,
                at.detach(),
                self.condition,
            )),
            SecondOrder::FiniteDifferences { step } => {
                initialize(self.discriminator);
                let still = P::Discriminator::from_inner(self.discriminator.valid()).no_grad();
                // One number per sample: a pack's logits are shared out among its samples.
                let per_sample = |logits: Tensor<P::Backend, 2>| {
                    let [rows, _] = logits.dims();
                    let sums = logits.sum_dim(1);
                    let shares: Tensor<P::Backend, 2> = sums.repeat_dim(1, packed);
                    shares
                        .mul_scalar(1.0 / packed as f64)
                        .reshape([rows * packed])
                };
                finite_difference(
                    at.detach(),
                    step,
                    packed,
                    |x| per_sample(still.discriminate(x, self.condition).logits),
                    |x| per_sample(logits_aside(self.discriminator, x, self.condition)),
                    penalty,
                )
            }
        }
    }

    /// As [`gradient_penalty`](Self::gradient_penalty) at the real samples, with the gradient of
    /// the loss's own pass where there is one.
    pub(super) fn gradient_penalty_at_real(
        &self,
        penalty: impl FnOnce(Tensor<P::Backend, 1>) -> Tensor<P::Backend, 1>,
    ) -> Tensor<P::Backend, 1> {
        match &self.real_gradient {
            Some(gradient) => penalty(self.norms(gradient)),
            None => self.gradient_penalty(self.real.clone(), penalty),
        }
    }

    /// The same at the generated samples.
    pub(super) fn gradient_penalty_at_fake(
        &self,
        penalty: impl FnOnce(Tensor<P::Backend, 1>) -> Tensor<P::Backend, 1>,
    ) -> Tensor<P::Backend, 1> {
        match &self.fake_gradient {
            Some(gradient) => penalty(self.norms(gradient)),
            None => self.gradient_penalty(self.fake.clone(), penalty),
        }
    }

    fn norms(&self, gradient: &P::Sample) -> Tensor<P::Backend, 1> {
        packed_norms::<P::Backend, P::Sample>(gradient.clone(), self.samples_per_logit())
    }

    /// 1, or the size of a pack.
    fn samples_per_logit(&self) -> usize {
        (self.real.batch_size() / self.real_logits.dims()[0]).max(1)
    }
}

/// The generator's half of a step, as its penalties see it.
#[derive(Debug)]
pub struct GeneratorPass<'a, P: Pair> {
    /// The generator, its parameters on the tape.
    pub generator: &'a P::Generator,
    /// The discriminator, its parameters off the tape.
    pub discriminator: &'a P::Discriminator,
    /// Generated samples, on the tape.
    pub fake: &'a P::Sample,
    /// What both networks were told.
    pub condition: &'a P::Condition,
    /// The latents of the generated samples, `[batch, latent]`.
    pub latent: &'a Tensor<P::Backend, 2>,
    /// The logits of the generated samples, on the tape, `[batch, patches]`.
    pub fake_logits: Tensor<P::Backend, 2>,
    /// How gradients of gradients are made.
    pub second_order: SecondOrder,
}
