//! Samples of a trained generator, as many as an evaluation asks for.

use std::fmt;

use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor};

use crate::network::Generator;
use crate::random::Stream;
use crate::train::TrainerConfig;

/// Samples drawn at once.
const BATCH: usize = 250;

/// Something that samples are drawn from, a part at a time: an evaluation of many images holds only
/// the part that it looks at.
pub struct Samples<'a> {
    next: Box<dyn FnMut(usize) -> Vec<f32> + 'a>,
}

impl fmt::Debug for Samples<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samples").finish_non_exhaustive()
    }
}

impl<'a> Samples<'a> {
    /// Samples of a generator that was trained with these settings, from latents that their seed
    /// decides.
    pub fn new<B, G, const R: usize>(
        generator: G,
        config: &TrainerConfig,
        device: &'a B::Device,
    ) -> Self
    where
        B: Backend,
        G: Generator<B, Sample = Tensor<B, R>, Condition = ()> + 'a,
    {
        let latent = config.latent.clone();
        let mut stream = Stream::new(config.seed, "evaluation");
        Self::from_fn(move |count| {
            let mut values = Vec::new();
            let mut left = count;
            while left > 0 {
                let batch = left.min(BATCH);
                let latents = latent.draw::<B>(batch, &mut stream, device);
                let data = generator.generate(latents, &()).into_data();
                values.extend(data.iter::<B::FloatElem>().map(|x| x.elem::<f32>()));
                left -= batch;
            }
            values
        })
    }

    /// Samples of anything: a function of how many, that gives the next ones row-major, one after
    /// the other.
    pub fn from_fn(next: impl FnMut(usize) -> Vec<f32> + 'a) -> Self {
        Self {
            next: Box::new(next),
        }
    }

    /// The next `count` samples, row-major, one after the other.
    pub fn draw(&mut self, count: usize) -> Vec<f32> {
        (self.next)(count)
    }
}
