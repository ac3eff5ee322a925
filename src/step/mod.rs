//! One step of training: what changes weights, without data, files or clocks.
//!
//! [`step()`] turns a state and its batches into the next state; it reads no data, writes no file
//! and asks the device for no number. What looks after a run is in [`train`](crate::train).

mod adam;
mod digest;
mod ema;
mod gradients;
mod hooks;
mod one;
mod optimizer;
mod vitals;

pub use ema::{Ema, EmaConfig, StandingStatistics};
pub use hooks::Hooks;
pub(crate) use one::guarded_step;
pub use one::{RateFactors, StepBatch, StepOutcome, StepSettings, TrainState, step};
pub use optimizer::{NetworkOptimizer, OptimizerConfig};
pub(crate) use vitals::diversity;
pub use vitals::{GradientNorms, Vitals};
