//! How good a generator is: one file per metric.

mod mode_coverage;

pub use mode_coverage::ModeCoverage;
