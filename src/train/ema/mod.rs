//! A moving average of a generator's weights.

mod config;

pub use config::EmaConfig;

use std::collections::{HashMap, HashSet};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorPrimitive};

use crate::network::{InnerGenerator, TrainableGenerator};

/// The moving average of a generator's weights.
///
/// ```text
/// θ̄ ← d·θ̄ + (1 − d)·θ
/// ```
///
/// Weights are averaged; buffers (running statistics, the vectors of spectral norms, parameters
/// without a gradient) are copied, as are integers and booleans never touched by training. It lives
/// without a tape and draws smoother samples than the weights of any one step. Yazıcı et al. 2018,
/// *The unusual effectiveness of averaging in GAN training*, arXiv:1806.04498.
#[derive(Debug, Clone)]
pub struct Ema<G: TrainableGenerator<B>, B: AutodiffBackend> {
    generator: InnerGenerator<G, B>,
}

impl<G: TrainableGenerator<B>, B: AutodiffBackend> Ema<G, B> {
    /// An average that starts at the generator's weights.
    pub fn new(generator: &G) -> Self {
        Self {
            generator: generator.valid(),
        }
    }

    /// The averaged generator: a copy of its own, which later updates leave alone.
    pub fn generator(&self) -> InnerGenerator<G, B> {
        // A clone would share running statistics with the average; the way through the tape makes
        // new ones.
        G::from_inner(self.generator.clone()).valid()
    }

    /// Moves the average towards the generator: `decay` of it stays.
    pub fn update(self, generator: &G, decay: f64) -> Self {
        let mut trained = Trained::<B::InnerBackend>::default();
        generator.visit(&mut WithGradient(&mut trained.weights));
        // `valid` brings pending running statistics in; a visit of the generator would not.
        generator.valid().visit(&mut trained);
        Self {
            generator: self.generator.map(&mut Towards { trained, decay }),
        }
    }

    /// The average as a record holds it.
    pub(in crate::train) fn record(
        &self,
    ) -> <InnerGenerator<G, B> as Module<B::InnerBackend>>::Record {
        self.generator.clone().into_record()
    }

    /// An average that is this generator.
    pub(in crate::train) fn restored(generator: InnerGenerator<G, B>) -> Self {
        Self { generator }
    }
}

/// The trained values of all parameters, whatever their rank.
struct Trained<B: Backend> {
    values: HashMap<ParamId, TensorPrimitive<B>>,
    weights: HashSet<ParamId>,
}

impl<B: Backend> Default for Trained<B> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            weights: HashSet::new(),
        }
    }
}

impl<B: Backend> ModuleVisitor<B> for Trained<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.values.insert(param.id, param.val().into_primitive());
    }
}

/// Which parameters are trained.
struct WithGradient<'a>(&'a mut HashSet<ParamId>);

impl<B: Backend> ModuleVisitor<B> for WithGradient<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if param.is_require_grad() {
            self.0.insert(param.id);
        }
    }
}

struct Towards<B: Backend> {
    trained: Trained<B>,
    decay: f64,
}

impl<B: Backend> ModuleMapper<B> for Towards<B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let Some(trained) = self.trained.values.remove(&param.id) else {
            return param;
        };
        let trained = Tensor::<B, D>::from_primitive(trained);
        let (id, average, mapper) = param.consume();
        let average = if self.trained.weights.contains(&id) {
            moved(average, trained, self.decay)
        } else {
            trained
        };
        Param::from_mapped_value(id, average, mapper)
    }
}

#[cfg(feature = "flex")]
use crate::kernels::moving_average as moved;

#[cfg(not(feature = "flex"))]
fn moved<B: Backend, const D: usize>(
    average: Tensor<B, D>,
    trained: Tensor<B, D>,
    decay: f64,
) -> Tensor<B, D> {
    average.mul_scalar(decay) + trained.mul_scalar(1.0 - decay)
}
