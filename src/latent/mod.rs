//! The prior p(z) that a generator draws from: noise, and codes beside it; truncated draws, and
//! paths from one latent to another.

mod code;
mod interpolation;
mod part;
mod truncation;

pub use code::{Code, CodeKind};
pub(crate) use interpolation::{Weights, on_lines};
pub use interpolation::{lerp, slerp};
pub use part::Part;

use std::borrow::Cow;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use serde::Serialize;

use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;
use crate::sizes;

settings! {
#[tag = "distribution"]
/// A prior over latents: a distribution of independent components, or several side by side.
///
/// Latents are drawn on the host from a [`Stream`] and uploaded, a few thousand numbers a step:
/// the same seed gives the same latents on every backend, and a stored stream goes on with the
/// very next one.
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::{Latent, random::Stream};
///
/// let prior = Latent::normal(16);
/// let z = prior.draw::<Flex>(4, &mut Stream::new(42, "latent"), &Default::default());
/// assert_eq!(z.dims(), [4, 16]);
/// // Noise and two codes, as InfoGAN draws them: `code` says where they lie.
/// let prior = Latent::normal(16).with_categorical("digit", 10).with_continuous("slant", 1);
/// assert_eq!(prior.dimensions(), 27);
/// assert_eq!(prior.code("slant")?.offset, 26);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Latent {
    /// z ~ N(0, I).
    Normal {
        /// The number of components.
        dimensions: usize,
    },
    /// z ~ U[low, high) in each component.
    Uniform {
        /// The number of components.
        dimensions: usize,
        /// The lower bound.
        low: f32,
        /// The upper bound.
        high: f32,
    },
    /// Independent parts side by side: noise and codes.
    Parts {
        /// The parts, in the order of a latent's components.
        parts: Vec<Part>,
    },
}
}

impl Latent {
    /// N(0, I) in `dimensions` components.
    pub fn normal(dimensions: usize) -> Self {
        Self::Normal { dimensions }
    }

    /// U[−1, 1) in each of `dimensions` components.
    pub fn uniform(dimensions: usize) -> Self {
        Self::Uniform {
            dimensions,
            low: -1.0,
            high: 1.0,
        }
    }

    /// Independent parts side by side, in this order.
    pub fn parts(parts: impl IntoIterator<Item = Part>) -> Self {
        Self::Parts {
            parts: parts.into_iter().collect(),
        }
    }

    /// The prior with one more part after its components.
    pub fn with_part(self, part: Part) -> Self {
        let mut parts = self.as_parts().into_owned();
        parts.push(part);
        Self::Parts { parts }
    }

    /// The prior with a code that is one of `classes`, all equally likely: a one-hot vector after
    /// its components.
    pub fn with_categorical(self, name: impl Into<String>, classes: usize) -> Self {
        self.with_part(Part::categorical(name, classes))
    }

    /// The prior with a code from U[−1, 1) in each of `dimensions` components, after its own;
    /// [`Part::Continuous`] has other bounds.
    pub fn with_continuous(self, name: impl Into<String>, dimensions: usize) -> Self {
        self.with_part(Part::continuous(name, dimensions))
    }

