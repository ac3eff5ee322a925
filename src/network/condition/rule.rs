//! Which conditions generated batches get.

use std::fmt;

use burn::tensor::backend::Backend;
use serde::Serialize;

use super::Condition;
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// Which conditions a generated batch gets.
///
/// The conditions of the real batch cost nothing and pair samples of one class where the objective
/// compares them. Conditions of its own show the generator more of them: two batches a step instead
/// of one, and rare classes as often as frequent ones if they are drawn uniformly. Uniformly draw
/// BigGAN (Brock, Donahue, Simonyan 2018, arXiv:1809.11096) and the programs of SNGAN's projection and
/// of SAGAN, by the frequencies those of StyleGAN2 (arXiv:2006.06676) and AC-GAN; R3GAN compares samples
/// of one condition. The papers' presets ([`ResNetPreset`](crate::models::ResNetPreset) and the like)
/// have it set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConditionRule {
    /// Those of the real batch.
    #[default]
    Real,
    /// For each sample one of the classes, all equally likely; for labels only.
    Uniform,
    /// Those of samples drawn at random from the data, with replacement: by their frequencies, for
    /// conditions of any kind.
    Frequencies,
    /// By a function of the program's, which is bound to this name.
    Custom(String),
}
}

/// A rule of a program's own: from the conditions of the real batch, the number of conditions to
/// return, and the run's stream.
pub type CustomConditions<C> = dyn Fn(&C, usize, &mut Stream) -> Result<C> + Send + Sync;

/// What a [`ConditionRule`] draws from.
pub struct ConditionSource<'a, C> {
    /// How many samples are generated.
    pub count: usize,
    /// The number of classes, where a network knows it.
    pub classes: Option<usize>,
    /// The number of samples in the data.
    pub samples: usize,
    /// The conditions of the data's samples at these indices.
    pub at: &'a dyn Fn(&[usize]) -> Result<C>,
    /// The program's own rule.
    pub custom: Option<&'a CustomConditions<C>>,
}

impl<C> fmt::Debug for ConditionSource<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConditionSource")
            .field("count", &self.count)
            .field("classes", &self.classes)
            .field("samples", &self.samples)
            .field("custom", &self.custom.is_some())
            .finish_non_exhaustive()
    }
}

impl ConditionRule {
    /// Checks the settings.
    ///
    /// # Errors
    /// If a custom rule has no name.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::Custom(name) if name.trim().is_empty() => Err(Error::setting(
                "custom",
                format!("{name:?}"),
                "must not be empty: a resumed run knows the rule by its name",
            )),
            _ => Ok(()),
        }
    }

    /// The conditions of a generated batch, where the real batch has `real`. Only what is drawn
    /// moves the stream: [`Real`](Self::Real) leaves it alone.
    ///
    /// # Errors
    /// If conditions are to be drawn uniformly and have no classes or no known number of them, if
    /// the data fails, or if a custom rule is not there, fails, or returns conditions of another
    /// number of samples.
    #[inline(never)]
    pub fn draw<B: Backend, C: Condition<B>>(
        &self,
        real: &C,
        source: &ConditionSource<'_, C>,
        stream: &mut Stream,
        device: &B::Device,
    ) -> Result<C> {
        match self {
            Self::Real => Ok(real.clone()),
            Self::Uniform => {
                let refused = |problem| Err(Error::setting("conditions", "uniform", problem));
                let Some(classes) = source.classes.filter(|classes| *classes > 0) else {
                    return refused(
                        "draws among classes, and neither network says how many it has \
                         (`Generator::classes`, `Discriminator::classes`)",
                    );
                };
                C::uniform(source.count, classes, stream, device).map_or_else(
                    || refused("draws among classes, and these conditions have none; `frequencies` draws them from the data"),
                    Ok,
                )
            }
            Self::Frequencies => {
                if source.samples == 0 {
                    return Err(Error::data(
                        "data set",
                        "has no samples to draw conditions from",
                    ));
                }
                let drawn = (0..source.count).map(|_| stream.index(source.samples));
                let drawn: Vec<usize> = drawn.collect();
                (source.at)(&drawn)
            }
            Self::Custom(name) => {
                let wrong = |problem| Error::setting("conditions.custom", name, problem);
                let Some(custom) = source.custom else {
                    return Err(wrong(
                        "is not bound to a function in this program".to_owned(),
                    ));
                };
                let drawn = custom(real, source.count, stream)?;
                match drawn.rows() {
                    Some(rows) if rows != source.count => Err(wrong(format!(
                        "returned {rows} conditions for {} samples; return one for each",
                        source.count
                    ))),
                    _ => Ok(drawn),
                }
            }
        }
    }
}

