//! A protocol's numbers while a run goes on.

use std::fmt;
use std::marker::PhantomData;

use burn::tensor::backend::AutodiffBackend;

use super::{Protocol, Samples};
use crate::error::Result;
use crate::gan::Gan;
use crate::train::{Evaluator, StepEvent};

/// An evaluator that scores a run's generator by its protocol: the numbers of the protocol's table,
/// through time. Samples are of the same latents at every call.
pub struct ProtocolScores<'a, T, B: AutodiffBackend, const R: usize> {
    protocol: &'a T,
    device: &'a B::Device,
    backend: PhantomData<B>,
}

impl<T, B: AutodiffBackend, const R: usize> fmt::Debug for ProtocolScores<'_, T, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtocolScores").finish_non_exhaustive()
    }
}

impl<'a, T: Protocol<B, R>, B: AutodiffBackend, const R: usize> ProtocolScores<'a, T, B, R> {
    /// Scores by this protocol.
    pub fn new(protocol: &'a T, device: &'a B::Device) -> Self {
        Self {
            protocol,
            device,
            backend: PhantomData,
        }
    }
}

impl<T, B, const R: usize> Evaluator<Gan<T::Generator, T::Discriminator, B>>
    for ProtocolScores<'_, T, B, R>
where
    T: Protocol<B, R>,
    B: AutodiffBackend,
{
    fn names(&self) -> Vec<String> {
        let columns = self.protocol.published().columns;
        columns.into_iter().map(|column| column.key).collect()
    }

    fn evaluate(
        &mut self,
        event: &StepEvent<'_, Gan<T::Generator, T::Discriminator, B>>,
    ) -> Result<Vec<f64>> {
        let sampler = event.state.sampler();
        let mut samples = Samples::new::<B::InnerBackend, _, R>(sampler, event.config, self.device);
        Ok(self.protocol.evaluate(&mut samples)?.numbers)
    }
}
