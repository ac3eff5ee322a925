//! The step's and the trainer's contracts, on every backend.

mod contract;
mod ema;
mod fast_layers;
mod health;
mod micro_batches;
mod objectives;
mod parity;
