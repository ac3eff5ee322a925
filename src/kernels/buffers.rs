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

#[derive(Default)]
struct Pool {
    by_length: HashMap<usize, Class>,
    numbers: usize,
    /// Counts what was taken and what came back.
    now: u64,
}

/// The buffers of one length.
#[derive(Default)]
struct Class {
    kept: Vec<Vec<f32>>,
    /// When one was last taken or came back.
    used: u64,
}

impl Pool {
    fn keep(&mut self, buffer: Vec<f32>) {
        self.now += 1;
        self.numbers += buffer.len();
        let class = self.by_length.entry(buffer.len()).or_default();
        class.used = self.now;
        class.kept.push(buffer);
        while self.numbers > CAPACITY && self.free_one() {}
    }

    /// Frees a buffer of the length that was out of use for longest, and forgets lengths without buffers on
    /// the way there.
    fn free_one(&mut self) -> bool {
        loop {
            let oldest = self.by_length.iter().min_by_key(|(_, class)| class.used);
            let Some(length) = oldest.map(|(length, _)| *length) else {
                return false;
            };
            let freed = self
                .by_length
                .get_mut(&length)
                .and_then(|class| class.kept.pop());
            if freed.is_some() {
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
        pool().as_mut().and_then(|pool| {
            let class = pool.by_length.get_mut(&length)?;
            let buffer = class.kept.pop()?;
            pool.now += 1;
            class.used = pool.now;
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
