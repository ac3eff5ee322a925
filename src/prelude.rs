//! What most programs name: `use burn_gan::prelude::*;`.
//!
//! burn itself is in it, under its own name, as the derive of `Module` wants it.

pub use burn;
pub use burn::backend::Autodiff;
#[cfg(feature = "flex")]
pub use burn::backend::Flex;
pub use burn::module::Module;
pub use burn::tensor::Tensor;
pub use burn::tensor::backend::Backend;

pub use crate::data::{Dataset, MemoryDataset};
pub use crate::gan::Gan;
pub use crate::latent::Latent;
pub use crate::network::{Condition, Discriminator, Generator, Labels, Sample, Verdict};
pub use crate::objective::{Loss, Objective, Pairing, Term};
pub use crate::pair::Pair;
pub use crate::random::Stream;
pub use crate::step::{EmaConfig, OptimizerConfig};
pub use crate::train::{
    Checkpoints, History, Observer, Progress, Rhythm, Schedule, Start, StepEvent, Trainer,
    TrainerConfig, measure_fn, observe_fn,
};
