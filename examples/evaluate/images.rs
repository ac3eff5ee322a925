//! Images from files, as batches.

use std::path::{Path, PathBuf};

use burn_gan::burn::tensor::TensorData;
use burn_gan::data::{Mnist, PixelRange};
use burn_gan::prelude::*;
use burn_gan::{Error, Result};
use image::{ColorType, ImageReader};

/// Images of one shape, a byte for each number.
pub struct Images {
    pub bytes: Vec<u8>,
    /// Channels, height, width.
    pub shape: [usize; 3],
    pub set: String,
}

impl Images {
    /// One of MNIST's two parts.
    pub fn of(mnist: Mnist, set: &str) -> Self {
        Self {
            shape: [1, mnist.height, mnist.width],
            bytes: mnist.images,
            set: set.to_owned(),
        }
    }

    /// The PNG images in a folder and the folders in it, in the order of their names, at most so
    /// many. Grey where all are, otherwise in colour; alpha is laid over white.
    pub fn in_folder(folder: &Path, most: usize) -> Result<Self> {
        let mut files = Vec::new();
        find(folder, &mut files)?;
        files.sort();
        files.truncate(most);
        let Some(first) = files.first() else {
            return Err(Error::data(folder, "holds no PNG image"));
        };
        let (mut grey, mut size) = (true, None);
        let mut decoded = Vec::with_capacity(files.len());
        for file in &files {
            let image = decode(file)?;
            grey &= matches!(image.color(), ColorType::L8 | ColorType::L16);
            let found = (image.width(), image.height());
            let expected = *size.get_or_insert(found);
            if found != expected {
                let problem = format!(
                    "is {} × {} pixels, {} is {} × {}; give images of one size",
                    found.0,
                    found.1,
                    first.display(),
                    expected.0,
                    expected.1
                );
                return Err(Error::data(file, problem));
            }
            decoded.push(image.into_rgba8());
        }
        let (width, height) = size.unwrap_or_default();
        let channels = if grey { 1 } else { 3 };
        let mut bytes = Vec::with_capacity(decoded.len() * channels * (width * height) as usize);
        for image in &decoded {
            for channel in 0..channels {
                bytes.extend(image.pixels().map(|pixel| over_white(pixel.0, channel)));
            }
        }
        Ok(Self {
            bytes,
            shape: [channels, height as usize, width as usize],
            set: folder.display().to_string(),
        })
    }

    /// Whether there is a PNG image in a folder, or in a folder in it.
    pub fn is_folder_of_png(path: &Path) -> bool {
        let mut files = Vec::new();
        path.is_dir() && find(path, &mut files).is_ok() && !files.is_empty()
    }

    pub fn len(&self) -> usize {
        self.bytes.len() / self.shape.iter().product::<usize>()
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

/// The PNG files in a folder and below, links not followed, hidden ones left out.
fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Error::io(folder, error))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| Error::io(&path, error))?;
        let is_png = path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("png"));
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        } else if kind.is_dir() {
            find(&path, files)?;
        } else if kind.is_file() && is_png {
            files.push(path);
        }
    }
    Ok(())
}

fn decode(file: &Path) -> Result<image::DynamicImage> {
    let reader = ImageReader::open(file).map_err(|error| Error::io(file, error))?;
    let read = reader.with_guessed_format();
    let read = read.map_err(|error| Error::io(file, error))?.decode();
    read.map_err(|error| Error::data(file, error.to_string()))
}

/// A colour of a pixel over a white ground.
fn over_white(pixel: [u8; 4], channel: usize) -> u8 {
    let (value, alpha) = (u32::from(pixel[channel]), u32::from(pixel[3]));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}
