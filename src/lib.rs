//! Generative adversarial networks on [burn]: any backend, exact gradient penalties, training
//! that a seed decides to the last bit.
//!
//! A GAN learns the distribution of a data set and makes new samples of it. Two networks play
//! against each other: a *generator* turns latents into samples, a *discriminator* tells them from
//! real ones. You bring two modules (or take stock ones from [`models`]), name an
//! [`Objective`](objective::Objective), and let a [`Trainer`](train::Trainer) run:
//!
//! ```
//! use burn_gan::burn::backend::{Autodiff, Flex};
//! use burn_gan::data::{MemoryDataset, Mixture};
//! use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
//! use burn_gan::nn::Activation;
//! use burn_gan::network::Generator;
//! use burn_gan::objective::{Loss, Objective, Term};
//! use burn_gan::random::Stream;
//! use burn_gan::train::{Trainer, TrainerConfig};
//! use burn_gan::step::OptimizerConfig;
//! use burn_gan::{Gan, Latent};
//!
//! type B = Autodiff<Flex>;
//! let device = Default::default();
//!
//! // Data: 1,000 points on a ring of eight Gaussians.
//! let points = Mixture::ring().sample(1_000, &mut Stream::new(42, "data"));
//! let data = MemoryDataset::<2>::new(points, [2])?;
//!
//! // Networks: latents of four numbers to points of the plane, points to logits.
//! let latent = Latent::normal(4);
//! let generator = MlpGeneratorConfig::new(4, [2])
//!     .with_hidden([32, 32])
//!     .with_output(Activation::Identity);
//! let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([32, 32]);
//! let gan = Gan::<_, _, B>::seeded(
//!     generator.init(&device)?,
//!     discriminator.init(&device)?,
//!     42,
//!     &device,
//! );
//!
//! // Training: the non-saturating loss with an exact R1 penalty.
//! let config = TrainerConfig::new(50, 64, latent.clone())
//!     .with_seed(42)
//!     .with_objective(Objective::new(Loss::NonSaturating).with_term(Term::r1(0.05)))
//!     .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99));
//! let run = Trainer::new(config, &device)?.run(gan, &data)?;
//!
//! // New samples, without a tape.
//! let generator = run.state.sampler();
//! let z = latent.draw(10, &mut Stream::new(42, "samples"), &device);
//! assert_eq!(generator.generate(z, &()).dims(), [10, 2]);
//! # Ok::<(), burn_gan::Error>(())
//! ```
//!
//! | module | what is in it |
//! |---|---|
//! | [`network`] | the traits that networks implement, [`Gan`] joins two of them |
//! | [`objective`] | losses × pairings × penalties, with exact second-order gradients |
//! | [`train`] | the pure step, the trainer, checkpoints, health watch, schedules, observers |
//! | [`models`] | stock networks: perceptrons, DCGAN; saved generators |
//! | [`data`] | folders of pictures, MNIST's and CIFAR's formats, arrays, tables, mixtures, seeded batches |
//! | [`divergence`] | where GANs come from: likelihood, KL, JS, the optimal discriminator |
//! | [`metrics`], [`report`] | how good a generator is, in numbers that can be compared; a file that says so |
//! | `protocol` | published protocols with their tables (feature `metrics`) |
//! | `plot` | charts and image grids (feature `plot`) |
//! | [`latent`] | the prior, truncation, paths between latents |
//! | [`process`] | one run in many processes (feature `mpi` brings MPI) |
//! | [`nn`], [`random`] | layers that can be differentiated twice and are fast on a CPU; randomness owned by the run |
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `flex` | yes | the fast CPU backend |
//! | `plot` | yes | SVG charts and PNG grids |
//! | `images` | yes | folders of pictures as data sets |
//! | `arrays` | yes | numpy's arrays (.npy, .npz) and images in CSV files as data sets |
//! | `metrics` | yes | metrics that need linear algebra, and published protocols (`protocol`) |
//! | `tables` | | tables with columns of several kinds: CSV, their transform, networks, scores |
//! | `ndarray` | | the reference CPU backend |
//! | `wgpu` | | GPUs through Vulkan, Metal or DirectX 12, with autotune and fusion |
//! | `mpi` | | data-parallel training in processes that `mpirun` or Slurm starts |
//! | `dashboard` | | burn's terminal dashboard as an observer |
//! | `download` | | MNIST from the network |
//!
//! A project with a backend of its own turns the default features off and pulls in none of them.
//! The crate pairs with burn 0.21, re-exported as [`burn`].

pub use burn;

mod activation;
mod compiled;
pub mod data;
pub mod divergence;
mod error;
mod files;
mod gan;
mod json;
#[cfg(feature = "flex")]
mod kernels;
pub mod latent;
pub mod metrics;
pub mod models;
pub mod network;
pub mod nn;
#[cfg(any(feature = "arrays", feature = "metrics"))]
mod npy;
#[cfg(any(feature = "files", feature = "metrics"))]
mod npy_write;
pub mod objective;
mod pair;
#[cfg(feature = "plot")]
pub mod plot;
pub mod prelude;
pub mod process;
#[cfg(feature = "metrics")]
pub mod protocol;
pub mod random;
mod readback;
mod records;
pub mod report;
#[cfg_attr(
    not(any(feature = "flex", feature = "ndarray", feature = "wgpu")),
    allow(dead_code)
)]
mod retyped;
pub mod sampling;
mod settings;
mod sizes;
pub mod step;
mod terminal;
#[cfg(test)]
mod testing;
mod text;
pub mod train;

pub use error::{Error, Result};
pub use gan::{Gan, GanRecord, GanRecordItem};
pub use latent::Latent;
pub use pair::{GanOf, InnerBackend, LiftedSample, Pair, Sampler};

// README's program is compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