    /// The prior as parts; one where it is simple.
    fn as_parts(&self) -> Cow<'_, [Part]> {
        match *self {
            Self::Normal { dimensions } => Cow::Owned(vec![Part::Normal { dimensions }]),
            Self::Uniform {
                dimensions,
                low,
                high,
            } => Cow::Owned(vec![Part::Uniform {
                dimensions,
                low,
                high,
            }]),
            Self::Parts { ref parts } => Cow::Borrowed(parts),
        }
    }

    /// The number of components of a latent, those of all parts together.
    pub fn dimensions(&self) -> usize {
        let parts = self.as_parts();
        let dimensions = parts.iter().map(Part::dimensions);
        // Settings that are not validated yet may hold anything.
        dimensions.fold(0, usize::saturating_add)
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If there is no component or more than 2²⁴, bounds are not finite and in order, a code has
    /// fewer than 2 classes or no name, or two codes have one name.
    pub fn validate(&self) -> Result<()> {
        let Self::Parts { parts } = self else {
            return self.as_parts().iter().try_for_each(Part::validate);
        };
        if parts.is_empty() {
            return Err(Error::setting(
                "parts",
                "[]",
                "must hold at least one part; `Latent::normal` is the usual prior",
            ));
        }
        check::at_most("parts.len()", parts.len(), sizes::REPEATS)?;
        for (i, part) in parts.iter().enumerate() {
            let within = |e: Error| e.within(&format!("parts[{i}]"));
            part.validate().map_err(within)?;
            if let Some(name) = part.name()
                && parts[..i].iter().any(|other| other.name() == Some(name))
            {
                let problem = "is the name of another code as well; each needs its own";
                return Err(within(Error::setting("name", name, problem)));
            }
        }
        check::at_most("dimensions", self.dimensions(), sizes::SIZE)
    }

    /// Draws a batch of latents, `[batch, dimensions]`.
    #[inline(never)]
    pub fn draw<B: Backend>(
        &self,
        batch: usize,
        stream: &mut Stream,
        device: &B::Device,
    ) -> Tensor<B, 2> {
        self.draw_parts(batch, device, |part| part.draw(batch, stream))
    }

    /// A batch whose parts are drawn one after the other, each row after row.
    fn draw_parts<B: Backend>(
        &self,
        batch: usize,
        device: &B::Device,
        mut draw: impl FnMut(&Part) -> Vec<f32>,
    ) -> Tensor<B, 2> {
        let parts = self.as_parts();
        let width = self.dimensions();
        let values = match parts.as_ref() {
            [only] => draw(only),
            parts => {
                let mut values = vec![0.0; batch * width];
                let mut offset = 0;
                for part in parts {
                    let own = part.dimensions();
                    let drawn = draw(part);
                    let rows = values.chunks_exact_mut(width).zip(drawn.chunks_exact(own));
                    for (row, drawn) in rows {
                        row[offset..offset + own].copy_from_slice(drawn);
                    }
                    offset += own;
                }
                values
            }
        };
        Tensor::from_data(TensorData::new(values, [batch, width]), device)
    }
}

