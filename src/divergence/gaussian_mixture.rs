//! A density with several peaks, for tests of what holds for any density.

use super::Gaussian;
use crate::error::{Result, check};

/// A weighted sum of Gaussian densities.
///
/// ```text
/// p(x) = Σ_i w_i N(x; mean_i, std_i²),   Σ_i w_i = 1
/// ```
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GaussianMixture {
    /// Logarithms of the weights (which sum to 1), each with its component.
    components: Vec<(f64, Gaussian)>,
}

impl GaussianMixture {
    /// The mixture of these (weight, component) pairs; the weights are divided by their sum.
    ///
    /// # Errors
    /// If there is no component, or a weight is not a finite number above 0.
    pub(crate) fn new(components: &[(f64, Gaussian)]) -> Result<Self> {
        check::at_least("components", components.len(), 1)?;
        for (index, (weight, _)) in components.iter().enumerate() {
            check::positive(&format!("components.{index}.weight"), *weight)?;
        }
        let total: f64 = components.iter().map(|(weight, _)| weight).sum();
        check::positive("components.weight.sum", total)?;
        Ok(Self {
            components: components
                .iter()
                .map(|(weight, component)| (weight.ln() - total.ln(), *component))
                .collect(),
        })
    }

    /// The density at `x`.
    pub(crate) fn density(&self, x: f64) -> f64 {
        self.log_density(x).exp()
    }

    /// The density's natural logarithm at `x`, in nats; finite where the density itself is too
    /// small for a floating-point number.
    pub(crate) fn log_density(&self, x: f64) -> f64 {
        let terms = || {
            self.components
                .iter()
                .map(|(log_weight, component)| log_weight + component.log_density(x))
        };
        let largest = terms().fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            // Infinitely far away (or x is NaN, which `max` skips): no finite term to scale by.
            return terms().sum();
        }
        largest + terms().map(|term| (term - largest).exp()).sum::<f64>().ln()
    }
}

mod tests {
    use super::*;

    fn gaussian(mean: f64, std: f64) -> Gaussian {
        Gaussian::new(mean, std).unwrap()
    }

    #[test]
    fn weights_are_validated_and_named() {
        assert!(GaussianMixture::new(&[]).is_err());
        let message = GaussianMixture::new(&[(1.0, gaussian(0.0, 1.0)), (0.0, gaussian(1.0, 1.0))])
            .unwrap_err()
            .to_string();
        assert!(message.contains("components.1.weight"), "{message}");
    }

    #[test]
    fn a_mixture_sums_its_components_and_survives_underflow() {
        let a = gaussian(-2.0, 0.5);
        let b = gaussian(1.0, 2.0);
        let both = GaussianMixture::new(&[(3.0, a), (1.0, b)]).unwrap();
        for x in [-5.0, -2.0, 0.0, 0.7, 9.0] {
            let expected = 0.75 * a.density(x) + 0.25 * b.density(x);
            assert!((both.density(x) / expected - 1.0).abs() < 1e-13);
        }
        // Far out only the wide component counts, although both densities are 0 in f64.
        let expected = 0.25_f64.ln() + b.log_density(500.0);
        assert!((both.log_density(500.0) / expected - 1.0).abs() < 1e-14);
        assert_eq!(both.density(f64::INFINITY), 0.0);
        assert!(both.log_density(f64::NAN).is_nan());
    }
}
