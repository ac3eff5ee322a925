//! State as a flat list of named tensors: written without loss, read without trust.
//!
//! A [`Stored`] tensor is what a module, an optimiser or an objective has to store: a name, a type,
//! a shape and numbers. Nothing but the few lines that visit and map a module knows a backend; all
//! that is written, read, compared and refused is compiled once, for all networks. burn's own
//! records would be compiled anew for each of them, in each precision.
//!
//! Bytes of others are looked through first ([`read`]), compared with what the module itself has
//! ([`load`]), and only then become tensors.

mod bytes;
mod fit;
mod module;
mod tree;

use burn::module::ParamId;
use burn::tensor::{DType, TensorData};

pub(crate) use bytes::{finite, read, write};
pub(crate) use fit::{Types, fit};
pub(crate) use module::{data_of, float_of, load, numbers, of, parameters, put};
pub(crate) use tree::Node;

/// What a tensor is, but for its numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct About {
    /// Where it is, dotted: `generator.hidden.weight`. No two of a list have one name.
    pub(crate) name: String,
    /// What its numbers are.
    pub(crate) dtype: DType,
    /// Its sizes.
    pub(crate) shape: Vec<usize>,
    /// The name of the first parameter of the module that is the same as this one, where layers
    /// share their weights.
    pub(crate) same_as: Option<String>,
}

/// One tensor of a state.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) about: About,
    /// Its numbers, in the order of its shape.
    pub(crate) data: TensorData,
}

impl Stored {
    /// A tensor that no module has.
    pub(crate) fn new(name: String, data: TensorData) -> Self {
        let about = About {
            name,
            dtype: data.dtype,
            shape: data.shape.to_vec(),
            same_as: None,
        };
        Self { about, data }
    }
}

/// A parameter or buffer of a module, and what optimisers know it by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) id: ParamId,
    pub(crate) about: About,
}

#[cfg(test)]
mod tests;
