//! Mutual information between codes of the latent and samples.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use serde::Serialize;

use super::{CostTerm, Term, TermInfo, TermKind, codes};
use crate::error::Result;
use crate::latent::CodeKind;
use crate::network::Network;
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// InfoGAN: codes of the latent can be recovered from the sample, so that they come to mean
/// something.
///
/// ```text
/// categorical   −E ln Q(c | G(z, c)),        Q the softmax of the output
/// continuous    E ½·‖c − Q(G(z, c))‖²        a Gaussian of unit variance around the output
/// ```
///
/// −E ln Q is, up to constants, a bound on the mutual information of codes and samples from below.
/// Codes are parts of the prior ([`Latent::with_categorical`](crate::Latent::with_categorical));
/// the discriminator returns what it recovers of each under the code's name
/// ([`Verdict::with_output`](crate::network::Verdict::with_output)), `[batch, width]`. Both
/// networks pay: the generator for codes that can't be seen, the discriminator for codes that it
/// does not recover. A code that the prior does not have, or that the discriminator does not return
/// in its width, is refused before a run
/// ([`Objective::probe`](crate::objective::Objective::probe)).
///
/// Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel 2016, *InfoGAN: interpretable representation
/// learning by information maximizing generative adversarial nets*, arXiv:1606.03657.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MutualInformation {
    /// The names of the codes; their terms are added up.
    pub codes: Vec<String>,
}
}

impl Term {
    /// [`MutualInformation`] of these codes; the paper's weight is 1 for categorical codes, less
    /// for continuous ones.
    pub fn mutual_information<S: Into<String>>(
        weight: f64,
        codes: impl IntoIterator<Item = S>,
    ) -> Self {
        let codes = codes.into_iter().map(Into::into).collect();
        let kind = TermKind::MutualInformation(MutualInformation { codes });
        Self::new(kind, weight)
    }
}

impl TermInfo for MutualInformation {
    fn name(&self) -> &str {
        "mutual_information"
    }

    fn acts_on(&self, _network: Network) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        codes::check(
            &self.codes,
            "must name the codes of the prior that can be recovered from samples",
        )
    }
}

impl<P: Pair> CostTerm<P> for MutualInformation {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let recovered = |name: &String| {
            let (code, drawn) = pass.code(name);
            let output = codes::output(pass.fake.verdict(), name, "mutual information");
            assert_eq!(
                output.dims(),
                drawn.dims(),
                "the code `{name}` and what the discriminator recovers of it"
            );
            let batch = drawn.dims()[0];
            let each = match code.kind {
                CodeKind::Categorical => -(log_softmax(output, 1) * drawn),
                CodeKind::Continuous { .. } => (output - drawn).square().mul_scalar(0.5),
            };
            each.sum().mul_scalar(1.0 / batch as f64)
        };
        codes::added_up(&self.codes, recovered)
    }
}
