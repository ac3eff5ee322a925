//! Loops compiled for the vector units that the processor has.

use std::sync::OnceLock;

use pulp::Arch;

/// A loop that is always compiled where it is started, whatever its size. A closure with a large body,
/// the compiler keeps as a function of its own, for any processor: such a loop is a type with
/// `#[inline(always)]` on its `call`.
pub(super) use pulp::NullaryFnOnce as Loop;

/// Something that can't be copied.
///
/// A loop moves one in, which makes its closure callable once and no more: the compiler then
/// inlines it where the processor's features are known. One that could be called again it keeps
/// as a function of its own, compiled for any processor.
pub(super) struct Once;

/// Runs a loop with the widest vectors that this processor has: AVX-512, AVX2, NEON, or those that
/// every processor of its kind has.
#[inline(always)]
pub(super) fn vectorized<L: Loop>(work: L) -> L::Output {
    static ARCH: OnceLock<Arch> = OnceLock::new();
    ARCH.get_or_init(Arch::new).dispatch(work)
}

/// Whether those vectors have an instruction for a·b + c.
#[inline]
pub(super) fn fused() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    return cfg!(target_arch = "aarch64");
}
