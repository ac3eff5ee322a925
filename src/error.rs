//! The crate's error type: what was wrong, where, and the way out.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// Everything that can go wrong outside a broken tensor contract (those panic, with both shapes).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that no run can be made with.
    #[error("invalid setting `{field}` = {value}: {problem}")]
    Setting {
        /// The setting's name, dotted where it is nested (`generator_optimizer.beta_1`).
        field: String,
        /// The value that was given.
        value: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// A data file, or data in memory, that is not what it should be.
    #[error("{}: {problem}", path.display())]
    Data {
        /// The file, or a name for data in memory.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The operating system refused a file operation.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Saved weights that can't be read, or that belong to another network.
    #[error("{}: {problem}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A checkpoint that can't be read, or that belongs to another run.
    #[error("{}: {problem}", path.display())]
    Checkpoint {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, and the way out.
        problem: String,
    },
    /// A picture that could not be drawn.
    #[error("{}: could not draw: {problem}", path.display())]
    Plot {
        /// The picture's file.
        path: PathBuf,
        /// What the drawing library said.
        problem: String,
    },
    /// Something in a run panicked: a network, a hook, an observer.
    #[error("{what} panicked: {words}")]
    Panic {
        /// What it was, and in which step.
        what: String,
        /// The panic's own words, and its place in the source.
        words: String,
    },
    /// A network panicked, and no setting is known to be at fault.
    #[error("the {network} panicked while it was tried before the first step: {problem}")]
    Network {
        /// Which: `generator` or `discriminator`.
        network: String,
        /// What it said, and what it was given.
        problem: String,
    },
    /// An observer stopped the run.
    #[error("the run was stopped by an observer: {0}")]
    Observer(String),
}

/// A result with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A refused setting: its name, the value given, and what would be right.
    pub fn setting(field: &str, value: impl Display, problem: impl Into<String>) -> Self {
        Self::Setting {
            field: field.to_owned(),
            value: value.to_string(),
            problem: problem.into(),
        }
    }

    /// Refused data: its file (or a name for data in memory) and what is wrong with it.
    pub fn data(path: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        Self::Data {
            path: path.as_ref().to_owned(),
            problem: problem.into(),
        }
    }

    /// A failed file operation on `path`.
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io {
            path: path.as_ref().to_owned(),
            source,
        }
    }

    /// Names the outer setting of a nested one: `within("optimizer")` turns `beta_1` into
    /// `optimizer.beta_1`.
    pub fn within(self, outer: &str) -> Self {
        match self {
            Self::Setting {
                field,
                value,
                problem,
            } => Self::Setting {
                field: format!("{outer}.{field}"),
                value,
                problem,
            },
            other => other,
        }
    }
}

/// Checks that every config uses. Each refuses NaN.
pub(crate) mod check {
    use super::{Error, Result};

    /// `value > 0`, finite.
    pub(crate) fn positive(field: &str, value: f64) -> Result<()> {
        if !(value > 0.0) || value.is_infinite() {
            return Err(Error::setting(field, value, "must be a number above 0"));
        }
        Ok(())
    }

    /// `value ≥ 0`, finite.
    pub(crate) fn not_negative(field: &str, value: f64) -> Result<()> {
        if !(value >= 0.0) || value.is_infinite() {
            return Err(Error::setting(
                field,
                value,
                "must be a number of at least 0",
            ));
        }
        Ok(())
    }

    /// `0 ≤ value < 1`: decay rates and dropout probabilities.
    pub(crate) fn below_one(field: &str, value: f64) -> Result<()> {
        if !(0.0..1.0).contains(&value) {
            return Err(Error::setting(
                field,
                value,
                "must be at least 0 and below 1",
            ));
        }
        Ok(())
    }

    /// `0 ≤ value ≤ 1`.
    pub(crate) fn at_most_one(field: &str, value: f64) -> Result<()> {
        if !(0.0..=1.0).contains(&value) {
            return Err(Error::setting(
                field,
                value,
                "must be at least 0 and at most 1",
            ));
        }
        Ok(())
    }

    /// The sizes of a convolution, transposed or not.
    pub(crate) fn convolution(
        channels: [usize; 2],
        kernel_size: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        groups: usize,
    ) -> Result<()> {
        let sizes = [
            ("channels", channels),
            ("kernel_size", kernel_size),
            ("stride", stride),
            ("dilation", dilation),
        ];
        for (field, values) in sizes {
            for value in values {
                at_least(field, value, 1)?;
            }
        }
        at_least("groups", groups, 1)?;
        if channels.iter().any(|count| count % groups != 0) {
            return Err(Error::setting(
                "groups",
                groups,
                format!("must divide the channels {channels:?}"),
            ));
        }
        Ok(())
    }

    /// `value ≥ least`.
    pub(crate) fn at_least(field: &str, value: usize, least: usize) -> Result<()> {
        if value < least {
            return Err(Error::setting(
                field,
                value,
                format!("must be at least {least}"),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_error_names_field_value_and_way_out() {
        let error = check::positive("lr", f64::NAN)
            .unwrap_err()
            .within("optimizer");
        assert_eq!(
            error.to_string(),
            "invalid setting `optimizer.lr` = NaN: must be a number above 0"
        );
    }

    #[test]
    fn checks_hold_at_their_bounds() {
        assert!(check::positive("x", 0.0).is_err());
        assert!(check::positive("x", f64::INFINITY).is_err());
        assert!(check::positive("x", f64::MIN_POSITIVE).is_ok());
        assert!(check::not_negative("x", 0.0).is_ok());
        assert!(check::not_negative("x", f64::NAN).is_err());
        assert!(check::below_one("x", 1.0).is_err());
        assert!(check::below_one("x", f64::NAN).is_err());
        assert!(check::below_one("x", 0.0).is_ok());
        assert!(check::at_most_one("x", 1.0).is_ok());
        assert!(check::at_most_one("x", 1.1).is_err());
        assert!(check::at_most_one("x", f64::NAN).is_err());
        let convolution = |groups| check::convolution([4, 6], [3, 3], [1, 1], [1, 1], groups);
        assert!(convolution(2).is_ok());
        assert!(convolution(4).is_err());
        assert!(convolution(0).is_err());
        assert!(check::convolution([4, 6], [3, 0], [1, 1], [1, 1], 1).is_err());
        assert!(check::at_least("n", 7, 8).is_err());
        assert!(check::at_least("n", 8, 8).is_ok());
    }
}
