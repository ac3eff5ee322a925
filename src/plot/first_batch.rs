//! The first batch of a run, as a picture.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{GridStyle, Picture, image_grid};
use crate::data::{Dataset, ImageShape, PixelRange};
use crate::error::{Error, Result};
use crate::train::TrainerConfig;

/// Images that are drawn of a batch.
const IMAGES: usize = 64;

/// The first batch of a run as the networks will see it: the samples that the run's seed puts first,
/// in their order, eight to a row and at most 64 of them. What a reader has made of files (cut,
/// squeezed, in the wrong colours, on their side) is seen at a glance, and a report can show it.
///
/// ```
/// use burn_gan::Latent;
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::data::{MemoryDataset, PixelRange};
/// use burn_gan::plot::first_batch;
/// use burn_gan::train::TrainerConfig;
///
/// let data = MemoryDataset::<4>::from_bytes(vec![200; 90 * 4], [1, 2, 2], PixelRange::Symmetric)?;
/// let config = TrainerConfig::new(1_000, 16, Latent::normal(8)).with_seed(7);
/// let picture = first_batch::<Flex>(&data, &config, PixelRange::Symmetric, &Default::default())?;
/// // Two rows of eight, each of 2 × 2 pixels with 2 between them.
/// assert_eq!((picture.width(), picture.height()), (34, 10));
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// # Errors
/// If the settings leave no batch, samples can't be read, or the picture would be too large for
/// [`image_grid`].
pub fn first_batch<B: Backend>(
    data: &(impl Dataset<B, Sample = Tensor<B, 4>> + ?Sized),
    config: &TrainerConfig,
    range: PixelRange,
    device: &B::Device,
) -> Result<Picture> {
    let batches = config.batches.epoch(data.len(), config.seed, 0)?;
    let mut first = batches.into_iter().next().unwrap_or_default();
    first.truncate(IMAGES);
    let (images, _) = data.batch(&first, device)?;
    let [_, channels, height, width] = images.dims();
    let pixels = images.into_data().convert::<f32>().to_vec::<f32>();
    let pixels = pixels.map_err(|error| Error::data("first batch", format!("{error:?}")))?;
    let [low, high] = range.into();
    let style = GridStyle {
        range: (low, high),
        ..GridStyle::default()
    };
    image_grid(&pixels, ImageShape::new([channels, height, width]), &style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Latent;
    use crate::data::{BatchPlan, LastBatch, MemoryDataset};
    use crate::testing::Cpu;

    #[test]
    fn the_samples_are_those_that_a_run_begins_with() {
        let bytes: Vec<u8> = (0..100).collect();
        let range = PixelRange::Unit;
        let data = MemoryDataset::<4>::from_bytes(bytes, [1, 1, 1], range).expect("pixels");
        let config = TrainerConfig::new(10, 9, Latent::normal(2)).with_seed(5);
        let picture = first_batch::<Cpu>(&data, &config, range, &Default::default());
        let picture = picture.expect("a picture");
        let epoch = config.batches.epoch(100, 5, 0).expect("batches");
        for (place, sample) in epoch[0].iter().enumerate() {
            let (x, y) = (2 + 3 * (place % 8), 2 + 3 * (place / 8));
            assert_eq!(picture.pixel(x, y), Some([*sample as u8; 3]));
        }
        // A large batch is cut, a small last one is not missed.
        let large = config
            .clone()
            .with_batches(BatchPlan::new(200).with_last(LastBatch::Keep));
        let picture = first_batch::<Cpu>(&data, &large, range, &Default::default());
        assert_eq!(picture.expect("a picture").height(), 2 + 8 * 3);
        let none = config.with_batches(BatchPlan::new(200));
        assert!(first_batch::<Cpu>(&data, &none, range, &Default::default()).is_err());
    }
}
