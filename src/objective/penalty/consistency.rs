//! Consistency penalties: the discriminator should not mind changes that mean nothing.

use crate::pair::Pair;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::second_order::{generated_aside, logits_aside};
use super::{DiscriminatorPass, GeneratorPass};
use crate::network::{Augmentation, Sample};
use crate::objective::loss::mean;
use crate::random::Stream;

/// CR: the distance of logits of samples and of their augmented copies.
///
/// ```text
/// E (D(x) − D(T(x)))²
/// ```
///
/// Zhang, Zhang, Odena, Lee 2019, *Consistency regularization for generative adversarial
/// networks*, arXiv:1910.12027. On generated samples as well it is balanced CR: Zhao et al. 2020,
/// *Improved consistency regularization for GANs*, arXiv:2002.04724.
pub(super) fn consistency<P: Pair>(
    pass: &DiscriminatorPass<'_, P>,
    sample: &P::Sample,
    logits: &Tensor<P::Backend, 2>,
    augmentation: &Augmentation,
    noise: &mut Stream,
) -> Tensor<P::Backend, 1> {
    let changed = sample.clone().augment(augmentation, noise);
    let changed = logits_aside(pass.discriminator, changed, pass.condition);
    mean((logits.clone() - changed).square())
}

/// Latent CR, the discriminator's part: samples of neighbouring latents get the same logits.
///
/// ```text
/// E (D(G(z)) − D(G(z + Δz)))²,   Δz ~ N(0, std²·I)
/// ```
///
/// Zhao et al. 2020, arXiv:2002.04724, section 3.2.
pub(super) fn latent_consistency<P: Pair>(
    pass: &DiscriminatorPass<'_, P>,
    std: f64,
    noise: &mut Stream,
) -> Tensor<P::Backend, 1> {
    let near = neighbours(pass.latent, std, noise);
    let near = generated_aside(pass.generator, near, pass.condition).detach();
    let near = logits_aside(pass.discriminator, near, pass.condition);
    mean((pass.fake_logits.clone() - near).square())
}

/// Latent CR, the generator's part: samples of neighbouring latents should differ.
///
/// ```text
/// −(1/n)·Σ_i ‖G(z_i) − G(z_i + Δz_i)‖² / d,   Δz ~ N(0, std²·I),  d numbers per sample
/// ```
///
/// The paper has no 1/d: with it a weight means the same at every size of sample.
pub(super) fn latent_diversity<P: Pair>(
    pass: &GeneratorPass<'_, P>,
    std: f64,
    noise: &mut Stream,
) -> Tensor<P::Backend, 1> {
    let near = neighbours(pass.latent, std, noise);
    let near = generated_aside(pass.generator, near, pass.condition);
    let shape = near.shape();
    let size = shape.iter().skip(1).product::<usize>();
    let minus = Tensor::ones_like(&pass.latent.clone().narrow(1, 0, 1))
        .squeeze_dim::<1>(1)
        .neg();
    let distance = pass.fake.clone().add_scaled(near, minus).squared_norms();
    distance.mean().mul_scalar(-1.0 / size as f64)
}

fn neighbours<B: Backend>(latent: &Tensor<B, 2>, std: f64, noise: &mut Stream) -> Tensor<B, 2> {
    latent.clone() + latent.standard_normal_like(noise).mul_scalar(std)
}
