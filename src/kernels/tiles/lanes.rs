//! Some numbers at once, as many as a loop over vectors takes: the compiler keeps them in registers.

use std::sync::atomic::{AtomicBool, Ordering};

pub(super) type Lanes<const L: usize> = [f32; L];

/// The numbers from `at` on.
#[inline(always)]
pub(super) fn lanes<const L: usize>(from: &[f32], at: usize) -> Lanes<L> {
    let from = &from[at..at + L];
    std::array::from_fn(|lane| from[lane])
}

#[inline(always)]
pub(super) fn add<const L: usize>(a: Lanes<L>, b: Lanes<L>) -> Lanes<L> {
    std::array::from_fn(|lane| a[lane] + b[lane])
}

#[inline(always)]
pub(super) fn sub<const L: usize>(a: Lanes<L>, b: Lanes<L>) -> Lanes<L> {
    std::array::from_fn(|lane| a[lane] - b[lane])
}

/// Remembers whether anything seen was not finite: 0 times it is not 0.
pub(super) fn note(seen: &[f32], finite: &AtomicBool) {
    if seen.iter().any(|seen| *seen != 0.0) {
        finite.store(false, Ordering::Relaxed);
    }
}
