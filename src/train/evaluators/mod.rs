//! Evaluators that come with the crate, one file each.

mod sample_scores;

pub use sample_scores::SampleScores;
