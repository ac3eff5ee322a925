//! What terms about a latent's codes share.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::error::{Error, Result};
use crate::network::Verdict;

/// Refuses a term of no codes; `problem` says which ones it takes.
pub(super) fn check(codes: &[String], problem: &str) -> Result<()> {
    match codes {
        [] => Err(Error::setting("codes", "none", problem)),
        _ => Ok(()),
    }
}

/// What the discriminator sees of a code, `[batch, width]`; `of` names the term.
///
/// # Panics
/// If it does not return the code.
pub(super) fn output<B: Backend>(verdict: &Verdict<B>, name: &str, of: &str) -> Tensor<B, 2> {
    let Some(output) = verdict.output(name).cloned() else {
        panic!(
            "the {of} of `{name}` needs a discriminator that returns it: \
             `Verdict::with_output(\"{name}\", …)`"
        );
    };
    output
}

/// A term of each code, added up.
///
/// # Panics
/// If there are no codes.
pub(super) fn added_up<B: Backend>(
    codes: &[String],
    of_code: impl FnMut(&String) -> Tensor<B, 1>,
) -> Tensor<B, 1> {
    let sum = codes.iter().map(of_code).reduce(|sum, term| sum + term);
    sum.expect("settings that were validated name codes")
}
