//! Functions that are compiled with this crate, for the backend that it brings.
//!
//! Generic functions are compiled in the program that calls them, with all of burn that they reach:
//! most of the time that building a program takes. rustc makes an exception of functions that are
//! marked `#[inline(never)]`: where a crate below has compiled one of them for the same types, the
//! program links to it. So the large functions that know a backend and no networks are marked so,
//! and [`compiled!`](crate::compiled) names their instances for [`Flex`](burn::backend::Flex), with
//! and without tapes. On other backends and shapes they are compiled as ever.
//!
//! Which functions are worth it is measured: a program's `--emit=llvm-ir` as a graph of calls, and the
//! lines that nothing else would reach.

/// A backend without a tape, one with a tape, and one with a tape above that.
#[cfg(feature = "flex")]
pub(crate) type Plain = burn::backend::Flex;
#[cfg(feature = "flex")]
pub(crate) type Tape = burn::backend::Autodiff<Plain>;
#[cfg(feature = "flex")]
pub(crate) type Tapes = burn::backend::Autodiff<Tape>;

/// Compiles instances of functions, which are marked `#[inline(never)]`, with this crate.
macro_rules! compiled {
    ($($function:expr),* $(,)?) => {
        #[cfg(feature = "flex")]
        const _: () = {
            #[allow(unused_imports)]
            use $crate::compiled::{Plain, Tape, Tapes};
            /// Nobody calls it; what it names is compiled.
            #[allow(dead_code)]
            static COMPILED: fn() = || {
                $(std::hint::black_box($function as *const ());)*
            };
        };
    };
}

pub(crate) use compiled;
