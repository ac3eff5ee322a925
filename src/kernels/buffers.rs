//! Memory that is used again: kernels take their outputs and their scratch space from here.
//!
//! A step allocates the same sizes over and over. A buffer that comes back is neither given to
//! the system and faulted in again nor cleared: whoever takes one overwrites all of it.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Numbers kept at most: 256 MiB, what a residual pair's forward pass takes for a batch of 64. Beyond that
/// buffers are freed of the length that was out of use for longest: a step that takes a little more
/// than that loses a little, not all of it.
const CAPACITY: usize = (256 << 20) / size_of::<f32>();
/// Below this length the allocator is as quick.
const WORTH_KEEPING: usize = 1024;
/// Buffers that were not needed while so many were taken and came back are freed: tensors that burn's own
/// operations have made come back here, too, a few in each step, and nobody takes them.
const PERIOD: u64 = 1 << 15;

#[derive(Default)]
struct Pool {
    by_length: HashMap<usize, Class>,
    numbers: usize,
    /// Counts what was taken and what came back.
    now: u64,
    /// When it was last looked for what is not needed.
    looked: u64,
}

/// The buffers of one length.
#[derive(Default)]
struct Class {
    kept: Vec<Vec<f32>>,
    /// When one was last taken or came back.
    used: u64,
    /// The fewest that were kept since the last look: so many were not needed.
    least: usize,
}

impl Pool {
    fn keep(&mut self, buffer: Vec<f32>) {
        self.now += 1;
        self.numbers += buffer.len();
        let class = self.by_length.entry(buffer.len()).or_default();
        class.used = self.now;
        class.kept.push(buffer);
        while self.numbers > CAPACITY && self.free_one() {}
        if self.now - self.looked >= PERIOD {
            self.free_unneeded();
        }
    }

    fn take(&mut self, length: usize) -> Option<Vec<f32>> {
        let class = self.by_length.get_mut(&length)?;
        let buffer = class.kept.pop()?;
        self.now += 1;
        class.used = self.now;
        class.least = class.least.min(class.kept.len());
        self.numbers -= length;
        Some(buffer)
    }

    /// Frees what was not needed since the last look.
    fn free_unneeded(&mut self) {
        self.looked = self.now;
        self.by_length.retain(|length, class| {
            self.numbers -= class.least * length;
            class.kept.drain(..class.least);
            class.least = class.kept.len();
            !class.kept.is_empty()
        });
    }

    /// Frees a buffer of the length that was out of use for longest, and forgets lengths without buffers on
    /// the way there.
    fn free_one(&mut self) -> bool {
        loop {
            let oldest = self.by_length.iter().min_by_key(|(_, class)| class.used);
            let Some(length) = oldest.map(|(length, _)| *length) else {
                return false;
            };
            let class = self.by_length.get_mut(&length);
            if let Some(class) = class.filter(|class| !class.kept.is_empty()) {
                class.kept.pop();
                class.least = class.least.min(class.kept.len());
                self.numbers -= length;
                return true;
            }
            self.by_length.remove(&length);
        }
    }
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
        pool().as_mut().and_then(|pool| pool.take(length))
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
    if !(WORTH_KEEPING..=CAPACITY).contains(&length) {
        return;
    }
    let mut guard = pool();
    let pool = guard.get_or_insert_default();
    pool.keep(buffer);
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
    fn what_nobody_takes_is_freed_and_what_goes_round_stays() {
        let mut pool = Pool::default();
        let round = |pool: &mut Pool| {
            let two = [pool.take(3), pool.take(3)];
            two.into_iter()
                .flatten()
                .for_each(|buffer| pool.keep(buffer));
        };
        let kept = |pool: &Pool, length| pool.by_length.get(&length).map_or(0, |c| c.kept.len());
        for step in 0..100 {
            // From elsewhere, as the tensors of other operations.
            pool.keep(vec![0.0; 5]);
            if step < 3 {
                pool.keep(vec![0.0; 3]);
            }
            round(&mut pool);
            if step % 10 == 9 {
                pool.free_unneeded();
            }
            assert!(kept(&pool, 5) <= 20, "{step}: {}", kept(&pool, 5));
        }
        // Of three, two go round.
        assert_eq!(kept(&pool, 3), 2);
        assert_eq!(pool.numbers, 2 * 3 + 5 * kept(&pool, 5));
        for _ in 0..2 {
            pool.free_unneeded();
        }
        assert_eq!((pool.numbers, pool.by_length.len()), (0, 0));
        // The trainer never calls it: it comes by itself.
        for _ in 0..4 * PERIOD {
            pool.keep(vec![0.0; 2]);
        }
        assert!(kept(&pool, 2) <= 2 * PERIOD as usize);
    }

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
        // Those of another length go first.
        let other = length + 1;
        give_back(vec![0.0; other]);
        // More than there is room for.
        for _ in 0..60 {
            give_back(vec![0.0; length]);
        }
        let of_other = pool().as_ref().and_then(|pool| {
            let class = pool.by_length.get(&other)?;
            Some(class.kept.len())
        });
        assert_eq!(of_other.unwrap_or(0), 0);
        let kept = pool().as_ref().map_or(0, |pool| pool.numbers);
        assert!(kept <= CAPACITY, "{kept}");
    }
}
