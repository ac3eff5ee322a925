//! Weight clipping.

use burn::module::{AutodiffModule, ModuleMapper, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

/// Clips every trainable number of a module to `[−limit, limit]`.
///
/// ```text
/// w ← max(−c, min(c, w))
/// ```
///
/// Parameters only: running statistics, the vectors of spectral normalisation and whatever else
/// takes no gradient stay as they are. The first way to keep a Wasserstein critic's slope bounded;
/// the gradient penalty is the better one. Arjovsky, Chintala, Bottou 2017, arXiv:1701.07875.
pub fn clip_weights<B: AutodiffBackend, M: AutodiffModule<B>>(module: M, limit: f64) -> M {
    module.map(&mut Clipper(limit))
}

struct Clipper(f64);

impl<B: AutodiffBackend> ModuleMapper<B> for Clipper {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        if !param.is_require_grad() {
            return param;
        }
        param.map(|weight| {
            let clipped = weight.inner().clamp(-self.0, self.0);
            Tensor::from_inner(clipped).require_grad()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialize;
    use crate::nn::{Linear, LinearConfig};
    use crate::testing::{for_each_autodiff_backend, gradients, parameters};
    use burn::module::Module;
    use burn::nn::{BatchNorm, BatchNormConfig};
    use burn::tensor::backend::Backend;

    #[derive(Module, Debug)]
    struct Normed<B: Backend> {
        linear: Linear<B>,
        norm: BatchNorm<B>,
    }

    fn parameters_are_clipped_and_running_statistics_are_not<B: AutodiffBackend>() {
        let device = Default::default();
        let network = Normed::<B> {
            linear: LinearConfig::new(3, 4).init(&device),
            norm: BatchNormConfig::new(4).init(&device),
        };
        initialize(&network);
        // Moves the running statistics off their start.
        let x = network
            .linear
            .forward(Tensor::<B, 2>::ones([5, 3], &device));
        let _ = network.norm.forward(x);
        let before = parameters::<B, _>(&network);
        let clipped = clip_weights::<B, _>(network, 0.1);
        let after = parameters::<B, _>(&clipped);
        // Weight, bias, γ, β; then running mean and variance.
        for (before, after) in before[..4].iter().zip(&after[..4]) {
            for (before, after) in before.iter().zip(after) {
                assert!((after - before.clamp(-0.1, 0.1)).abs() < 1e-8);
            }
        }
        assert!(before[0].iter().any(|w| w.abs() > 0.1), "something to clip");
        assert_eq!(before[4..], after[4..]);
        assert!(after[5].iter().any(|v| *v > 0.1), "statistics out of range");
        // Still to be trained.
        let y = clipped
            .linear
            .forward(Tensor::<B, 2>::ones([5, 3], &device));
        let gradients = gradients::<B, _>(&clipped, &y.sum().backward());
        assert!(gradients[0].iter().all(|g| *g != 0.0));
    }

    for_each_autodiff_backend!(parameters_are_clipped_and_running_statistics_are_not);
}
