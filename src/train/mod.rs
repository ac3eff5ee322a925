//! Training: a pure step, and a trainer above it.
//!
//! [`step()`] turns a state and a batch into the next state; it reads no data, writes no file
//! and asks the device for no number. [`Trainer`] brings it data, latents and schedules, and
//! calls observers; everything a run shows or stores is an observer's doing.

mod adam;
mod history;
mod hooks;
mod observer;
mod optimizer;
mod progress;
mod schedule;
mod step;
#[cfg(test)]
mod tests;
mod trainer;

pub use history::{History, Reading};
pub use hooks::Hooks;
pub use observer::{Observer, Rhythm, StepEvent};
pub use optimizer::{NetworkOptimizer, OptimizerConfig};
pub use progress::Progress;
pub use schedule::Schedule;
pub use step::{RateFactors, StepBatch, StepOutcome, TrainState, step};
pub use trainer::{Trainer, TrainerConfig};
