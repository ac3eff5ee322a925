//! How large the sizes in settings may be: what lies beyond is a slip, and would end the process
//! where memory is asked for.
//!
//! An allocation that the system refuses aborts a Rust program, with nothing stored and no setting
//! named. So sizes and their products are compared with these before anything is made of them; what
//! a run as a whole may take is [`Limits`](crate::train::Limits).

use crate::error::{Error, Result, check};

/// Components of a latent, features and channels of a layer, sides of an image, classes: 2²⁴.
pub(crate) const SIZE: usize = 1 << 24;
/// Weights of one layer: 2²⁸, a gigabyte in single precision.
pub(crate) const WEIGHTS: usize = 1 << 28;
/// Weights of all layers of a stock network: 2³⁰.
pub(crate) const NETWORK: usize = 1 << 30;
/// Samples of a batch: 2²⁰.
pub(crate) const BATCH: usize = 1 << 20;
/// Numbers of the latents that are drawn at once, by a step say: 2²⁸.
pub(crate) const LATENTS: usize = 1 << 28;
/// Hidden layers, and discriminator steps for a generator step: 1,000.
pub(crate) const REPEATS: usize = 1_000;

/// `1 ≤ value ≤` [`SIZE`].
pub(crate) fn size(field: &str, value: usize) -> Result<()> {
    check::at_least(field, value, 1)?;
    check::at_most(field, value, SIZE)
}

/// The product of sizes, at most `most`; `what` are so many numbers.
pub(crate) fn product(field: &str, sizes: &[usize], most: usize, what: &str) -> Result<usize> {
    let product = sizes
        .iter()
        .try_fold(1_usize, |product, size| product.checked_mul(*size));
    product.filter(|product| *product <= most).ok_or_else(|| {
        let factors: Vec<String> = sizes.iter().map(usize::to_string).collect();
        Error::setting(
            field,
            factors.join("×"),
            format!("makes more {what} than {most}, the most there may be; take smaller sizes"),
        )
    })
}

/// Checks the shape of one sample, and gives its number of numbers, at most [`SIZE`].
pub(crate) fn shape(field: &str, shape: &[usize]) -> Result<usize> {
    shape.iter().try_for_each(|side| size(field, *side))?;
    product(field, shape, SIZE, "numbers in a sample")
}

/// Checks how many numbers latents have in all, at most [`LATENTS`].
pub(crate) fn latents(field: &str, sizes: &[usize]) -> Result<()> {
    product(field, sizes, LATENTS, "numbers of latents").map(|_| ())
}

/// Checks the number of weights of a layer, at most [`WEIGHTS`].
pub(crate) fn weights(field: &str, sizes: &[usize]) -> Result<()> {
    product(field, sizes, WEIGHTS, "weights of one layer").map(|_| ())
}

/// Checks each layer of a stock network by the sizes of its weight, and all together.
pub(crate) fn network(field: &str, layers: &[Vec<usize>]) -> Result<()> {
    let mut all = 0;
    for sizes in layers {
        // At most 2²⁸ for each of a few thousand layers: the sum can't overflow.
        all += product(field, sizes, WEIGHTS, "weights of one layer")?;
        if all > NETWORK {
            return Err(Error::setting(
                field,
                format!("{} layers", layers.len()),
                format!("make more than {NETWORK} weights in all; take smaller or fewer layers"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_hold_at_their_bounds() {
        assert!(size("n", SIZE).is_ok());
        for wrong in [0, SIZE + 1, usize::MAX] {
            assert!(size("n", wrong).is_err(), "{wrong}");
        }
        assert!(weights("n", &[1 << 14, 1 << 14]).is_ok());
        let error = weights("n", &[1 << 14, 1 << 14, 2])
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "invalid setting `n` = 16384×16384×2: makes more weights of one layer than 268435456, \
             the most there may be; take smaller sizes"
        );
        // A product that wraps to something small.
        assert!(weights("n", &[1 << 32, 1 << 32]).is_err());
        assert!(weights("n", &[usize::MAX, 3]).is_err());
        assert_eq!(shape("n", &[3, 4]).unwrap(), 12);
        assert!(shape("n", &[1 << 20, 1 << 20]).is_err());
        let layer = vec![1 << 14, 1 << 14];
        assert!(network("n", &vec![layer.clone(); 4]).is_ok());
        assert!(network("n", &vec![layer; 5]).is_err());
    }
}
