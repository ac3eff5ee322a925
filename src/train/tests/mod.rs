//! The step's and the trainer's contracts, on every backend.

mod contract;
mod ema;
mod failures;
mod fast_image_networks;
mod fast_layers;
mod frozen_norms;
mod health;
mod loading;
mod micro_batches;
pub(in crate::train) mod networks;
mod objectives;
mod packs;
mod parity;
