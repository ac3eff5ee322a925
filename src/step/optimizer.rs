//! Optimisers whose settings may change at each step.

use burn::module::{AutodiffModule, ParamId};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, Optimizer, Sgd, SgdConfig};
use burn::record::Record;
use burn::tensor::backend::AutodiffBackend;
use serde::Serialize;

use super::adam::Adam;
use super::digest::memory;
use crate::error::{Result, check};
use crate::network::Parameter;
use crate::records::{Precision, optimizer_fits};
use crate::settings::settings;

settings! {
#[tag = "optimizer"]
/// Settings of a network's optimiser.
///
/// ```
/// use burn_gan::step::OptimizerConfig;
///
/// let adam = OptimizerConfig::adam(2e-4).with_betas(0.5, 0.999);
/// adam.validate()?;
/// assert!(OptimizerConfig::adam(f64::NAN).validate().is_err());
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OptimizerConfig {
    /// Adam (Kingma, Ba 2014, arXiv:1412.6980).
    ///
    /// ```text
    /// m ← β₁·m + (1 − β₁)·g          v ← β₂·v + (1 − β₂)·g²
    /// θ ← θ − lr·m̂/(√v̂ + ε)          m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)
    /// ```
    Adam {
        /// Step size, before the schedule's factor.
        learning_rate: f64,
        /// β₁, the decay of the mean gradient.
        beta_1: f32,
        /// β₂, the decay of the mean square.
        beta_2: f32,
        /// ε. GAN papers mean 1e-8; burn's own default is 1e-5.
        epsilon: f32,
    },
    /// Adam with decoupled weight decay (Loshchilov, Hutter 2017, arXiv:1711.05101): before Adam's
    /// step
    ///
    /// ```text
    /// θ ← θ − lr·λ·θ
    /// ```
    AdamW {
        /// Step size, before the schedule's factor.
        learning_rate: f64,
        /// β₁, the decay of the mean gradient.
        beta_1: f32,
        /// β₂, the decay of the mean square.
        beta_2: f32,
        /// ε.
        epsilon: f32,
        /// λ.
        weight_decay: f64,
    },
    /// Stochastic gradient descent with momentum, without dampening.
    ///
    /// ```text
    /// v ← μ·v + g          θ ← θ − lr·v
    /// ```
    Sgd {
        /// Step size, before the schedule's factor.
        learning_rate: f64,
        /// μ; 0 is plain descent.
        momentum: f64,
    },
}
}

impl OptimizerConfig {
    /// Adam with β₁ = .5, β₂ = .999, ε = 1e-8.
    pub fn adam(learning_rate: f64) -> Self {
        Self::Adam {
            learning_rate,
            beta_1: 0.5,
            beta_2: 0.999,
            epsilon: 1e-8,
        }
    }

    /// AdamW with β₁ = .5, β₂ = .999, ε = 1e-8.
    pub fn adam_w(learning_rate: f64, weight_decay: f64) -> Self {
        Self::AdamW {
            learning_rate,
            beta_1: 0.5,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay,
        }
    }

    /// Stochastic gradient descent.
    pub fn sgd(learning_rate: f64, momentum: f64) -> Self {
        Self::Sgd {
            learning_rate,
            momentum,
        }
    }

    /// Adam's β₁ and β₂; without effect on the other optimisers.
    pub fn with_betas(mut self, first: f32, second: f32) -> Self {
        match &mut self {
            Self::Adam { beta_1, beta_2, .. } | Self::AdamW { beta_1, beta_2, .. } => {
                (*beta_1, *beta_2) = (first, second);
            }
            Self::Sgd { .. } => {}
        }
        self
    }

    /// The step size, before the schedule's factor.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Adam { learning_rate, .. }
            | Self::AdamW { learning_rate, .. }
            | Self::Sgd { learning_rate, .. } => *learning_rate,
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If the learning rate or ε is not above 0, a β or the momentum is not in [0, 1), or the weight
    /// decay is below 0.
    pub fn validate(&self) -> Result<()> {
        check::positive("learning_rate", self.learning_rate())?;
        match self.kind() {
            Kind::Adam(adam) => {
                check::below_one("beta_1", adam.beta_1.into())?;
                check::below_one("beta_2", adam.beta_2.into())?;
                check::positive("epsilon", adam.epsilon.into())?;
                check::not_negative("weight_decay", adam.weight_decay)
            }
            Kind::Sgd { momentum } => check::below_one("momentum", momentum),
        }
    }

