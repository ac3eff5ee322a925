//! A module's parameters by name.

use std::collections::HashSet;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Whether all numbers of a tensor are finite.
fn is_finite<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> bool {
    // In double precision no sum of single-precision squares overflows.
    #[cfg(feature = "flex")]
    if let Some(sum) = crate::kernels::sum_of_squares(&tensor) {
        return sum.is_finite();
    }
    let numbers = tensor.into_data();
    numbers.iter::<f64>().all(f64::is_finite)
}

/// The names of the parameters that hold a number that is not finite; all are read back.
pub(crate) fn not_finite<B: Backend, M: Module<B>>(module: &M) -> Vec<String> {
    let mut finder = NotFinite(HashSet::new());
    module.visit(&mut finder);
    names(module, &finder.0)
}

/// The names of the parameters with these ids, in visiting order.
pub(crate) fn names<B: Backend, M: Module<B>>(module: &M, ids: &HashSet<ParamId>) -> Vec<String> {
    if ids.is_empty() {
        return Vec::new();
    }
    let mut reader = Reader {
        ids,
        path: Vec::new(),
        found: Vec::new(),
    };
    module.visit(&mut reader);
    reader.found
}

struct Reader<'a> {
    ids: &'a HashSet<ParamId>,
    path: Vec<String>,
    found: Vec<String>,
}

impl<B: Backend> ModuleVisitor<B> for Reader<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if self.ids.contains(&param.id) {
            self.found.push(self.path.join("."));
        }
    }
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }
    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }
}

/// The ids of the parameters that hold a number that is not finite.
struct NotFinite(HashSet<ParamId>);

impl<B: Backend> ModuleVisitor<B> for NotFinite {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if !is_finite(param.val()) {
            self.0.insert(param.id);
        }
    }
}
