//! Memory that is used again: kernels take their outputs and their scratch space from here.
//!
//! A step allocates the same sizes over and over. A buffer that comes back is neither given to
//! the system and faulted in again nor cleared: whoever takes one overwrites all of it.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Numbers kept at most: 256 MiB, what a residual pair's forward pass takes for a batch of 64. What comes
/// back beyond that is freed.
const CAPACITY: usize = (256 << 20) / size_of::<f32>();
/// Below this length the allocator is as quick.
const WORTH_KEEPING: usize = 1024;

#[derive(Default)]
struct Pool {
    by_length: HashMap<usize, Vec<Vec<f32>>>,
    numbers: usize,
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

fn pool() -> MutexGuard<'static, Option<Pool>> {
    // A panic elsewhere while it was held leaves a map that is still a map.
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `length` numbers of any value.
pub(super) fn take(length: usize) -> Buffer {
    let kept = if length < WORTH_KEEPING {
        None
    } else {
        pool().as_mut().and_then(|pool| {
            let buffer = pool.by_length.get_mut(&length)?.pop()?;
            pool.numbers -= length;
            Some(buffer)
        })
    };
    Buffer(kept.unwrap_or_else(|| vec![0.0; length]))
}

/// `length` zeros.
pub(super) fn zeros(length: usize) -> Buffer {
    let mut buffer = take(length);
    buffer.fill(0.0);
    buffer
}

/// Keeps a buffer for the next taker of its length.
pub(super) fn give_back(buffer: Vec<f32>) {
    let length = buffer.len();
    if length < WORTH_KEEPING {
        return;
    }
    let mut guard = pool();
    let pool = guard.get_or_insert_default();
    if pool.numbers + length > CAPACITY {
        // The lengths in use may have changed altogether: start anew rather than keep the old.
        pool.by_length.clear();
        pool.numbers = 0;
        if length > CAPACITY {
            return;
        }
    }
    pool.numbers += length;
    pool.by_length.entry(length).or_default().push(buffer);
}

/// Numbers on loan; they go back when dropped.
#[derive(Debug)]
pub(super) struct Buffer(Vec<f32>);

impl Buffer {
    /// Keeps the numbers for good.
    pub(super) fn into_vec(mut self) -> Vec<f32> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        give_back(std::mem::take(&mut self.0));
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_and_the_pool_stays_bounded() {
        // A length of this test's own: others use the pool too.
        let length = 1_234_567;
        let first = take(length);
        let place = first.as_ptr();
        drop(first);
        let second = take(length);
        assert_eq!(second.as_ptr(), place);
        assert!(zeros(length).iter().all(|x| *x == 0.0));
        for _ in 0..40 {
            give_back(vec![0.0; length]);
        }
        let kept = pool().as_ref().map_or(0, |pool| pool.numbers);
        assert!(kept <= CAPACITY, "{kept}");
    }
}
