//! Discriminators that recover the codes of latents: InfoGAN's.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::backend::Backend;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::latent::Latent;
use crate::network::{Discriminator, Verdict};
use crate::nn::{Activation, BatchNorm, BatchNormConfig, Linear, LinearConfig};
use crate::settings::settings;
use crate::sizes;

/// InfoGAN's.
const LEAKY: Activation = Activation::LeakyRelu { slope: 0.1 };

settings! {
/// Settings of a [`CodeHead`].
///
/// ```
/// use burn_gan::Latent;
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::{CodeHeadConfig, DcganDiscriminatorConfig};
/// use burn_gan::network::Discriminator;
/// use burn_gan::objective::{Loss, Objective, Term};
///
/// let prior = Latent::normal(62).with_categorical("digit", 10).with_continuous("slant", 2);
/// let config = DcganDiscriminatorConfig::new([1, 8, 8]).with_width(4);
/// let head = CodeHeadConfig::new();
/// let discriminator = config.init_recovering::<Flex>(&prior, &head, &Default::default())?;
/// let images = Tensor::zeros([3, 1, 8, 8], &Default::default());
/// let verdict = discriminator.discriminate(images, &());
/// assert_eq!(verdict.output("digit").expect("a code").dims(), [3, 10]);
///
/// let terms = [Term::mutual_information(1.0, ["digit"]), Term::mutual_information(0.1, ["slant"])];
/// let objective = terms.into_iter().fold(Objective::new(Loss::NonSaturating), Objective::with_term);
/// # objective.validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeHeadConfig {
    /// Numbers of the hidden layer, with leaky ReLU (0.1); 128 by default, as in the paper; 0 for none.
    pub hidden: usize,
    /// Whether the hidden layer has a batch norm; true by default, as in the paper. Its running
    /// statistics are those of real and generated samples together.
    pub batch_norm: bool,
}
}

impl Default for CodeHeadConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl CodeHeadConfig {
    /// The paper's.
    pub fn new() -> Self {
        Self {
            hidden: 128,
            batch_norm: true,
        }
    }

    /// Numbers of the hidden layer.
    pub fn with_hidden(mut self, hidden: usize) -> Self {
        self.hidden = hidden;
        self
    }

    /// Whether the hidden layer has a batch norm.
    pub fn with_batch_norm(mut self, batch_norm: bool) -> Self {
        self.batch_norm = batch_norm;
        self
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// If the hidden layer has more than 2²⁴ numbers.
    pub fn validate(&self) -> Result<()> {
        match self.hidden {
            0 => Ok(()),
            hidden => sizes::size("hidden", hidden),
        }
    }

    /// `network`, whose verdicts have so many features, and a head on it for the codes of `prior`.
    ///
    /// # Errors
    /// As [`validate`](Self::validate); if the prior has no codes, or a layer of the head would have more
    /// than 2²⁸ weights.
    pub fn init<B: Backend, N: Module<B>>(
        &self,
        network: N,
        features: usize,
        prior: &Latent,
        device: &B::Device,
    ) -> Result<CodeHead<B, N>> {
        self.validate()?;
        prior.validate().map_err(|e| e.within("latent"))?;
        sizes::size("features", features)?;
        let codes = prior.codes();
        if codes.is_empty() {
            return Err(Error::setting(
                "latent",
                "noise",
                "has no codes to recover: add them by `Latent::with_categorical` and \
                 `with_continuous`",
            ));
        }
        let read = match self.hidden {
            0 => features,
            hidden => hidden,
        };
        let hidden = (self.hidden > 0).then_some(self.hidden);
        let widths = hidden.into_iter().map(|hidden| vec![features, hidden]);
        let outputs = codes.iter().map(|code| vec![read, code.width]);
        sizes::network("hidden", &widths.chain(outputs).collect::<Vec<_>>())?;
        Ok(CodeHead {
            network,
            hidden: hidden.map(|hidden| {
                LinearConfig::new(features, hidden)
                    // A norm after it has a bias of its own.
                    .with_bias(!self.batch_norm)
                    .init(device)
            }),
            norm: hidden
                .filter(|_| self.batch_norm)
                .map(|hidden| BatchNormConfig::new(hidden).init(device)),
            outputs: codes
                .iter()
                .map(|code| LinearConfig::new(read, code.width).init(device))
                .collect(),
            names: codes.into_iter().map(|code| code.name).collect(),
        })
    }
}

/// A discriminator that recovers from samples which codes they were made of, on its features.
///
/// ```text
/// h = φ(N(W·features))                     Q(c | x): W_c·h + b_c for each code c        φ: leaky ReLU
/// ```
///
/// What it recovers is in its verdict under the codes' names; it costs something by
/// [`Term::mutual_information`](crate::objective::Term::mutual_information), which looks at generated
/// samples alone. The codes are the generator's, as parts of its latent
/// ([`Latent::with_categorical`]). The network may be conditioned on something as well.
///
/// Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel 2016, *InfoGAN*, arXiv:1606.03657.
#[derive(Module, Debug)]
pub struct CodeHead<B: Backend, N> {
    network: N,
    hidden: Option<Linear<B>>,
    norm: Option<BatchNorm<B>>,
    outputs: Vec<Linear<B>>,
    #[module(skip)]
    names: Vec<String>,
}

impl<B, N> Discriminator<B> for CodeHead<B, N>
where
    B: Backend,
    N: Discriminator<B> + ModuleDisplay,
{
    type Sample = N::Sample;
    type Condition = N::Condition;

    /// # Panics
    /// If the network's verdicts have no features, or another number than the head was made for.
    fn discriminate(&self, sample: N::Sample, condition: &N::Condition) -> Verdict<B> {
        let mut verdict = self.network.discriminate(sample, condition);
        let features = verdict.features.clone();
        let mut x =
            features.expect("a head for codes needs a discriminator that gives its features");
        if let Some(hidden) = &self.hidden {
            x = match &self.norm {
                Some(norm) => norm.forward_activated(hidden.forward(x), LEAKY),
                None => hidden.forward_activated(x, LEAKY),
            };
        }
        for (name, output) in self.names.iter().zip(&self.outputs) {
            verdict = verdict.with_output(name, output.forward(x.clone()));
        }
        verdict
    }

    fn classes(&self) -> Option<usize> {
        self.network.classes()
    }
}
