//! Optimisers whose settings may change at each step.

use std::collections::HashMap;
use std::mem::discriminant;

use burn::module::{AutodiffModule, ModuleMapper, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorData, TensorPrimitive};
use serde::Serialize;

use super::adam::Adam;
use super::moments::{MOMENT_1, MOMENT_2, Moments, TIME, VELOCITY, memories};
use crate::error::{Result, check};
use crate::records::{Parameter, Stored, data_of, float_of};
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

    /// Adam's ε; without effect on the other optimisers.
    pub fn with_epsilon(mut self, number: f32) -> Self {
        match &mut self {
            Self::Adam { epsilon, .. } | Self::AdamW { epsilon, .. } => *epsilon = number,
            Self::Sgd { .. } => {}
        }
        self
    }

    /// The same optimiser with another step size.
    pub fn with_learning_rate(mut self, rate: f64) -> Self {
        match &mut self {
            Self::Adam { learning_rate, .. }
            | Self::AdamW { learning_rate, .. }
            | Self::Sgd { learning_rate, .. } => *learning_rate = rate,
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
    /// If the learning rate or ε is not above 0, a β or the momentum is not in [0, 1), or the
    /// weight decay is below 0.
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
#[derive(Debug, Clone, Copy)]
enum Kind {
    Adam(Adam),
    Sgd { momentum: f64 },
}

/// What an optimiser remembers of one parameter.
#[derive(Debug, Clone)]
enum Memory<B: Backend> {
    /// The steps that it has seen, its mean gradient and its mean square.
    Adam(u64, [FloatTensor<B>; 2]),
    /// Its velocity.
    Sgd(FloatTensor<B>),
}

/// An optimiser of one network: its settings, and what it remembers of each parameter.
#[derive(Clone)]
pub struct NetworkOptimizer<B: AutodiffBackend> {
    config: OptimizerConfig,
    memory: HashMap<ParamId, Memory<B::InnerBackend>>,
}

impl<B: AutodiffBackend> std::fmt::Debug for NetworkOptimizer<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetworkOptimizer")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl<B: AutodiffBackend> NetworkOptimizer<B> {
    /// An optimiser that remembers nothing yet.
    ///
    /// # Errors
    /// If a setting is wrong, see [`OptimizerConfig::validate`].
    pub fn new(config: OptimizerConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self {
            config,
            memory: HashMap::new(),
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
        if discriminant(&config.kind()) != discriminant(&self.config.kind()) {
            self.memory.clear();
        }
        self.config = config;
        Ok(())
    }

    /// What is remembered of a network's parameters, in their order.
    #[inline(never)]
    pub(crate) fn stored(&self, network: &[Parameter]) -> Vec<Stored> {
        let mut tensors = Vec::new();
        for Parameter { id, about } in network {
            // What is one parameter is remembered once.
            let memory = self.memory.get(id).filter(|_| about.same_as.is_none());
            let Some(memory) = memory.cloned() else {
                continue;
            };
            let name = |moment| format!("{}.{moment}", about.name);
            let data = data_of::<B::InnerBackend>;
            match memory {
                Memory::Adam(time, [first, second]) => {
                    let time = TensorData::new(vec![time], [1]);
                    tensors.extend([
                        Stored::new(name(TIME), time),
                        Stored::new(name(MOMENT_1), data(first)),
                        Stored::new(name(MOMENT_2), data(second)),
                    ]);
                }
                Memory::Sgd(velocity) => {
                    tensors.push(Stored::new(name(VELOCITY), data(velocity)));
                }
            }
        }
        tensors
    }

    /// The optimiser with what was remembered of a network's parameters after at most `steps`
    /// steps; another kind of optimiser starts anew. Or what in the tensors can't be.
    #[inline(never)]
    pub(crate) fn restored(
        &self,
        stored: Vec<Stored>,
        network: &[Parameter],
        steps: u64,
        device: &B::Device,
    ) -> Result<Self, String> {
        let float = |data| float_of::<B::InnerBackend>(data, device);
        let adam = matches!(self.config.kind(), Kind::Adam(_));
        let mut memory = HashMap::new();
        for (id, moments) in memories(stored, network, steps)? {
            let one = match moments {
                Moments::Adam(time, [first, second]) if adam => {
                    Memory::Adam(time, [float(first), float(second)])
                }
                Moments::Sgd(velocity) if !adam => Memory::Sgd(float(velocity)),
                _ => continue,
            };
            memory.insert(id, one);
        }
        let config = self.config;
        Ok(Self { config, memory })
    }

    /// One step down the gradients; the learning rate is that of the settings times `factor`.
    pub fn step<M: AutodiffModule<B>>(
        &mut self,
        factor: f64,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        module.map(&mut Step::<B> {
            kind: self.config.kind(),
            rate: self.config.learning_rate() * factor,
            memory: &mut self.memory,
            gradients,
        })
    }
}

/// One step of each parameter that has a gradient.
struct Step<'a, B: AutodiffBackend> {
    kind: Kind,
    rate: f64,
    memory: &'a mut HashMap<ParamId, Memory<B::InnerBackend>>,
    gradients: GradientsParams,
}

impl<B: AutodiffBackend> ModuleMapper<B> for Step<'_, B> {
    #[inline(never)]
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(gradient) = self.gradients.remove::<B::InnerBackend, D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let tracked = tensor.is_require_grad();
        let device = gradient.device();
        // Taken out, so that it can be changed where it lies.
        let memory = self.memory.remove(&id);
        let tensor = tensor.to_device(&device).inner();
        let (tensor, memory) = step(self.kind, self.rate, tensor, gradient, memory);
        self.memory.extend(memory.map(|memory| (id, memory)));
        let tensor = Tensor::from_inner(tensor);
        let tensor = if tracked {
            tensor.require_grad()
        } else {
            tensor
        };
        Param::from_mapped_value(id, tensor, mapper)
    }
}

