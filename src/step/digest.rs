//! A training state in one line: equal for states that are equal bit for bit.

use crate::pair::Pair;
use burn::module::{AutodiffModule, Module, ModuleVisitor, Param, ParamId};
use burn::record::{DoublePrecisionSettings, Record};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use sha2::{Digest, Sha256};

use super::{NetworkOptimizer, TrainState};
use crate::text::hex;

impl<P: Pair> TrainState<P> {
    /// A SHA-256 over everything that the next step depends on: weights and buffers of both
    /// networks, the averaged generator, what the optimisers remember, what the objective carries,
    /// and the step. Two states with one digest are equal bit for bit; parameter ids, which are
    /// drawn anew in each process, do not count.
    ///
    /// It reads everything back from the device.
    pub fn digest(&self) -> String {
        let mut sum = Sum(Sha256::new());
        sum.0.update(self.step.to_le_bytes());
        // Running statistics may wait to be taken in; `valid` does it.
        let gan = self.gan.valid();
        gan.visit(&mut Values(&mut sum));
        if let Some(ema) = &self.ema {
            ema.average().visit(&mut Values(&mut sum));
        }
        self.generator_optimizer
            .digest(&self.gan.generator, &mut sum);
        self.discriminator_optimizer
            .digest(&self.gan.discriminator, &mut sum);
        sum.0
            .update(memory::<P::Backend, _>(self.objective.clone()));
        hex(&sum.0.finalize())
    }
}

/// The digest so far.
pub(super) struct Sum(Sha256);

impl Sum {
    fn tensor<B: Backend, const D: usize>(&mut self, tensor: Tensor<B, D>) {
        for size in tensor.dims() {
            self.0.update((size as u64).to_le_bytes());
        }
        // In the order of the shape, however it lies in memory.
        self.0.update(&*tensor.into_data().bytes);
    }
}

/// What a record holds; in double precision nothing of it is lost.
pub(super) fn memory<B: Backend, R: Record<B>>(record: R) -> Vec<u8> {
    let item = record.into_item::<DoublePrecisionSettings>();
    // Records are made to be serialised; a failure leaves a mark of its own.
    rmp_serde::to_vec(&item).unwrap_or_else(|error| error.to_string().into_bytes())
}

/// Adds up values, in visiting order.
struct Values<'a>(&'a mut Sum);

impl<B: Backend> ModuleVisitor<B> for Values<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.0.tensor(param.val());
    }
}

/// The ids of parameters, in visiting order.
struct Ids(Vec<ParamId>);

impl<B: Backend> ModuleVisitor<B> for Ids {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.0.push(param.id);
    }
}

impl<M: AutodiffModule<B>, B: AutodiffBackend> NetworkOptimizer<M, B> {
    /// Adds up what is remembered, in the visiting order of the parameters.
    fn digest(&self, module: &M, sum: &mut Sum) {
        let mut ids = Ids(Vec::new());
        module.visit(&mut ids);
        for (index, bytes) in self.memories(&ids.0) {
            sum.0.update((index as u64).to_le_bytes());
            sum.0.update(bytes);
        }
    }
}
