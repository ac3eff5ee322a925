//! Passes over whole parameters give what burn's operations give, however the tensors lie.

use burn::backend::Flex;
use burn::tensor::Tensor;

use crate::kernels::{moving_average, scaled, sum_of_squares};
use crate::latent::Latent;
use crate::nn::channels_last;
use crate::random::Stream;
use crate::testing::{assert_close, values};

/// Large enough for several threads.
fn images(seed: u64) -> Tensor<Flex, 4> {
    let numbers = 4 * 16 * 37 * 31;
    let mut stream = Stream::new(seed, "numbers");
    let flat: Tensor<Flex, 2> = Latent::normal(numbers).draw(1, &mut stream, &Default::default());
    flat.reshape([4, 16, 37, 31])
}

#[test]
fn an_average_moves_by_its_decay_in_any_order_in_memory() {
    let (average, value) = (images(1), images(2));
    let expected: Vec<f64> = values(average.clone())
        .iter()
        .zip(values(value.clone()))
        .map(|(a, v)| 0.9 * a + 0.1 * v)
        .collect();
    for a in [average.clone(), channels_last(average.clone())] {
        for v in [value.clone(), channels_last(value.clone())] {
            let moved = moving_average(a.clone(), v, 0.9);
            assert_close(&values(moved), &expected, 1e-5, 1e-6);
        }
    }
    // Others who hold the average keep it.
    assert_eq!(values(average), values(images(1)));
}

#[test]
fn scaling_and_squares_do_not_mind_the_order_either() {
    let x = images(3);
    let factor = Tensor::<Flex, 1>::from_floats([-0.25], &x.device());
    let expected: Vec<f64> = values(x.clone()).iter().map(|x| -0.25 * x).collect();
    let squares: f64 = values(x.clone()).iter().map(|x| x * x).sum();
    let narrow = x.clone().narrow(2, 3, 20);
    for x in [x.clone(), channels_last(x.clone())] {
        assert_eq!(values(scaled(x.clone(), &factor)), expected);
        let sum = sum_of_squares(&x).expect("a kernel for f32 on Flex");
        assert_close(&[sum], &[squares], 1e-9, 0.0);
    }
    let squares: f64 = values(narrow.clone()).iter().map(|x| x * x).sum();
    let sum = sum_of_squares(&narrow).expect("a kernel for f32 on Flex");
    assert_close(&[sum], &[squares], 1e-9, 0.0);
    assert_eq!(values(x), values(images(3)));
}
