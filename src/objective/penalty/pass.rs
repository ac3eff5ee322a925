//! What a penalty can look at.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::finite_difference::{finite_difference, packed_norms};
use super::second_order::{SecondOrder, logit_gradient, logits_aside};
use crate::network::{ConditionOf, Sample, SampleOf, TrainableDiscriminator, initialize};

/// What a penalty remembers from one time to the next: running means, `[1]` each. Stored with the
/// run; without history on the tape.
pub type Memory<B> = Vec<Tensor<B, 1>>;

/// The discriminator's half of a step, as its penalties see it.
#[derive(Debug)]
pub struct DiscriminatorPass<'a, G, D, B>
where
    B: AutodiffBackend,
    D: TrainableDiscriminator<B>,
{
    /// The generator.
    pub generator: &'a G,
    /// The discriminator, its parameters on the tape.
    pub discriminator: &'a D,
    /// Real samples.
    pub real: &'a SampleOf<D, B>,
    /// Generated samples, cut from the tape.
    pub fake: &'a SampleOf<D, B>,
    /// What both networks were told, of both batches.
    pub condition: &'a ConditionOf<D, B>,
    /// The latents of the generated samples, `[batch, latent]`.
    pub latent: &'a Tensor<B, 2>,
    /// The logits of the real samples, on the tape, `[batch, patches]`.
    pub real_logits: Tensor<B, 2>,
    /// The logits of the generated samples, on the tape, `[batch, patches]`.
    pub fake_logits: Tensor<B, 2>,
    /// How gradients of gradients are made.
    pub second_order: SecondOrder,
    /// The gradient at the real samples, where the loss's own pass has made it already.
    pub(crate) real_gradient: Option<SampleOf<D, B>>,
    /// The same at the generated samples.
    pub(crate) fake_gradient: Option<SampleOf<D, B>>,
}

impl<G, D, B> DiscriminatorPass<'_, G, D, B>
where
    B: AutodiffBackend,
    D: TrainableDiscriminator<B>,
{
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
        at: SampleOf<D, B>,
        penalty: impl FnOnce(Tensor<B, 1>) -> Tensor<B, 1>,
    ) -> Tensor<B, 1> {
        let packed = self.samples_per_logit();
        let penalty =
            |gradient: SampleOf<D, B>| penalty(packed_norms::<B, SampleOf<D, B>>(gradient, packed));
        match self.second_order {
            SecondOrder::Exact => penalty(logit_gradient(
                self.discriminator,
                at.detach(),
                self.condition,
            )),
            SecondOrder::FiniteDifferences { step } => {
                initialize(self.discriminator);
                let still = D::from_inner(self.discriminator.valid()).no_grad();
                // One number per sample: a pack's logits are shared out among its samples.
                let per_sample = |logits: Tensor<B, 2>| {
                    let [rows, _] = logits.dims();
                    let sums = logits.sum_dim(1);
                    let shares: Tensor<B, 2> = sums.repeat_dim(1, packed);
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
        penalty: impl FnOnce(Tensor<B, 1>) -> Tensor<B, 1>,
    ) -> Tensor<B, 1> {
        match &self.real_gradient {
            Some(gradient) => penalty(self.norms(gradient)),
            None => self.gradient_penalty(self.real.clone(), penalty),
        }
    }

    /// The same at the generated samples.
    pub(super) fn gradient_penalty_at_fake(
        &self,
        penalty: impl FnOnce(Tensor<B, 1>) -> Tensor<B, 1>,
    ) -> Tensor<B, 1> {
        match &self.fake_gradient {
            Some(gradient) => penalty(self.norms(gradient)),
            None => self.gradient_penalty(self.fake.clone(), penalty),
        }
    }

    fn norms(&self, gradient: &SampleOf<D, B>) -> Tensor<B, 1> {
        packed_norms::<B, SampleOf<D, B>>(gradient.clone(), self.samples_per_logit())
    }

    /// 1, or the size of a pack.
    fn samples_per_logit(&self) -> usize {
        (self.real.batch_size() / self.real_logits.dims()[0]).max(1)
    }
}

/// The generator's half of a step, as its penalties see it.
#[derive(Debug)]
pub struct GeneratorPass<'a, G, D, B>
where
    B: AutodiffBackend,
    D: TrainableDiscriminator<B>,
{
    /// The generator, its parameters on the tape.
    pub generator: &'a G,
    /// The discriminator, its parameters off the tape.
    pub discriminator: &'a D,
    /// Generated samples, on the tape.
    pub fake: &'a SampleOf<D, B>,
    /// What both networks were told.
    pub condition: &'a ConditionOf<D, B>,
    /// The latents of the generated samples, `[batch, latent]`.
    pub latent: &'a Tensor<B, 2>,
    /// The logits of the generated samples, on the tape, `[batch, patches]`.
    pub fake_logits: Tensor<B, 2>,
    /// How gradients of gradients are made.
    pub second_order: SecondOrder,
}
