//! The health watch: what goes wrong in the training of GANs, found and explained.
//!
//! A trainer measures [`VitalSigns`] every so many steps and hands them to a [`HealthWatch`], which
//! answers with [`Finding`]s: what was seen, in numbers, why that happens in GANs, and what to
//! try. What a run does about a finding is its [`Policy`]. All of this is arithmetic on a few
//! numbers on the host; nothing here touches a tensor.

mod config;
mod detector;
mod finding;
mod policy;
mod signs;
#[cfg(test)]
mod tests;
mod text;
mod watch;

pub use config::{
    Collapse, Divergence, Explosion, HealthConfig, MemoryGrowth, Overfitting, Saturation, Stall,
    Vanishing, Worsening,
};
pub use finding::{Finding, FindingKind, LossPart, NonFinite};
pub use policy::Policy;
pub use signs::{
    DiversityReading, GradientReading, HeldOutReading, LogitReading, LossReading, VitalSigns,
};
pub use watch::{HealthState, HealthWatch};
