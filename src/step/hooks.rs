//! Places in a step where a run can step in.

use crate::pair::Pair;
use burn::optim::GradientsParams;

use super::OptimizerConfig;

/// What a run does inside a step beside the two updates.
///
/// For what [`TrainerConfig`](crate::train::TrainerConfig) has no setting for: it clips gradients,
/// adds them up over micro-batches and moves settings by ramps itself. Gradients come keyed by
/// parameter id, before clipping, and may be changed or only looked at. What hooks remember is not
/// in checkpoints. All methods do nothing by default; `()` is the hooks of a run that needs none.
pub trait Hooks<P: Pair> {
    /// The settings of the generator's and the discriminator's optimiser for step `step` (from
    /// 0), made from those of the run, ramps applied. What the optimisers remember stays.
    fn optimizers(
        &mut self,
        _step: u64,
        generator: OptimizerConfig,
        discriminator: OptimizerConfig,
    ) -> (OptimizerConfig, OptimizerConfig) {
        (generator, discriminator)
    }

    /// Before each discriminator step: a place for constraints on the weights and for layers
    /// whose buffers are updated by an explicit call.
    fn before_discriminator_step(&mut self, discriminator: P::Discriminator) -> P::Discriminator {
        discriminator
    }

    /// The discriminator's gradients, before its optimiser takes them.
    fn discriminator_gradients(
        &mut self,
        _discriminator: &P::Discriminator,
        gradients: GradientsParams,
    ) -> GradientsParams {
        gradients
    }

    /// The generator's gradients, before its optimiser takes them.
    fn generator_gradients(
        &mut self,
        _generator: &P::Generator,
        gradients: GradientsParams,
    ) -> GradientsParams {
        gradients
    }
}

impl<P: Pair> Hooks<P> for () {}
