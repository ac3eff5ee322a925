//! Transformations that are made or not, by p, and their products.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::forms::{identity, product};

/// p, here or on the device: nothing waits for it to be read back.
#[derive(Debug)]
pub(super) enum Strength<B: Backend> {
    Known(f64),
    OnDevice(Tensor<B, 1>),
}

impl<B: Backend> Strength<B> {
    /// An adapted p, `[1]`.
    pub(super) fn of(p: &Tensor<B, 1>) -> Self {
        #[cfg(feature = "flex")]
        if let Some(p) = crate::kernels::known(p) {
            return Self::Known(p);
        }
        Self::OnDevice(p.clone())
    }

    /// 1 for each sample whose transformation is made, 0 for the others, `[batch, 1]`, by what p has to
    /// be above; like `x` in its place and precision.
    pub(super) fn made(&self, above: &[f64], x: &Tensor<B, 4>) -> Tensor<B, 2> {
        let shape = [above.len(), 1];
        let place = (&x.device(), x.dtype());
        match self {
            Self::Known(p) => {
                let made = above.iter().map(|above| f64::from(u8::from(above < p)));
                Tensor::from_data(TensorData::new(made.collect::<Vec<f64>>(), shape), place)
            }
            Self::OnDevice(p) => {
                let above = TensorData::new(above.to_vec(), shape);
                let above = Tensor::<B, 2>::from_data(above, place);
                let p = p.clone().cast(x.dtype()).reshape([1, 1]).expand(shape);
                above.lower(p).float().cast(x.dtype())
            }
        }
    }
}

/// A transformation of a batch: for each sample what p has to be above for it to be made, and its
/// matrix.
#[derive(Debug)]
pub(super) struct Factor<const K: usize> {
    pub(super) above: Vec<f64>,
    pub(super) matrices: Vec<[[f64; K]; K]>,
}

/// The product of those that are made, in their order, for each sample: `[batch, K, K]`; `None` where
/// it is known that none is.
pub(super) fn composed<B: Backend, const K: usize>(
    factors: &[Factor<K>],
    strength: &Strength<B>,
    x: &Tensor<B, 4>,
) -> Option<Tensor<B, 3>> {
    let batch = factors.first()?.above.len();
    let matrices = match strength {
        Strength::Known(p) => {
            if !factors.iter().flat_map(|f| &f.above).any(|above| above < p) {
                return None;
            }
            let matrices = (0..batch).flat_map(|sample| {
                let made = factors.iter().filter(|f| f.above[sample] < *p);
                let made = made.map(|f| f.matrices[sample]);
                made.reduce(product).unwrap_or_else(identity)
            });
            let matrices: Vec<f64> = matrices.flatten().collect();
            let matrices = TensorData::new(matrices, [batch, K, K]);
            Tensor::from_data(matrices, (&x.device(), x.dtype()))
        }
        Strength::OnDevice(_) => on_device(factors, strength, x),
    };
    Some(matrices)
}

/// The same where p is on the device: neighbours are multiplied until one is left.
fn on_device<B: Backend, const K: usize>(
    factors: &[Factor<K>],
    strength: &Strength<B>,
    x: &Tensor<B, 4>,
) -> Tensor<B, 3> {
    let batch = factors[0].above.len();
    let mut count = factors.len().next_power_of_two();
    let missing = (count - factors.len()) * batch;
    let place = (&x.device(), x.dtype());
    let above = factors.iter().flat_map(|f| f.above.iter().copied());
    let above: Vec<f64> = above.chain(std::iter::repeat_n(2.0, missing)).collect();
    let matrices = factors.iter().flat_map(|f| f.matrices.iter().copied());
    let matrices = matrices.chain(std::iter::repeat_n(identity(), missing));
    let matrices: Vec<f64> = matrices.flatten().flatten().collect();
    let matrices = TensorData::new(matrices, [count * batch, K, K]);
    let matrices = Tensor::<B, 3>::from_data(matrices, place);
    let none = TensorData::new(identity::<K>().as_flattened().to_vec(), [1, K, K]);
    let none = Tensor::<B, 3>::from_data(none, place);
    let made: Tensor<B, 3> = strength.made(&above, x).unsqueeze_dim(2);
    let left = made.clone().neg().add_scalar(1.0);
    // Not a sum with a difference: what is made stays exact.
    let mut products = matrices * made + none * left;
    while count > 1 {
        count /= 2;
        let pairs: Tensor<B, 3> = products.reshape([count, 2, batch * K * K]);
        let [a, b] = [0, 1].map(|which| pairs.clone().narrow(1, which, 1));
        let a: Tensor<B, 4> = a.reshape([count * batch, K, K, 1]);
        let b: Tensor<B, 4> = b.reshape([count * batch, 1, K, K]);
        products = (a * b).sum_dim(2).squeeze_dim(2);
    }
    products
}
