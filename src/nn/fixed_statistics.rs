//! Batch norms whose running statistics stay as they are while passes go on.

use scoped_tls_hkt::scoped_thread_local;

scoped_thread_local!(static FIXED: ());

/// Whether a pass goes on in which batch norms take their running statistics as they are.
pub(super) fn are_statistics_fixed() -> bool {
    FIXED.is_set()
}

/// While `pass` goes on, the batch norms of this thread take their running statistics as they are if
/// `fixed`, with a tape too.
pub(crate) fn with_fixed_statistics<R>(fixed: bool, pass: impl FnOnce() -> R) -> R {
    match fixed {
        true => FIXED.set(&(), pass),
        false => pass(),
    }
}
