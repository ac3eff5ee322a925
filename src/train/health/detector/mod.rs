//! One detector a file: what it remembers, and how it judges a reading.

mod collapse;
mod gradients;
mod losses;
mod memory;
mod non_finite;
mod onset;
mod overfitting;
mod saturation;
mod usual;

pub(super) use collapse::CollapseState;
pub(super) use gradients::GradientState;
pub(super) use losses::LossState;
pub(super) use memory::MemoryState;
pub(super) use non_finite::NonFiniteState;
pub(super) use onset::Now;
pub(super) use overfitting::{OverfittingState, WINDOW as OVERFITTING_WINDOW};
pub(super) use saturation::SaturationState;
