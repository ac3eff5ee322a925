//! Networks of square images that halve and double them: 4×4 to the image and back.

use crate::data::ImageShape;
use crate::error::{Error, Result, check};
use crate::sizes;

/// Height and width at the small end.
pub(super) const SMALLEST: usize = 4;
/// The smallest and the largest image.
const SIDES: [usize; 2] = [8, 1024];

/// 4, 8, … to the image's height and width.
pub(super) fn sides(image: &ImageShape) -> impl Iterator<Item = usize> {
    let doublings = (image.height / SMALLEST).checked_ilog2().unwrap_or(0);
    (0..=doublings).map(|doubling| SMALLEST << doubling)
}

/// Refuses images that are no squares with a power of two as their side.
pub(super) fn check_image(image: &ImageShape) -> Result<()> {
    check::at_least("channels", image.channels, 1)?;
    for (field, side) in [("height", image.height), ("width", image.width)] {
        check::at_least(field, side, SIDES[0])?;
        check::at_most(field, side, SIDES[1])?;
        if !side.is_power_of_two() {
            return Err(Error::setting(
                field,
                side,
                "must be a power of two: resize the images",
            ));
        }
    }
    if image.height != image.width {
        return Err(Error::setting(
            "width",
            image.width,
            format!(
                "must be the height, {}: pad or cut the images",
                image.height
            ),
        ));
    }
    let shape = [image.channels, image.height, image.width];
    sizes::shape("shape", &shape).map(|_| ())
}
