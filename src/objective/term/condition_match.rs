//! The conditioning loss of generators of rows.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::second_order::generated_aside;
use super::{CostTerm, Term, TermInfo, TermKind};
use crate::network::{Condition, Network};
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
/// ([`Generator::generate_with_log_probabilities`][asked]): the cross-entropy of the chosen column. A training
/// step takes them from the pass that drew the samples; a cost that is computed without them makes a second
/// pass, which leaves no trace in running statistics. A generator without such probabilities, and a pair
/// that is not conditioned on vectors, are refused before a run.
///
/// Xu, Skoularidou, Cuesta-Infante, Veeramachaneni 2019, *Modeling tabular data using conditional GAN*,
/// arXiv:1907.00503, section 4.3.
///
/// [asked]: crate::network::Generator::generate_with_log_probabilities
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

    fn reads_log_probabilities(&self) -> bool {
        true
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
        let logs = (pass.log_probabilities.cloned()).or_else(|| {
            let latent = pass.latent.clone();
            generated_aside::<P>(pass.generator, latent, pass.fake.condition).log_probabilities
        });
        let Some(logs) = logs else {
            panic!(
                "the conditioning loss needs a generator that knows the probabilities of its \
                 condition's entries: `Generator::generate_with_log_probabilities`"
            );
        };
        chosen(logs, vectors)
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

    /// As a step hands them over, and by a pass of the generator's own.
    mod handed_over {
        use burn::module::Module;
        use burn::tensor::backend::AutodiffBackend;

        use super::*;
        use crate::data::table::Head;
        use crate::models::{TabularDiscriminatorConfig, TabularGeneratorConfig};
        use crate::network::{Generator, Vectors};
        use crate::objective::{Batch, Loss, Objective, ObjectiveState};
        use crate::testing::{assert_close, for_each_autodiff_backend, gradients};
        use crate::{Gan, Latent};

        fn the_loss_and_its_gradients_are_the_same<B: AutodiffBackend>() {
            let device = Default::default();
            let config = TabularGeneratorConfig {
                conditioned: vec![1],
                ..TabularGeneratorConfig::new([Head::Tanh, Head::OneHot(2)])
                    .with_latent(3)
                    .with_hidden([8])
            };
            let discriminator = TabularDiscriminatorConfig::new(3)
                .with_hidden([8])
                .with_pack(1)
                .with_dropout(0.0);
            let gan = Gan::<_, _, B>::seeded(
                config.init_conditional(&device).expect("a generator"),
                (discriminator.init_conditional(2, &device)).expect("a discriminator"),
                1,
                &device,
            );
            let objective =
                Objective::new(Loss::NonSaturating).with_term(Term::condition_match(0.7));
            let mut stream = Stream::new(2, "batch");
            let prior: Latent = config.prior();
            let latent = prior.draw::<B>(6, &mut stream, &device);
            let real = Latent::normal(3).draw::<B>(6, &mut stream, &device);
            let chosen = (0..6).map(|row| [[1.0, 0.0], [0.0, 1.0]][row % 2]);
            let chosen: [[f64; 2]; 6] = chosen.collect::<Vec<_>>().try_into().expect("six");
            let condition = Vectors::new(tensor2::<B, 2>(chosen));
            let generator = &gan.generator;
            let frozen = gan.discriminator.clone().no_grad();
            let [handed, asked] = [true, false].map(|handed| {
                let drawn = generator.generate_with_log_probabilities(latent.clone(), &condition);
                let cost = objective.generator_cost::<Gan<_, _, B>>(
                    &mut ObjectiveState::default(),
                    generator,
                    &frozen,
                    &Batch {
                        real: &real,
                        real_condition: &condition,
                        fake: &drawn.sample,
                        fake_condition: &condition,
                        log_probabilities: drawn.log_probabilities.as_ref().filter(|_| handed),
                        latent: &latent,
                        prior: None,
                    },
                );
                let total = cost.total();
                let value = values(total.clone());
                (value, gradients::<B, _>(generator, &total.backward()))
            });
            assert_close(&handed.0, &asked.0, 1e-5, 1e-6);
            assert!(handed.1.iter().flatten().any(|g| g.abs() > 1e-3));
            for (handed, asked) in handed.1.iter().zip(&asked.1) {
                assert_close(handed, asked, 1e-4, 1e-6);
            }
        }

        for_each_autodiff_backend!(the_loss_and_its_gradients_are_the_same);
    }

    #[test]
    #[should_panic(expected = "log-probabilities of shape [1, 2] for conditions of shape [1, 3]")]
    fn other_shapes_panic_with_both() {
        let logs = tensor2::<Cpu, 2>([[0.0, 0.0]]);
        chosen(logs, tensor2::<Cpu, 3>([[0.0, 1.0, 0.0]]));
    }
}
