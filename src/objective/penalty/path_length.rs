//! Path length regularisation of the generator.

use crate::pair::Pair;
use burn::module::{AutodiffModule, Module};
use burn::tensor::Tensor;

use super::finite_difference::finite_difference;
use super::gradient_norm::norms;
use super::second_order::{SecondOrder, generated_aside, input_gradient};
use super::{GeneratorPass, Memory};
use crate::network::{Condition, Generator, Sample};
use crate::random::Stream;

/// Path length regularisation: a step of fixed size in the latent changes the sample by a fixed
/// size, in every direction.
///
/// ```text
/// y_i ~ N(0, I)/√s,     ℓ_i = ‖∂/∂z_i (G(z_i)·y_i)‖,     a ← d·a + (1 − d)·mean ℓ
/// penalty = (1/n)·Σ_i (ℓ_i − a)²
/// ```
///
/// s is the number of positions of a sample beyond its first dimension (height × width of images,
/// 1 of points); d is `decay`, .99 in the paper. The memory holds a, which starts at the first
/// batch's mean and is a constant in the gradient.
///
/// Karras et al. 2019, *Analyzing and improving the image quality of StyleGAN*, arXiv:1912.04958,
/// section 3.2.
pub(super) fn path_length<P: Pair>(
    pass: &GeneratorPass<'_, P>,
    decay: f64,
    noise: &mut Stream,
    memory: &mut Memory<P::Backend>,
) -> Tensor<P::Backend, 1> {
    let shape = pass.fake.shape();
    let positions = shape.iter().skip(2).product::<usize>();
    let direction = pass.fake.clone().detach().standard_normal_like(noise);
    let scale = 1.0 / (positions as f64).sqrt();
    let mut mean_length = None;
    let mut penalty = |gradient: Tensor<P::Backend, 2>| {
        let lengths = norms(gradient.squared_norms().mul_scalar(scale * scale));
        let now = lengths.clone().mean().detach();
        let anchor = match memory.as_slice() {
            [old] => old.clone().mul_scalar(decay) + now.mul_scalar(1.0 - decay),
            _ => now,
        };
        mean_length = Some(anchor.clone());
        (lengths - anchor).square().mean()
    };
    let latent = pass.latent.clone();
    let value = match pass.second_order {
        SecondOrder::Exact => {
            let condition = pass.condition.lift();
            let direction =
                <<P::Sample as Sample<P::Backend>>::Lifted as Sample<_>>::from_inner(direction);
            penalty(input_gradient(
                pass.generator,
                latent,
                |generator, latent| generator.generate(latent, &condition).dot(direction),
            ))
        }
        SecondOrder::FiniteDifferences { step } => {
            let still = P::Generator::from_inner(pass.generator.valid()).no_grad();
            finite_difference(
                latent,
                step,
                1,
                |latent| {
                    still
                        .generate(latent, pass.condition)
                        .dot(direction.clone())
                },
                |latent| {
                    generated_aside(pass.generator, latent, pass.condition).dot(direction.clone())
                },
                penalty,
            )
        }
    };
    *memory = mean_length.into_iter().collect();
    value
}
