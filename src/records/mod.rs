//! burn records as bytes: written without loss, read without trust.
//!
//! burn panics where a record is not a module's, and believes the lengths, types and numbers that
//! it holds. So bytes are looked through first ([`tree`]), compared with the record that the module
//! itself would give ([`fit`]), and only then handed to burn.

mod fit;
mod tree;

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::record::{
    DoublePrecisionSettings, FullPrecisionSettings, NamedMpkBytesRecorder, PrecisionSettings,
    Record, Recorder,
};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, DType, Int, Tensor};

pub(crate) use fit::{finite, optimizer_fits, sound};
pub(crate) use tree::Node;

use crate::network::guard::quietly;
use crate::network::initialize;

/// How many bits a record's numbers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// 32 bits: runs in single precision, and in less.
    Full,
    /// 64 bits.
    Double,
}

impl Precision {
    /// What a network of such parameters needs.
    pub(crate) fn of(types: impl IntoIterator<Item = DType>) -> Self {
        if types.into_iter().any(|dtype| dtype == DType::F64) {
            Self::Double
        } else {
            Self::Full
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Double => "double",
        }
    }

    /// The type of its numbers, as records write it.
    pub(crate) fn dtype(self) -> &'static str {
        match self {
            Self::Full => "F32",
            Self::Double => "F64",
        }
    }

    /// A record as bytes, or what is wrong with it.
    pub(crate) fn write<B: Backend, R: Record<B>>(self, record: R) -> Result<Vec<u8>, String> {
        match self {
            Self::Full => write::<B, R, FullPrecisionSettings>(record),
            Self::Double => write::<B, R, DoublePrecisionSettings>(record),
        }
    }

    /// The record that bytes hold, or what is wrong with them. Whoever calls has looked through
    /// them: a panic of burn's becomes an error, but memory that is not there ends the process.
    pub(crate) fn read<B: Backend, R: Record<B>>(
        self,
        bytes: Vec<u8>,
        device: &B::Device,
    ) -> Result<R, String> {
        let read = || match self {
            Self::Full => read::<B, R, FullPrecisionSettings>(bytes, device),
            Self::Double => read::<B, R, DoublePrecisionSettings>(bytes, device),
        };
        quietly(read)?
    }
}

fn write<B: Backend, R: Record<B>, S: PrecisionSettings>(record: R) -> Result<Vec<u8>, String> {
    let recorder = NamedMpkBytesRecorder::<S>::default();
    Recorder::<B>::record(&recorder, record, ()).map_err(|error| error.to_string())
}

fn read<B: Backend, R: Record<B>, S: PrecisionSettings>(
    bytes: Vec<u8>,
    device: &B::Device,
) -> Result<R, String> {
    let recorder = NamedMpkBytesRecorder::<S>::default();
    Recorder::<B>::load(&recorder, bytes, device).map_err(|error| error.to_string())
}

/// The module with what a record holds of its parameters and buffers; or what in the record is not
/// as the module has it, or not finite, and nothing is changed.
pub(crate) fn load<B: Backend, M: Module<B>>(
    precision: Precision,
    bytes: Vec<u8>,
    module: M,
    device: &B::Device,
) -> Result<M, String> {
    let (record, _) = fitting(precision, bytes, &module, device)?;
    quietly(|| module.load_record(record))
}

/// Which of a record's ids stand for which of a module's own.
pub(crate) type Ids = HashMap<ParamId, ParamId>;

/// The record that bytes hold, once it was found to fit a module, and its parameters' ids by the
/// module's; or what is not as the module has it, or not finite.
pub(crate) fn fitting<B: Backend, M: Module<B>>(
    precision: Precision,
    bytes: Vec<u8>,
    module: &M,
    device: &B::Device,
) -> Result<(M::Record, Ids), String> {
    // Settings may ask for more than there is memory for: what is not drawn yet is not drawn for a
    // record that can't hold it.
    let needed = numbers::<B, M>(module);
    if needed.is_none_or(|needed| needed > bytes.len()) {
        let needed = needed.map_or("more numbers than memory has".to_owned(), |needed| {
            format!("{needed} numbers")
        });
        return Err(format!(
            "the network has {needed}, the record {} bytes",
            bytes.len()
        ));
    }
    initialize(module);
    let own = precision.write::<B, _>(module.clone().into_record())?;
    let ids = fit::module_fits(&Node::read(&own)?, &Node::read(&bytes)?)?;
    drop(own);
    Ok((precision.read::<B, M::Record>(bytes, device)?, ids))
}

/// How many numbers a module's parameters hold; nothing is drawn. `None` where no memory could hold
/// them.
pub(crate) fn numbers<B: Backend, M: Module<B>>(module: &M) -> Option<usize> {
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
    let mut counter = Counter(Some(0));
    module.visit(&mut counter);
    counter.0
}

#[cfg(test)]
mod tests;
