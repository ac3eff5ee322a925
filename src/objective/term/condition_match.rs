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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cpu, for_each_backend, tensor2, values};

    fn the_loss_is_the_cross_entropy_of_the_chosen_column<B: Backend>() {
        // Two columns of two names; one entry of one of them is chosen.
        let logs = [[0.2, 0.8, 0.3, 0.7], [0.5, 0.5, 0.9, 0.1]].map(|row| row.map(f64::ln));
        let vectors = [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
        let loss = chosen(tensor2::<B, 4>(logs), tensor2(vectors));
        let expected = -0.5 * (0.8_f64.ln() + 0.1_f64.ln());
        assert!((values(loss)[0] - expected).abs() < 1e-6);
    }

    for_each_backend!(the_loss_is_the_cross_entropy_of_the_chosen_column);

    #[test]
    #[should_panic(expected = "log-probabilities of shape [1, 2] for conditions of shape [1, 3]")]
    fn other_shapes_panic_with_both() {
        let logs = tensor2::<Cpu, 2>([[0.0, 0.0]]);
        chosen(logs, tensor2::<Cpu, 3>([[0.0, 1.0, 0.0]]));
    }
}
