//! Where a prior's codes lie, and how they are cut out of latents.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Latent, Part};
use crate::error::{Error, Result};

/// A code of a prior in parts: what it is, and which components of a latent hold it.
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::{Latent, random::Stream};
///
/// let prior = Latent::normal(62)
///     .with_categorical("digit", 10)
///     .with_continuous("rotation", 1);
/// let z = prior.draw::<Flex>(4, &mut Stream::new(42, "latent"), &Default::default());
/// assert_eq!(z.dims(), [4, 73]);
/// let digit = prior.code("digit")?;
/// assert_eq!((digit.offset, digit.width), (62, 10));
/// // One-hot rows.
/// assert_eq!(digit.of(&z).sum().into_scalar(), 4.0);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Code {
    /// What it is called.
    pub name: String,
    /// What its numbers mean.
    pub kind: CodeKind,
    /// The first component that holds it.
    pub offset: usize,
    /// How many components hold it.
    pub width: usize,
}

/// What the numbers of a [`Code`] mean.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum CodeKind {
    /// A one-hot vector: one of as many classes as the code is wide.
    Categorical,
    /// Numbers in `[low, high)`.
    Continuous {
        /// The lower bound.
        low: f32,
        /// The upper bound.
        high: f32,
    },
}

impl Code {
    /// The codes of a batch of latents: `[batch, latent]` to `[batch, width]`, on the same tape.
    ///
    /// # Panics
    /// If the latents are too short for a code there.
    pub fn of<B: Backend>(&self, latent: &Tensor<B, 2>) -> Tensor<B, 2> {
        self.fits(latent);
        latent.clone().narrow(1, self.offset, self.width)
    }

    /// The latents with other codes, `[batch, width]`: to draw one digit after another from the
    /// same noise, say.
    ///
    /// # Panics
    /// If the latents are too short for a code there, or `code` is not `[batch, width]`.
    pub fn replace<B: Backend>(&self, latent: Tensor<B, 2>, code: Tensor<B, 2>) -> Tensor<B, 2> {
        self.fits(&latent);
        let [batch, width] = latent.dims();
        assert_eq!(
            code.dims(),
            [batch, self.width],
            "codes `{}` of {batch} latents",
            self.name
        );
        let end = self.offset + self.width;
        let mut columns = Vec::with_capacity(3);
        if self.offset > 0 {
            columns.push(latent.clone().narrow(1, 0, self.offset));
        }
        columns.push(code);
        if end < width {
            columns.push(latent.narrow(1, end, width - end));
        }
        Tensor::cat(columns, 1)
    }

    fn fits<B: Backend>(&self, latent: &Tensor<B, 2>) {
        let [_, width] = latent.dims();
        assert!(
            self.offset + self.width <= width,
            "latents of {width} components have no code `{}` at {}..{}",
            self.name,
            self.offset,
            self.offset + self.width
        );
    }
}

impl Latent {
    /// The prior's codes, in the order in which they lie in a latent; none in a prior of noise
    /// alone.
    pub fn codes(&self) -> Vec<Code> {
        let mut offset = 0;
        let mut codes = Vec::new();
        for part in self.as_parts().iter() {
            let (width, name) = (part.dimensions(), part.name().map(str::to_owned));
            let kind = match *part {
                Part::Normal { .. } | Part::Uniform { .. } => None,
                Part::Categorical { .. } => Some(CodeKind::Categorical),
                Part::Continuous { low, high, .. } => Some(CodeKind::Continuous { low, high }),
            };
            codes.extend(name.zip(kind).map(|(name, kind)| Code {
                name,
                kind,
                offset,
                width,
            }));
            offset += width;
        }
        codes
    }

    /// The code of this name.
    ///
    /// # Errors
    /// If the prior has no such code; the error names those that it has.
    pub fn code(&self, name: &str) -> Result<Code> {
        let codes = self.codes();
        if let Some(code) = codes.iter().find(|code| code.name == name) {
            return Ok(code.clone());
        }
        let names: Vec<&str> = codes.iter().map(|code| code.name.as_str()).collect();
        let problem = match names.as_slice() {
            [] => "the prior has no codes; `Latent::with_categorical` and `with_continuous` add \
                   them"
                .to_owned(),
            names => format!("is no code of the prior, which has {}", names.join(", ")),
        };
        Err(Error::setting("code", name, problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cpu, for_each_backend, tensor2, values};

    fn prior() -> Latent {
        Latent::parts([
            Part::categorical("digit", 3),
            Part::normal(1),
            Part::continuous("slant", 2),
        ])
    }

    fn codes_are_cut_out_of_latents_and_put_back<B: Backend>() {
        let latent = tensor2::<B, 6>([
            [0.0, 1.0, 0.0, 7.0, 0.25, -0.5],
            [1.0, 0.0, 0.0, 8.0, -0.75, 0.5],
        ]);
        let [digit, slant] = prior().codes().try_into().expect("two codes");
        assert_eq!((digit.offset, digit.width), (0, 3));
        assert_eq!((slant.offset, slant.width), (4, 2));
        assert_eq!(digit.kind, CodeKind::Categorical);
        assert_eq!(
            slant.kind,
            CodeKind::Continuous {
                low: -1.0,
                high: 1.0
            }
        );
        assert_eq!(
            values(digit.of(&latent)),
            [0.0, 1.0, 0.0, 1.0, 0.0, 0.0],
            "in the order of the batch"
        );
        assert_eq!(values(slant.of(&latent)), [0.25, -0.5, -0.75, 0.5]);
        let others = tensor2::<B, 3>([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]);
        let replaced = digit.replace(latent.clone(), others);
        assert_eq!(
            values(replaced),
            [
                0.0, 0.0, 1.0, 7.0, 0.25, -0.5, 0.0, 1.0, 0.0, 8.0, -0.75, 0.5
            ]
        );
        let zeros = Tensor::zeros_like(&slant.of(&latent));
        assert_eq!(
            values(slant.replace(latent, zeros)),
            [0.0, 1.0, 0.0, 7.0, 0.0, 0.0, 1.0, 0.0, 0.0, 8.0, 0.0, 0.0]
        );
    }

    for_each_backend!(codes_are_cut_out_of_latents_and_put_back);

    #[test]
    fn a_code_that_is_not_there_is_refused_with_those_that_are() {
        let error = prior().code("digits").unwrap_err().to_string();
        assert!(
            error.contains("`code` = digits") && error.contains("digit, slant"),
            "{error}"
        );
        let error = Latent::normal(3).code("digit").unwrap_err().to_string();
        assert!(error.contains("has no codes"), "{error}");
        assert!(Latent::normal(3).codes().is_empty());
    }

    #[test]
    #[should_panic(expected = "latents of 5 components have no code `slant` at 4..6")]
    fn latents_that_are_too_short_panic() {
        let slant = prior().code("slant").expect("a code of the prior");
        slant.of(&Tensor::<Cpu, 2>::zeros([1, 5], &Default::default()));
    }
}
