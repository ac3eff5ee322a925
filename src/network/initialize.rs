//! Forces a module's parameters to be drawn.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Int, Tensor};

use crate::random::alone;

struct Toucher {
    /// Whether one was not drawn yet.
    drawn: bool,
}

impl<B: Backend> ModuleVisitor<B> for Toucher {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.drawn |= !param.is_initialized();
        let _ = param.val();
    }
    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<B, D, Int>>) {
        self.drawn |= !param.is_initialized();
        let _ = param.val();
    }
    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<B, D, Bool>>) {
        self.drawn |= !param.is_initialized();
        let _ = param.val();
    }
}

/// Draws every parameter of `module` that is not drawn yet, in visiting order.
///
/// burn draws a parameter at its first use, and a clone made before that draws other weights:
/// gradients taken through the clone then belong to no parameter of the original. Everything in
/// this crate that clones a module calls this first; calling it again costs nothing.
pub fn initialize<B: Backend, M: Module<B>>(module: &M) {
    draw(module);
}

/// As [`initialize`]; whether there was something to draw.
pub(crate) fn draw<B: Backend, M: Module<B>>(module: &M) -> bool {
    let _alone = alone();
    let mut toucher = Toucher { drawn: false };
    module.visit(&mut toucher);
    toucher.drawn
}
