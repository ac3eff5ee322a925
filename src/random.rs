//! Randomness that belongs to the run: seeded, serialisable, and the same on every backend.
//!
//! Every draw of a run (latents, data order, mixtures) is made on the host by a named
//! [`Stream`], so that a stored run goes on with the very next number, and so that the same seed
//! gives the same noise on a CPU and on a GPU.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, ElementConversion, Tensor};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

/// A seeded stream of random numbers (ChaCha with 8 rounds) whose position can be stored.
///
/// Streams of one seed with different purposes are independent: drawing more from one does not
/// shift another.
///
/// ```
/// use burn_gan::random::Stream;
///
/// let mut stream = Stream::new(42, "latent");
/// let first = stream.normal(3);
/// let stored = serde_json::to_string(&stream)?;
/// let next = stream.normal(3);
///
/// let mut restored: Stream = serde_json::from_str(&stored)?;
/// assert_eq!(restored.normal(3), next);
/// assert_ne!(first, next);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    generator: ChaCha8Rng,
    /// Which part of how many parts of each draw is given out; all of it where there is one.
    #[serde(skip, default = "whole")]
    share: (usize, usize),
}

fn whole() -> (usize, usize) {
    (0, 1)
}

impl Stream {
    /// The stream of `seed` for `purpose`, at its start.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(fnv1a(purpose.as_bytes()));
        let share = whole();
        Self { generator, share }
    }

    /// Whether it is a stream for this purpose, of whatever seed and wherever it stands.
    pub(crate) fn is_for(&self, purpose: &str) -> bool {
        self.generator.get_stream() == fnv1a(purpose.as_bytes())
    }

    /// `count` independent draws from N(0, 1).
    pub fn normal(&mut self, count: usize) -> Vec<f32> {
        self.draws(count, |generator| generator.sample(StandardNormal))
    }

    /// `count` independent draws from the uniform distribution on `[low, high)`.
    pub fn uniform(&mut self, count: usize, low: f32, high: f32) -> Vec<f32> {
        let width = high - low;
        self.draws(count, |generator| low + width * generator.random::<f32>())
    }

    /// One draw from `0..below`.
    ///
    /// # Panics
    /// If `below` is 0.
    pub fn index(&mut self, below: usize) -> usize {
        self.generator.random_range(0..below)
    }

    /// `count` independent draws from `0..below`.
    ///
    /// # Panics
    /// If `below` is 0.
    pub fn indices(&mut self, count: usize, below: usize) -> Vec<usize> {
        self.draws(count, |generator| generator.random_range(0..below))
    }

    /// The numbers `0..count` in random order.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut self.generator);
        order
    }

    /// A stream of its own, which takes one number of this one, however much is drawn from it.
    pub(crate) fn fork(&mut self) -> Self {
        let seed = self.generator.random();
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(self.generator.get_stream());
        let share = self.share;
        Self { generator, share }
    }

    /// The same stream for part `index` of `of` parts of a batch: what it draws for the rows of the
    /// part is what the stream draws for them in the whole batch. Draws are rows, one after the
    /// other, and parts have one length.
    pub(crate) fn for_share(&self, index: usize, of: usize) -> Self {
        Self {
            generator: self.generator.clone(),
            share: (index, of),
        }
    }

    /// So many draws of which this stream's share is left.
    fn draws<T>(&mut self, count: usize, draw: impl FnMut(&mut ChaCha8Rng) -> T) -> Vec<T> {
        let (index, of) = self.share;
        let mut draw = draw;
        let mut all = (0..count * of).map(|_| draw(&mut self.generator));
        let share = all.by_ref().skip(index * count).take(count).collect();
        all.for_each(drop);
        share
    }

    /// The generator itself, for draws from any other distribution of `rand_distr`.
    pub fn rng(&mut self) -> &mut impl Rng {
        &mut self.generator
    }
}

/// A seed for `purpose` at `position`, derived from the run's seed.
pub fn derived_seed(seed: u64, purpose: &str, position: u64) -> u64 {
    let mut stream = Stream::new(seed ^ position.wrapping_mul(0x9e37_79b9_7f4a_7c15), purpose);
    stream.generator.random()
}

/// Seeds the backend's own hidden generator, which dropout and burn's initialisers draw from.
///
/// burn has one such generator per process and backend. What this crate draws from it (weights, and
/// steps of networks with dropout) it draws with the generator to itself, so that a seed decides in
/// every thread. A program whose other threads draw from it by themselves (`Tensor::random`) takes
/// that away.
pub fn reseed<B: Backend>(device: &B::Device, seed: u64, purpose: &str, position: u64) {
    let _alone = alone();
    B::seed(device, derived_seed(seed, purpose, position));
}

/// The backends' generators: who seeds them and then draws holds this.
static GENERATORS: Mutex<()> = Mutex::new(());

