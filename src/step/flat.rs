//! Numbers of a half-step, one behind the other, to be summed over processes at once.

use burn::module::{AutodiffModule, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{DType, Element, ElementConversion, Tensor, TensorData};

use crate::error::Result;
use crate::process::ProcessGroup;
use crate::random::{FNV_START, fnv1a_more};

/// A precision to sum in.
pub(super) trait Real: Element {
    fn sum(group: &dyn ProcessGroup, values: Vec<Self>) -> Result<Vec<Self>>;
}

impl Real for f32 {
    fn sum(group: &dyn ProcessGroup, values: Vec<Self>) -> Result<Vec<Self>> {
        group.sum_f32(values)
    }
}

impl Real for f64 {
    fn sum(group: &dyn ProcessGroup, values: Vec<Self>) -> Result<Vec<Self>> {
        group.sum_f64(values)
    }
}

/// Numbers on their way into a sum.
#[derive(Debug, Default)]
pub(super) struct Flat<N> {
    numbers: Vec<N>,
}

impl<N: Real> Flat<N> {
    pub(super) fn put(&mut self, number: f64) {
        self.numbers.push(number.elem());
    }

    pub(super) fn zeros(&mut self, count: usize) {
        self.numbers.resize(self.numbers.len() + count, 0.0.elem());
    }

    /// The numbers of a tensor, in the order of its shape.
    pub(super) fn tensor<B: Backend, const R: usize>(&mut self, tensor: Tensor<B, R>) {
        let data = tensor.into_data();
        match data.as_slice::<N>() {
            Ok(numbers) => self.numbers.extend_from_slice(numbers),
            // Of another type.
            Err(_) => self.numbers.extend(data.iter::<N>()),
        }
    }

    /// The sums, to be taken out in the order in which numbers were put in.
    pub(super) fn summed(self, group: &dyn ProcessGroup) -> Result<Sums<N>> {
        let numbers = N::sum(group, self.numbers)?;
        Ok(Sums { numbers, next: 0 })
    }
}

/// What comes out of a sum.
#[derive(Debug)]
pub(super) struct Sums<N> {
    numbers: Vec<N>,
    next: usize,
}

impl<N: Real> Sums<N> {
    fn many(&mut self, count: usize) -> &[N] {
        let start = self.next;
        self.next += count;
        &self.numbers[start..self.next]
    }

    pub(super) fn take(&mut self) -> f64 {
        self.many(1)[0].elem()
    }

    /// The next numbers in the place of those of a tensor like this.
    pub(super) fn tensor_like<B: Backend, const R: usize>(
        &mut self,
        shape: [usize; R],
        (device, dtype): (&B::Device, DType),
    ) -> Tensor<B, R> {
        let numbers = self.many(shape.iter().product()).to_vec();
        Tensor::from_data(TensorData::new(numbers, shape), (device, dtype))
    }
}

/// Puts the gradients of a network in, parameter by parameter as a module visits them: zeros where there
/// is none; and behind them for each parameter whether there is one. Returns what tells one network's gradients from those of another, or the same in another
/// order, a number below 4,096.
pub(super) fn put_gradients<B: AutodiffBackend, M: AutodiffModule<B>, N: Real>(
    module: &M,
    gradients: GradientsParams,
    flat: &mut Flat<N>,
) -> (Vec<Kept>, u32) {
    let mut put = Put {
        gradients,
        flat,
        kept: Vec::new(),
        mark: FNV_START,
    };
    module.visit(&mut put);
    let Put { kept, mark, .. } = put;
    for kept in &kept {
        flat.put(f64::from(u8::from(kept.is_there)));
    }
    (kept, (mark ^ (mark >> 12) ^ (mark >> 32)) as u32 % 4_096)
}

/// How a gradient lies in memory: its axes from the outermost to the innermost.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    axes: Vec<usize>,
    numbers: usize,
    is_there: bool,
}

struct Put<'a, N> {
    gradients: GradientsParams,
    flat: &'a mut Flat<N>,
    kept: Vec<Kept>,
    mark: u64,
}

impl<N: Real, B: AutodiffBackend> ModuleVisitor<B> for Put<'_, N> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if !param.is_require_grad() {
            return;
        }
        let shape = param.lazy_shape();
        let Some(gradient) = self.gradients.remove::<B::InnerBackend, D>(param.id) else {
            self.flat.zeros(shape.num_elements());
            self.kept.push(Kept {
                axes: Vec::new(),
                numbers: shape.num_elements(),
                is_there: false,
            });
            return;
        };
        let axes = axes(&gradient);
        let numbers = shape.iter().copied().chain(axes);
        for number in numbers {
            self.mark = fnv1a_more(self.mark, number as u64);
        }
        self.kept.push(Kept {
            axes: axes.to_vec(),
            numbers: shape.num_elements(),
            is_there: true,
        });
        self.flat
            .tensor(gradient.permute(axes.map(|axis| axis as isize)));
    }
}

/// The summed gradients, as they lay before; a parameter that no process has a gradient of has none.
pub(super) fn take_gradients<B: AutodiffBackend, M: AutodiffModule<B>, N: Real>(
    module: &M,
    kept: &[Kept],
    sums: &mut Sums<N>,
) -> GradientsParams {
    let numbers: usize = kept.iter().map(|kept| kept.numbers).sum();
    let there: Vec<bool> = (sums.numbers[sums.next + numbers..].iter())
        .take(kept.len())
        .map(|count| count.elem::<f64>() > 0.0)
        .collect();
    let mut take = Take {
        gradients: GradientsParams::new(),
        kept: kept.iter(),
        there: there.into_iter(),
        sums,
    };
    module.visit(&mut take);
    let gradients = take.gradients;
    sums.next += kept.len();
    gradients
}

struct Take<'a, N> {
    gradients: GradientsParams,
    kept: std::slice::Iter<'a, Kept>,
    there: std::vec::IntoIter<bool>,
    sums: &'a mut Sums<N>,
}

impl<N: Real, B: AutodiffBackend> ModuleVisitor<B> for Take<'_, N> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if !param.is_require_grad() {
            return;
        }
        let (Some(kept), Some(is_there)) = (self.kept.next(), self.there.next()) else {
            unreachable!("the parameters that were put in");
        };
        let shape = param.lazy_shape();
        let sizes: [usize; D] = std::array::from_fn(|axis| shape[axis]);
        let axes: [usize; D] = match kept.axes.as_slice().try_into() {
            Ok(axes) => axes,
            Err(_) => std::array::from_fn(|axis| axis),
        };
        let lying = axes.map(|axis| sizes[axis]);
        let weight = param.val();
        let place = (&weight.device(), weight.dtype());
        let sum = self.sums.tensor_like::<B::InnerBackend, D>(lying, place);
        if !is_there {
            return;
        }
        let mut back = [0_isize; D];
        for (place, axis) in axes.into_iter().enumerate() {
            back[axis] = place as isize;
        }
        self.gradients.register(param.id, sum.permute(back));
    }
}

/// The axes of a tensor from the outermost in memory to the innermost, so that numbers are copied as they
/// lie and what comes back lies so again: weights follow their gradients.
fn axes<B: Backend, const R: usize>(tensor: &Tensor<B, R>) -> [usize; R] {
    #[cfg(feature = "flex")]
    if let Some(axes) = crate::kernels::axes_in_memory(tensor) {
        return axes;
    }
    let _ = tensor;
    std::array::from_fn(|axis| axis)
}
