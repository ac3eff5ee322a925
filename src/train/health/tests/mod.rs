//! The watch on planted faults, on healthy runs, and across a checkpoint.

mod planted;
mod quiet;
mod series;
mod stored;
