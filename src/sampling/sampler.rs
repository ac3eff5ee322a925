//! Draws samples from a trained generator.

use std::fmt;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::Drawn;
use super::fixed::Fixed;
use super::source::{Asked, Conditioned, Source, Towards};
use crate::error::{Error, Result, check};
use crate::latent::Latent;
use crate::network::{Generator, Labels, Vectors};
use crate::random::Stream;

/// Samples drawn at once, where nothing else is asked for.
const BATCH: usize = 100;

/// Latents that the mean style is taken over.
const STYLES: usize = 10_000;

/// What a generator is conditioned on.
enum On {
    Nothing,
    /// One of so many classes.
    Classes(usize),
    /// Vectors of so many numbers, those that the caller has given one after the other.
    Vectors(usize, Vec<f32>),
}

impl On {
    /// How many conditions take turns, where there are any; refuses that vectors are told and none were
    /// given.
    fn turns(&self) -> Result<Option<usize>> {
        match self {
            Self::Nothing => Ok(None),
            Self::Classes(classes) => Ok(Some(*classes)),
            Self::Vectors(size, given) if given.is_empty() => {
                let problem = format!(
                    "are given to a generator that is conditioned on vectors of {size} numbers; give them \
                     by `Sampler::with_vectors`"
                );
                Err(Error::setting("vectors", "none", problem))
            }
            Self::Vectors(size, given) => Ok(Some(given.len() / size)),
        }
    }
}

/// A trained generator that samples are drawn from, a batch at a time: more of them take no more
/// memory than they are long themselves.
///
/// It hides what the generator's samples and conditions are, so that what follows (choosing, files,
/// metrics) is the same for points, images and everything else. [`open`](Self::open) takes a saved
/// stock generator, [`new`](Self::new), [`conditional`](Self::conditional) and
/// [`on_vectors`](Self::on_vectors) any.
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
    source: Box<dyn Source<B>>,
    latent: Latent,
    on: On,
    range: Option<(f64, f64)>,
    device: B::Device,
    stream: Stream,
    truncation: Option<f32>,
    /// Of a generator with a style space, once truncated samples were drawn.
    mean_style: Option<Tensor<B, 2>>,
    codes: Vec<Fixed>,
    batch: usize,
    /// Samples drawn without a condition of their own: where the turns of classes or vectors stand.
    turn: usize,
}

