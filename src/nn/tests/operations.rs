//! What has no parameters: pooling, upsampling, sums, modulation, activations by themselves. On every
//! backend the same as burn's operations in f64: output, gradient, and the gradient of the squared
//! gradient, whichever way the images lie.

use burn::backend::{Autodiff, NdArray};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};

use crate::nn::{Activation, channels_last, max_pool, mean_pool, modulate, sum, upsample_nearest};
use crate::random::Stream;
use crate::testing::{floats, for_each_autodiff_backend, on_wgpu, settle_precision, values};

use super::properties::{TOLERANCE, close, normal};

/// Two batches of images, a scale and a shift of their channels.
struct Given {
    images: [Vec<f64>; 2],
    numbers: [Vec<f64>; 2],
}

const SHAPE: [usize; 4] = [3, 8, 4, 8];

impl Given {
    fn draw() -> Self {
        let mut stream = Stream::new(5, "images");
        let mut draw = |count| normal(&mut stream, count, 1.0);
        Self {
            images: [draw(SHAPE.iter().product()), draw(SHAPE.iter().product())],
            numbers: [draw(SHAPE[0] * SHAPE[1]), draw(SHAPE[0] * SHAPE[1])],
        }
    }
}

/// The function's operands, the same in number for all.
struct Operands<B: AutodiffBackend> {
    images: [Tensor<B, 4>; 2],
    numbers: [Tensor<B, 2>; 2],
}

type Function<B> = fn(Operands<B>) -> Tensor<B, 4>;

/// What `function` gives: output, gradients of Σ (y + y³/3), and those of half their squares.
fn found<B: AutodiffBackend>(
    function: Function<Autodiff<B>>,
    given: &Given,
    last: bool,
) -> Vec<Vec<f64>> {
    let images = given
        .images
        .clone()
        .map(|images| floats::<B, 4>(TensorData::new(images, SHAPE)).require_grad());
    let numbers = given.numbers.clone().map(|numbers| {
        floats::<B, 2>(TensorData::new(numbers, [SHAPE[0], SHAPE[1]])).require_grad()
    });
    let outer_images = images
        .clone()
        .map(|x| Tensor::<Autodiff<B>, 4>::from_inner(x).require_grad());
    let outer_numbers = numbers
        .clone()
        .map(|x| Tensor::<Autodiff<B>, 2>::from_inner(x).require_grad());
    let operands = Operands {
        images: outer_images
            .clone()
            .map(|x| if last { channels_last(x) } else { x }),
        numbers: outer_numbers.clone(),
    };
    let y = function(operands);
    let cubed = y.clone() * y.clone() * y.clone();
    let tape = (y.clone() + cubed.div_scalar(3.0)).sum().backward();
    let mut all = vec![values(y)];
    let mut squares = Vec::new();
    for gradient in outer_images.iter().filter_map(|x| x.grad(&tape)) {
        squares.push(gradient.clone().square().sum());
        all.push(values(gradient));
    }
    for gradient in outer_numbers.iter().filter_map(|x| x.grad(&tape)) {
        squares.push(gradient.clone().square().sum());
        all.push(values(gradient));
    }
    let tape = Tensor::cat(squares, 0).sum().mul_scalar(0.5).backward();
    all.extend(images.iter().filter_map(|x| x.grad(&tape)).map(values));
    all.extend(numbers.iter().filter_map(|x| x.grad(&tape)).map(values));
    all
}

fn blocks<B: AutodiffBackend>(x: Tensor<B, 4>) -> Tensor<B, 6> {
    let [batch, channels, height, width] = SHAPE;
    x.reshape([batch, channels, height / 2, 2, width / 2, 2])
}

fn whole<B: AutodiffBackend>(x: Tensor<B, 6>) -> Tensor<B, 4> {
    let [batch, channels, height, width] = SHAPE;
    x.reshape([batch, channels, height / 2, width / 2])
}

