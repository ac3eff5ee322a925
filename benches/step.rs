//! One training step of each work, backend by backend.
//!
//! ```text
//! cargo bench --bench step
//! cargo bench --bench step --features wgpu -- wgpu
//! ```

#[path = "works/mod.rs"]
mod works;

use std::time::Duration;

use burn_gan::burn::backend::{Autodiff, Flex, NdArray};
use burn_gan::burn::tensor::backend::Backend;
use criterion::{Criterion, SamplingMode};
use works::{DcganWork, MlpWork};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    mlp_step::<Flex>(&mut criterion, "flex");
    mlp_step::<NdArray>(&mut criterion, "ndarray");
    // No NdArray here: with its convolutions one step takes 40 s.
    dcgan_step::<Flex>(&mut criterion, "flex");
    #[cfg(feature = "wgpu")]
    {
        use burn_gan::burn::backend::Wgpu;
        mlp_step::<Wgpu>(&mut criterion, "wgpu");
        dcgan_step::<Wgpu>(&mut criterion, "wgpu");
    }
    criterion.final_summary();
}

fn mlp_step<B: Backend>(criterion: &mut Criterion, backend: &str) {
    let mut group = criterion.benchmark_group("mlp_step");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(50)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5));
    group.bench_function(backend, |bencher| {
        let mut work = MlpWork::<Autodiff<B>>::mlp_step(Default::default());
        bencher.iter(|| work.step());
    });
}

fn dcgan_step<B: Backend>(criterion: &mut Criterion, backend: &str) {
    let mut group = criterion.benchmark_group("dcgan_step");
    // A step takes a good part of a second: the fewest samples that criterion allows.
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(10));
    group.bench_function(backend, |bencher| {
        let mut work = DcganWork::<Autodiff<B>>::dcgan_step(Default::default());
        bencher.iter(|| work.step());
    });
}