impl<B: Backend> fmt::Debug for Sampler<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler")
            .field("latent", &self.latent)
            .field("classes", &self.classes())
            .field("vector_size", &self.vector_size())
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
        let condition = |_: Asked<'_>, _: &B::Device| Ok(());
        Self::of(generator, condition, latent, On::Nothing, device)
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
        let condition = move |asked: Asked<'_>, device: &B::Device| {
            Labels::from_slice(asked.labels, classes, device)
        };
        Self::of(generator, condition, latent, On::Classes(classes), device)
    }

    /// Draws from a generator that is conditioned on vectors of so many numbers, which
    /// [`with_vectors`](Self::with_vectors) gives.
    ///
    /// ```
    /// use burn_gan::burn::backend::Flex;
    /// use burn_gan::models::MlpGeneratorConfig;
    /// use burn_gan::sampling::Sampler;
    /// use burn_gan::Latent;
    ///
    /// let device = Default::default();
    /// let generator = MlpGeneratorConfig::new(8, [2]).init_on_vectors::<Flex, 2>(3, &device)?;
    /// let sampler = Sampler::on_vectors(generator, Latent::normal(8), 3, &device);
    /// // Five samples on two vectors in turns.
    /// let vectors = vec![1.0, 0.0, 0.5, 0.0, 1.0, -0.5];
    /// assert_eq!(sampler.with_vectors(vectors, 3)?.draw(5)?.count(), 5);
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    pub fn on_vectors<G, const R: usize>(
        generator: G,
        latent: Latent,
        size: usize,
        device: &B::Device,
    ) -> Self
    where
        G: Generator<B, Sample = Tensor<B, R>, Condition = Vectors<B>> + 'static,
    {
        let condition = move |asked: Asked<'_>, device: &B::Device| {
            let vectors = asked.vectors.to_vec();
            let vectors = TensorData::new(vectors, [asked.vectors.len() / size, size]);
            Ok(Vectors::new(Tensor::from_data(vectors, device)))
        };
        let on = On::Vectors(size, Vec::new());
        Self::of(generator, condition, latent, on, device)
    }

    fn of<G, F, const R: usize>(
        generator: G,
        condition: F,
        latent: Latent,
        on: On,
        device: &B::Device,
    ) -> Self
    where
        G: Generator<B, Sample = Tensor<B, R>> + 'static,
        F: Fn(Asked<'_>, &B::Device) -> Result<G::Condition> + 'static,
    {
        let range = generator.output_range();
        Self {
            source: Box::new(Conditioned {
                generator,
                condition,
            }),
            latent,
            on,
            range: range.filter(|(low, high)| low.is_finite() && high.is_finite()),
            device: device.clone(),
            stream: Stream::new(0, "samples"),
            truncation: None,
            mean_style: None,
            codes: Vec::new(),
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

    /// Draws better samples that differ less. What the threshold is depends on the generator.
    ///
    /// Of one without a style space it is a bound: latents come from the middle of the prior, components
    /// at most so far from 0 ([`Latent::draw_truncated`]). The smaller, the less samples differ.
    ///
    /// Of one with a style space ([`Generator::style_space`]: StyleGAN2), whose mapping scales latents to
    /// one length, so that a bound would do little, it is ψ from 0 to 1: how much is left of the way
    /// from the mean style to the latent's own, as [`TruncatedStyles`](crate::network::TruncatedStyles)
    /// has it. 1 changes nothing, 0 gives all samples the mean style. The mean is that of 10,000 latents
    /// of the whole prior, on classes or vectors in turns; the first draw after this takes it.
    ///
    /// The light pair scales latents to one length as well and has no style space: two latents are at a
    /// right angle on average whatever the bound is, so that it brings samples no nearer to each other.
    ///
    /// # Errors
    /// If the threshold is not a finite number above 0 or the prior has no normal part; of a generator
    /// with a style space, if it is not from 0 to 1.
    pub fn with_truncation(mut self, threshold: f32) -> Result<Self> {
        if !self.source.has_styles() {
            self.latent.check_truncation(threshold)?;
        } else if !(0.0..=1.0).contains(&threshold) {
            let problem = "must be from 0 to 1 for a generator with a style space, where it is ψ, the \
                           part of the way from the mean style that is left";
            return Err(Error::setting("threshold", threshold, problem));
        }
        self.truncation = Some(threshold);
        Ok(self)
    }

    /// Sets the vectors that samples are drawn on, of `size` numbers each, one after the other: they
    /// take turns, from the first.
    ///
    /// [`draw_accepted`](Self::draw_accepted) and [`draw_best`](Self::draw_best) choose among samples on
    /// all of them.
    ///
    /// # Errors
    /// If the generator is conditioned on no vectors, or on others than of `size` numbers; if there is
    /// no vector, part of one, or a number that is not finite.
    pub fn with_vectors(mut self, vectors: Vec<f32>, size: usize) -> Result<Self> {
        let On::Vectors(expected, given) = &mut self.on else {
            let problem = "are given to a generator that is conditioned on none; draw without";
            return Err(Error::setting(
                "vectors",
                format!("of {size} numbers"),
                problem,
            ));
        };
        if size != *expected {
            let problem = format!("must be {expected}, the numbers of a vector of this generator");
            return Err(Error::setting("size", size, problem));
        }
        if vectors.is_empty() || !vectors.len().is_multiple_of(size) {
            let problem = format!("must be {size} for each vector, and at least one vector");
            return Err(Error::setting("vectors.len()", vectors.len(), problem));
        }
        if let Some(place) = vectors.iter().position(|number| !number.is_finite()) {
            let problem = format!(
                "must be a finite number (vector {}, number {}, counted from 0)",
                place / size,
                place % size
            );
            return Err(Error::setting("vectors", vectors[place], problem));
        }
        *given = vectors;
        self.mean_style = None;
        self.turn = 0;
        Ok(self)
    }

    /// Gives all samples the same code, of a prior with codes (InfoGAN's; [`Latent::with_categorical`],
    /// [`Latent::with_continuous`]). The noise and the other codes are those that are drawn without.
    ///
    /// Codes are counted from 0 in the order in which they lie in a latent: a categorical code is one,
    /// whose value is a class, and of a continuous code each number is one.
    ///
    /// ```
    /// use burn_gan::burn::backend::Flex;
    /// use burn_gan::models::MlpGeneratorConfig;
    /// use burn_gan::sampling::Sampler;
    /// use burn_gan::Latent;
    ///
    /// let (prior, device) = (Latent::normal(8), Default::default());
    /// let prior = prior.with_categorical("digit", 10).with_continuous("style", 2);
    /// let generator = MlpGeneratorConfig::new(prior.dimensions(), [2]).init::<Flex, 2>(&device)?;
    /// let sampler = Sampler::new(generator, prior, &device);
    /// // Sevens, with the second number of `style` at a half.
    /// let mut sampler = sampler.with_code(0, 7.0)?.with_code(2, 0.5)?;
    /// assert_eq!(sampler.draw(5)?.count(), 5);
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the prior has no such code (the error lists those that it has), or the value is no class of a
    /// categorical code, or not from the lower to the upper bound of a continuous one.
    pub fn with_code(mut self, index: usize, value: f32) -> Result<Self> {
        self.codes.push(Fixed::new(&self.latent, index, value)?);
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
        match self.on {
            On::Classes(classes) => Some(classes),
            _ => None,
        }
    }

    /// The numbers of a vector that the generator is conditioned on, if it is.
    pub fn vector_size(&self) -> Option<usize> {
        match self.on {
            On::Vectors(size, _) => Some(size),
            _ => None,
        }
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

    /// The next samples, at least one. Classes take turns: 0, 1, 2, …; and so do vectors.
    ///
    /// # Errors
    /// If none are asked for, a number of a sample is not finite, or the generator is conditioned on
    /// vectors and none were given.
    pub fn draw(&mut self, count: usize) -> Result<Drawn> {
        check::at_least("count", count, 1)?;
        let Some(turns) = self.on.turns()? else {
            return self.whole(count, |_| Vec::new());
        };
        let turn = self.turn;
        self.turn = (turn + count) % turns;
        self.whole(count, |places| {
            places.map(|place| (turn + place) % turns).collect()
        })
    }

    /// The next samples, of these classes.
    ///
    /// # Errors
    /// If there are none or the generator is told none, a label is not below the number of classes,
    /// or a number of a sample is not finite.
    pub fn draw_labelled(&mut self, labels: &[usize]) -> Result<Drawn> {
        check::at_least("labels.len()", labels.len(), 1)?;
        if self.classes().is_none() {
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
        told: impl Fn(std::ops::Range<usize>) -> Vec<usize>,
    ) -> Result<Drawn> {
        let mut all: Option<Drawn> = None;
        let mut done = 0;
        while done < count {
            let end = count.min(done + self.batch);
            let part = self.part(end - done, &told(done..end))?;
            match &mut all {
                Some(all) => all.append(part),
                None => all = Some(part),
            }
            done = end;
        }
        Ok(all.expect("at least one was asked for"))
    }

    /// A batch, which is told these classes, or the vectors at these places.
    fn part(&mut self, count: usize, told: &[usize]) -> Result<Drawn> {
        let styles = self.source.has_styles();
        let (stream, device) = (&mut self.stream, &self.device);
        let latents = match self.truncation {
            Some(threshold) if !styles => {
                (self.latent).draw_truncated(count, threshold, stream, device)?
            }
            _ => self.latent.draw(count, stream, device),
        };
        let latents = self.codes.iter().fold(latents, |z, code| code.put(z));
        let towards = match self.truncation.filter(|_| styles) {
            None => None,
            Some(psi) => Some(Towards {
                mean: self.mean_style()?,
                psi: f64::from(psi),
            }),
        };
        self.of_latents(latents, told, towards.as_ref())
    }

    /// The mean style, found once.
    fn mean_style(&mut self) -> Result<Tensor<B, 2>> {
        if let Some(mean) = &self.mean_style {
            return Ok(mean.clone());
        }
        let turns = self.on.turns()?.unwrap_or(1);
        let told: Vec<usize> = (0..STYLES).map(|place| place % turns).collect();
        let vectors = self.vectors_at(&told);
        let asked = self.asked(&told, &vectors);
        let mean = (self.source).mean_style(&self.latent, STYLES, asked, &self.device)?;
        self.mean_style = Some(mean.clone());
        Ok(mean)
    }

    /// The samples of these latents, `[batch, latent]`, at once; of these classes where the generator
    /// is told some, of none otherwise. Vectors take turns from the first. Truncation and codes are of
    /// what is drawn: here latents and styles stay as they are.
    ///
    /// # Errors
    /// If labels are not one for each latent or not below the number of classes, a number of a
    /// sample is not finite, or the generator is conditioned on vectors and none were given.
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
        let told = self.classes().map_or(0, |_| count);
        if labels.len() != told {
            let problem = format!("must be {told} for {count} samples of this generator");
            return Err(Error::setting("labels.len()", labels.len(), problem));
        }
        match self.on.turns()? {
            Some(turns) if self.vector_size().is_some() => {
                let places: Vec<usize> = (0..count).map(|place| place % turns).collect();
                self.of_latents(latents, &places, None)
            }
            _ => self.of_latents(latents, labels, None),
        }
    }

    /// As [`generate`](Self::generate), of these classes or on the vectors at these places.
    fn of_latents(
        &self,
        latents: Tensor<B, 2>,
        told: &[usize],
        towards: Option<&Towards<B>>,
    ) -> Result<Drawn> {
        let vectors = self.vectors_at(told);
        let data = (self.source).samples(latents, self.asked(told, &vectors), towards)?;
        let shape = data.shape[1..].to_vec();
        let values: Vec<f32> = data.iter::<f32>().collect();
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let problem = format!(
                "draws {}: its weights have left all bounds; take an earlier checkpoint",
                values[place]
            );
            return Err(Error::data("generator", problem));
        }
        let labels = self.classes().map(|_| told.to_vec());
        Ok(Drawn::new(values, shape, labels))
    }

    /// The vectors at these places one after the other; none where the generator is told none.
    fn vectors_at(&self, places: &[usize]) -> Vec<f32> {
        let On::Vectors(size, given) = &self.on else {
            return Vec::new();
        };
        let rows = places.iter();
        let rows = rows.map(|row| &given[row * size..(row + 1) * size]);
        rows.collect::<Vec<_>>().concat()
    }

    /// What the generator is told: these classes, or these vectors.
    fn asked<'a>(&self, told: &'a [usize], vectors: &'a [f32]) -> Asked<'a> {
        Asked {
            labels: self.classes().map_or(&[][..], |_| told),
            vectors,
        }
    }
}
