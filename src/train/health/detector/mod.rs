//! One detector a file: what it remembers, and how it judges a reading.

mod collapse;
mod divergence;
mod gradients;
mod losses;
mod memory;
mod narrow_modes;
mod non_finite;
mod onset;
mod overfitting;
mod saturation;
mod stall;
mod usual;
mod worsening;

pub(super) use collapse::CollapseState;
pub(super) use divergence::DivergenceState;
pub(super) use gradients::GradientState;
pub(super) use losses::LossState;
pub(super) use memory::MemoryState;
pub(super) use narrow_modes::NarrowModesState;
pub(super) use non_finite::NonFiniteState;
pub(super) use onset::{Now, Onset};
pub(super) use overfitting::{OverfittingState, WINDOW as OVERFITTING_WINDOW};
pub(super) use saturation::SaturationState;
pub(super) use stall::StallState;
pub(super) use worsening::WorseningState;
