//! On a GPU: what a DCGAN step is made of, and whether convolutions by matrix products of tensor
//! operations would be faster than burn's.
//!
//! ```text
//! cargo bench --bench wgpu_conv --features wgpu
//! ```
//!
//! Two tables in Markdown on standard output; the progress goes to standard error. Times are
//! medians in ms. `alone` waits for the device before and after each call; `in a row` gives it ten
//! calls and waits once, as within a step, where nobody waits between operations.
//!
//! The ways to convolve, each with burn's automatic differentiation:
//!
//! - `burn`: `conv2d` and `conv_transpose2d`, and their backward passes;
//! - `select`: patches gathered with `select`, one matrix product; backward, two products and a
//!   scatter (`select_assign`). The transposed convolution has the scatter forward;
//! - `phases`: the same patches from the four phases of even and odd rows and columns: a reshape,
//!   four slices, a concatenation. Backward, the scatter is four slices added up.
//!
//! `difference` is the largest one from burn's output or gradients, relative to the largest number
//! there. Above 1e-2 it is marked, and the bench fails.

#[cfg(feature = "wgpu")]
#[path = "works/mod.rs"]
mod works;

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "wgpu")]
    {
        use burn_gan::burn::backend::{Autodiff, Wgpu};
        // `cargo bench` passes `--bench`; who only wants to see that this runs needs no GPU.
        if std::env::args().any(|argument| argument == "--bench") {
            return measured::all::<Autodiff<Wgpu>>();
        }
    }
    println!("wgpu_conv: nothing done; cargo bench --bench wgpu_conv --features wgpu");
    ExitCode::SUCCESS
}

#[cfg(feature = "wgpu")]
mod measured {
    use std::process::ExitCode;
    use std::time::Instant;