thread_local! {
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// The backends' generators to this thread alone, until it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Alone(Option<MutexGuard<'static, ()>>);

/// Waits until no other thread draws. A thread may ask again while it holds them.
pub(crate) fn alone() -> Alone {
    if HELD.get() {
        return Alone(None);
    }
    let generators = GENERATORS.lock().unwrap_or_else(PoisonError::into_inner);
    HELD.set(true);
    Alone(Some(generators))
}

impl Drop for Alone {
    fn drop(&mut self) {
        if self.0.is_some() {
            HELD.set(false);
        }
    }
}

/// Whether a run's steps draw from the backend's generator: only those that do have to wait for
/// each other. Its first step tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepDraws(Rc<Cell<Option<bool>>>);

impl StepDraws {
    /// Seeds the generator for a step, which lasts as long as what comes back.
    #[inline(never)]
    pub(crate) fn step<B: Backend>(&self, device: &B::Device, seed: u64, done: u64) -> StepTurn<B> {
        let alone = alone();
        let seed = derived_seed(seed, "step", done);
        B::seed(device, seed);
        let first = match self.0.get() {
            Some(_) => None,
            None => {
                let first = one_number::<B>(device);
                B::seed(device, seed);
                Some(first)
            }
        };
        StepTurn {
            draws: self.clone(),
            device: device.clone(),
            seed,
            first,
            _alone: (self.0.get() != Some(false)).then_some(alone),
        }
    }
}

/// A step that may draw from the backend's generator.
#[must_use]
pub(crate) struct StepTurn<B: Backend> {
    draws: StepDraws,
    device: B::Device,
    seed: u64,
    /// What the generator draws first, in the step that tells whether any does.
    first: Option<f64>,
    _alone: Option<Alone>,
}

impl<B: Backend> Drop for StepTurn<B> {
    fn drop(&mut self) {
        let Some(first) = self.first.filter(|_| !thread::panicking()) else {
            return;
        };
        let drawn = one_number::<B>(&self.device) != first;
        self.draws.0.set(Some(drawn));
        if !drawn {
            // As if nobody had looked.
            B::seed(&self.device, self.seed);
        }
    }
}

#[inline(never)]
fn one_number<B: Backend>(device: &B::Device) -> f64 {
    let number = Tensor::<B, 1>::random([1], Distribution::Default, device);
    number.into_scalar().elem()
}

/// FNV-1a: a fixed hash, so that a purpose names the same stream in every version of Rust.
fn fnv1a(bytes: &[u8]) -> u64 {
    (bytes.iter()).fold(FNV_START, |hash, byte| fnv1a_more(hash, u64::from(*byte)))
}

/// What [`fnv1a_more`] begins with.
pub(crate) const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash with another number taken in.
pub(crate) fn fnv1a_more(hash: u64, number: u64) -> u64 {
    (hash ^ number).wrapping_mul(0x0000_0100_0000_01b3)
}

crate::compiled::compiled! {
    StepDraws::step::<Tape>,
    one_number::<Tape>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_numbers_and_purposes_are_independent() {
        let mut a = Stream::new(7, "latent");
        let mut b = Stream::new(7, "latent");
        let mut other = Stream::new(7, "data");
        assert_eq!(a.normal(5), b.normal(5));
        assert_ne!(a.normal(5), other.normal(5));
    }

    #[test]
    fn normal_and_uniform_have_their_moments() {
        let n = 100_000;
        let mut stream = Stream::new(1, "moments");
        let normal = stream.normal(n);
        let mean = normal.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
        let var = normal
            .iter()
            .map(|x| (f64::from(*x) - mean).powi(2))
            .sum::<f64>()
            / n as f64;
        // Five standard errors: a correct generator fails once in 1.7 million seeds.
        assert!(mean.abs() < 5.0 / (n as f64).sqrt(), "mean {mean}");
        assert!(
            (var - 1.0).abs() < 5.0 * (2.0 / n as f64).sqrt(),
            "variance {var}"
        );

        let uniform = stream.uniform(n, -2.0, 4.0);
        assert!(uniform.iter().all(|x| (-2.0..4.0).contains(x)));
        let mean = uniform.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
        assert!((mean - 1.0).abs() < 5.0 * (36.0 / 12.0 / n as f64).sqrt());
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = Stream::new(3, "order").permutation(1_000);
        assert_ne!(order, (0..1_000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn derived_seeds_differ_by_purpose_and_position() {
        let base = derived_seed(1, "step", 0);
        assert_eq!(base, derived_seed(1, "step", 0));
        assert_ne!(base, derived_seed(1, "step", 1));
        assert_ne!(base, derived_seed(1, "init", 0));
        assert_ne!(base, derived_seed(2, "step", 0));
    }
}
