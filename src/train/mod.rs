//! Training: what looks after a run, and can be trusted with a long one.
//!
//! [`step()`](crate::step::step()) turns a state and a batch into the next state; it reads no data,
//! writes no file and asks the device for no number. [`Trainer`] brings it data, latents and
//! schedules, looks after the run's health, stores [`Checkpoints`] that a run goes on from bit for
//! bit, and calls observers; everything a run shows is an observer's doing.

mod checkpoint;
mod classifier;
mod config;
mod drawn;
mod evaluator;
mod evaluators;
mod feed;
pub mod health;
mod health_check;
mod interrupt;
mod limits;
mod memories;
mod notice;
mod observer;
mod observers;
mod preflight;
mod ramp;
mod reading;
mod run;
mod schedule;
mod session;
mod snapshot;
#[cfg(test)]
mod tests;
mod together;
mod trainer;

pub use checkpoint::{Checkpoints, Start, StoredRun, best_checkpoint};
pub use classifier::{Beside, ClassifierStep, ClassifierTraining, Targets};
pub use config::TrainerConfig;
pub use evaluator::{Evaluator, EvaluatorFn, measure_fn};
pub use evaluators::SampleScores;
pub(crate) use health::{Finding, HealthConfig, HealthState, HealthWatch, LossReading, Policy};
pub use interrupt::Interrupt;
pub use limits::Limits;
pub use memories::Memories;
pub use notice::Notice;
pub use observer::{Observer, ObserverFn, Rhythm, StepEvent, observe_fn};
#[cfg(feature = "dashboard")]
pub use observers::Dashboard;
pub use observers::{History, JsonLines, Progress, Required, Tolerated};
#[cfg(feature = "plot")]
pub use observers::{Interpolations, LossChart, SampleGrid};
pub use preflight::Warning;
pub use ramp::{Curve, Ramp};
pub use reading::{Measurement, Reading};
pub use run::{Ending, Run};
pub use schedule::{Schedule, warm_up};
pub use trainer::Trainer;
