//! Batch norms whose running statistics stay as they are while passes go on.

use std::cell::Cell;

thread_local! {
    static FIXED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a pass goes on in which batch norms take their running statistics as they are.
pub(super) fn are_statistics_fixed() -> bool {
    FIXED.get()
}

/// While `pass` goes on, the batch norms of this thread take their running statistics as they are if
/// `fixed`, with a tape too.
pub(crate) fn with_fixed_statistics<R>(fixed: bool, pass: impl FnOnce() -> R) -> R {
    /// What was there before, also where the pass panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            FIXED.set(self.0);
        }
    }
    let _before = Before(FIXED.replace(fixed));
    pass()
}