    use burn_gan::Gan;
    use burn_gan::burn::module::{AutodiffModule, Module};
    use burn_gan::burn::optim::GradientsParams;
    use burn_gan::burn::tensor::backend::{AutodiffBackend, Backend};
    use burn_gan::burn::tensor::module::{conv_transpose2d, conv2d};
    use burn_gan::burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
    use burn_gan::burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData};
    use burn_gan::models::{DcganDiscriminatorConfig, DcganGeneratorConfig};
    use burn_gan::network::{Discriminator, Generator};
    use burn_gan::random::Stream;
    use burn_gan::step::NetworkOptimizer;

    use crate::works::{BATCH, DcganWork, adam, latent, pixels};

    /// Calls that only warm up: kernels are compiled and tuned in the first ones.
    const WARM_UP: usize = 5;
    /// Calls, or rows of calls, that count.
    const ROUNDS: usize = 20;
    /// Calls in a row.
    const ROW: usize = 10;
    /// What a difference must not exceed, relative.
    const TOLERANCE: f32 = 1e-2;

    /// Both tables; fails where a way computes something else than burn's.
    pub fn all<B: AutodiffBackend>() -> ExitCode {
        let device: B::Device = Default::default();
        println!("{}, batch {BATCH}\n", B::name(&device));
        step_and_parts::<B>(&device);
        println!();
        if convolutions::<B>(&device) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// The whole step of `dcgan_step`, and each part of it by itself.
    fn step_and_parts<B: AutodiffBackend>(device: &B::Device) {
        eprintln!("wgpu_conv: the DCGAN-32 step");
        let mut work = DcganWork::<B>::dcgan_step(device.clone());
        let whole = alone::<B, _, _>(device, || (), |()| work.step());
        drop(work);

        let image = [3, 32, 32];
        let gan = Gan::<_, _, B>::seeded(
            DcganGeneratorConfig::new(latent().dimensions(), image)
                .init::<B>(device)
                .expect("valid settings"),
            DcganDiscriminatorConfig::new(image)
                .init::<B>(device)
                .expect("valid settings"),
            1,
            device,
        );
        let (generator, discriminator) = (gan.generator, gan.discriminator);
        let frozen = discriminator.clone().no_grad();
        let real = numbers::<B>([BATCH, 3, 32, 32], device);
        let z: Tensor<B, 2> = latent().draw(BATCH, &mut Stream::new(1, "latent"), device);
        let judge = || discriminator.discriminate(real.clone(), &()).logits;
        let draw = || generator.generate(z.clone(), &());

        let mut parts = Vec::new();
        let mut part = |name: &'static str, times: usize, ms: f64| {
            eprintln!("wgpu_conv: {name}");
            parts.push((name, times, ms));
        };
        part(
            "generator forward",
            1,
            alone::<B, _, _>(device, || (), |()| draw()),
        );
        part(
            "discriminator forward",
            3,
            alone::<B, _, _>(device, || (), |()| judge()),
        );
        part(
            "discriminator backward, to its weights",
            2,
            alone::<B, _, _>(device, judge, |logits| {
                GradientsParams::from_grads::<B, _>(logits.backward(), &discriminator)
            }),
        );
        part(
            "discriminator backward, to the images",
            1,
            alone::<B, _, _>(
                device,
                || {
                    let images = real.clone().require_grad();
                    let logits = frozen.discriminate(images.clone(), &()).logits;
                    (images, logits)
                },
                |(images, logits)| images.grad_remove(&mut logits.backward()),
            ),
        );
        part(
            "generator backward",
            1,
            alone::<B, _, _>(device, draw, |images| {
                GradientsParams::from_grads::<B, _>(images.backward(), &generator)
            }),
        );
        part(
            "discriminator's Adam",
            1,
            optimizer::<B, _>(device, &discriminator, || {
                GradientsParams::from_grads::<B, _>(judge().backward(), &discriminator)
            }),
        );
        part(
            "generator's Adam",
            1,
            optimizer::<B, _>(device, &generator, || {
                GradientsParams::from_grads::<B, _>(draw().backward(), &generator)
            }),
        );

        println!("| part of the DCGAN-32 step | in a step | ms each, alone | ms in a step |");
        println!("|---|---|---|---|");
        let mut sum = 0.0;
        for (name, times, ms) in parts {
            let all = times as f64 * ms;
            sum += all;
            println!("| {name} | {times} | {ms:.3} | {all:.3} |");
        }
        println!("| their sum | | | {sum:.3} |");
        println!("| the whole step, measured | | | {whole:.3} |");
        let nothing = alone::<B, _, _>(device, || (), |()| ());
        println!("| waiting for an idle device | | {nothing:.3} | |");
    }

    /// A step of the network's optimiser, the gradients made beforehand.
    fn optimizer<B: AutodiffBackend, M: AutodiffModule<B>>(
        device: &B::Device,
        network: &M,
        gradients: impl FnMut() -> GradientsParams,
    ) -> f64 {
        let mut optimizer = NetworkOptimizer::<B>::new(adam()).expect("valid settings");
        // The gradients stay those of the first weights: the arithmetic is the same.
        let mut current = Some(network.clone());
        alone::<B, _, _>(device, gradients, |gradients| {
            let before = current.take().expect("the last call gave it back");
            current = Some(optimizer.step(1.0, before, gradients));
        })
    }

    /// A convolution of the DCGAN pair: 4×4, stride 2, padding 1.
    #[derive(Clone, Copy)]
    struct Layer {
        name: &'static str,
        transposed: bool,
        channels: [usize; 2],
        /// Height and width of its input.
        side: usize,
    }

    impl Layer {
        const fn new(
            name: &'static str,
            transposed: bool,
            channels: [usize; 2],
            side: usize,
        ) -> Self {
            Self {
                name,
                transposed,
                channels,
                side,
            }
        }

        /// burn's order: `[out, in, 4, 4]`, of a transposed convolution `[in, out, 4, 4]`.
        fn weight_shape(&self) -> [usize; 4] {
            let [inputs, outputs] = self.channels;
            if self.transposed {
                [inputs, outputs, 4, 4]
            } else {
                [outputs, inputs, 4, 4]
            }
        }

        /// Height and width of the larger of its two images.
        fn full(&self) -> usize {
            if self.transposed {
                2 * self.side
            } else {
                self.side
            }
        }
    }

    const LAYERS: [Layer; 6] = [
        Layer::new("D 3-64, 32×32", false, [3, 64], 32),
        Layer::new("D 64-128, 16×16", false, [64, 128], 16),
        Layer::new("D 128-256, 8×8", false, [128, 256], 8),
        Layer::new("G 256-128, 4×4", true, [256, 128], 4),
        Layer::new("G 128-64, 8×8", true, [128, 64], 8),
        Layer::new("G 64-3, 16×16", true, [64, 3], 16),
    ];

    #[derive(Clone, Copy)]
    enum Way {
        Burn,
        Select,
        Phases,
    }

    const WAYS: [(&str, Way); 3] = [
        ("burn", Way::Burn),
        ("select", Way::Select),
        ("phases", Way::Phases),
    ];

    /// What a call brings out: y and the gradients of x and w.
    type Found = [Vec<f32>; 3];

    /// Every layer in every way; whether all of them agree.
    fn convolutions<B: AutodiffBackend>(device: &B::Device) -> bool {
        println!(
            "| layer | way | forward, alone | backward, alone | both, in a row | difference |\n\
             |---|---|---|---|---|---|"
        );
        let mut agree = true;
        let mut sums = [[0.0; 3]; WAYS.len()];
        for layer in LAYERS {
            let patches = patches::<B>(layer.full(), device);
            let [inputs, _] = layer.channels;
            let x = numbers::<B>([BATCH, inputs, layer.side, layer.side], device).require_grad();
            let w = numbers::<B>(layer.weight_shape(), device).require_grad();
            let expected = found(&layer, Way::Burn, &x, &w, &patches);
            for ((name, way), sums) in WAYS.into_iter().zip(&mut sums) {
                eprintln!("wgpu_conv: {}, {name}", layer.name);
                let forward = || convolve(&layer, way, x.clone(), w.clone(), &patches);
                let backward = |y: Tensor<B, 4>| {
                    let mut gradients = y.backward();
                    [&x, &w].map(|leaf| leaf.grad_remove(&mut gradients))
                };
                let times = [
                    alone::<B, _, _>(device, || (), |()| forward()),
                    alone::<B, _, _>(device, forward, backward),
                    in_a_row::<B, _>(device, || backward(forward())),
                ];
                for (sum, time) in sums.iter_mut().zip(times) {
                    *sum += time;
                }
                let difference = largest(&expected, &found(&layer, way, &x, &w, &patches));
                let mark = if difference <= TOLERANCE {
                    ""
                } else {
                    " WRONG"
                };
                agree &= mark.is_empty();
                let [forward, backward, both] = times;
                println!(
                    "| {} | {name} | {forward:.3} | {backward:.3} | {both:.3} | {difference:.1e}{mark} |",
                    layer.name
                );
            }
        }
        for ((name, _), [forward, backward, both]) in WAYS.into_iter().zip(sums) {
            println!("| all six | {name} | {forward:.3} | {backward:.3} | {both:.3} | |");
        }
        agree
    }

    /// The layer's output.
    fn convolve<B: Backend>(
        layer: &Layer,
        way: Way,
        x: Tensor<B, 4>,
        w: Tensor<B, 4>,
        patches: &Tensor<B, 1, Int>,
    ) -> Tensor<B, 4> {
        match (way, layer.transposed) {
            (Way::Burn, false) => conv2d(x, w, None, ConvOptions::new([2, 2], [1, 1], [1, 1], 1)),
            (Way::Burn, true) => {
                let options = ConvTransposeOptions::new([2, 2], [1, 1], [0, 0], [1, 1], 1);
                conv_transpose2d(x, w, None, options)
            }
            (Way::Select, false) => select(x, w, patches),
            (Way::Select, true) => select_transposed(x, w, patches),
            (Way::Phases, false) => phases(x, w),
            (Way::Phases, true) => phases_transposed(x, w),
        }
    }

    /// For each output pixel and each of the kernel's 16 places the input pixel under it, in an
    /// image of `side` × `side`; the one behind the last stands for the padding.
    fn patches<B: Backend>(side: usize, device: &B::Device) -> Tensor<B, 1, Int> {
        let mut indices = Vec::new();
        for pixel in 0..side * side / 4 {
            let (top, left) = (2 * (pixel / (side / 2)), 2 * (pixel % (side / 2)));
            for place in 0..16 {
                // One row and one column of padding lie before the image's first.
                let (row, column) = (top + place / 4, left + place % 4);
                let inside = (1..=side).contains(&row) && (1..=side).contains(&column);
                let index = if inside {
                    (row - 1) * side + column - 1
                } else {
                    side * side
                };
                indices.push(index as i32);
            }
        }
        let count = indices.len();
        Tensor::from_data(TensorData::new(indices, [count]), device)
    }

    fn select<B: Backend>(
        x: Tensor<B, 4>,
        w: Tensor<B, 4>,
        patches: &Tensor<B, 1, Int>,
    ) -> Tensor<B, 4> {
        let [batch, inputs, height, width] = x.dims();
        let [outputs, ..] = w.dims();
        let padding = Tensor::<B, 3>::zeros([batch, 1, inputs], &x.device());
        let pixels: Tensor<B, 3> = x
            .permute([0, 2, 3, 1])
            .reshape([batch, height * width, inputs]);
        let columns: Tensor<B, 2> = Tensor::cat(vec![pixels, padding], 1)
            .select(1, patches.clone())
            .reshape([batch * height * width / 4, 16 * inputs]);
        let w: Tensor<B, 2> = w.permute([2, 3, 1, 0]).reshape([16 * inputs, outputs]);
        columns
            .matmul(w)
            .reshape([batch, height / 2, width / 2, outputs])
            .permute([0, 3, 1, 2])
    }

    fn select_transposed<B: Backend>(
        x: Tensor<B, 4>,
        w: Tensor<B, 4>,
        patches: &Tensor<B, 1, Int>,
    ) -> Tensor<B, 4> {
        let [batch, inputs, height, width] = x.dims();
        let [_, outputs, ..] = w.dims();
        let images = Tensor::<B, 3>::zeros([batch, 4 * height * width + 1, outputs], &x.device());
        let pixels: Tensor<B, 2> = x
            .permute([0, 2, 3, 1])
            .reshape([batch * height * width, inputs]);
        let w: Tensor<B, 2> = w.permute([0, 2, 3, 1]).reshape([inputs, 16 * outputs]);
        let columns: Tensor<B, 3> = pixels
            .matmul(w)
            .reshape([batch, 16 * height * width, outputs]);
        let images: Tensor<B, 3> =
            images.select_assign(1, patches.clone(), columns, IndexingUpdateOp::Add);
        images
            .slice([0..batch, 0..4 * height * width, 0..outputs])
            .reshape([batch, 2 * height, 2 * width, outputs])
            .permute([0, 3, 1, 2])
    }

    /// Where the kernel's four 2×2 quarters of even and odd places begin.
    const QUARTERS: [[usize; 2]; 4] = [[0, 0], [0, 1], [1, 0], [1, 1]];

    fn phases<B: Backend>(x: Tensor<B, 4>, w: Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, inputs, height, width] = x.dims();
        let [outputs, ..] = w.dims();
        let padded: Tensor<B, 4> =
            Tensor::<B, 4>::zeros([batch, height + 2, width + 2, inputs], &x.device())
                .slice_assign(
                    [0..batch, 1..height + 1, 1..width + 1, 0..inputs],
                    x.permute([0, 2, 3, 1]),
                );
        // Half the height and width, and a pixel's four phases as its channels.
        let [rows, columns] = [height / 2, width / 2];
        let padded: Tensor<B, 6> = padded.reshape([batch, rows + 1, 2, columns + 1, 2, inputs]);
        let phases: Tensor<B, 4> =
            padded
                .permute([0, 1, 3, 2, 4, 5])
                .reshape([batch, rows + 1, columns + 1, 4 * inputs]);
        let quarters = QUARTERS.map(|[y, x]| {
            phases
                .clone()
                .slice([0..batch, y..y + rows, x..x + columns, 0..4 * inputs])
        });
        let patches: Tensor<B, 2> =
            Tensor::cat(Vec::from(quarters), 3).reshape([batch * rows * columns, 16 * inputs]);
        // A place of the kernel is 2·quarter + phase in height and width.
        let w: Tensor<B, 6> = w
            .permute([2, 3, 1, 0])
            .reshape([2, 2, 2, 2, inputs, outputs]);
        let w: Tensor<B, 2> = w
            .permute([0, 2, 1, 3, 4, 5])
            .reshape([16 * inputs, outputs]);
        patches
            .matmul(w)
            .reshape([batch, rows, columns, outputs])
            .permute([0, 3, 1, 2])
    }

    fn phases_transposed<B: Backend>(x: Tensor<B, 4>, w: Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, inputs, rows, columns] = x.dims();
        let [_, outputs, ..] = w.dims();
        let device = x.device();
        let pixels: Tensor<B, 2> = x
            .permute([0, 2, 3, 1])
            .reshape([batch * rows * columns, inputs]);
        let w: Tensor<B, 6> = w
            .permute([0, 2, 3, 1])
            .reshape([inputs, 2, 2, 2, 2, outputs]);
        let w: Tensor<B, 2> = w
            .permute([0, 1, 3, 2, 4, 5])
            .reshape([inputs, 16 * outputs]);
        let patches: Tensor<B, 4> = pixels
            .matmul(w)
            .reshape([batch, rows, columns, 16 * outputs]);
        let width = 4 * outputs;
        let [first, second, third, fourth] = [0, 1, 2, 3].map(|index: usize| {
            let [y, x] = QUARTERS[index];
            let quarter = patches.clone().slice([
                0..batch,
                0..rows,
                0..columns,
                index * width..(index + 1) * width,
            ]);
            Tensor::<B, 4>::zeros([batch, rows + 1, columns + 1, width], &device)
                .slice_assign([0..batch, y..y + rows, x..x + columns, 0..width], quarter)
        });
        let phases: Tensor<B, 4> = first + second + third + fourth;
        let padded: Tensor<B, 6> = phases.reshape([batch, rows + 1, columns + 1, 2, 2, outputs]);
        let padded: Tensor<B, 4> = padded.permute([0, 1, 3, 2, 4, 5]).reshape([
            batch,
            2 * (rows + 1),
            2 * (columns + 1),
            outputs,
        ]);
        padded
            .slice([0..batch, 1..2 * rows + 1, 1..2 * columns + 1, 0..outputs])
            .permute([0, 3, 1, 2])
    }

    /// y, and the gradients of Σ y·r with the same r at each call.
    fn found<B: AutodiffBackend>(
        layer: &Layer,
        way: Way,
        x: &Tensor<B, 4>,
        w: &Tensor<B, 4>,
        patches: &Tensor<B, 1, Int>,
    ) -> Found {
        let y = convolve(layer, way, x.clone(), w.clone(), patches);
        let r = numbers::<B>(y.dims(), &x.device());
        let mut gradients = (y.clone() * r).backward();
        let [x, w] = [x, w].map(|leaf| {
            leaf.grad_remove(&mut gradients)
                .expect("both are on the tape")
        });
        [y.inner(), x, w].map(|tensor| tensor.into_data().iter::<f32>().collect())
    }

    /// The largest difference of two results, relative to the largest number of its tensor.
    fn largest(expected: &Found, found: &Found) -> f32 {
        let mut largest = 0.0f32;
        for (expected, found) in expected.iter().zip(found) {
            let scale = expected.iter().fold(0.0f32, |scale, x| scale.max(x.abs()));
            for (expected, found) in expected.iter().zip(found) {
                let difference = (expected - found).abs() / scale;
                // `max` would pass over NaN.
                if difference.is_nan() {
                    return difference;
                }
                largest = largest.max(difference);
            }
        }
        largest
    }

    /// Values in [−1, 1].
    fn numbers<B: Backend>(shape: [usize; 4], device: &B::Device) -> Tensor<B, 4> {
        let values = pixels(shape.iter().product());
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// The median time of `work` on what `prepare` makes; the device is idle before and after, and
    /// what comes out is kept until then, so that nothing can be left out.
    fn alone<B: Backend, S, T>(
        device: &B::Device,
        mut prepare: impl FnMut() -> S,
        mut work: impl FnMut(S) -> T,
    ) -> f64 {
        let mut times = Vec::with_capacity(ROUNDS);
        for round in 0..WARM_UP + ROUNDS {
            let prepared = prepare();
            wait::<B>(device);
            let start = Instant::now();
            let out = work(prepared);
            wait::<B>(device);
            if round >= WARM_UP {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
            drop(out);
        }
        median(times)
    }

    /// The median time of a call among [`ROW`] that the device gets one behind the other.
    fn in_a_row<B: Backend, T>(device: &B::Device, mut work: impl FnMut() -> T) -> f64 {
        alone::<B, _, _>(
            device,
            || (),
            |()| (0..ROW).map(|_| work()).collect::<Vec<T>>(),
        ) / ROW as f64
    }

    fn wait<B: Backend>(device: &B::Device) {
        B::sync(device).expect("the device answers");
    }

    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
    }
}
