//! A module's parameters by name.

use std::collections::HashSet;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor};

/// One float parameter or buffer of a module.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    /// Where it is, dotted: `mlp.layers.0.weight`.
    pub(crate) name: String,
    /// What optimisers know it by.
    pub(crate) id: ParamId,
    /// Its sizes.
    pub(crate) shape: Vec<usize>,
    /// What its numbers are.
    pub(crate) dtype: DType,
}

/// All float parameters and buffers of a module, in visiting order.
pub(crate) fn parameters<B: Backend, M: Module<B>>(module: &M) -> Vec<Parameter> {
    let mut reader = Reader::default();
    module.visit(&mut reader);
    reader.found
}

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
    let mut all = parameters(module);
    all.retain(|parameter| ids.contains(&parameter.id));
    all.into_iter().map(|parameter| parameter.name).collect()
}

#[derive(Default)]
struct Reader {
    path: Vec<String>,
    found: Vec<Parameter>,
}

impl<B: Backend> ModuleVisitor<B> for Reader {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.found.push(Parameter {
            name: self.path.join("."),
            id: param.id,
            shape: param.lazy_shape().to_vec(),
            dtype: param.val().dtype(),
        });
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
