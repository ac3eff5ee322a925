//! One training step of each work, and a thousand samples, backend by backend.
//!
//! ```text
//! cargo bench --bench step
//! cargo bench --bench step --features wgpu -- wgpu
//! ```

#[path = "works/mod.rs"]
mod works;

use std::time::Duration;

use burn_gan::burn::backend::{Autodiff, Flex, NdArray};
use burn_gan::burn::tensor::backend::{AutodiffBackend, BackendTypes};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use works::{DcganWork, MlpWork, SampleWork};

/// What a work is called, and what makes it.
type Named<B, W> = (&'static str, fn(<B as BackendTypes>::Device) -> W);

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    mlp_steps::<Autodiff<Flex>>(&mut criterion, "flex");
    mlp_steps::<Autodiff<NdArray>>(&mut criterion, "ndarray");
    // No NdArray here: with its convolutions one step takes 40 s.
    dcgan_steps::<Autodiff<Flex>>(&mut criterion, "flex");
    dcgan_samples::<Autodiff<Flex>>(&mut criterion, "flex");
    #[cfg(feature = "wgpu")]
    {
        use burn_gan::burn::backend::Wgpu;
        mlp_steps::<Autodiff<Wgpu>>(&mut criterion, "wgpu");
        dcgan_steps::<Autodiff<Wgpu>>(&mut criterion, "wgpu");
        dcgan_samples::<Autodiff<Wgpu>>(&mut criterion, "wgpu");
    }
    criterion.final_summary();
}

fn mlp_steps<B: AutodiffBackend>(criterion: &mut Criterion, backend: &str) {
    let works: [Named<B, MlpWork<B>>; 3] = [
        ("mlp_step", MlpWork::mlp_step),
        ("mlp_r1_step", MlpWork::mlp_r1_step),
        ("ring_step", MlpWork::ring_step),
    ];
    for (name, make) in works {
        let mut group = criterion.benchmark_group(name);
        group
            .sampling_mode(SamplingMode::Flat)
            .sample_size(50)
            .warm_up_time(Duration::from_secs(1))
            .measurement_time(Duration::from_secs(5));
        group.bench_function(backend, |bencher| {
            let mut work = make(Default::default());
            bencher.iter(|| work.step());
        });
    }
}

fn dcgan_steps<B: AutodiffBackend>(criterion: &mut Criterion, backend: &str) {
    let works: [Named<B, DcganWork<B>>; 5] = [
        ("dcgan_step", DcganWork::dcgan_step),
        ("dcgan_diffaugment", DcganWork::dcgan_diffaugment),
        ("dcgan_ada", DcganWork::dcgan_ada),
        ("dcgan_plain_step", DcganWork::dcgan_plain_step),
        ("dcgan_r1_step", DcganWork::dcgan_r1_step),
    ];
    for (name, make) in works {
        slow_group(criterion, name).bench_function(backend, |bencher| {
            let mut work = make(Default::default());
            bencher.iter(|| work.step());
        });
    }
}

fn dcgan_samples<B: AutodiffBackend>(criterion: &mut Criterion, backend: &str) {
    slow_group(criterion, "dcgan_sample").bench_function(backend, |bencher| {
        let mut work = SampleWork::<B>::dcgan_sample(Default::default());
        bencher.iter(|| work.sample());
    });
}

/// For what takes a good part of a second: the fewest samples that criterion allows.
fn slow_group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(10));
    group
}
