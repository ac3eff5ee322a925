//! A moving average of a generator's weights.

mod config;
mod standing;

pub use config::EmaConfig;
pub use standing::StandingStatistics;

use std::collections::{HashMap, HashSet};
use std::sync::{Once, OnceLock};

use burn::module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};

use crate::nn::LayerKind;
use crate::pair::{InnerBackend, Pair, Sampler};
use crate::records::{self, Parameter, Stored};

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
///
/// The running statistics of batch norms do not fit averaged weights: with [`StandingStatistics`],
/// which a trainer sets up, [`generator`](Self::generator) has its own.
#[derive(Debug, Clone)]
pub struct Ema<P: Pair> {
    generator: Sampler<P>,
    standing: Option<StandingStatistics<P::Condition>>,
    /// Whether the statistics are fixed numbers, which fit any weights that were trained with them.
    frozen: bool,
    /// The generator with statistics of its own, once somebody asked for it.
    handed_out: OnceLock<Sampler<P>>,
}

impl<P: Pair> Ema<P> {
    /// An average that starts at the generator's weights.
    pub fn new(generator: &P::Generator) -> Self {
        Self::of(generator.valid(), None)
    }

    fn of(generator: Sampler<P>, standing: Option<StandingStatistics<P::Condition>>) -> Self {
        Self {
            generator,
            standing,
            frozen: false,
            handed_out: OnceLock::new(),
        }
    }

    /// The running statistics of what [`generator`](Self::generator) hands out are drawn by this;
    /// with `None` they are those of the trained weights.
    pub fn with_standing_statistics(
        mut self,
        standing: Option<StandingStatistics<P::Condition>>,
    ) -> Self {
        self.standing = standing;
        self.handed_out = OnceLock::new();
        self
    }

    /// Whether the network is trained with running statistics that stay as they are
    /// ([`StepSettings::frozen_batch_norm`](crate::step::StepSettings::frozen_batch_norm)): the average
    /// then has the same ones, and none are drawn for it.
    pub fn with_frozen_statistics(mut self, frozen: bool) -> Self {
        self.frozen = frozen;
        self
    }

    /// What running statistics are drawn by, if they are.
    pub fn standing_statistics(&self) -> Option<&StandingStatistics<P::Condition>> {
        self.standing.as_ref()
    }

    /// The averaged generator, to draw samples with: a copy of its own, which later updates leave
    /// alone. Its running statistics are drawn by its [`StandingStatistics`], where it has some: a
    /// few passes, once after each update; those of the trained weights where these are frozen.
    pub fn generator(&self) -> Sampler<P> {
        if self.frozen {
            return self.average();
        }
        let Some(standing) = &self.standing else {
            self.warn_of_statistics();
            return self.average();
        };
        let made = self
            .handed_out
            .get_or_init(|| standing.redrawn::<P>(&self.generator));
        P::Generator::from_inner(made.clone()).valid()
    }

    /// The average as it is, running statistics copied from the trained weights: a copy of its own.
    pub fn average(&self) -> Sampler<P> {
        // A clone would share running statistics with the average; the way through the tape makes
        // new ones.
        P::Generator::from_inner(self.generator.clone()).valid()
    }

    /// A loop of one's own may not know.
    fn warn_of_statistics(&self) {
        static ONCE: Once = Once::new();
        if let Some(layer) = LayerKind::BatchNorm
            .paths_in(&self.generator, "generator")
            .first()
        {
            ONCE.call_once(|| {
                log::warn!(
                    "`{layer}` of an averaged generator has the running statistics of other \
                     weights, and samples come out washed out; give the average its own \
                     (`TrainState::with_standing_statistics`)"
                );
            });
        }
    }

    /// Moves the average towards the generator: `decay` of it stays.
    pub fn update(self, generator: &P::Generator, decay: f64) -> Self {
        let mut trained = Trained::<InnerBackend<P>>::default();
        generator.visit(&mut WithGradient(&mut trained.weights));
        // `valid` brings pending running statistics in; a visit of the generator would not.
        generator.valid().visit(&mut trained);
        let Self {
            generator,
            standing,
            frozen,
            handed_out,
        } = self;
        // It holds the weights, which could not be changed where they lie.
        drop(handed_out);
        let average = generator.map(&mut Towards { trained, decay });
        Self::of(average, standing).with_frozen_statistics(frozen)
    }

    /// What is stored of it.
    pub(crate) fn stored(&self) -> Vec<Stored> {
        records::of::<InnerBackend<P>, _>(&self.generator)
    }

    /// Its parameters, as they are stored.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        records::parameters::<InnerBackend<P>, _>(&self.generator)
    }

    /// The average with these tensors, which were found to fit it.
    pub(crate) fn restored(&self, stored: Vec<Stored>) -> Result<Self, String> {
        let generator = records::put::<InnerBackend<P>, _>(stored, self.average())?;
        Ok(Self::of(generator, None))
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
    #[inline(never)]
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

crate::compiled::compiled! {
    <Towards<Plain> as burn::module::ModuleMapper<Plain>>::map_float::<1>,
    <Towards<Plain> as burn::module::ModuleMapper<Plain>>::map_float::<2>,
    <Towards<Plain> as burn::module::ModuleMapper<Plain>>::map_float::<4>,
}
