//! The norms of a network's gradients.

use std::collections::HashSet;

use burn::module::{AutodiffModule, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use crate::network;

/// Keeps a norm from being divided by 0, as in PyTorch.
const EPSILON: f64 = 1e-6;

/// ‖g‖² of each parameter that has a gradient, in visiting order: `[parameters]`, and on the
/// device.
pub(super) fn squared_norms<B: AutodiffBackend, M: AutodiffModule<B>>(
    module: &M,
    gradients: &GradientsParams,
    device: &B::Device,
) -> Tensor<B::InnerBackend, 1> {
    let mut squares = Squares::<B> {
        gradients,
        squares: Vec::new(),
    };
    module.visit(&mut squares);
    if squares.squares.is_empty() {
        return Tensor::from_data(TensorData::from([0.0f32; 0]), device);
    }
    Tensor::cat(squares.squares, 0)
}

/// The names of the parameters that [`squared_norms`] has a number for.
pub(super) fn names<B: AutodiffBackend, M: AutodiffModule<B>>(
    module: &M,
    gradients: &GradientsParams,
) -> Vec<String> {
    let mut with = WithGradient {
        gradients,
        ids: HashSet::new(),
    };
    module.visit(&mut with);
    network::names(module, &with.ids)
}

/// Adds `more` to a network's gradients.
pub(super) fn add<B: AutodiffBackend, M: AutodiffModule<B>>(
    module: &M,
    sum: &mut GradientsParams,
    more: GradientsParams,
) {
    struct Add<'a> {
        sum: &'a mut GradientsParams,
        more: GradientsParams,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for Add<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let Some(more) = self.more.remove::<B::InnerBackend, D>(param.id) else {
                return;
            };
            let sum = match self.sum.remove::<B::InnerBackend, D>(param.id) {
                Some(sum) => sum + more,
                None => more,
            };
            self.sum.register(param.id, sum);
        }
    }
    module.visit(&mut Add { sum, more });
}

/// Scales all gradients of a network down so that their norm together is at most `limit`.
///
/// ```text
/// g ← g·min(1, limit/(‖g‖ + 10⁻⁶))
/// ```
pub(super) fn clip_norm<B: AutodiffBackend, M: AutodiffModule<B>>(
    module: &M,
    gradients: GradientsParams,
    squared_norms: Tensor<B::InnerBackend, 1>,
    limit: f64,
) -> GradientsParams {
    let norm = squared_norms.sum().sqrt();
    let factor = norm.add_scalar(EPSILON).recip().mul_scalar(limit);
    let mut scale = Scale::<B> {
        from: gradients,
        to: GradientsParams::new(),
        // Not a number stays what it is: the health watch is to find it.
        factor: factor.clamp_max(1.0),
    };
    module.visit(&mut scale);
    scale.to
}

struct Squares<'a, B: AutodiffBackend> {
    gradients: &'a GradientsParams,
    squares: Vec<Tensor<B::InnerBackend, 1>>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Squares<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.gradients.get::<B::InnerBackend, D>(param.id) {
            self.squares.push(squared_norm(gradient));
        }
    }
}

/// ‖x‖², `[1]`.
#[inline(never)]
fn squared_norm<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, 1> {
    #[cfg(feature = "flex")]
    if let Some(sum) = crate::kernels::sum_of_squares(&x) {
        return Tensor::from_data(TensorData::from([sum as f32]), &x.device());
    }
    // Row by row first: some backends add a very large tensor in no fixed order.
    if D < 2 {
        return x.square().sum();
    }
    x.square().sum_dim(D - 1).sum()
}

/// The ids of the parameters that have a gradient.
struct WithGradient<'a> {
    gradients: &'a GradientsParams,
    ids: HashSet<ParamId>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for WithGradient<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let gradient = self.gradients.get::<B::InnerBackend, D>(param.id);
        if gradient.is_some() {
            self.ids.insert(param.id);
        }
    }
}

struct Scale<B: AutodiffBackend> {
    from: GradientsParams,
    to: GradientsParams,
    factor: Tensor<B::InnerBackend, 1>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Scale<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.from.remove::<B::InnerBackend, D>(param.id) {
            let scaled = scaled(gradient, &self.factor);
            self.to.register::<B::InnerBackend, D>(param.id, scaled);
        }
    }
}

#[cfg(feature = "flex")]
use crate::kernels::scaled;

/// x times the number in `factor`, `[1]`.
#[cfg(not(feature = "flex"))]
fn scaled<B: Backend, const D: usize>(x: Tensor<B, D>, factor: &Tensor<B, 1>) -> Tensor<B, D> {
    x * factor.clone().reshape([1; D])
}

crate::compiled::compiled! {
    squared_norm::<Plain, 1>,
    squared_norm::<Plain, 2>,
    squared_norm::<Plain, 4>,
}
