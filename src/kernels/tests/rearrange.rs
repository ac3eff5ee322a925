//! Rearranged tensors against what they stand for, over random shapes, and without regard to the
//! number of threads.

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData};

use crate::kernels::{Rearrange, gated, rearranged};
use crate::nn::channels_last;
use crate::random::Stream;
use crate::testing::values;

type B = Autodiff<Flex>;

fn images(stream: &mut Stream, shape: [usize; 4]) -> Tensor<B, 4> {
    let numbers = stream.normal(shape.iter().product());
    Tensor::from_data(TensorData::new(numbers, shape), &Default::default())
}

/// A map, the shape that it takes, and for a place of the output that of the input, where there is one.
fn draw(stream: &mut Stream, index: usize) -> (Rearrange, [usize; 4]) {
    let mut between = |low: usize, high: usize| low + stream.index(high - low + 1);
    let factor = between(2, 4);
    let [batch, of] = [between(1, 3), between(1, 33)];
    let [height, width] = [between(1, 7), between(1, 7)];
    let first = between(0, of - 1);
    let count = between(1, of - first);
    match index % 4 {
        0 => (
            Rearrange::Take { first, count, of },
            [batch, of, height, width],
        ),
        1 => (
            Rearrange::Put { first, count, of },
            [batch, count, height, width],
        ),
        2 => (
            Rearrange::Shuffle(factor),
            [batch, of * factor * factor, height, width],
        ),
        _ => (
            Rearrange::Unshuffle(factor),
            [batch, of, height * factor, width * factor],
        ),
    }
}

/// The number of the input that is at a place of the output; none: 0 is there.
fn source(map: Rearrange, [n, c, i, j]: [usize; 4]) -> Option<[usize; 4]> {
    match map {
        Rearrange::Take { first, .. } => Some([n, first + c, i, j]),
        Rearrange::Put { first, count, .. } => (first..first + count)
            .contains(&c)
            .then(|| [n, c - first, i, j]),
        Rearrange::Shuffle(f) => Some([n, (c * f + i % f) * f + j % f, i / f, j / f]),
        Rearrange::Unshuffle(f) => {
            let [square, place] = [c / (f * f), c % (f * f)];
            Some([n, square, i * f + place / f, j * f + place % f])
        }
    }
}

fn at([n, c, i, j]: [usize; 4], [_, channels, height, width]: [usize; 4]) -> usize {
    ((n * channels + c) * height + i) * width + j
}

#[test]
fn every_number_comes_from_its_place_and_its_gradient_goes_back_there() {
    let mut stream = Stream::new(3, "rearranged");
    for index in 0..80 {
        let (map, shape) = draw(&mut stream, index);
        let x = images(&mut stream, shape);
        let numbers = values(x.clone());
        for last in [false, true] {
            let x = x.clone().require_grad();
            let given = if last {
                channels_last(x.clone())
            } else {
                x.clone()
            };
            let y = rearranged(map, given).expect("a map of these images");
            let size = y.dims();
            let weights = images(&mut stream, size);
            let mut gradient = vec![0.0; numbers.len()];
            let (found, factors) = (values(y.clone()), values(weights.clone()));
            for place in 0..found.len() {
                let [_, channels, height, width] = size;
                let (pixel, channel) = (place % (height * width), place / (height * width));
                let output = [
                    channel / channels,
                    channel % channels,
                    pixel / width,
                    pixel % width,
                ];
                let from = source(map, output).map(|input| at(input, shape));
                let expected = from.map_or(0.0, |from| numbers[from]);
                assert_eq!(
                    found[place], expected,
                    "{map:?} {shape:?} {last} {output:?}"
                );
                if let Some(from) = from {
                    gradient[from] += factors[place];
                }
            }
            let tape = (y * weights).sum().backward();
            let slope = values(x.grad(&tape).expect("a gradient"));
            assert_eq!(slope, gradient, "{map:?} {shape:?} {last}");
        }
    }
}

#[test]
fn what_does_not_fit_is_given_back() {
    let x = || Tensor::<Flex, 4>::ones([2, 6, 4, 5], &Default::default());
    for map in [
        Rearrange::Take {
            first: 4,
            count: 3,
            of: 6,
        },
        Rearrange::Take {
            first: 0,
            count: 3,
            of: 7,
        },
        Rearrange::Put {
            first: 2,
            count: 5,
            of: 9,
        },
        Rearrange::Shuffle(2),
        Rearrange::Unshuffle(2),
        Rearrange::Unshuffle(0),
    ] {
        let given = rearranged(map, x()).expect_err("no such map");
        assert_eq!(given.dims(), [2, 6, 4, 5], "{map:?}");
    }
    let odd = Tensor::<Flex, 4>::ones([2, 5, 4, 5], &Default::default());
    assert!(gated(odd).is_err());
}

#[test]
fn the_number_of_threads_changes_no_number() {
    let mut stream = Stream::new(4, "threads");
    // Large enough for several threads.
    let x = images(&mut stream, [5, 36, 30, 42]);
    let weights = images(&mut stream, [5, 18, 30, 42]);
    let all = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads").install(|| {
            let mut found = Vec::new();
            for last in [false, true] {
                let x = x.clone().require_grad();
                let given = if last {
                    channels_last(x.clone())
                } else {
                    x.clone()
                };
                for map in [
                    Rearrange::Take {
                        first: 7,
                        count: 20,
                        of: 36,
                    },
                    Rearrange::Put {
                        first: 3,
                        count: 36,
                        of: 50,
                    },
                    Rearrange::Shuffle(3),
                    Rearrange::Unshuffle(2),
                ] {
                    found.push(values(rearranged(map, given.clone()).expect("a map")));
                }
                let y = gated(given).expect("halves");
                let tape = (y.clone() * weights.clone()).sum().backward();
                found.extend([values(y), values(x.grad(&tape).expect("a gradient"))]);
            }
            found
        })
    };
    let one = all(1);
    assert_eq!(one, all(3));
    let [rows, last] = [&one[..6], &one[6..]];
    assert_eq!(rows, last, "the order in memory changes none either");
}