    fn kind(&self) -> Kind {
        match *self {
            Self::Adam {
                beta_1,
                beta_2,
                epsilon,
                ..
            } => Kind::Adam(Adam {
                beta_1,
                beta_2,
                epsilon,
                weight_decay: 0.0,
            }),
            Self::AdamW {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
                ..
            } => Kind::Adam(Adam {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
            }),
            Self::Sgd { momentum, .. } => Kind::Sgd { momentum },
        }
    }
}

/// What the settings but the learning rate come to: Adam is AdamW without decay.
enum Kind {
    Adam(Adam),
    Sgd { momentum: f64 },
}

/// The kinds in stored bytes.
const ADAM: u8 = b'a';
const SGD: u8 = b's';

/// An optimiser of one network: its settings, and what it remembers of each parameter.
#[derive(Clone)]
pub struct NetworkOptimizer<M: AutodiffModule<B>, B: AutodiffBackend> {
    config: OptimizerConfig,
    rule: Rule<M, B>,
}

#[derive(Clone)]
enum Rule<M: AutodiffModule<B>, B: AutodiffBackend> {
    Adam(OptimizerAdaptor<Adam, M, B>),
    Sgd(OptimizerAdaptor<Sgd<B::InnerBackend>, M, B>),
}

impl<M: AutodiffModule<B>, B: AutodiffBackend> std::fmt::Debug for NetworkOptimizer<M, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetworkOptimizer")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl<M: AutodiffModule<B>, B: AutodiffBackend> Rule<M, B> {
    fn new(config: &OptimizerConfig) -> Self {
        match config.kind() {
            Kind::Adam(adam) => Self::Adam(OptimizerAdaptor::from(adam)),
            Kind::Sgd { momentum } => Self::Sgd(
                SgdConfig::new()
                    .with_momentum((momentum > 0.0).then(|| {
                        MomentumConfig::new()
                            .with_momentum(momentum)
                            .with_dampening(0.0)
                    }))
                    .init(),
            ),
        }
    }
}

