//! The conditioning loss of generators of rows.

use burn::backend::Autodiff;
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{CostTerm, Term, TermInfo, TermKind};
use crate::network::{Condition, Generator, Network, initialize};
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;

/// Generated rows have the values that they are conditioned on.
///
/// ```text
/// −(1/n)·Σ_i Σ_j c_ij·ln P_j(z_i, c_i)
/// ```
///
/// c is the conditional vector, `[n, size]`, with one entry of one column 1, and P_j the probability of
/// the entry, by the softmax of the generator's raw logits over its column
/// ([`Generator::log_probabilities`]): the cross-entropy of the chosen column. It costs a second pass of
/// the generator, without a trace in running statistics. A generator without such probabilities, and a
/// pair that is not conditioned on vectors, are refused before a run.
///
/// Xu, Skoularidou, Cuesta-Infante, Veeramachaneni 2019, *Modeling tabular data using conditional GAN*,
/// arXiv:1907.00503, section 4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionMatch;

impl Term {
    /// [`ConditionMatch`], of weight 1 in the paper.
    pub fn condition_match(weight: f64) -> Self {
        Self::new(TermKind::ConditionMatch, weight)
    }
}

impl TermInfo for ConditionMatch {
    fn name(&self) -> &str {
        "condition_match"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Generator
    }
}

impl<P: Pair> CostTerm<P> for ConditionMatch {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let Some(vectors) = pass.fake.condition.vectors() else {
            panic!("the conditioning loss needs samples that are conditioned on vectors");
        };
        initialize(pass.generator);
        // A lifted copy has running statistics of its own; its outer tape records nothing.
        let lifted = (pass.generator.clone())
            .train::<Autodiff<P::Backend>>()
            .no_grad();
        let latent = Tensor::from_inner(pass.latent.clone());
        let logs = lifted.log_probabilities(latent, &pass.fake.condition.lift());
        let Some(logs) = logs else {
            panic!(
                "the conditioning loss needs a generator that knows the probabilities of its \
                 condition's entries: `Generator::log_probabilities`"
            );
        };
        chosen(logs.inner(), vectors)
    }
}

/// −(1/n)·Σ_ij c_ij·l_ij, `[1]`.
fn chosen<B: Backend>(logs: Tensor<B, 2>, vectors: Tensor<B, 2>) -> Tensor<B, 1> {
    let (shape, expected) = (logs.dims(), vectors.dims());
    assert_eq!(
        shape, expected,
        "log-probabilities of shape {shape:?} for conditions of shape {expected:?}"
    );
    (logs * vectors).sum().mul_scalar(-1.0 / shape[0] as f64)
}
