//! Loops compiled for the vector units that the processor has.

use std::sync::OnceLock;

use pulp::Arch;

/// Something that can't be copied.
///
/// A loop moves one in, which makes its closure callable once and no more: the compiler then
/// inlines it where the processor's features are known. One that could be called again it keeps
/// as a function of its own, compiled for any processor.
pub(super) struct Once;

/// Runs a loop with the widest vectors that this processor has: AVX-512, AVX2, NEON, or those that
/// every processor of its kind has.
#[inline(always)]
pub(super) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    static ARCH: OnceLock<Arch> = OnceLock::new();
    ARCH.get_or_init(Arch::new).dispatch(work)
}
