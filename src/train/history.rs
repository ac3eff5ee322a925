//! The losses of a run, kept for charts and reports.

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{ElementConversion, Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use super::{Observer, StepEvent};
use crate::divergence::js_lower_bound;
use crate::error::Result;
use crate::network::{TrainableDiscriminator, TrainableGenerator};

/// One reading of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Steps made.
    pub step: u64,
    /// The discriminator's loss without penalties.
    pub discriminator_loss: f64,
    /// The generator's loss without penalties.
    pub generator_loss: f64,
    /// The discriminator's weighted penalties; `None` where none was due.
    pub penalty: Option<f64>,
    /// The generator's weighted penalties; `None` where none was due.
    pub generator_penalty: Option<f64>,
    /// The lower bound on JS(p_data ‖ p_g) that the logits show, in nats
    /// ([`js_lower_bound`]).
    pub js_lower_bound: f64,
}

/// An observer that keeps a [`Reading`] each time it is called.
///
/// Each reading waits for the device: give it a rhythm of tens of steps on a GPU.
#[derive(Debug, Clone, Default)]
pub struct History {
    readings: Vec<Reading>,
}

impl History {
    /// An empty history.
    pub fn new() -> Self {
        Self::default()
    }

    /// The readings so far, in the order of their steps.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }
}

/// One number read back from the device.
pub(super) fn scalar<B: Backend>(tensor: &Tensor<B, 1>) -> f64 {
    tensor.clone().into_scalar().elem()
}

impl<G, D, B> Observer<G, D, B> for &mut History
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    fn observe(&mut self, event: &StepEvent<'_, G, D, B>) -> Result<()> {
        let outcome = event.outcome;
        let bound = js_lower_bound(outcome.real_logits.clone(), outcome.fake_logits.clone());
        self.readings.push(Reading {
            step: event.step,
            discriminator_loss: scalar(&outcome.discriminator_loss),
            generator_loss: scalar(&outcome.generator_loss),
            penalty: outcome.penalty.as_ref().map(scalar),
            generator_penalty: outcome.generator_penalty.as_ref().map(scalar),
            js_lower_bound: scalar(&bound),
        });
        Ok(())
    }
}
