//! Adam and AdamW.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Adam, with decoupled weight decay where that is not 0; the formulas stand at
/// [`OptimizerConfig`](super::OptimizerConfig).
///
/// On the CPU backend Flex a step is one pass over each parameter, in place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Adam {
    pub(crate) beta_1: f32,
    pub(crate) beta_2: f32,
    pub(crate) epsilon: f32,
    pub(crate) weight_decay: f64,
}

/// The numbers of one step.
struct Corrections {
    /// learning rate·√(1 − β₂ᵗ)/(1 − β₁ᵗ)
    rate: f64,
    /// ε·√(1 − β₂ᵗ): with it the second moment needs no correction of its own.
    epsilon: f64,
    /// 1 − learning rate·decay
    decay: f64,
}

impl Adam {
    fn corrections(&self, rate: f64, time: u64) -> Corrections {
        // In f64: 1 − .999ᵗ has only four digits in f32.
        let time = i32::try_from(time).unwrap_or(i32::MAX);
        let missing = |beta: f32| 1.0 - f64::from(beta).powi(time);
        let root = missing(self.beta_2).sqrt();
        Corrections {
            rate: rate * root / missing(self.beta_1),
            epsilon: f64::from(self.epsilon) * root,
            decay: 1.0 - rate * self.weight_decay,
        }
    }
}

/// What Adam remembers of a parameter: how many steps it has seen, and its two moments.
pub(crate) type Moments<B, const D: usize> = (u64, [Tensor<B, D>; 2]);

impl Adam {
    /// One step of a parameter.
    pub(crate) fn step<B: Backend, const D: usize>(
        &self,
        rate: f64,
        parameter: Tensor<B, D>,
        gradient: Tensor<B, D>,
        memory: Option<Moments<B, D>>,
    ) -> (Tensor<B, D>, Moments<B, D>) {
        let (time, moments) = match memory {
            Some((time, moments)) => (time + 1, Some(moments)),
            None => (1, None),
        };
        let corrections = self.corrections(rate, time);
        #[cfg(feature = "flex")]
        if crate::kernels::adam_suits(&parameter, &gradient) {
            let numbers = crate::kernels::AdamStep {
                beta_1: self.beta_1,
                beta_2: self.beta_2,
                rate: corrections.rate as f32,
                epsilon: corrections.epsilon as f32,
                decay: corrections.decay as f32,
            };
            let [parameter, moment_1, moment_2] =
                crate::kernels::adam(parameter, gradient, moments, numbers);
            return (parameter, (time, [moment_1, moment_2]));
        }
        let fresh_1 = gradient.clone().mul_scalar(1.0 - self.beta_1);
        let fresh_2 = gradient.square().mul_scalar(1.0 - self.beta_2);
        let [moment_1, moment_2] = match moments {
            Some([first, second]) => [
                first.mul_scalar(self.beta_1) + fresh_1,
                second.mul_scalar(self.beta_2) + fresh_2,
            ],
            None => [fresh_1, fresh_2],
        };
        let scale = moment_2.clone().sqrt().add_scalar(corrections.epsilon);
        let change = (moment_1.clone() / scale).mul_scalar(corrections.rate);
        let parameter = if self.weight_decay == 0.0 {
            parameter
        } else {
            parameter.mul_scalar(corrections.decay)
        };
        (parameter - change, (time, [moment_1, moment_2]))
    }
}
