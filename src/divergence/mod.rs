//! From maximum likelihood to the adversarial game, as functions that can be run.
//!
//! A generator is trained so that its density p_g comes near the data's density p_data. This
//! module holds what "near" means, and what a discriminator knows about it:
//!
//! | Question | Answer |
//! |---|---|
//! | How well does a density explain samples? | [`mean_log_likelihood`], best Gaussian: [`fit_gaussian`] |
//! | What density do samples show, with no model at all? | [`Histogram`] |
//! | How far are two densities apart? | [`kl_divergence`], [`js_divergence`]; in closed form [`Gaussian::kl`], [`kl_diagonal`] |
//! | What is the best any discriminator can say? | [`optimal_discriminator`], [`optimal_logit`] |
//! | What is the game's value for a given discriminator? | [`value`] |
//! | What does a trained discriminator tell about the distance? | [`js_lower_bound`], [`js_lower_bound_from_slices`] |
//!
//! The whole derivation, step by step with the test that checks each step, is in
//! `docs/theory.md`.
//!
//! Every divergence is in nats (natural logarithm). One-dimensional densities are given as
//! closures of their *logarithm*: a density of e^-800 is 0 in floating point, its logarithm is an
//! ordinary number, and a density that really is 0 has the logarithm −∞.
//!
//! ```
//! use burn_gan::divergence::{Gaussian, Interval, js_divergence, optimal_logit, value};
//!
//! let data = Gaussian::new(3.0, 0.5)?;
//! let generator = Gaussian::new(2.0, 1.0)?;
//! let log_data = |x| data.log_density(x);
//! let log_generator = |x| generator.log_density(x);
//!
//! // The game's value at the optimal discriminator is 2·JS − 2 ln 2.
//! let interval = Interval::new(-8.0, 12.0, 1_000)?;
//! let js = js_divergence(log_data, log_generator, &interval);
//! let best = |x| optimal_logit(log_data(x), log_generator(x));
//! let at_best = value(log_data, log_generator, best, &interval);
//! assert!((at_best - (2.0 * js - 2.0 * 2_f64.ln())).abs() < 1e-12);
//! # Ok::<(), burn_gan::Error>(())
//! ```

mod discriminator;
mod gaussian;
#[cfg(test)]
mod gaussian_mixture;
mod likelihood;
mod quadrature;

pub use discriminator::{
    js_lower_bound, js_lower_bound_from_slices, optimal_discriminator, optimal_logit, value,
};
pub use gaussian::{Gaussian, kl_diagonal};
#[cfg(test)]
pub(crate) use gaussian_mixture::GaussianMixture;
pub use likelihood::{Histogram, fit_gaussian, mean_log_likelihood};
#[cfg(feature = "metrics")]
pub(crate) use quadrature::log_sigmoid;
pub use quadrature::{Interval, expectation, js_divergence, kl_divergence};
