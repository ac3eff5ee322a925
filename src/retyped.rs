//! Tensors under another static name of their backend, without `unsafe`: through `Any`, which costs
//! nothing. Callers have compared the backends.

use std::any::{Any, TypeId};

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorPrimitive};

/// Whether two names are of one type.
pub(crate) fn is<A: 'static, B: 'static>() -> bool {
    TypeId::of::<A>() == TypeId::of::<B>()
}

/// A value under another name of its type.
///
/// # Panics
/// If it is of another type.
pub(crate) fn cast<From: 'static, To: 'static>(value: From) -> To {
    let mut value = Some(value);
    match (&mut value as &mut dyn Any).downcast_mut::<Option<To>>() {
        Some(value) => value.take().expect("it was put in above"),
        None => unreachable!("the backends have been compared"),
    }
}

/// A float tensor of backend `B`, known to be `K`, as a primitive. Where nobody else holds it, its
/// memory is the caller's too.
pub(crate) fn taken<B: Backend, K: Backend, const R: usize>(
    tensor: Tensor<B, R>,
) -> FloatTensor<K> {
    cast::<_, Tensor<K, R>>(tensor).into_primitive().tensor()
}

/// The tensor of backend `B`, known to be `K`, that a primitive is.
pub(crate) fn tensor<B: Backend, K: Backend, const R: usize>(
    primitive: FloatTensor<K>,
) -> Tensor<B, R> {
    let tensor = Tensor::<K, R>::from_primitive(TensorPrimitive::Float(primitive));
    cast(tensor)
}
