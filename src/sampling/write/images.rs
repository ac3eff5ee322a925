//! Samples as PNG files.

use std::fs;
use std::path::Path;

use burn::tensor::backend::Backend;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::super::{Drawn, Sampler};
use super::{Written, class_names, in_batches};
use crate::error::{Error, Result};

/// Draws `count` images and writes each as a PNG of 8 bits, `000001.png` and so on, in a folder of
/// its class where the generator is told classes: a folder that image readers take for a labelled
/// data set.
///
/// `range` has the values of black and of white; what lies outside becomes its end. One channel is
/// grey, two are grey and opacity, three RGB, four RGBA. `names` are those of the classes' folders,
/// none for their numbers. `progress` is told how many there are after each batch.
///
/// Memory: a batch. The folder is new or empty, so that two runs never mix; what was written before
/// an error stays.
///
/// # Errors
/// If samples are no images of one to four channels, the folder has something in it or can't be
/// written, names are not one for each class or no names of folders, the range is empty or not finite,
/// or for what [`Sampler::draw`] says.
pub fn write_images<B: Backend>(
    sampler: &mut Sampler<B>,
    count: usize,
    folder: impl AsRef<Path>,
    range: impl Into<[f32; 2]>,
    names: &[String],
    progress: impl FnMut(usize),
) -> Result<Written> {
    let (folder, [low, high]) = (folder.as_ref(), range.into());
    if !(high > low) || !low.is_finite() || !high.is_finite() {
        let problem = "must be two finite numbers, black below white";
        return Err(Error::setting("range", format!("{low}, {high}"), problem));
    }
    let names = class_names(sampler.classes(), names)?;
    fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    let mut entries = fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
    if entries.next().is_some() {
        let problem = "has files already, among which new images would be lost; take an empty one";
        return Err(Error::data(folder, problem));
    }
    for name in names.iter().flatten() {
        let of_class = folder.join(name);
        fs::create_dir(&of_class).map_err(|error| Error::io(&of_class, error))?;
    }
    let digits = count.to_string().len().max(6);
    let mut number = 0;
    in_batches(sampler, count, progress, |drawn| {
        let (color, [channels, height, width]) = color(&drawn)?;
        let mut bytes = vec![0; channels * height * width];
        for (place, sample) in drawn.rows().enumerate() {
            number += 1;
            // Channels are the innermost in a file.
            for (at, byte) in bytes.iter_mut().enumerate() {
                let value = sample[at % channels * height * width + at / channels];
                *byte = (255.0 * (value - low) / (high - low))
                    .clamp(0.0, 255.0)
                    .round() as u8;
            }
            let of_class = (drawn.labels().zip(names.as_ref())).map_or_else(
                || folder.to_owned(),
                |(labels, names)| folder.join(&names[labels[place]]),
            );
            let path = of_class.join(format!("{number:0digits$}.png"));
            let mut png = Vec::new();
            PngEncoder::new(&mut png)
                .write_image(&bytes, width as u32, height as u32, color)
                .map_err(|error| Error::data(&path, error.to_string()))?;
            fs::write(&path, png).map_err(|error| Error::io(&path, error))?;
        }
        Ok(())
    })?;
    Ok(Written {
        path: folder.to_owned(),
        labels: None,
        count,
    })
}

/// What the channels of images mean, and their shape.
fn color(drawn: &Drawn) -> Result<(ExtendedColorType, [usize; 3])> {
    let &[channels, height, width] = drawn.shape() else {
        let problem = format!(
            "draws samples of shape {:?}; images have [channels, height, width]: write them as an \
             array or a table",
            drawn.shape()
        );
        return Err(Error::data("generator", problem));
    };
    let color = match channels {
        1 => ExtendedColorType::L8,
        2 => ExtendedColorType::La8,
        3 => ExtendedColorType::Rgb8,
        4 => ExtendedColorType::Rgba8,
        _ => {
            let problem = format!(
                "draws images of {channels} channels; PNG has one to four: write them as an array"
            );
            return Err(Error::data("generator", problem));
        }
    };
    Ok((color, [channels, height, width]))
}
