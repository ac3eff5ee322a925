//! Images from files, as batches.

use std::path::Path;

use burn_gan::burn::tensor::TensorData;
use burn_gan::data::{
    ImageColor, ImageConfig, ImageFolder, LabelsFrom, Mnist, PixelRange, ScanBar,
};
use burn_gan::metrics::ExtractorId;
use burn_gan::prelude::*;
use burn_gan::{Error, Result};
use image::image_dimensions;
use sha2::{Digest, Sha256};

/// Images of one shape, a byte for each number.
pub struct Images {
    pub bytes: Vec<u8>,
    /// Channels, height, width.
    pub shape: [usize; 3],
    pub set: String,
    /// How many there are in the set, whether they are here or not.
    pub whole: usize,
    /// The classes' names; empty where they are not known.
    pub classes: Vec<String>,
    /// The class of each image, where they are.
    pub labels: Vec<usize>,
}

impl Images {
    /// One of MNIST's two parts, at most so many images of it.
    pub fn of(mnist: Mnist, set: &str, most: usize) -> Self {
        let shape = [1, mnist.height, mnist.width];
        let (size, mut bytes) = (shape.iter().product::<usize>(), mnist.images);
        let whole = bytes.len() / size;
        bytes.truncate(most.saturating_mul(size));
        let labels = mnist.labels.iter().take(most);
        Self {
            bytes,
            shape,
            set: set.to_owned(),
            whole,
            classes: (0..mnist.classes).map(|class| class.to_string()).collect(),
            labels: labels.map(|label| usize::from(*label)).collect(),
        }
    }

    /// The pictures in a folder and the folders in it, in the order of their names, at most so many, as
    /// images of this shape: grey, or in colour. Alpha is laid over white. Their classes are where
    /// `from` says.
    pub fn in_folder(
        folder: &Path,
        most: usize,
        shape: [usize; 3],
        from: LabelsFrom,
    ) -> Result<Self> {
        let [channels, height, width] = shape;
        let config = ImageConfig::new(height, width).with_color(match channels {
            1 => ImageColor::Grey,
            _ => ImageColor::Rgb,
        });
        let mut bytes = Vec::new();
        let pictures = open(folder, &config, from)?;
        for path in pictures.paths().take(most) {
            bytes.extend(config.read(path)?);
        }
        Ok(Self {
            bytes,
            shape,
            set: folder.display().to_string(),
            whole: pictures.paths().count(),
            classes: pictures.classes().to_vec(),
            labels: pictures.labels().map_or_else(Vec::new, |labels| {
                labels.iter().take(most).copied().collect()
            }),
        })
    }

    /// Whether no pixel has a colour.
    pub fn is_grey(&self) -> bool {
        let [_, height, width] = self.shape;
        let mut images = self.bytes.chunks_exact(self.size());
        images.all(|image| {
            let mut channels = image.chunks_exact(height * width);
            let first = channels.next();
            channels.all(|channel| Some(channel) == first)
        })
    }

    /// One channel of each: of grey ones, all that they are.
    pub fn first_channel(self) -> Self {
        let [_, height, width] = self.shape;
        let images = self.bytes.chunks_exact(self.size());
        let first = images.flat_map(|image| &image[..height * width]);
        Self {
            bytes: first.copied().collect(),
            shape: [1, height, width],
            ..self
        }
    }

    /// A SHA-256 of the images and of what makes features of them, in hexadecimal.
    pub fn digest(&self, extractor: &ExtractorId) -> String {
        let how = serde_json::json!({
            "crate_version": env!("CARGO_PKG_VERSION"),
            "extractor": extractor,
            "shape": self.shape,
        });
        let mut hash = Sha256::new();
        hash.update(how.to_string());
        hash.update(&self.bytes);
        let bytes = hash.finalize();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn size(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn len(&self) -> usize {
        self.bytes.len() / self.size()
    }

    /// Some of the images, [−1, 1].
    pub fn batch<B: Backend>(
        &self,
        start: usize,
        count: usize,
        device: &B::Device,
    ) -> Tensor<B, 4> {
        let [channels, height, width] = self.shape;
        let size = channels * height * width;
        let bytes = &self.bytes[start * size..][..count * size];
        let pixels: Vec<f32> = bytes
            .iter()
            .map(|b| PixelRange::Symmetric.scale(*b))
            .collect();
        Tensor::from_data(
            TensorData::new(pixels, [count, channels, height, width]),
            device,
        )
    }
}

/// Height and width of the first picture in a folder.
pub fn size_of_first(folder: &Path) -> Result<[usize; 2]> {
    // Headers alone are read: of any size.
    let pictures = open(folder, &ImageConfig::new(8, 8), LabelsFrom::Nothing)?;
    let Some(first) = pictures.paths().next() else {
        return Err(Error::data(folder, "holds no picture"));
    };
    let size = image_dimensions(&first).map_err(|error| Error::data(&first, error.to_string()));
    let (width, height) = size?;
    Ok([height as usize, width as usize])
}

fn open(folder: &Path, config: &ImageConfig, from: LabelsFrom) -> Result<burn_gan::data::Images> {
    let mut bar = ScanBar::new();
    let folder = ImageFolder::new(folder, config.clone()).with_labels(from);
    folder.open_with(|progress| bar.show(progress))
}
