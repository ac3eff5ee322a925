//! Sines and cosines of the input, beside it.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use crate::error::{Error, Result, check};
use crate::settings::settings;
use crate::sizes;

settings! {
/// Gives a network the input's sines and cosines at some frequencies beside the input itself.
///
/// ```text
/// y = (x, sin(f₁·x), cos(f₁·x), sin(f₂·x), cos(f₂·x), …)        each coordinate by itself
/// ```
///
/// Shapes: `[batch, d]` to `[batch, d·(1 + 2n)]` for n frequencies. Frequencies are angular, in
/// radians for one unit of the data: sin(f·x) turns from its lowest to its highest value over π/f.
/// None are learnt.
///
/// Perceptrons learn what varies slowly first and what varies within a hundredth of the data's extent
/// hardly at all (Rahaman et al. 2018, *On the spectral bias of neural networks*, arXiv:1806.08734).
/// A discriminator that does not see such detail lets generated modes be narrower than the data's.
/// Frequencies of up to half the inverse of the finest detail make it visible (Tancik et al. 2020,
/// *Fourier features let networks learn high frequency functions in low dimensional domains*,
/// arXiv:2006.10739). High frequencies also fill the discriminator with local hills that samples far
/// from the data do not get over: keep them from the run's beginning by noise on both batches that
/// goes to 0 on the way. `docs/objectives.md` has measurements of both.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::FourierFeatures;
///
/// let points = Tensor::<Flex, 2>::ones([8, 2], &Default::default());
/// let features = FourierFeatures::new([4.0, 16.0]);
/// assert_eq!(features.forward(points).dims(), [8, features.width(2)]);
/// assert_eq!(features.width(2), 10);
/// ```
#[derive(Module, Debug, Clone, PartialEq, Serialize)]
pub struct FourierFeatures {
    /// The frequencies, in radians for one unit of the data; none leave the input as it is.
    pub frequencies: Vec<f64>,
}
}

impl FourierFeatures {
    /// Sines and cosines at these frequencies.
    pub fn new(frequencies: impl Into<Vec<f64>>) -> Self {
        Self {
            frequencies: frequencies.into(),
        }
    }

    /// Checks the frequencies.
    ///
    /// # Errors
    /// If one of them is not a finite number above 0, or there are over 1,000.
    pub fn validate(&self) -> Result<()> {
        check::at_most("frequencies.len()", self.frequencies.len(), sizes::REPEATS)?;
        let wrong = |frequency: &&f64| !(**frequency > 0.0 && frequency.is_finite());
        match self.frequencies.iter().find(wrong) {
            None => Ok(()),
            Some(frequency) => Err(Error::setting(
                "frequencies",
                frequency,
                "must all be finite numbers above 0",
            )),
        }
    }

    /// Numbers that come out for `features` that go in.
    pub fn width(&self, features: usize) -> usize {
        features * (1 + 2 * self.frequencies.len())
    }

    /// Applies the layer, `[batch, d]` to `[batch, d·(1 + 2n)]`.
    pub fn forward<B: Backend>(&self, input: Tensor<B, 2>) -> Tensor<B, 2> {
        if self.frequencies.is_empty() {
            return input;
        }
        let mut parts = vec![input.clone()];
        for frequency in &self.frequencies {
            let angle = input.clone().mul_scalar(*frequency);
            parts.extend([angle.clone().sin(), angle.cos()]);
        }
        Tensor::cat(parts, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_autodiff_backend, on_wgpu, tensor2, values};
    use burn::tensor::backend::AutodiffBackend;

    fn sines_and_cosines_stand_beside_the_input<B: AutodiffBackend>() {
        let x = tensor2::<B, 2>([[0.5, -1.0], [0.0, 2.0]]).require_grad();
        let layer = FourierFeatures::new([1.0, 3.0]);
        let y = layer.forward(x.clone());
        let expected: Vec<f64> = [[0.5f64, -1.0], [0.0, 2.0]]
            .iter()
            .flat_map(|[a, b]| {
                let of = |f: f64| [(f * a).sin(), (f * b).sin(), (f * a).cos(), (f * b).cos()];
                [vec![*a, *b], of(1.0).to_vec(), of(3.0).to_vec()].concat()
            })
            .collect();
        assert_close(&values(y.clone()), &expected, 1e-5, 1e-6);
        // The derivative of x + Σ sin(f·x) + cos(f·x).
        let gradient = x.grad(&y.sum().backward()).expect("a gradient");
        let slope = |x: f64| {
            let of = |f: f64| f * ((f * x).cos() - (f * x).sin());
            1.0 + of(1.0) + of(3.0)
        };
        let expected = [0.5, -1.0, 0.0, 2.0].map(slope);
        assert_close(&values(gradient), &expected, 1e-5, 1e-5);
    }

    for_each_autodiff_backend!(sines_and_cosines_stand_beside_the_input);
    on_wgpu!(Autodiff<Wgpu>; sines_and_cosines_stand_beside_the_input);

    #[test]
    fn without_frequencies_the_input_stays() {
        let x = tensor2::<burn::backend::NdArray<f32>, 2>([[0.5, -1.0]]);
        let y = FourierFeatures::new([]).forward(x);
        assert_eq!(values(y), [0.5, -1.0]);
        assert_eq!(FourierFeatures::new([]).width(7), 7);
    }

    #[test]
    fn frequencies_must_be_positive() {
        assert!(FourierFeatures::new([0.5, 64.0]).validate().is_ok());
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = FourierFeatures::new([4.0, wrong]).validate().unwrap_err();
            assert!(error.to_string().contains("`frequencies`"), "{error}");
        }
        assert!(FourierFeatures::new(vec![1.0; 1_001]).validate().is_err());
    }
}
