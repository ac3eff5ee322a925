//! Draws samples from a trained generator.

use std::fmt;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::Drawn;
use crate::error::{Error, Result, check};
use crate::latent::Latent;
use crate::network::{Generator, Labels};
use crate::random::Stream;

/// Samples drawn at once, where nothing else is asked for.
const BATCH: usize = 100;

/// Samples of these latents, of these classes where there are some.
type Draw<B> = dyn Fn(Tensor<B, 2>, &[usize]) -> Result<TensorData>;

/// A trained generator that samples are drawn from, a batch at a time: more of them take no more
/// memory than they are long themselves.
///
/// It hides what the generator's samples and conditions are, so that what follows (choosing, files,
/// metrics) is the same for points, images and everything else. [`open`](Self::open) takes a saved
/// stock generator, [`new`](Self::new) and [`conditional`](Self::conditional) any.
///
/// The seed and the batch size decide the samples. A run's [`TrainState::sampler`] is what to draw
/// from after training: the average where there is one.
///
/// [`TrainState::sampler`]: crate::step::TrainState::sampler
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::models::MlpGeneratorConfig;
/// use burn_gan::sampling::Sampler;
/// use burn_gan::Latent;
///
/// let device = Default::default();
/// let generator = MlpGeneratorConfig::new(8, [2]).init_conditional::<Flex, 2>(3, &device)?;
/// let mut sampler = Sampler::conditional(generator, Latent::normal(8), 3, &device).with_seed(1);
///
/// // Classes in turns, or those asked for.
/// assert_eq!(sampler.draw(5)?.labels(), Some(&[0, 1, 2, 0, 1][..]));
/// assert_eq!(sampler.draw_labelled(&[2, 2])?.labels(), Some(&[2, 2][..]));
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub struct Sampler<B: Backend> {
    draw: Box<Draw<B>>,
    latent: Latent,
    classes: Option<usize>,
    range: Option<(f64, f64)>,
    device: B::Device,
    stream: Stream,
    truncation: Option<f32>,
    batch: usize,
    /// Samples drawn without a label of their own: where the turns of the classes stand.
    turn: usize,
}

impl<B: Backend> fmt::Debug for Sampler<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler")
            .field("latent", &self.latent)
            .field("classes", &self.classes)
            .field("truncation", &self.truncation)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

impl<B: Backend> Sampler<B> {
    /// Draws from a generator that is conditioned on nothing.
    pub fn new<G, const R: usize>(generator: G, latent: Latent, device: &B::Device) -> Self
    where
        G: Generator<B, Sample = Tensor<B, R>, Condition = ()> + 'static,
    {
        let range = generator.output_range();
        let draw = move |latents, _: &[usize]| Ok(generator.generate(latents, &()).into_data());
        Self::of(Box::new(draw), latent, (None, range), device)
    }

    /// Draws from a generator that is conditioned on one of so many classes.
    pub fn conditional<G, const R: usize>(
        generator: G,
        latent: Latent,
        classes: usize,
        device: &B::Device,
    ) -> Self
    where
        G: Generator<B, Sample = Tensor<B, R>, Condition = Labels<B>> + 'static,
    {
        let range = generator.output_range();
        let draw = move |latents: Tensor<B, 2>, labels: &[usize]| {
            let labels = Labels::from_slice(labels, classes, &latents.device())?;
            Ok(generator.generate(latents, &labels).into_data())
        };
        Self::of(Box::new(draw), latent, (Some(classes), range), device)
    }

    fn of(
        draw: Box<Draw<B>>,
        latent: Latent,
        (classes, range): (Option<usize>, Option<(f64, f64)>),
        device: &B::Device,
    ) -> Self {
        Self {
            draw,
            latent,
            classes,
            range: range.filter(|(low, high)| low.is_finite() && high.is_finite()),
            device: device.clone(),
            stream: Stream::new(0, "samples"),
            truncation: None,
            batch: BATCH,
            turn: 0,
        }
    }

