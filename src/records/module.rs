//! A module's tensors, and a module with others: all that knows a backend.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Bool, DType, Int, Tensor, TensorData, TensorPrimitive};

use super::{About, Parameter, Stored, Types, fit, read};
use crate::network::guard::quietly;
use crate::network::initialize;

/// A floating tensor's numbers, whatever its rank.
pub(crate) fn data_of<B: Backend>(tensor: FloatTensor<B>) -> TensorData {
    // The rank of a primitive is its own.
    Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(tensor)).into_data()
}

/// A floating tensor of these numbers, in their type.
pub(crate) fn float_of<B: Backend>(data: TensorData, device: &B::Device) -> FloatTensor<B> {
    B::float_from_data(data, device)
}

/// All parameters and buffers of a module with their numbers, in visiting order. Running statistics
/// that are pending are taken in, as making a record does it.
pub(crate) fn of<B: Backend, M: Module<B>>(module: &M) -> Vec<Stored> {
    initialize(module);
    let _ = module.clone().into_record();
    let mut reader = Reader {
        reads: true,
        ..Reader::default()
    };
    module.visit(&mut reader);
    let Reader { found, data, .. } = reader;
    let pairs = found.into_iter().zip(data);
    pairs
        .map(|(parameter, data)| Stored {
            about: parameter.about,
            data,
        })
        .collect()
}

/// All parameters and buffers of a module, in visiting order; their numbers stay where they are.
pub(crate) fn parameters<B: Backend, M: Module<B>>(module: &M) -> Vec<Parameter> {
    let mut reader = Reader::default();
    module.visit(&mut reader);
    reader.found
}

/// The module with what bytes hold of its parameters and buffers; or what in them is not as the
/// module has it, or not finite, and nothing is changed. Parameters keep their identity and whether
/// they take a gradient.
pub(crate) fn load<B: Backend, M: Module<B>>(
    bytes: &[u8],
    module: M,
    types: Types,
) -> Result<M, String> {
    // Settings may ask for more than there is memory for: what is not drawn yet is not drawn for
    // bytes that can't hold it.
    let needed = numbers::<B, M>(&module);
    if needed.is_none_or(|needed| needed > bytes.len()) {
        let needed = needed.map_or("more numbers than memory has".to_owned(), |needed| {
            format!("{needed} numbers")
        });
        return Err(format!(
            "the network has {needed}, the file {} bytes",
            bytes.len()
        ));
    }
    let stored = read(bytes)?;
    initialize(&module);
    let own = parameters::<B, M>(&module);
    fit(own.iter().map(|parameter| &parameter.about), &stored, types)?;
    put(stored, module)
}

/// The module with these tensors, which were found to fit it, in its own types.
pub(crate) fn put<B: Backend, M: Module<B>>(stored: Vec<Stored>, module: M) -> Result<M, String> {
    // A used module holds updates of its running statistics that would come back later; making a
    // record takes them in, so that none is left.
    let _ = module.clone().into_record();
    let tensors = stored.into_iter();
    let mut writer = Writer {
        names: Names::default(),
        tensors: tensors
            .map(|tensor| (tensor.about.name, tensor.data))
            .collect(),
    };
    quietly(|| module.map(&mut writer))
}

/// How many numbers a module's parameters hold; nothing is drawn. `None` where no memory could hold
/// them.
pub(crate) fn numbers<B: Backend, M: Module<B>>(module: &M) -> Option<usize> {
    let mut counter = Counter(Some(0));
    module.visit(&mut counter);
    counter.0
}

struct Counter(Option<usize>);

impl Counter {
    fn add(&mut self, shape: &[usize]) {
        let size = shape
            .iter()
            .try_fold(1_usize, |size, length| size.checked_mul(*length));
        self.0 = self
            .0
            .zip(size)
            .and_then(|(sum, size)| sum.checked_add(size));
    }
}

impl<B: Backend> ModuleVisitor<B> for Counter {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.add(&param.lazy_shape());
    }
    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<B, D, Int>>) {
        self.add(&param.lazy_shape());
    }
    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<B, D, Bool>>) {
        self.add(&param.lazy_shape());
    }
}

/// The names of a module's parameters on a way through it.
#[derive(Default)]
struct Names {
    path: Vec<String>,
    /// How often a name was there: modules that are written by hand may not name their fields.
    seen: HashMap<String, usize>,
}

impl Names {
    fn enter(&mut self, name: &str) {
        self.path.push(name.to_owned());
    }

    fn exit(&mut self) {
        self.path.pop();
    }