crate::compiled::compiled! {
    ConditionRule::draw::<Tape, ()>,
    ConditionRule::draw::<Tape, crate::network::Labels<Tape>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Labels, Vectors};
    use crate::testing::{Cpu, tensor2, values};

    const LABELS: [usize; 5] = [0, 0, 0, 2, 0];

    fn at(indices: &[usize]) -> Result<Labels<Cpu>> {
        let labels: Vec<usize> = indices.iter().map(|i| LABELS[*i]).collect();
        Labels::from_slice(&labels, 3, &Default::default())
    }

    fn source(count: usize) -> ConditionSource<'static, Labels<Cpu>> {
        ConditionSource {
            count,
            classes: Some(3),
            samples: LABELS.len(),
            at: &at,
            custom: None,
        }
    }

    fn draw(
        rule: &ConditionRule,
        source: &ConditionSource<'_, Labels<Cpu>>,
        stream: &mut Stream,
    ) -> Result<Vec<i64>> {
        let device = Default::default();
        let real = Labels::from_slice(&[1, 2], 3, &device)?;
        let drawn = rule.draw::<Cpu, _>(&real, source, stream, &device)?;
        Ok(Condition::<Cpu>::labels(&drawn).expect("labels"))
    }

    fn shares(labels: &[i64]) -> [f64; 3] {
        [0, 1, 2].map(|class| {
            let hits = labels.iter().filter(|label| **label == class).count();
            hits as f64 / labels.len() as f64
        })
    }

    #[test]
    fn the_real_batch_lends_its_conditions_and_leaves_the_stream_alone() {
        let mut stream = Stream::new(1, "conditions");
        let labels = draw(&ConditionRule::Real, &source(2), &mut stream).expect("labels");
        assert_eq!(labels, [1, 2]);
        assert_eq!(stream, Stream::new(1, "conditions"));
    }

    #[test]
    fn classes_are_drawn_uniformly_or_as_often_as_in_the_data() {
        let mut stream = Stream::new(1, "conditions");
        let mut drawn = |rule| shares(&draw(&rule, &source(20_000), &mut stream).expect("labels"));
        // Five standard errors: √(p(1 − p)/n) is at most 0.0034.
        let near = |shares: [f64; 3], expected: [f64; 3]| {
            let pairs = shares.iter().zip(expected);
            assert!(
                pairs.clone().all(|(s, e)| (s - e).abs() < 0.017),
                "{shares:?}"
            );
        };
        near(drawn(ConditionRule::Uniform), [1.0 / 3.0; 3]);
        // The one class without a sample stays without.
        let frequent = drawn(ConditionRule::Frequencies);
        near(frequent, [0.8, 0.0, 0.2]);
        assert_eq!(frequent[1], 0.0);
    }

    #[test]
    fn a_custom_rule_sees_the_real_conditions_and_answers_for_each_sample() {
        let rule = ConditionRule::Custom("next class".to_owned());
        let next = |real: &Labels<Cpu>, count: usize, _: &mut Stream| {
            let labels = Condition::<Cpu>::labels(real).expect("labels");
            let next = labels.iter().cycle().take(count);
            let next: Vec<usize> = next.map(|label| (*label as usize + 1) % 3).collect();
            Labels::from_slice(&next, 3, &Default::default())
        };
        let mut stream = Stream::new(1, "conditions");
        let own = ConditionSource {
            custom: Some(&next),
            ..source(3)
        };
        assert_eq!(draw(&rule, &own, &mut stream).expect("labels"), [2, 0, 2]);
        let short = |real: &Labels<Cpu>, _: usize, _: &mut Stream| Ok(real.clone());
        let own = ConditionSource {
            custom: Some(&short),
            ..source(3)
        };
        let error = draw(&rule, &own, &mut stream).unwrap_err().to_string();
        assert!(error.contains("`conditions.custom` = next class: returned 2"));
        let error = draw(&rule, &source(2), &mut stream).unwrap_err();
        assert!(error.to_string().contains("not bound"), "{error}");
        let unnamed = ConditionRule::Custom(String::new()).validate();
        assert!(unnamed.unwrap_err().to_string().contains("`custom` = \"\""));
        assert!(rule.validate().is_ok() && ConditionRule::Real.validate().is_ok());
    }

    #[test]
    fn vectors_are_drawn_from_the_data_and_not_uniformly() {
        let data = |indices: &[usize]| {
            let rows = indices.iter().map(|i| [*i as f64, -1.0]);
            Ok(Vectors::new(tensor2::<Cpu, 2>(rows)))
        };
        let source = ConditionSource {
            count: 3,
            classes: None,
            samples: 40,
            at: &data,
            custom: None,
        };
        let (real, device) = (data(&[0, 1, 2]).expect("vectors"), Default::default());
        let mut stream = Stream::new(6, "conditions");
        let drawn = ConditionRule::Frequencies.draw::<Cpu, _>(&real, &source, &mut stream, &device);
        let mut again = Stream::new(6, "conditions");
        let expected = [(); 3].map(|()| [again.index(40) as f64, -1.0]);
        assert_eq!(
            values(drawn.expect("vectors").values),
            expected.as_flattened()
        );
        for (classes, told) in [(None, "neither network says"), (Some(3), "have none")] {
            let source = ConditionSource {
                classes,
                at: &data,
                ..source
            };
            let drawn = ConditionRule::Uniform.draw::<Cpu, _>(&real, &source, &mut stream, &device);
            let error = drawn.expect_err("no classes").to_string();
            assert!(
                error.contains("`conditions` = uniform") && error.contains(told),
                "{error}"
            );
        }
    }

    #[test]
    fn an_error_of_the_data_is_handed_on() {
        let failing = |_: &[usize]| Err(Error::data("images/37.png", "is cut short"));
        let source = ConditionSource {
            at: &failing,
            ..source(2)
        };
        let mut stream = Stream::new(1, "conditions");
        let error = draw(&ConditionRule::Frequencies, &source, &mut stream).unwrap_err();
        assert!(error.to_string().contains("37.png"), "{error}");
    }

    #[test]
    fn rules_are_stored_as_words() {
        let stored = |rule: ConditionRule| serde_json::to_string(&rule).expect("settings");
        assert_eq!(stored(ConditionRule::default()), r#""real""#);
        assert_eq!(stored(ConditionRule::Frequencies), r#""frequencies""#);
        let own = ConditionRule::Custom("rare first".to_owned());
        let text = stored(own.clone());
        assert_eq!(text, r#"{"custom":"rare first"}"#);
        let read: ConditionRule = serde_json::from_str(&text).expect("settings");
        assert_eq!(read, own);
        let slip = serde_json::from_str::<ConditionRule>(r#""uniforn""#).unwrap_err();
        assert!(
            slip.to_string().contains("did you mean `uniform`?"),
            "{slip}"
        );
    }
}
