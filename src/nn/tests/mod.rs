//! The layers against PyTorch, against burn, and at their edges.

mod behaviour;
mod fixed_statistics;
mod golden;
mod images;
mod operations;
mod properties;
mod rearranged;
mod series;
mod synchronized;
