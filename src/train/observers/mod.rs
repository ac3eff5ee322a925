//! The observers that come with the crate, each called in the rhythm that it is given.

#[cfg(feature = "dashboard")]
mod dashboard;
mod failure;
mod history;
#[cfg(feature = "plot")]
mod interpolation;
mod json_lines;
#[cfg(feature = "plot")]
mod loss_chart;
mod progress;
#[cfg(feature = "plot")]
mod sample_grid;
#[cfg(test)]
mod tests;

#[cfg(feature = "dashboard")]
pub use dashboard::Dashboard;
pub use failure::{Required, Tolerated};
pub use history::History;
#[cfg(feature = "plot")]
pub use interpolation::Interpolations;
pub use json_lines::JsonLines;
#[cfg(feature = "plot")]
pub use loss_chart::LossChart;
pub use progress::Progress;
#[cfg(feature = "plot")]
pub use sample_grid::SampleGrid;
