//! Mutual information between the codes of real samples and those of their changed copies.

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{CostTerm, Term, TermInfo, TermKind, codes};
use crate::error::Result;
use crate::latent::CodeKind;
use crate::network::{Augmentation, Network, Sample, Verdict};
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

/// A share of the batch below which a logarithm is taken of this number in its place.
const LEAST: f64 = 1e-8;

settings! {
/// Invariant information: a categorical code that the discriminator sees in a real sample is the one that
/// it sees in the sample's changed copy, and all of its values are in use.
///
/// ```text
/// P = ½·(A + Aᵀ)     A = E_x q(x)·q(T(x))ᵀ     q = Q(c | x), the softmax of the output
/// −I(P) = −Σ_ab P_ab·(ln P_ab − ln P_a − ln P_b)                 P_a = Σ_b P_ab
/// ```
///
/// Between −ln k of a code of k values and 0. InfoGAN's own term ([`MutualInformation`](super::MutualInformation))
/// looks at generated samples alone, and is content with any code that can be seen in them: a kind of digit
/// is as good as a slant. Here what the code means is what a change of a real sample leaves. The
/// discriminator pays; the generator learns of it through what the discriminator recovers. Codes are named
/// as there and are categorical. It is a function of the whole batch: of much fewer samples than 5·k it
/// says little.
///
/// Ji, Henriques, Vedaldi 2019, *Invariant information clustering for unsupervised image classification
/// and segmentation*, arXiv:1807.06653; in a GAN's discriminator it is this crate's choice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InvariantInformation {
    /// The names of the codes; their terms are added up.
    pub codes: Vec<String>,
    /// T, a change that leaves a sample's meaning.
    pub augmentation: Augmentation,
}
}

impl Term {
    /// [`InvariantInformation`] of these codes under an augmentation of real samples.
    pub fn invariant_information<S: Into<String>>(
        weight: f64,
        codes: impl IntoIterator<Item = S>,
        augmentation: Augmentation,
    ) -> Self {
        let kind = TermKind::InvariantInformation(InvariantInformation {
            codes: codes.into_iter().map(Into::into).collect(),
            augmentation,
        });
        Self::new(kind, weight)
    }
}

impl TermInfo for InvariantInformation {
    fn name(&self) -> &str {
        "invariant_information"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }

    fn is_of_the_whole_batch(&self) -> bool {
        true
    }

    fn adds_up_over_processes(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        codes::check(
            &self.codes,
            "must name the categorical codes of the prior that are seen in samples",
        )?;
        self.augmentation.validate()
    }
}

impl<P: Pair> CostTerm<P> for InvariantInformation {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let changed = pass.real.sample.clone();
        let changed = pass
            .real
            .verdict_on(changed.augment(&self.augmentation, noise));
        let of_code = |name: &String| {
            let (code, drawn) = pass.code(name);
            assert!(
                code.kind == CodeKind::Categorical,
                "invariant information is of categorical codes, `{name}` is continuous"
            );
            let [_, width] = drawn.dims();
            let [here, there] = [pass.real.verdict(), &changed]
                .map(|verdict| shares::<P::Backend>(verdict, name, width));
            let [batch, _] = here.dims();
            let together = here
                .transpose()
                .matmul(there)
                .mul_scalar(1.0 / batch as f64);
            let together = pass.batch_mean(together.reshape([width * width]));
            minus_information(together.reshape([width, width]))
        };
        codes::added_up(&self.codes, of_code)
    }
}

/// What a verdict gives each value of a code, `[batch, width]`.
fn shares<B: Backend>(verdict: &Verdict<B>, name: &str, width: usize) -> Tensor<B, 2> {
    let output = codes::output(verdict, name, "invariant information");
    assert_eq!(
        output.dims()[1],
        width,
        "the values of the code `{name}` and what the discriminator sees of it"
    );
    softmax(output, 1)
}

/// −I of a table of shares that add up to 1, made symmetric.
pub(super) fn minus_information<B: Backend>(together: Tensor<B, 2>) -> Tensor<B, 1> {
    let together = (together.clone() + together.transpose()).mul_scalar(0.5);
    let ln = |shares: Tensor<B, 2>| shares.clamp_min(LEAST).log();
    let alone = ln(together.clone().sum_dim(1));
    let apart = alone.clone() + alone.transpose();
    (together.clone() * (apart - ln(together))).sum()
}