    /// Sets the seed of the latents; 0 by default. Samples begin anew with it.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.stream = Stream::new(seed, "samples");
        self.turn = 0;
        self
    }

    /// Draws from the middle of the prior, components at most so far from 0
    /// ([`Latent::draw_truncated`]): better samples that differ less.
    ///
    /// # Errors
    /// If the prior has no normal part, or the threshold is not a finite number above 0.
    pub fn with_truncation(mut self, threshold: f32) -> Result<Self> {
        let nothing = &mut Stream::new(0, "nothing");
        (self.latent).draw_truncated::<B>(0, threshold, nothing, &self.device)?;
        self.truncation = Some(threshold);
        Ok(self)
    }

    /// Sets how many samples are drawn at once; 100 by default.
    ///
    /// # Errors
    /// If it is 0.
    pub fn with_batch(mut self, batch: usize) -> Result<Self> {
        check::at_least("batch", batch, 1)?;
        self.batch = batch;
        Ok(self)
    }

    /// The number of classes that the generator is conditioned on, if it is.
    pub fn classes(&self) -> Option<usize> {
        self.classes
    }

    /// Between which numbers those of samples lie, where the generator's last layer decides it: −1 and 1
    /// after a tanh, 0 and 1 after a sigmoid ([`Generator::output_range`]). `None` without bounds on both
    /// sides.
    pub fn output_range(&self) -> Option<(f64, f64)> {
        self.range
    }

    /// The prior.
    pub fn latent(&self) -> &Latent {
        &self.latent
    }

    /// Samples drawn at once.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The next samples, at least one. Classes take turns: 0, 1, 2, …
    ///
    /// # Errors
    /// If none are asked for, or a number of a sample is not finite.
    pub fn draw(&mut self, count: usize) -> Result<Drawn> {
        check::at_least("count", count, 1)?;
        match self.classes {
            None => self.whole(count, |_| Vec::new()),
            Some(classes) => {
                let turn = self.turn;
                self.turn = (turn + count) % classes;
                self.whole(count, |places| {
                    places.map(|place| (turn + place) % classes).collect()
                })
            }
        }
    }

    /// The next samples, of these classes.
    ///
    /// # Errors
    /// If there are none or the generator is told none, a label is not below the number of classes,
    /// or a number of a sample is not finite.
    pub fn draw_labelled(&mut self, labels: &[usize]) -> Result<Drawn> {
        check::at_least("labels.len()", labels.len(), 1)?;
        if self.classes.is_none() {
            return Err(Error::setting(
                "labels",
                format!("{} of them", labels.len()),
                "are told to a generator that is conditioned on none; draw without",
            ));
        }
        self.whole(labels.len(), |places| labels[places].to_vec())
    }

    fn whole(
        &mut self,
        count: usize,
        labels: impl Fn(std::ops::Range<usize>) -> Vec<usize>,
    ) -> Result<Drawn> {
        let mut all: Option<Drawn> = None;
        let mut done = 0;
        while done < count {
            let end = count.min(done + self.batch);
            let part = self.part(end - done, labels(done..end))?;
            match &mut all {
                Some(all) => all.append(part),
                None => all = Some(part),
            }
            done = end;
        }
        Ok(all.expect("at least one was asked for"))
    }

    /// A batch.
    fn part(&mut self, count: usize, labels: Vec<usize>) -> Result<Drawn> {
        let (stream, device) = (&mut self.stream, &self.device);
        let latents = match self.truncation {
            None => self.latent.draw(count, stream, device),
            Some(threshold) => (self.latent).draw_truncated(count, threshold, stream, device)?,
        };
        self.generate(latents, &labels)
    }

    /// The samples of these latents, `[batch, latent]`, at once; of these classes where the generator
    /// is told some, of none otherwise.
    ///
    /// # Errors
    /// If labels are not one for each latent or not below the number of classes, or a number of a
    /// sample is not finite.
    ///
    /// # Panics
    /// If latents have not as many components as the prior.
    pub fn generate(&self, latents: Tensor<B, 2>, labels: &[usize]) -> Result<Drawn> {
        let [count, components] = latents.dims();
        let expected = self.latent.dimensions();
        assert_eq!(
            components, expected,
            "latents [{count}, {components}] of a prior of {expected}"
        );
        let told = self.classes.map_or(0, |_| count);
        if labels.len() != told {
            let problem = format!("must be {told} for {count} samples of this generator");
            return Err(Error::setting("labels.len()", labels.len(), problem));
        }
        let data = (self.draw)(latents, labels)?;
        let shape = data.shape[1..].to_vec();
        let values: Vec<f32> = data.iter::<f32>().collect();
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let problem = format!(
                "draws {}: its weights have left all bounds; take an earlier checkpoint",
                values[place]
            );
            return Err(Error::data("generator", problem));
        }
        let labels = self.classes.map(|_| labels.to_vec());
        Ok(Drawn::new(values, shape, labels))
    }
}
