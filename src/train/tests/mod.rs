//! The step's and the trainer's contracts, on every backend.

mod contract;
mod fast_layers;
mod objectives;
mod parity;