crate::compiled::compiled! {
    Latent::draw::<Plain>,
    Latent::draw::<Tape>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cpu, values};
    use burn::backend::NdArray;

    fn in_parts() -> Latent {
        Latent::normal(3)
            .with_categorical("digit", 4)
            .with_continuous("slant", 2)
            .with_part(Part::uniform(1))
    }

    #[test]
    fn the_same_seed_gives_the_same_latents_on_every_backend() {
        for prior in [Latent::normal(7), Latent::uniform(7), in_parts()] {
            let a = prior.draw::<Cpu>(5, &mut Stream::new(1, "z"), &Default::default());
            let b = prior.draw::<NdArray>(5, &mut Stream::new(1, "z"), &Default::default());
            assert_eq!(values(a), values(b));
        }
    }

    #[test]
    fn one_part_alone_draws_what_the_simple_prior_draws() {
        for (simple, part) in [
            (Latent::normal(7), Part::normal(7)),
            (Latent::uniform(7), Part::uniform(7)),
        ] {
            let draw = |prior: &Latent| {
                values(prior.draw::<Cpu>(5, &mut Stream::new(1, "z"), &Default::default()))
            };
            assert_eq!(draw(&simple), draw(&Latent::parts([part])));
        }
    }

    #[test]
    fn parts_are_drawn_one_after_the_other_and_lie_side_by_side() {
        let (batch, device) = (6, Default::default());
        let z = values(in_parts().draw::<Cpu>(batch, &mut Stream::new(3, "z"), &device));
        // The same draws by hand.
        let mut stream = Stream::new(3, "z");
        let normal = stream.normal(batch * 3);
        let classes: Vec<usize> = (0..batch).map(|_| stream.index(4)).collect();
        let slant = stream.uniform(batch * 2, -1.0, 1.0);
        let noise = stream.uniform(batch, -1.0, 1.0);
        for (i, row) in z.chunks_exact(10).enumerate() {
            let mut expected: Vec<f32> = normal[3 * i..3 * i + 3].to_vec();
            expected.extend((0..4).map(|class| f32::from(u8::from(class == classes[i]))));
            expected.extend(&slant[2 * i..2 * i + 2]);
            expected.push(noise[i]);
            let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
            assert_eq!(row, expected);
        }
    }

    #[test]
    fn codes_have_their_distribution() {
        let count = 40_000;
        let prior = Latent::parts([
            Part::categorical("digit", 5),
            Part::Continuous {
                name: "slant".to_owned(),
                dimensions: 1,
                low: 1.0,
                high: 4.0,
            },
        ]);
        let z = prior.draw::<Cpu>(count, &mut Stream::new(8, "z"), &Default::default());
        let digits = values(prior.code("digit").expect("a code").of(&z));
        let mut hits = [0_usize; 5];
        for row in digits.chunks_exact(5) {
            assert_eq!(row.iter().sum::<f64>(), 1.0);
            let class = row.iter().position(|x| *x == 1.0).expect("one-hot");
            hits[class] += 1;
        }
        for hits in hits {
            // Five standard errors: √(p(1 − p)/n) is 0.002.
            let share = hits as f64 / count as f64;
            assert!((share - 0.2).abs() < 0.01, "{share}");
        }
        let slant = values(prior.code("slant").expect("a code").of(&z));
        assert!(slant.iter().all(|c| (1.0..4.0).contains(c)));
        // Five standard errors: 3/√12/√n is 0.0043.
        let mean = slant.iter().sum::<f64>() / count as f64;
        assert!((mean - 2.5).abs() < 0.022, "{mean}");
    }

    #[test]
    fn wrong_settings_are_refused() {
        assert!(Latent::normal(0).validate().is_err());
        let backwards = Latent::Uniform {
            dimensions: 2,
            low: 1.0,
            high: f32::NAN,
        };
        assert!(backwards.validate().is_err());
        assert!(Latent::uniform(2).validate().is_ok());
        assert!(in_parts().validate().is_ok());
        let bounds = |low, high| Part::Continuous {
            name: "slant".to_owned(),
            dimensions: 1,
            low,
            high,
        };
        for (prior, told) in [
            (Latent::parts([]), "`parts` = []"),
            (
                Latent::parts([Part::normal(0)]),
                "`parts[0].dimensions` = 0",
            ),
            (
                in_parts().with_categorical("digit", 3),
                "`parts[4].name` = digit: is the name of another",
            ),
            (
                Latent::normal(2).with_categorical(" ", 3),
                "`parts[1].name` = \" \"",
            ),
            (
                Latent::normal(2).with_categorical("digit", 1),
                "`parts[1].classes` = 1",
            ),
            (
                Latent::normal(2).with_categorical("digit", usize::MAX),
                "`parts[1].classes` = ",
            ),
            (
                Latent::parts([bounds(1.0, 1.0)]),
                "`parts[0].low` = 1: must be finite and below",
            ),
            (Latent::parts([bounds(f32::NAN, 1.0)]), "`parts[0].low`"),
            (
                Latent::parts([bounds(0.0, f32::INFINITY)]),
                "`parts[0].low`",
            ),
            (Latent::parts([bounds(-3e38, 3e38)]), "`parts[0].low`"),
            (
                Latent::parts([Part::normal(sizes::SIZE), Part::normal(1)]),
                "`dimensions` = 16777217",
            ),
            (
                Latent::parts(vec![Part::normal(1); 1_001]),
                "`parts.len()` = 1001",
            ),
        ] {
            let error = prior.validate().unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        // The sum of sizes that are each refused is not computed by wrapping.
        let beyond = Latent::parts([Part::normal(usize::MAX), Part::normal(2)]);
        assert_eq!(beyond.dimensions(), usize::MAX);
    }

    #[test]
    fn settings_survive_json() {
        for (prior, expected) in [
            (
                Latent::uniform(3),
                r#"{"distribution":"uniform","dimensions":3,"low":-1.0,"high":1.0}"#,
            ),
            (
                Latent::normal(64),
                r#"{"distribution":"normal","dimensions":64}"#,
            ),
            (
                Latent::normal(2).with_categorical("digit", 10),
                r#"{"distribution":"parts","parts":[{"distribution":"normal","dimensions":2},{"distribution":"categorical","name":"digit","classes":10}]}"#,
            ),
        ] {
            let json = serde_json::to_string(&prior).expect("settings serialise");
            assert_eq!(json, expected);
            let back: Latent = serde_json::from_str(&json).expect("settings parse");
            assert_eq!(back, prior);
        }
    }

    #[test]
    fn a_part_with_a_name_that_means_nothing_is_refused() {
        let read = |json: &str| {
            serde_json::from_str::<Latent>(json)
                .unwrap_err()
                .to_string()
        };
        let wrong = r#"{"distribution":"parts","parts":[{"distribution":"normal","dimension":2}]}"#;
        assert!(read(wrong).contains("`dimension`"), "{}", read(wrong));
        let wrong = r#"{"parts":[{"distribution":"categoric"}],"distribution":"parts"}"#;
        assert!(read(wrong).contains("categorical"), "{}", read(wrong));
    }
}