    /// The name of the parameter that the way comes to.
    fn next(&mut self) -> String {
        let name = self.path.join(".");
        let times = self.seen.entry(name.clone()).or_default();
        *times += 1;
        match *times {
            1 => name,
            times => format!("{name}#{times}"),
        }
    }
}

#[derive(Default)]
struct Reader {
    names: Names,
    /// The first name of each parameter.
    first: HashMap<ParamId, String>,
    found: Vec<Parameter>,
    /// Whether numbers are read too.
    reads: bool,
    data: Vec<TensorData>,
}

impl Reader {
    fn add(&mut self, id: ParamId, shape: Vec<usize>, dtype: DType) {
        let name = self.names.next();
        let same_as = self.first.get(&id).cloned();
        self.first.entry(id).or_insert_with(|| name.clone());
        let about = About {
            name,
            dtype,
            shape,
            same_as,
        };
        self.found.push(Parameter { id, about });
    }
}

impl<B: Backend> ModuleVisitor<B> for Reader {
    #[inline(never)]
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let value = param.val();
        self.add(param.id, value.dims().to_vec(), value.dtype());
        if self.reads {
            self.data.push(value.into_data());
        }
    }
    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<B, D, Int>>) {
        let value = param.val();
        self.add(param.id, value.dims().to_vec(), value.dtype());
        if self.reads {
            self.data.push(value.into_data());
        }
    }
    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<B, D, Bool>>) {
        let value = param.val();
        let native = TensorData::new(Vec::<bool>::new(), [0]).dtype;
        self.add(param.id, value.dims().to_vec(), native);
        if self.reads {
            self.data.push(value.into_data().convert_dtype(native));
        }
    }
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.enter(name);
    }
    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.exit();
    }
}

struct Writer {
    names: Names,
    tensors: HashMap<String, TensorData>,
}

impl Writer {
    fn next(&mut self) -> TensorData {
        let name = self.names.next();
        let data = self.tensors.remove(&name);
        // A module that is visited in other names than it is mapped in.
        data.unwrap_or_else(|| panic!("`{name}` is no parameter that a visitor comes to"))
    }
}

impl<B: Backend> ModuleMapper<B> for Writer {
    #[inline(never)]
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, own, mapper) = param.consume();
        let data = self.next().convert_dtype(own.dtype());
        let value = TensorPrimitive::Float(float_of::<B>(data, &own.device()));
        let value = Tensor::from_primitive(value).set_require_grad(own.is_require_grad());
        Param::from_mapped_value(id, value, mapper)
    }
    fn map_int<const D: usize>(
        &mut self,
        param: Param<Tensor<B, D, Int>>,
    ) -> Param<Tensor<B, D, Int>> {
        let (id, own, mapper) = param.consume();
        let data = self.next().convert_dtype(own.dtype());
        let value = Tensor::from_primitive(B::int_from_data(data, &own.device()));
        Param::from_mapped_value(id, value, mapper)
    }
    fn map_bool<const D: usize>(
        &mut self,
        param: Param<Tensor<B, D, Bool>>,
    ) -> Param<Tensor<B, D, Bool>> {
        let (id, own, mapper) = param.consume();
        let data = self.next().convert_dtype(own.dtype());
        let value = Tensor::from_primitive(B::bool_from_data(data, &own.device()));
        Param::from_mapped_value(id, value, mapper)
    }
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.enter(name);
    }
    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.exit();
    }
}

crate::compiled::compiled! {
    <Reader as burn::module::ModuleVisitor<Plain>>::visit_float::<1>,
    <Reader as burn::module::ModuleVisitor<Plain>>::visit_float::<2>,
    <Reader as burn::module::ModuleVisitor<Plain>>::visit_float::<4>,
    <Reader as burn::module::ModuleVisitor<Tape>>::visit_float::<1>,
    <Reader as burn::module::ModuleVisitor<Tape>>::visit_float::<2>,
    <Reader as burn::module::ModuleVisitor<Tape>>::visit_float::<4>,
    <Writer as burn::module::ModuleMapper<Plain>>::map_float::<1>,
    <Writer as burn::module::ModuleMapper<Plain>>::map_float::<2>,
    <Writer as burn::module::ModuleMapper<Plain>>::map_float::<4>,
    <Writer as burn::module::ModuleMapper<Tape>>::map_float::<1>,
    <Writer as burn::module::ModuleMapper<Tape>>::map_float::<2>,
    <Writer as burn::module::ModuleMapper<Tape>>::map_float::<4>,
}
