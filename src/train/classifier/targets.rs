//! What a classifier is to say of a sample.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::error::{Error, Result};
use crate::network::{Condition, Labels, Vectors};

/// What a classifier is to say of each sample: a label, or how much of each class there is in it.
///
/// A vector's numbers are the class's shares; they need not come to 1. What they come to is the
/// sample's weight: vectors of a half count half as much, and one of zeros not at all.
pub trait Targets<B: Backend>: Condition<B> {
    /// The shares of so many classes, `[batch, classes]`.
    ///
    /// # Errors
    /// If they are of another number of classes.
    fn table(self, classes: usize) -> Result<Tensor<B, 2>>;
}

impl<B: Backend> Targets<B> for Labels<B> {
    fn table(self, classes: usize) -> Result<Tensor<B, 2>> {
        let labels: Tensor<B, 2> = self.classes.one_hot::<2>(classes).float();
        Ok(labels)
    }
}

impl<B: Backend> Targets<B> for Vectors<B> {
    fn table(self, classes: usize) -> Result<Tensor<B, 2>> {
        let [_, width] = self.values.dims();
        if width == classes {
            return Ok(self.values);
        }
        let problem = format!("has vectors of {width} numbers for {classes} classes");
        Err(Error::data("the classifier's data set", problem))
    }
}
