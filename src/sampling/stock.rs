//! Saved stock generators, whichever they are.

use std::path::Path;

use burn::tensor::backend::Backend;

use super::Sampler;
use crate::error::{Error, Result};
use crate::models::{
    DcganGeneratorConfig, ImageGeneratorConfig, LightGeneratorConfig, MlpGeneratorConfig,
    R3ganGeneratorConfig, ResNetGeneratorConfig, SavedGenerator, SeriesGeneratorConfig,
    StyleGan2GeneratorConfig, settings_type,
};

/// A generator of images or series, conditioned on what the file names; on vectors by this method, of
/// networks that have it. A closure, so that without optimisation the frame of `open` does not hold the
/// networks of all kinds.
macro_rules! images {
    ($config:ty, $path:expr, $device:expr $(, $on_vectors:ident)?) => {
        (|| {
        let saved = SavedGenerator::<$config>::open($path)?;
        let (settings, latent) = (saved.settings(), saved.latent().clone());
        match (saved.classes(), saved.vector_size()) {
            (Some(classes), _) => {
                let fresh = settings.init_conditional::<B>(classes, $device)?;
                let generator = saved.restore(fresh)?;
                Ok(Sampler::conditional(generator, latent, classes, $device))
            }
            $((None, Some(size)) => {
                let generator = saved.restore(settings.$on_vectors::<B>(size, $device)?)?;
                Ok(Sampler::on_vectors(generator, latent, size, $device))
            })?
            _ => Ok(Sampler::new(
                saved.restore(settings.init::<B>($device)?)?,
                latent,
                $device,
            )),
        }
        })()
    };
}

impl<B: Backend> Sampler<B> {
    /// Draws from a stock generator in a file of [`SavedGenerator`], whichever it is, with its
    /// prior; conditioned on classes or on vectors if it was trained so. Vectors are the caller's
    /// ([`with_vectors`](Self::with_vectors)).
    ///
    /// A perceptron's samples are `[batch, numbers]` or images, as its settings say.
    ///
    /// # Errors
    /// Those of [`SavedGenerator::open`] and [`SavedGenerator::restore`]; if the generator is none of
    /// this crate's.
    pub fn open(path: impl AsRef<Path>, device: &B::Device) -> Result<Self> {
        let path = path.as_ref();
        match settings_type(path)?.as_str() {
            "MlpGeneratorConfig" => mlp(&SavedGenerator::open(path)?, device),
            "DcganGeneratorConfig" => images!(DcganGeneratorConfig, path, device, init_on_vectors),
            "ImageGeneratorConfig" => images!(ImageGeneratorConfig, path, device, init_on_vectors),
            "LightGeneratorConfig" => images!(LightGeneratorConfig, path, device, init_on_vectors),
            "SeriesGeneratorConfig" => images!(SeriesGeneratorConfig, path, device),
            "StyleGan2GeneratorConfig" => {
                images!(StyleGan2GeneratorConfig, path, device, init_on_vectors)
            }
            "R3ganGeneratorConfig" => images!(R3ganGeneratorConfig, path, device, init_on_vectors),
            "ResNetGeneratorConfig" => {
                images!(ResNetGeneratorConfig, path, device, init_on_vectors)
            }
            "TabularGeneratorConfig" => Err(Error::data(
                path,
                "holds a generator of the rows of a table: open it with the table's own file, by \
                 `TableSampler::open` (feature `tables`)",
            )),
            other => Err(Error::data(
                path,
                format!(
                    "holds a generator of the settings `{other}`, which this crate does not know: \
                     restore it by `SavedGenerator::<{other}>` and take `Sampler::new`"
                ),
            )),
        }
    }
}

fn mlp<B: Backend>(
    saved: &SavedGenerator<MlpGeneratorConfig>,
    device: &B::Device,
) -> Result<Sampler<B>> {
    // The rank of a batch is a type's.
    match saved.settings().shape.len() {
        1 => mlp_of_rank::<B, 2>(saved, device),
        2 => mlp_of_rank::<B, 3>(saved, device),
        3 => mlp_of_rank::<B, 4>(saved, device),
        _ => mlp_of_rank::<B, 5>(saved, device),
    }
}

fn mlp_of_rank<B: Backend, const R: usize>(
    saved: &SavedGenerator<MlpGeneratorConfig>,
    device: &B::Device,
) -> Result<Sampler<B>> {
    let (settings, latent) = (saved.settings(), saved.latent().clone());
    Ok(match (saved.classes(), saved.vector_size()) {
        (Some(classes), _) => {
            let generator = saved.restore(settings.init_conditional::<B, R>(classes, device)?)?;
            Sampler::conditional(generator, latent, classes, device)
        }
        (None, Some(size)) => {
            let generator = saved.restore(settings.init_on_vectors::<B, R>(size, device)?)?;
            Sampler::on_vectors(generator, latent, size, device)
        }
        (None, None) => {
            let generator = saved.restore(settings.init::<B, R>(device)?)?;
            Sampler::new(generator, latent, device)
        }
    })
}
