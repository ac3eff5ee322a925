//! What a step is made of: real samples, latents, and what they are conditioned on.

use burn::tensor::Tensor;

use crate::network::{Condition, Generated, Generator, Sample, for_all_layers, mix_styles};
use crate::objective::Objective;
use crate::pair::Pair;

/// What one discriminator step needs: a real batch, and latents for a generated one of the same
/// length. Both have conditions of their own.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepBatch<P: Pair> {
    /// Real samples.
    pub real: P::Sample,
    /// What the real samples are conditioned on.
    pub real_condition: P::Condition,
    /// What the generated samples are conditioned on.
    pub fake_condition: P::Condition,
    /// Latents of the generated samples, `[batch, latent]`.
    pub latent: Tensor<P::Backend, 2>,
    /// Whether some layers take their style from another latent.
    pub mixing: Option<StyleMixing<P>>,
    /// Which part of the step's batch this is.
    part: Share,
}

/// Second latents for style mixing, of a generator with a
/// [style space](crate::network::StyleSpace).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StyleMixing<P: Pair> {
    /// The latents of the layers from the crossover on, `[batch, latent]`.
    pub latent: Tensor<P::Backend, 2>,
    /// For each sample, how many layers take the style of its first latent.
    pub crossovers: Vec<usize>,
}

impl<P: Pair> StyleMixing<P> {
    /// Second latents, `[batch, latent]`, with a crossover for each.
    pub fn new(latent: Tensor<P::Backend, 2>, crossovers: Vec<usize>) -> Self {
        Self { latent, crossovers }
    }
}

/// A part of a batch: one of so many of the same length. The random numbers of a step are those of
/// the whole batch, however it is cut, so that shares can be taken one after the other or in
/// several processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Which part, from 0.
    index: usize,
    /// Of how many.
    of: usize,
}

impl Share {
    /// The whole batch.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Part `index` of `of` parts.
    ///
    /// # Panics
    /// If there is no such part.
    pub fn new(index: usize, of: usize) -> Self {
        assert!(index < of, "there is no part {index} of {of} parts");
        Self { index, of }
    }

    /// All parts of a batch that is cut into `count`.
    pub fn all(count: usize) -> impl Iterator<Item = Self> {
        (0..count).map(move |index| Self { index, of: count })
    }

    /// Which part, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Of how many parts it is one.
    pub fn of(&self) -> usize {
        self.of
    }

    /// Where it lies in `length` things that are one for each sample of the batch.
    ///
    /// # Panics
    /// If the parts do not divide the length.
    pub(crate) fn range(&self, length: usize) -> std::ops::Range<usize> {
        assert!(
            length.is_multiple_of(self.of),
            "{} parts must divide a batch of {length}",
            self.of
        );
        let part = length / self.of;
        self.index * part..(self.index + 1) * part
    }

    /// How much of the batch it is.
    pub(super) fn weight(&self) -> f64 {
        1.0 / self.of as f64
    }
}

impl<P: Pair> StepBatch<P> {
    /// A real batch with latents for a generated one, which has the real one's conditions.
    pub fn new(real: P::Sample, condition: P::Condition, latent: Tensor<P::Backend, 2>) -> Self {
        Self {
            real,
            fake_condition: condition.clone(),
            real_condition: condition,
            latent,
            mixing: None,
            part: Share::WHOLE,
        }
    }

    /// Says that this is a part of the step's batch only: the one that a process has of it. Its shares
    /// are those of the whole batch that lie in it.
    pub fn of_part(mut self, part: Share) -> Self {
        self.part = part;
        self
    }

    /// Which part of the step's batch this is.
    pub fn part(&self) -> Share {
        self.part
    }

    /// The shares of the whole batch that lie in this part, so many.
    pub(super) fn shares(&self, count: usize) -> impl Iterator<Item = Share> + use<P> {
        let Share { index, of } = self.part;
        (0..count).map(move |share| Share {
            index: index * count + share,
            of: of * count,
        })
    }

    /// The generated samples' own conditions.
    pub fn with_fake_condition(mut self, condition: P::Condition) -> Self {
        self.fake_condition = condition;
        self
    }

    /// Some layers of the generator take their style from other latents.
    pub fn with_mixing(mut self, mixing: StyleMixing<P>) -> Self {
        self.mixing = Some(mixing);
        self
    }

    /// The number of samples that are here, real ones and generated ones alike.
    pub(super) fn len(&self) -> usize {
        self.latent.dims()[0]
    }

    /// A part of the batch, which lies in what is here of it.
    ///
    /// # Panics
    /// If the parts do not divide the batch, or it lies elsewhere.
    pub(super) fn share(&self, share: Share) -> Self {
        let batch = self.len();
        let part = self.part;
        assert!(
            share.of.is_multiple_of(part.of),
            "part {} of {} of a batch lies in none of {} parts",
            share.index,
            share.of,
            part.of
        );
        // Of what is here.
        let of = share.of / part.of;
        assert!(
            batch.is_multiple_of(of),
            "{of} micro-batches must divide a batch of {batch}"
        );
        assert!(
            share.index / of == part.index,
            "part {} of {} of a batch is not in part {} of {}",
            share.index,
            share.of,
            part.index,
            part.of
        );
        if of == 1 {
            return self.clone();
        }
        let length = batch / of;
        let start = share.index % of * length;
        let mixing = self.mixing.as_ref().map(|mixing| StyleMixing {
            latent: mixing.latent.clone().narrow(0, start, length).detach(),
            crossovers: mixing.crossovers[start..start + length].to_vec(),
        });
        // Without a history, as what a process reads has none: the tape orders its sums by how long the
        // histories of their terms are, and does so for tensors without a gradient too.
        Self {
            real: self.real.clone().narrow(start, length).detach(),
            real_condition: self.real_condition.narrow(start, length),
            fake_condition: self.fake_condition.narrow(start, length),
            latent: self.latent.clone().narrow(0, start, length).detach(),
            mixing,
            part: share,
        }
    }

    /// The generated samples, on the generator's tape, with its log-probabilities where the objective
    /// reads them.
    ///
    /// # Panics
    /// If styles are to be mixed, and the generator has no style space.
    pub(super) fn generate(
        &self,
        generator: &P::Generator,
        objective: &Objective,
    ) -> Generated<P::Backend, P::Sample> {
        let condition = &self.fake_condition;
        let Some(mixing) = &self.mixing else {
            let latent = self.latent.clone();
            return match objective.reads_log_probabilities() {
                true => generator.generate_with_log_probabilities(latent, condition),
                false => generator.generate(latent, condition).into(),
            };
        };
        let Some(space) = generator.style_space() else {
            panic!("styles can be mixed by a generator with a style space only");
        };
        let layers = space.layers();
        let styles = |latent: &Tensor<P::Backend, 2>| {
            for_all_layers(space.map_latent(latent.clone(), condition), layers)
        };
        let (first, second) = (styles(&self.latent), styles(&mixing.latent));
        let mixed = mix_styles(first, second, &mixing.crossovers);
        space.synthesize(mixed, condition).into()
    }
}