/// The same by burn's operations alone.
fn by_burn<B: AutodiffBackend>(which: usize) -> Function<B> {
    match which {
        0 => |o| whole(blocks(o.images[0].clone()).mean_dim(5).mean_dim(3)),
        1 => |o| whole(blocks(o.images[0].clone()).max_dim(5).max_dim(3)),
        2 => |o| {
            let x = o.images[0].clone();
            let [_, _, height, width] = SHAPE;
            let rows = Tensor::cat(
                (0..height)
                    .flat_map(|i| [i, i])
                    .map(|i| x.clone().narrow(2, i, 1))
                    .collect(),
                2,
            );
            Tensor::cat(
                (0..width)
                    .flat_map(|j| [j, j])
                    .map(|j| rows.clone().narrow(3, j, 1))
                    .collect(),
                3,
            )
        },
        3 => |o| {
            let [a, b] = o.images;
            a + b
        },
        _ => |o| {
            let [scale, shift] = o.numbers.map(|x| x.reshape([SHAPE[0], SHAPE[1], 1, 1]));
            let y = o.images[0].clone() * scale + shift;
            y.clone()
                .mask_where(y.clone().lower_elem(0.0), y.mul_scalar(0.2))
        },
    }
}

fn ours<B: AutodiffBackend>(which: usize) -> Function<B> {
    match which {
        0 => |o| mean_pool(o.images[0].clone(), 2),
        1 => |o| max_pool(o.images[0].clone(), 2),
        2 => |o| upsample_nearest(o.images[0].clone(), 2),
        3 => |o| {
            let [a, b] = o.images;
            sum(a, b)
        },
        4 => |o| {
            let [scale, shift] = o.numbers;
            modulate(o.images[0].clone(), scale, Some(shift), Activation::LEAKY)
        },
        _ => |o| {
            let [scale, shift] = o.numbers;
            let y = modulate(
                o.images[0].clone(),
                scale,
                Some(shift),
                Activation::Identity,
            );
            Activation::LEAKY.apply(y)
        },
    }
}

fn they_are_burns_operations_to_the_second_order<B: AutodiffBackend>() {
    settle_precision();
    let given = Given::draw();
    for which in 0..6 {
        let expected = found::<Autodiff<NdArray<f64>>>(by_burn(which), &given, false);
        for last in [false, true] {
            let found = found::<B>(ours(which), &given, last);
            assert_eq!(found.len(), expected.len(), "{which}");
            for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
                close(&(which, last, place), found, expected, 4.0 * TOLERANCE);
            }
        }
    }
}

for_each_autodiff_backend!(they_are_burns_operations_to_the_second_order);
on_wgpu!(Autodiff<Wgpu>; they_are_burns_operations_to_the_second_order);

#[test]
fn a_channel_of_its_own_order_stays_so() {
    let x = Tensor::<burn::backend::Flex, 4>::ones([2, 3, 4, 6], &Default::default());
    let last = channels_last(x.clone());
    let in_rows = |x: Tensor<burn::backend::Flex, 4>| x.into_primitive().tensor().is_contiguous();
    for (x, rows) in [(x.clone(), true), (last, false)] {
        assert_eq!(in_rows(mean_pool(x.clone(), 2)), rows);
        assert_eq!(in_rows(upsample_nearest(x.clone(), 2)), rows);
        assert_eq!(in_rows(Activation::Relu.apply(x.clone())), rows);
        assert_eq!(in_rows(sum(x.clone(), x.clone())), rows);
        let scale = Tensor::ones([2, 3], &Default::default());
        assert_eq!(in_rows(modulate(x, scale, None, Activation::Relu)), rows);
    }
    // Whose sides differ: the first one's.
    let last = channels_last(x.clone());
    assert!(!in_rows(sum(last.clone(), x.clone())) && in_rows(sum(x, last)));
}

#[test]
#[should_panic(expected = "images of 4×6 don't fall into blocks of 4×4 pixels")]
fn images_that_do_not_fall_into_blocks_are_refused() {
    let x = Tensor::<burn::backend::Flex, 4>::ones([2, 3, 4, 6], &Default::default());
    let _ = mean_pool(x, 4);
}
