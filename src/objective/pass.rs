//! Half a step, as the terms of an objective see it.

use burn::tensor::Tensor;

use super::{Judged, SecondOrder};
use crate::latent::{Code, Latent};
use crate::network::Network;
use crate::pair::Pair;
use crate::process::Across;

/// What a term remembers from one step to the next: running means, `[1]` each. Stored with the run;
/// without history on the tape.
pub type Memory<B> = Vec<Tensor<B, 1>>;

/// Half a step of training, as the [terms](crate::objective::CostTerm) of an objective see it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pass<'a, P: Pair> {
    /// Whose half it is.
    pub network: Network,
    /// The generator, its parameters on the tape in its own half.
    pub generator: &'a P::Generator,
    /// The discriminator, its parameters on the tape in its own half, off the tape in the
    /// generator's.
    pub discriminator: &'a P::Discriminator,
    /// The real batch. In the generator's half it is judged only if a term or a pairing looks at
    /// it.
    pub real: Judged<'a, P>,
    /// The generated batch: cut from the tape in the discriminator's half, on it in the
    /// generator's.
    pub fake: Judged<'a, P>,
    /// The latents of the generated samples, `[batch, latent]`.
    pub latent: &'a Tensor<P::Backend, 2>,
    /// ln P of each entry of the generated samples' conditions, `[batch, size]`, where the generator said
    /// it as it drew them ([`Generator::generate_with_log_probabilities`]).
    ///
    /// [`Generator::generate_with_log_probabilities`]: crate::network::Generator::generate_with_log_probabilities
    pub log_probabilities: Option<&'a Tensor<P::Backend, 2>>,
    /// What the latents are drawn from, where the step was told ([`Batch::prior`](super::Batch)).
    pub prior: Option<&'a Latent>,
    /// How gradients of gradients are made.
    pub second_order: SecondOrder,
    /// The processes that have the rest of the batch.
    pub(super) across: &'a Across<'a>,
}

impl<P: Pair> Pass<'_, P> {
    /// A mean over the samples of this process as the mean over the whole batch, `[numbers]`, with this
    /// process' gradient; in a run of one process the mean itself.
    ///
    /// A term that is one function of such means on every process, as feature matching is, has the
    /// gradient of the whole batch so: gradients are averaged over processes. Without a gradient
    /// (`detach`) it is right in every cost. It is a message to every process: all must ask for it,
    /// the same number of times.
    pub fn batch_mean(&self, mean: Tensor<P::Backend, 1>) -> Tensor<P::Backend, 1> {
        self.across.mean_on_tape(mean)
    }

    /// The code of this name among the parts of the prior, with its values in this batch,
    /// `[batch, width]`.
    ///
    /// # Panics
    /// If the prior has no code of this name, or the step was told no prior.
    pub fn code(&self, name: &str) -> (Code, Tensor<P::Backend, 2>) {
        let Some(prior) = self.prior else {
            panic!("the code `{name}` was asked for in a step without a prior");
        };
        match prior.code(name) {
            Ok(code) => {
                let values = code.of(self.latent);
                (code, values)
            }
            Err(error) => panic!("{error}"),
        }
    }
}
