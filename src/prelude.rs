//! What most programs name: `use burn_gan::prelude::*;`.
//!
//! burn itself is in it, under its own name, as the derive of `Module` wants it.

#[doc(no_inline)]
pub use burn;
#[doc(no_inline)]
pub use burn::backend::Autodiff;
#[cfg(feature = "flex")]
#[doc(no_inline)]
pub use burn::backend::Flex;
#[doc(no_inline)]
pub use burn::module::Module;
#[doc(no_inline)]
pub use burn::tensor::Tensor;
#[doc(no_inline)]
pub use burn::tensor::backend::Backend;

#[doc(no_inline)]
pub use crate::data::{Dataset, MemoryDataset};
#[doc(no_inline)]
pub use crate::gan::Gan;
#[doc(no_inline)]
pub use crate::latent::Latent;
#[doc(no_inline)]
pub use crate::network::{Condition, Discriminator, Generator, Labels, Sample, Verdict};
#[doc(no_inline)]
pub use crate::objective::{Loss, Objective, Pairing, Term};
#[doc(no_inline)]
pub use crate::pair::Pair;
#[doc(no_inline)]
pub use crate::random::Stream;
#[doc(no_inline)]
pub use crate::step::{EmaConfig, OptimizerConfig};
#[doc(no_inline)]
pub use crate::train::{
    Checkpoints, History, Observer, Progress, Rhythm, Schedule, Start, StepEvent, Trainer,
    TrainerConfig, measure_fn, observe_fn,
};
