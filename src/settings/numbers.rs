//! Settings hand out the numbers in them by name, so that they can move while a run goes on.

use std::collections::BTreeMap;
use std::fmt;

use burn::module::Initializer;
use burn::nn::{PaddingConfig1d, PaddingConfig2d};

/// Settings that hand out their floating-point numbers.
///
/// [`settings!`](super::settings) implements it for every type that it defines, field by field, so
/// that a new setting needs no line of its own. A field of another type needs an implementation,
/// which is empty where nothing in it moves.
pub(crate) trait Numbers {
    /// Calls `found` with each floating-point number in these settings and its name, in an order
    /// that depends on the settings' form alone, not on the numbers. `name` is these settings' own.
    fn numbers(&mut self, _name: Name<'_>, _found: Found<'_>) {}
}

/// Gets the numbers one after the other.
pub(crate) type Found<'a> = &'a mut dyn FnMut(Name<'_>, Number<'_>);

/// The place of a floating-point setting.
#[derive(Debug)]
pub(crate) enum Number<'a> {
    /// In single precision.
    Single(&'a mut f32),
    /// In double precision.
    Double(&'a mut f64),
}

impl Number<'_> {
    /// Its value; a single-precision one is exact.
    pub(crate) fn get(&self) -> f64 {
        match self {
            Self::Single(number) => f64::from(**number),
            Self::Double(number) => **number,
        }
    }

    /// Sets it, rounded where it is one of single precision.
    pub(crate) fn set(&mut self, value: f64) {
        match self {
            Self::Single(number) => **number = value as f32,
            Self::Double(number) => **number = value,
        }
    }
}

/// The dotted name of a setting, as stored settings and error messages have it:
/// `objective.penalties[0].kind.wgan_gp.target`. It is a list on the stack, written out only where
/// somebody reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name<'a> {
    /// Of the settings as a whole.
    Whole,
    /// Of a field.
    Field(&'a Name<'a>, &'static str),
    /// Of an entry of a map.
    Key(&'a Name<'a>, &'a str),
    /// Of what is in a variant, which is spelt as in the program.
    Variant(&'a Name<'a>, &'static str),
    /// Of an item in a list.
    Item(&'a Name<'a>, usize),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = |outer: &Name<'_>| {
            if matches!(outer, Name::Whole) {
                ""
            } else {
                "."
            }
        };
        match self {
            Self::Whole => Ok(()),
            Self::Field(outer, field) => write!(f, "{outer}{}{field}", dot(outer)),
            Self::Key(outer, key) => write!(f, "{outer}{}{key}", dot(outer)),
            Self::Variant(outer, variant) => {
                write!(f, "{outer}{}", dot(outer))?;
                snake_case(variant, f)
            }
            Self::Item(outer, index) => write!(f, "{outer}[{index}]"),
        }
    }
}

/// A variant's name as serde's `rename_all = "snake_case"` has it.
fn snake_case(variant: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, letter) in variant.char_indices() {
        if index > 0 && letter.is_uppercase() {
            f.write_str("_")?;
        }
        write!(f, "{}", letter.to_ascii_lowercase())?;
    }
    Ok(())
}

impl Numbers for f32 {
    fn numbers(&mut self, name: Name<'_>, found: Found<'_>) {
        found(name, Number::Single(self));
    }
}

impl Numbers for f64 {
    fn numbers(&mut self, name: Name<'_>, found: Found<'_>) {
        found(name, Number::Double(self));
    }
}

impl<T: Numbers> Numbers for Option<T> {
    fn numbers(&mut self, name: Name<'_>, found: Found<'_>) {
        if let Some(settings) = self {
            settings.numbers(name, found);
        }
    }
}

impl<T: Numbers> Numbers for [T] {
    fn numbers(&mut self, name: Name<'_>, found: Found<'_>) {
        for (index, settings) in self.iter_mut().enumerate() {
            settings.numbers(Name::Item(&name, index), found);
        }
    }
}

impl<T: Numbers> Numbers for Vec<T> {
    fn numbers(&mut self, name: Name<'_>, found: Found<'_>) {
        self.as_mut_slice().numbers(name, found);
    }
}

impl<T: Numbers, const N: usize> Numbers for [T; N] {
    fn numbers(&mut self, name: Name<'_>, found: Found<'_>) {
        self.as_mut_slice().numbers(name, found);
    }
}

impl<T: Numbers> Numbers for BTreeMap<String, T> {
    fn numbers(&mut self, name: Name<'_>, found: Found<'_>) {
        for (key, settings) in self {
            settings.numbers(Name::Key(&name, key), found);
        }
    }
}

impl Numbers for bool {}
impl Numbers for char {}
impl Numbers for u8 {}
impl Numbers for u32 {}
impl Numbers for u64 {}
impl Numbers for usize {}
impl Numbers for String {}
// burn's, in settings of layers and networks, which are made before a run.
impl Numbers for Initializer {}
impl Numbers for PaddingConfig1d {}
impl Numbers for PaddingConfig2d {}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::settings::settings;

    settings! {
    /// A struct with everything that a field can be.
    #[derive(Debug, Clone, PartialEq, Serialize)]
    struct Outer {
        double: f64,
        single: f32,
        whole: usize,
        off: Option<f64>,
        list: Vec<Inner>,
        pair: [f64; 2],
        tagged: Tagged,
        last: Inner,
    }
    }

    settings! {
    /// An enum as serde writes it.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Inner {
        R1,
        FDivergence {
            target: f64,
            one_sided: bool,
        },
        Value(f32),
    }
    }

    settings! {
    #[tag = "kind"]
    /// An enum with its variant in a field.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Tagged {
        One { rate: f64 },
    }
    }

    fn outer() -> Outer {
        Outer {
            double: 1.0,
            single: 0.1,
            whole: 3,
            off: None,
            list: vec![
                Inner::R1,
                Inner::FDivergence {
                    target: 4.0,
                    one_sided: true,
                },
            ],
            pair: [5.0, 6.0],
            tagged: Tagged::One { rate: 7.0 },
            last: Inner::Value(8.0),
        }
    }

    #[test]
    fn every_floating_point_number_is_handed_out_by_its_dotted_name() {
        let mut found = Vec::new();
        outer().numbers(Name::Whole, &mut |name, number| {
            found.push((name.to_string(), number.get()));
        });
        let expected = [
            ("double", 1.0),
            ("single", f64::from(0.1f32)),
            ("list[1].f_divergence.target", 4.0),
            ("pair[0]", 5.0),
            ("pair[1]", 6.0),
            ("tagged.rate", 7.0),
            ("last.value", 8.0),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_number_is_set_where_it_stands() {
        let mut settings = outer();
        settings.numbers(Name::Whole, &mut |_, mut number| {
            let value = number.get();
            number.set(value + 0.1);
        });
        assert_eq!(settings.double, 1.1);
        assert_eq!(settings.single, (f64::from(0.1f32) + 0.1) as f32);
        assert_eq!(settings.tagged, Tagged::One { rate: 7.1 });
        assert_eq!(settings.last, Inner::Value(8.1));
        assert_eq!(settings.whole, 3);
    }
}
