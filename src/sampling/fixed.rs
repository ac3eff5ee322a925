//! A code of the prior that all samples have.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use crate::error::{Error, Result};
use crate::latent::{Code, CodeKind, Latent};

/// A code, or one number of a continuous one, and what stands in its place.
pub(super) struct Fixed {
    code: Code,
    values: Vec<f32>,
}

impl Fixed {
    /// The code at `index`, where each number of a continuous code is one, with this value.
    pub(super) fn new(prior: &Latent, index: usize, value: f32) -> Result<Self> {
        let Some(code) = singles(prior).nth(index) else {
            return Err(Error::setting("code", index, absent(prior)));
        };
        let values = match code.kind {
            CodeKind::Categorical => {
                let mut row = vec![0.0; code.width];
                let class = (0..code.width).find(|class| *class as f32 == value);
                let Some(class) = class else {
                    return Err(refused(index, &code, value));
                };
                row[class] = 1.0;
                row
            }
            CodeKind::Continuous { low, high } if !(low..=high).contains(&value) => {
                return Err(refused(index, &code, value));
            }
            CodeKind::Continuous { .. } => vec![value],
        };
        Ok(Self { code, values })
    }

    /// The latents with this code.
    pub(super) fn put<B: Backend>(&self, latents: Tensor<B, 2>) -> Tensor<B, 2> {
        let rows = latents.dims()[0];
        let row = TensorData::new(self.values.clone(), [1, self.code.width]);
        let row = Tensor::<B, 2>::from_data(row, (&latents.device(), latents.dtype()));
        self.code.replace(latents, row.repeat_dim(0, rows))
    }
}

/// The prior's codes, a continuous one number by number.
fn singles(prior: &Latent) -> impl Iterator<Item = Code> {
    prior.codes().into_iter().flat_map(|code| {
        let (count, width) = match code.kind {
            CodeKind::Categorical => (1, code.width),
            CodeKind::Continuous { .. } => (code.width, 1),
        };
        (0..count).map(move |place| Code {
            name: code.name.clone(),
            kind: code.kind,
            offset: code.offset + place,
            width,
        })
    })
}

/// What a code may be.
fn words(code: &Code) -> String {
    match code.kind {
        CodeKind::Categorical => {
            format!("a class of `{}`, from 0 to {}", code.name, code.width - 1)
        }
        CodeKind::Continuous { low, high } => {
            format!("a number of `{}`, from {low} to {high}", code.name)
        }
    }
}

fn refused(index: usize, code: &Code, value: f32) -> Error {
    let way_out = match code.kind {
        CodeKind::Categorical => "",
        CodeKind::Continuous { .. } => {
            ", as it was drawn for training; beyond it, put the number into latents of your own \
             (`Code::replace`) and draw by `Sampler::generate`"
        }
    };
    let problem = format!("must be {}{way_out}", words(code));
    Error::setting(&format!("code {index}"), value, problem)
}

fn absent(prior: &Latent) -> String {
    let listed = singles(prior).enumerate();
    let listed: Vec<String> = listed
        .map(|(index, code)| format!("{index}: {}", words(&code)))
        .collect();
    match listed.as_slice() {
        [] => {
            "the prior has no codes: draw without, or from a generator that was trained with some \
               (`Latent::with_categorical`, `Latent::with_continuous`)"
                .to_owned()
        }
        listed => format!("is no code of the prior; there are {}", listed.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{for_each_backend, tensor2, values};

    fn prior() -> Latent {
        Latent::normal(1)
            .with_continuous("slant", 2)
            .with_categorical("digit", 3)
    }

    fn only_the_codes_own_numbers_are_other_ones<B: Backend>() {
        let latents = || {
            tensor2::<B, 6>([
                [7.0, 0.25, -0.5, 0.0, 1.0, 0.0],
                [8.0, -0.75, 0.5, 1.0, 0.0, 0.0],
            ])
        };
        let put = |index, value| {
            let fixed = Fixed::new(&prior(), index, value).expect("a code of the prior");
            values(fixed.put(latents()))
        };
        assert_eq!(
            put(1, 1.0),
            [
                7.0, 0.25, 1.0, 0.0, 1.0, 0.0, 8.0, -0.75, 1.0, 1.0, 0.0, 0.0
            ]
        );
        assert_eq!(
            put(2, 2.0),
            [
                7.0, 0.25, -0.5, 0.0, 0.0, 1.0, 8.0, -0.75, 0.5, 0.0, 0.0, 1.0
            ]
        );
    }

    for_each_backend!(only_the_codes_own_numbers_are_other_ones);

    #[test]
    fn what_is_no_code_or_no_value_of_it_is_refused_with_what_there_is() {
        let refused = |prior: &Latent, index, value, parts: &[&str]| {
            let error = Fixed::new(prior, index, value).err().expect("refused");
            let error = error.to_string();
            for part in parts {
                assert!(error.contains(part), "no `{part}` in: {error}");
            }
        };
        let prior = prior();
        refused(
            &prior,
            3,
            0.0,
            &[
                "`code` = 3",
                "0: a number of `slant`, from -1 to 1",
                "2: a class of `digit`, from 0 to 2",
            ],
        );
        for class in [3.0, -1.0, 0.5, f32::NAN, f32::INFINITY] {
            let value = format!("`code 2` = {class}");
            refused(&prior, 2, class, &[&value, "`digit`, from 0 to 2"]);
        }
        for number in [1.1, -1.1, f32::NAN, f32::NEG_INFINITY] {
            let value = format!("`code 0` = {number}");
            refused(
                &prior,
                0,
                number,
                &[&value, "`slant`, from -1 to 1", "`Sampler::generate`"],
            );
        }
        refused(&Latent::normal(3), 0, 0.0, &["`code` = 0", "has no codes"]);
    }
}