impl<M: AutodiffModule<B>, B: AutodiffBackend> NetworkOptimizer<M, B> {
    /// An optimiser that remembers nothing yet.
    ///
    /// # Errors
    /// If a setting is wrong, see [`OptimizerConfig::validate`].
    pub fn new(config: OptimizerConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self {
            rule: Rule::new(&config),
            config,
        })
    }

    /// The settings in force.
    pub fn config(&self) -> &OptimizerConfig {
        &self.config
    }

    /// Changes the settings for the steps to come; what is remembered stays, unless the kind of
    /// optimiser changes.
    ///
    /// # Errors
    /// If a setting is wrong; the old settings then stay.
    pub fn set_config(&mut self, config: OptimizerConfig) -> Result<()> {
        if config == self.config {
            return Ok(());
        }
        config.validate()?;
        // An adaptor keeps its rule for good: make a new one and hand the memory over.
        let mut rule = Rule::new(&config);
        rule = match (rule, &self.rule) {
            (Rule::Adam(new), Rule::Adam(old)) => Rule::Adam(new.load_record(old.to_record())),
            (Rule::Sgd(new), Rule::Sgd(old)) => Rule::Sgd(new.load_record(old.to_record())),
            (new, _) => new,
        };
        self.rule = rule;
        self.config = config;
        Ok(())
    }

    /// What is remembered of each of these parameters, by its place among them.
    pub(super) fn memories(&self, parameters: &[ParamId]) -> Vec<(usize, Vec<u8>)> {
        fn of<B: AutodiffBackend, R: Record<B>>(
            mut record: impl FnMut(&ParamId) -> Option<R>,
            parameters: &[ParamId],
        ) -> Vec<(usize, Vec<u8>)> {
            let bytes = |(index, id)| Some((index, memory::<B, _>(record(id)?)));
            parameters.iter().enumerate().filter_map(bytes).collect()
        }
        match &self.rule {
            Rule::Adam(rule) => {
                let mut records = rule.to_record();
                of::<B, _>(|id| records.remove(id), parameters)
            }
            Rule::Sgd(rule) => {
                let mut records = rule.to_record();
                of::<B, _>(|id| records.remove(id), parameters)
            }
        }
    }

    /// What is remembered, as bytes, the kind of optimiser first.
    pub(crate) fn write(&self, precision: Precision) -> Result<Vec<u8>, String> {
        let (kind, bytes) = match &self.rule {
            Rule::Adam(rule) => (ADAM, precision.write::<B, _>(rule.to_record())?),
            Rule::Sgd(rule) => (SGD, precision.write::<B, _>(rule.to_record())?),
        };
        Ok([&[kind], bytes.as_slice()].concat())
    }

    /// Takes up what was remembered of a network's parameters after at most `steps` steps; another
    /// kind of optimiser starts anew. Where something in the bytes can't be, nothing is taken up.
    pub(crate) fn read(
        &mut self,
        precision: Precision,
        bytes: &[u8],
        network: &[Parameter],
        steps: u64,
        device: &B::Device,
    ) -> Result<(), String> {
        let Some((kind, bytes)) = bytes.split_first() else {
            return Err("nothing stands".to_owned());
        };
        let moments: &[&str] = match *kind {
            ADAM => &["moment_1", "moment_2"],
            SGD => &["velocity"],
            kind => return Err(format!("{kind} is no kind of optimiser")),
        };
        optimizer_fits(bytes, precision, network, moments, steps)?;
        let bytes = bytes.to_vec();
        self.rule = match (Rule::new(&self.config), *kind) {
            (Rule::Adam(new), ADAM) => {
                Rule::Adam(new.load_record(precision.read::<B, _>(bytes, device)?))
            }
            (Rule::Sgd(new), SGD) => {
                Rule::Sgd(new.load_record(precision.read::<B, _>(bytes, device)?))
            }
            (new, _) => new,
        };
        Ok(())
    }

    /// One step down the gradients; the learning rate is that of the settings times `factor`.
    pub fn step(&mut self, factor: f64, module: M, gradients: GradientsParams) -> M {
        let rate = self.config.learning_rate() * factor;
        match &mut self.rule {
            Rule::Adam(rule) => rule.step(rate, module, gradients),
            Rule::Sgd(rule) => rule.step(rate, module, gradients),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialize;
    use crate::nn::LinearConfig;
    use crate::testing::{assert_close, for_each_autodiff_backend, on_wgpu, parameters, tensor2};

    /// Steps a 2→1 layer without bias on f(w) = x·w, whose gradient is x at every step.
    fn path<B: AutodiffBackend>(configs: &[OptimizerConfig]) -> Vec<f64> {
        let device = Default::default();
        let mut layer = LinearConfig::new(2, 1).with_bias(false).init::<B>(&device);
        initialize(&layer);
        let start = parameters::<B, _>(&layer).concat();
        let mut optimizer = NetworkOptimizer::new(configs[0]).expect("valid settings");
        for config in configs {
            optimizer.set_config(*config).expect("valid settings");
            let x = tensor2::<B, 2>([[0.5, -2.0]]);
            let gradients = layer.forward(x).sum().backward();
            let gradients = GradientsParams::from_grads(gradients, &layer);
            layer = optimizer.step(1.0, layer, gradients);
        }
        let end = parameters::<B, _>(&layer).concat();
        end.iter().zip(start).map(|(w, s)| w - s).collect()
    }

    fn adam_by_hand(betas: &[(f64, f64)], gradient: f64, rate: f64) -> f64 {
        let (mut m, mut v, mut moved) = (0.0, 0.0, 0.0);
        for (t, (b1, b2)) in betas.iter().enumerate() {
            m = b1 * m + (1.0 - b1) * gradient;
            v = b2 * v + (1.0 - b2) * gradient * gradient;
            let time = (t + 1) as i32;
            let m_hat = m / (1.0 - b1.powi(time));
            let v_hat: f64 = v / (1.0 - b2.powi(time));
            moved -= rate * m_hat / (v_hat.sqrt() + 1e-8);
        }
        moved
    }

    fn adam_and_its_changing_betas_match_the_formula<B: AutodiffBackend>() {
        let betas = [(0.5, 0.999), (0.5, 0.999), (0.8, 0.9), (0.0, 0.9)];
        let configs: Vec<_> = betas
            .iter()
            .map(|(b1, b2)| OptimizerConfig::adam(0.01).with_betas(*b1 as f32, *b2 as f32))
            .collect();
        let expected: Vec<f64> = [0.5, -2.0]
            .iter()
            .map(|g| adam_by_hand(&betas, *g, 0.01))
            .collect();
        assert_close(&path::<B>(&configs), &expected, 5e-5, 0.0);
    }

    fn momentum_matches_the_formula<B: AutodiffBackend>() {
        let configs = [OptimizerConfig::sgd(0.1, 0.9); 3];
        // v = g, 1.9·g, 2.71·g; their sum is 5.61·g.
        let expected = [0.5, -2.0].map(|g| -0.1 * 5.61 * g);
        assert_close(&path::<B>(&configs), &expected, 1e-5, 0.0);
    }

    for_each_autodiff_backend!(
        adam_and_its_changing_betas_match_the_formula,
        momentum_matches_the_formula,
    );
    on_wgpu!(Autodiff<Wgpu>; adam_and_its_changing_betas_match_the_formula, momentum_matches_the_formula);
}
