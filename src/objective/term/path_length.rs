//! Path length regularisation of the generator.

use burn::backend::Autodiff;
use burn::module::{AutodiffModule, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::finite_difference::finite_difference;
use super::gradient_norm::norms;
use super::second_order::{SecondOrder, input_gradient};
use super::{CostTerm, Term, TermInfo, TermKind};
use crate::error::{Result, check};
use crate::network::{
    Condition, Generator, LiftedGenerator, Network, Sample, StyleSpace, for_all_layers, initialize,
};
use crate::objective::pass::{Memory, Pass};
use crate::pair::{LiftedSample, Pair};
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// A step of fixed size in the latent changes the sample by a fixed size, in every direction.
///
/// ```text
/// y_i ~ N(0, I)/√s,     ℓ_i = ‖∂/∂w_i (G(w_i)·y_i)‖/√l,     a ← d·a + (1 − d)·mean ℓ
/// penalty = (1/n)·Σ_i (ℓ_i − a)²
/// ```
///
/// w are the styles of all l layers where the generator has a [style
/// space](crate::network::StyleSpace), as in the paper; otherwise w is the latent and l = 1. s is
/// the number of positions of a sample beyond its first dimension (height × width of images, 1 of
/// points). The running mean a starts at the first batch's mean and is a constant in the gradient.
/// The gradient reaches the mapping network through w. Layers that can't be differentiated twice
/// are refused before a run ([`Objective::probe`](crate::objective::Objective::probe)), unless it
/// is made by finite differences.
///
/// Karras, Laine, Aittala, Hellsten, Lehtinen, Aila 2019, *Analyzing and improving the image
/// quality of StyleGAN*, arXiv:1912.04958, section 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PathLength {
    /// d, the decay of a; 0.99 in the paper.
    pub decay: f64,
}
}

impl Term {
    /// [`PathLength`] with decay 0.99; the paper's weight is 2, every 4 steps.
    pub fn path_length(weight: f64) -> Self {
        Self::new(TermKind::PathLength(PathLength { decay: 0.99 }), weight)
    }
}

impl TermInfo for PathLength {
    fn name(&self) -> &str {
        "path_length"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Generator
    }

    fn is_second_order(&self) -> bool {
        true
    }

    fn is_of_the_whole_batch(&self) -> bool {
        true
    }

    fn adds_up_over_processes(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        check::below_one("decay", self.decay)
    }
}

impl<P: Pair> CostTerm<P> for PathLength {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        noise: &mut Stream,
        memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let shape = pass.fake.sample.shape();
        let positions = shape.iter().skip(2).product::<usize>();
        let direction = pass.fake.sample.clone().detach();
        let direction = direction.standard_normal_like(noise);
        let condition = pass.fake.condition;
        let lifted = condition.lift();
        let latent = pass.latent.clone();
        let (layers, styles) = match pass.generator.style_space() {
            Some(space) => {
                let styles = mapped_aside::<P>(pass.generator, latent.clone(), condition);
                (space.layers(), Some(for_all_layers(styles, space.layers())))
            }
            None => (1, None),
        };
        let scale = 1.0 / (positions as f64 * layers as f64);
        let mut mean_length = None;
        let penalty = |squared_norms: Tensor<P::Backend, 1>| {
            let lengths = norms(squared_norms.mul_scalar(scale));
            let now = pass.across.mean(lengths.clone().mean());
            let anchor = match memory.as_slice() {
                [old] => {
                    let kept = old.clone().mul_scalar(self.decay);
                    kept + now.mul_scalar(1.0 - self.decay)
                }
                _ => now,
            };
            mean_length = Some(anchor.clone());
            (lengths - anchor).square().mean()
        };
        let value = match styles {
            Some(styles) => of_sensitivity(
                pass,
                (styles, direction),
                |generator, styles| in_styles(generator).synthesize(styles, condition),
                |generator, styles| in_styles(generator).synthesize(styles, &lifted),
                penalty,
            ),
            None => of_sensitivity(
                pass,
                (latent, direction),
                |generator, latent| generator.generate(latent, condition),
                |generator, latent| generator.generate(latent, &lifted),
                penalty,
            ),
        };
        *memory = mean_length.into_iter().collect();
        value
    }
}

/// The style space of a generator that was found to have one.
fn in_styles<B: Backend, G: Generator<B>>(
    generator: &G,
) -> &dyn StyleSpace<B, G::Sample, G::Condition> {
    match generator.style_space() {
        Some(space) => space,
        None => panic!("a generator has a style space on one level of its tape only"),
    }
}

/// The styles of latents, on the tape of the parameters, without a trace in running statistics.
fn mapped_aside<P: Pair>(
    generator: &P::Generator,
    latent: Tensor<P::Backend, 2>,
    condition: &P::Condition,
) -> Tensor<P::Backend, 2> {
    initialize(generator);
    let lifted = generator.clone().train::<Autodiff<P::Backend>>().no_grad();
    let styles = in_styles(&lifted).map_latent(Tensor::from_inner(latent), &condition.lift());
    styles.inner()
}

/// A function of ‖∂/∂w_i (G(w_i)·y_i)‖², `[batch]` to `[1]`, on the tape of the generator.
fn of_sensitivity<P: Pair, S: Sample<P::Backend>>(
    pass: &Pass<'_, P>,
    (input, direction): (S, P::Sample),
    draw: impl Fn(&P::Generator, S) -> P::Sample,
    draw_lifted: impl Fn(&LiftedGenerator<P::Generator, P::Backend>, S::Lifted) -> LiftedSample<P>,
    penalty: impl FnOnce(Tensor<P::Backend, 1>) -> Tensor<P::Backend, 1>,
) -> Tensor<P::Backend, 1> {
    let penalty = |gradient: S| penalty(gradient.squared_norms());
    match pass.second_order {
        SecondOrder::Exact => {
            let direction = <LiftedSample<P> as Sample<_>>::from_inner(direction);
            penalty(input_gradient(pass.generator, input, |generator, input| {
                draw_lifted(generator, input).dot(direction)
            }))
        }
        SecondOrder::FiniteDifferences { step } => {
            initialize(pass.generator);
            let still = P::Generator::from_inner(pass.generator.valid()).no_grad();
            let aside = pass.generator.clone();
            let aside = aside.train::<Autodiff<P::Backend>>().no_grad();
            finite_difference(
                input,
                step,
                1,
                |input| draw(&still, input).dot(direction.clone()),
                |input| {
                    let input = <S::Lifted as Sample<_>>::from_inner(input);
                    let sample = draw_lifted(&aside, input).into_inner();
                    sample.dot(direction.clone())
                },
                penalty,
            )
        }
    }
}
