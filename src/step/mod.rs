//! One step of training: what changes weights, without data, files or clocks.
//!
//! [`step()`] turns a state and its batches into the next state; it reads no data, writes no file
//! and asks the device for no number. What looks after a run is in [`train`](crate::train).

mod adam;
#[cfg(test)]
pub(crate) use adam::Adam;
mod batch;
mod digest;
mod ema;
mod flat;
mod gradients;
mod half;
mod hooks;
mod moments;
mod one;
mod optimizer;
mod settings;
mod state;
mod stored;
#[cfg(test)]
mod tests;
mod together;
#[cfg(test)]
mod together_tests;
mod vitals;

pub use batch::{Share, StepBatch, StyleMixing};
pub use ema::{Ema, EmaConfig, StandingStatistics};
pub use half::{
    HalfStep, apply, begin_discriminator, begin_step, discriminator_gradients, generator_gradients,
};
pub use hooks::Hooks;
pub(crate) use one::guarded_step;
pub use one::{StepOutcome, step, step_in_group};
pub use optimizer::{NetworkOptimizer, OptimizerConfig};
pub use settings::{RateFactors, StepSettings};
pub use state::TrainState;
pub(crate) use stored::{Part, StoredState};
pub(crate) use together::{Together, WISHES};
pub(crate) use vitals::diversity;
pub use vitals::{GradientNorms, Vitals};
