//! The step's and the trainer's contracts, on every backend.

mod contract;
mod objectives;
mod parity;
