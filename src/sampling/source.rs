//! What a sampler asks of its generator, whatever samples and conditions it has.

use std::cell::Cell;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use crate::error::Result;
use crate::latent::Latent;
use crate::network::{Condition, Generator, for_all_layers, mean_style, truncate_styles};
use crate::random::Stream;

/// Classes, or the numbers of vectors one after the other, of so many samples; none of what the
/// generator is not conditioned on.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) labels: &'a [usize],
    pub(super) vectors: &'a [f32],
}

/// Styles that are drawn towards their mean.
pub(super) struct Towards<B: Backend> {
    pub(super) mean: Tensor<B, 2>,
    pub(super) psi: f64,
}

pub(super) trait Source<B: Backend> {
    /// The samples of these latents; their styles drawn towards the mean one where that is given.
    fn samples(
        &self,
        latents: Tensor<B, 2>,
        asked: Asked<'_>,
        towards: Option<&Towards<B>>,
    ) -> Result<TensorData>;

    fn has_styles(&self) -> bool;

    /// The mean style of latents of this prior, one for each sample that is asked for, of a generator
    /// that has styles.
    fn mean_style(
        &self,
        latent: &Latent,
        samples: usize,
        asked: Asked<'_>,
        device: &B::Device,
    ) -> Result<Tensor<B, 2>>;
}

/// A generator, and how its conditions are made of what is asked for.
pub(super) struct Conditioned<G, F> {
    pub(super) generator: G,
    pub(super) condition: F,
}

impl<B, G, F, const R: usize> Source<B> for Conditioned<G, F>
where
    B: Backend,
    G: Generator<B, Sample = Tensor<B, R>>,
    F: Fn(Asked<'_>, &B::Device) -> Result<G::Condition>,
{
    fn samples(
        &self,
        latents: Tensor<B, 2>,
        asked: Asked<'_>,
        towards: Option<&Towards<B>>,
    ) -> Result<TensorData> {
        let condition = (self.condition)(asked, &latents.device())?;
        let samples = match (towards, self.generator.style_space()) {
            (Some(Towards { mean, psi }), Some(space)) => {
                let styles = space.map_latent(latents, &condition);
                let styles = truncate_styles(styles, mean.clone(), *psi);
                space.synthesize(for_all_layers(styles, space.layers()), &condition)
            }
            _ => self.generator.generate(latents, &condition),
        };
        Ok(samples.into_data())
    }

    fn has_styles(&self) -> bool {
        self.generator.style_space().is_some()
    }

    fn mean_style(
        &self,
        latent: &Latent,
        samples: usize,
        asked: Asked<'_>,
        device: &B::Device,
    ) -> Result<Tensor<B, 2>> {
        let all = (self.condition)(asked, device)?;
        let done = Cell::new(0);
        let condition = |count| all.narrow(done.replace(done.get() + count), count);
        // Of the seed of samples it does not depend.
        let mut stream = Stream::new(0, "mean style");
        Ok(mean_style(
            &self.generator,
            latent,
            samples,
            condition,
            &mut stream,
            device,
        ))
    }
}