fn step<B: Backend, const D: usize>(
    kind: Kind,
    rate: f64,
    parameter: Tensor<B, D>,
    gradient: Tensor<B, D>,
    memory: Option<Memory<B>>,
) -> (Tensor<B, D>, Option<Memory<B>>) {
    let device = gradient.device();
    let wrapped =
        |tensor| Tensor::<B, D>::from_primitive(TensorPrimitive::Float(tensor)).to_device(&device);
    match kind {
        Kind::Adam(adam) => {
            let moments = match memory {
                Some(Memory::Adam(time, moments)) => Some((time, moments.map(wrapped))),
                _ => None,
            };
            let (parameter, (time, moments)) = adam.step(rate, parameter, gradient, moments);
            let moments = moments.map(|moment| moment.into_primitive().tensor());
            (parameter, Some(Memory::Adam(time, moments)))
        }
        // Plain descent neither uses nor forgets a velocity.
        Kind::Sgd { momentum: 0.0 } => (parameter - gradient.mul_scalar(rate), memory),
        Kind::Sgd { momentum } => {
            let velocity = match memory {
                Some(Memory::Sgd(velocity)) => gradient + wrapped(velocity).mul_scalar(momentum),
                _ => gradient,
            };
            let parameter = parameter - velocity.clone().mul_scalar(rate);
            let velocity = velocity.into_primitive().tensor();
            (parameter, Some(Memory::Sgd(velocity)))
        }
    }
}

crate::compiled::compiled! {
    <Step<'_, Tape> as burn::module::ModuleMapper<Tape>>::map_float::<1>,
    <Step<'_, Tape> as burn::module::ModuleMapper<Tape>>::map_float::<2>,
    <Step<'_, Tape> as burn::module::ModuleMapper<Tape>>::map_float::<4>,
    NetworkOptimizer::<Tape>::stored,
    NetworkOptimizer::<Tape>::restored,
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
