//! Decoded samples, as many as fit.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Keeps the samples that are read first, and none beyond a number of bytes.
///
/// Where all fit, each is decoded once. Where they don't, nothing is pushed out for another: an
/// epoch asks for each sample once, in an order of its own, so that the oldest are as likely to be
/// asked for next as the newest, and a full store is hit as often as can be.
#[derive(Debug)]
pub(super) struct Store {
    samples: Vec<OnceLock<Arc<[u8]>>>,
    kept: AtomicUsize,
    most: usize,
}

impl Store {
    /// For so many samples, at most so many bytes of them.
    pub(super) fn new(samples: usize, most: usize) -> Self {
        Self {
            samples: (0..samples).map(|_| OnceLock::new()).collect(),
            kept: AtomicUsize::new(0),
            most,
        }
    }

    /// For some of the samples, with what is kept of them.
    pub(super) fn only(&self, chosen: &[usize]) -> Self {
        let samples: Vec<_> = chosen
            .iter()
            .map(|index| self.samples[*index].clone())
            .collect();
        let kept = samples.iter().filter_map(OnceLock::get);
        let kept = kept.map(|sample| sample.len()).sum();
        Self {
            samples,
            kept: AtomicUsize::new(kept),
            most: self.most,
        }
    }

    /// Gives a sample to `take`, where it is kept; `make` makes it where it is not.
    pub(super) fn with<T, E>(
        &self,
        index: usize,
        make: impl FnOnce() -> Result<Vec<u8>, E>,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, E> {
        if let Some(sample) = self.samples[index].get() {
            return Ok(take(sample));
        }
        // Two threads may make one sample; they make the same.
        let sample = make()?;
        let taken = take(&sample);
        let bytes = sample.len();
        let before = self.kept.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.saturating_add(bytes) <= self.most;
        if !fits || self.samples[index].set(sample.into()).is_err() {
            self.kept.fetch_sub(bytes, Ordering::Relaxed);
        }
        Ok(taken)
    }

    /// The bytes that are kept.
    pub(super) fn kept(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_kept_up_to_the_bound_and_the_others_made_anew() {
        let store = Store::new(4, 25);
        let made = AtomicUsize::new(0);
        let read = |index: usize| {
            let make = || {
                made.fetch_add(1, Ordering::Relaxed);
                Ok::<_, ()>(vec![index as u8; 10])
            };
            store.with(index, make, |sample| sample.to_vec()).unwrap()
        };
        for _ in 0..3 {
            for index in [3, 0, 1] {
                assert_eq!(read(index), [index as u8; 10]);
            }
        }
        assert_eq!((store.kept(), made.load(Ordering::Relaxed)), (20, 2 + 3));
        assert_eq!(store.with(2, || Err::<Vec<u8>, _>("no"), |_| ()), Err("no"));
        assert_eq!(store.kept(), 20);
    }

    #[test]
    fn many_threads_keep_no_more_than_the_bound() {
        let store = Store::new(100, 505);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for index in 0..100 {
                        let make = || Ok::<_, ()>(vec![index as u8; 10]);
                        let right = |sample: &[u8]| sample == [index as u8; 10];
                        assert!(store.with(index, make, right).unwrap());
                    }
                });
            }
        });
        let kept = store.samples.iter().filter(|sample| sample.get().is_some());
        assert_eq!(store.kept(), 10 * kept.count());
        assert!(store.kept() <= 505);
    }
}
