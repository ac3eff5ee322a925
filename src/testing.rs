//! Shared by the unit tests: one test body, every CPU backend.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Element, Int, Tensor, TensorData};

use crate::gan::Gan;
use crate::models::{MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig};

pub(crate) mod golden;

/// The backend of tests that need only one.
pub(crate) type Cpu = burn::backend::Flex;

/// Runs generic test functions on Flex and NdArray.
macro_rules! for_each_backend {
    ($($name:ident),+ $(,)?) => {
        mod flex {
            $(#[test] fn $name() { super::$name::<burn::backend::Flex>(); })+
        }
        mod ndarray {
            $(#[test] fn $name() { super::$name::<burn::backend::NdArray>(); })+
        }
    };
}

/// As [`for_each_backend`], each with a tape.
macro_rules! for_each_autodiff_backend {
    ($($name:ident),+ $(,)?) => {
        mod flex {
            $(#[test] fn $name() {
                super::$name::<burn::backend::Autodiff<burn::backend::Flex>>();
            })+
        }
        mod ndarray {
            $(#[test] fn $name() {
                super::$name::<burn::backend::Autodiff<burn::backend::NdArray>>();
            })+
        }
    };
}

/// Runs generic test functions on wgpu too, where the build has it: `on_wgpu!(B; tests)` with the
/// backend `Wgpu` or `Autodiff<Wgpu>`.
///
/// wgpu compiles and tunes a kernel for each new shape, a second or more on a software driver:
/// what proves arithmetic is listed, what proves bookkeeping runs on the CPU alone. All of them
/// stand in this one binary, since every process starts tuning anew.
macro_rules! on_wgpu {
    ($backend:ty; $($name:ident),+ $(,)?) => {
        #[cfg(feature = "wgpu")]
        mod wgpu {
            #[allow(unused_imports)]
            use burn::backend::{Autodiff, Wgpu};
            $(#[test] fn $name() { super::$name::<$backend>(); })+
        }
    };
}

/// As [`on_wgpu`], of what takes minutes of compiling kernels on a software driver: not in CI, by
/// `cargo test --lib --features wgpu -- --ignored wgpu_by_hand`.
macro_rules! on_wgpu_by_hand {
    ($backend:ty; $($name:ident),+ $(,)?) => {
        #[cfg(feature = "wgpu")]
        mod wgpu_by_hand {
            #[allow(unused_imports)]
            use burn::backend::{Autodiff, Wgpu};
            $(
                #[test]
                #[ignore = "minutes of compiling kernels where there is no GPU"]
                fn $name() { super::$name::<$backend>(); }
            )+
        }
    };
}

pub(crate) use {for_each_autodiff_backend, for_each_backend, on_wgpu, on_wgpu_by_hand};

pub(crate) fn tensor1<B: Backend>(values: impl AsRef<[f64]>) -> Tensor<B, 1> {
    floats(TensorData::from(values.as_ref()))
}

/// A tensor of the backend's own element type. Backends that differ only in it share a device,
/// whose default element type is that of the first to be used in a process.
pub(crate) fn floats<B: Backend, const R: usize>(data: TensorData) -> Tensor<B, R> {
    let device = B::Device::default();
    Tensor::from_data(data, (&device, B::FloatElem::dtype()))
}

/// To be called by a test that uses `NdArray<f64>`: the first backend of a device decides its
/// default element type for the whole process, and the other tests need f32.
pub(crate) fn settle_precision() {
    let _ = Tensor::<burn::backend::NdArray, 1>::zeros([1], &Default::default());
}

pub(crate) fn tensor2<B: Backend, const C: usize>(
    rows: impl IntoIterator<Item = [f64; C]>,
) -> Tensor<B, 2> {
    let flat: Vec<f64> = rows.into_iter().flatten().collect();
    let count = flat.len() / C;
    tensor1::<B>(flat).reshape([count, C])
}

pub(crate) fn values<B: Backend, const R: usize>(tensor: Tensor<B, R>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

pub(crate) fn int_values<B: Backend, const R: usize>(tensor: Tensor<B, R, Int>) -> Vec<i64> {
    tensor.into_data().iter::<i64>().collect()
}

/// Every pair of values agrees within `relative` of the larger one, or `absolute`.
#[track_caller]
pub(crate) fn assert_close(actual: &[f64], expected: &[f64], relative: f64, absolute: f64) {
    assert_eq!(actual.len(), expected.len(), "lengths differ");
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        let bound = absolute.max(relative * a.abs().max(e.abs()));
        assert!(
            (a - e).abs() <= bound,
            "at {index}: {a} is not {e} within {bound:.3e}"
        );
    }
}

/// Two small perceptrons for points in the plane, always the same.
pub(crate) fn points_gan<B: AutodiffBackend>() -> PointsGan<B> {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(3, [2]).with_hidden([8]);
    let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([8, 8]);
    Gan::seeded(
        generator.init(&device).expect("valid settings"),
        discriminator.init(&device).expect("valid settings"),
        4,
        &device,
    )
}

pub(crate) type PointsGan<B> = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;

/// A number of every parameter, in visiting order, running statistics included.
pub(crate) fn parameters<B: Backend, M: Module<B>>(module: &M) -> Vec<Vec<f64>> {
    struct Reader(Vec<Vec<f64>>);
    impl<B: Backend> ModuleVisitor<B> for Reader {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.0.push(values(param.val()));
        }
    }
    let mut reader = Reader(Vec::new());
    module.visit(&mut reader);
    reader.0
}

/// The gradients of every parameter, in visiting order; zeros where there is none.
pub(crate) fn gradients<B: AutodiffBackend, M: Module<B>>(
    module: &M,
    gradients: &B::Gradients,
) -> Vec<Vec<f64>> {
    struct Reader<'a, B: AutodiffBackend>(Vec<Vec<f64>>, &'a B::Gradients);
    impl<B: AutodiffBackend> ModuleVisitor<B> for Reader<'_, B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let value = param.val();
            self.0.push(match value.grad(self.1) {
                Some(gradient) => values(gradient),
                None => vec![0.0; value.shape().num_elements()],
            });
        }
    }
    let mut reader = Reader::<B>(Vec::new(), gradients);
    module.visit(&mut reader);
    reader.0
}

/// Puts values into every parameter, in visiting order.
pub(crate) fn assign<B: Backend, M: Module<B>>(module: M, all: Vec<Vec<f64>>) -> M {
    struct Writer(std::vec::IntoIter<Vec<f64>>);
    impl<B: Backend> ModuleMapper<B> for Writer {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let values = self.0.next().expect("values for every parameter");
            param.map(|old| {
                let new = floats::<B, D>(TensorData::new(values, old.dims()));
                new.set_require_grad(old.is_require_grad())
            })
        }
    }
    let mut writer = Writer(all.into_iter());
    let module = module.map(&mut writer);
    assert!(writer.0.next().is_none(), "more values than parameters");
    module
}
