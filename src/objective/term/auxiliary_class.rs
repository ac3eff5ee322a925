//! The class loss of an auxiliary classifier.

use burn::tensor::activation::log_softmax;
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};
use serde::Serialize;

use super::{CostTerm, Term, TermInfo, TermKind};
use crate::error::{Result, check};
use crate::network::{Condition, Network};
use crate::objective::Judged;
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// AC-GAN: the discriminator recognises the classes of samples, and the generator makes samples
/// whose classes it recognises.
///
/// ```text
/// discriminator   −E ln P(c | x) − ρ·E ln P(c | G(z, c))
/// generator       −E ln P(c | G(z, c))
/// ```
///
/// P is the softmax of [`Verdict::class_logits`](crate::network::Verdict::class_logits), `[batch,
/// classes]`, which the discriminator must fill in; c are the classes that real and generated
/// samples are conditioned on. A discriminator without class logits, and a pair that is not
/// conditioned on labels, are refused before a run
/// ([`Objective::probe`](crate::objective::Objective::probe)).
///
/// Odena, Olah, Shlens 2016, *Conditional image synthesis with auxiliary classifier GANs*,
/// arXiv:1610.09585.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AuxiliaryClass {
    /// ρ, the weight of generated samples in the discriminator's term relative to real ones; 1 in
    /// the paper, 0 keeps the classifier from learning from bad samples.
    pub fake_ratio: f64,
}
}

impl Term {
    /// [`AuxiliaryClass`] on real and generated samples alike, as in the paper.
    pub fn auxiliary_class(weight: f64) -> Self {
        let kind = TermKind::AuxiliaryClass(AuxiliaryClass { fake_ratio: 1.0 });
        Self::new(kind, weight)
    }
}

impl TermInfo for AuxiliaryClass {
    fn name(&self) -> &str {
        "auxiliary_class"
    }

    fn acts_on(&self, _network: Network) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        check::not_negative("fake_ratio", self.fake_ratio)
    }
}

impl<P: Pair> CostTerm<P> for AuxiliaryClass {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        match pass.network {
            Network::Discriminator => {
                let real = class_loss(&pass.real);
                if self.fake_ratio == 0.0 {
                    return real;
                }
                real + class_loss(&pass.fake).mul_scalar(self.fake_ratio)
            }
            Network::Generator => class_loss(&pass.fake),
        }
    }
}

/// −E ln P(c | x), `[1]`.
fn class_loss<P: Pair>(judged: &Judged<'_, P>) -> Tensor<P::Backend, 1> {
    let Some(logits) = judged.verdict().class_logits.clone() else {
        panic!(
            "the auxiliary class loss needs a discriminator that returns class logits: fill in \
             `Verdict::class_logits`"
        );
    };
    let Some(classes) = judged.condition.classes() else {
        panic!("the auxiliary class loss needs samples that are conditioned on labels");
    };
    cross_entropy(logits, classes)
}

/// −(1/n)·Σ_i ln softmax(l_i)[c_i], `[1]`, of logits `[n, classes]` and classes `[n]`.
#[inline(never)]
pub(crate) fn cross_entropy<B: Backend>(
    logits: Tensor<B, 2>,
    classes: Tensor<B, 1, Int>,
) -> Tensor<B, 1> {
    let [batch, _] = logits.dims();
    assert_eq!(
        classes.dims(),
        [batch],
        "class logits of {batch} samples and their classes"
    );
    let log_probabilities = log_softmax(logits, 1).gather(1, classes.unsqueeze_dim(1));
    -log_probabilities.mean()
}

crate::compiled::compiled! {
    cross_entropy::<Tape>,
}
