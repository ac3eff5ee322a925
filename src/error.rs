//! The crate's error type: what was wrong, where, and the way out.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use crate::text::{visible, visible_path, visible_sentence};

/// Everything that can go wrong outside a broken tensor contract (those panic, with both shapes).
///
/// Displayed as one sentence: what was wrong, where, and the way out. Characters that would steer a
/// terminal, in a file's name say, are shown as escapes. `{:?}` is the same sentence, so that a
/// `main` that returns a [`Result`] ends with it; `{:#?}` shows the fields.
///
/// ```
/// let error = burn_gan::Latent::normal(0).validate().unwrap_err();
/// assert_eq!(format!("{error:?}"), "invalid setting `dimensions` = 0: must be at least 1");
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that no run can be made with.
    #[error(
        "invalid setting `{}` = {}: {}",
        visible(field),
        visible(value),
        visible_sentence(problem)
    )]
    Setting {
        /// The setting's name, dotted where it is nested (`generator_optimizer.beta_1`).
        field: String,
        /// The value that was given.
        value: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// A data file, or data in memory, that is not what it should be.
    #[error("{}: {}", visible_path(path), visible_sentence(problem))]
    Data {
        /// The file, or a name for data in memory.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The operating system refused a file operation.
    #[error("{}: {}", visible_path(path), visible_sentence(&source.to_string()))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Saved weights that can't be read, or that belong to another network.
    #[error("{}: {}", visible_path(path), visible_sentence(problem))]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A checkpoint that can't be read, or that belongs to another run.
    #[error("{}: {}", visible_path(path), visible_sentence(problem))]
    Checkpoint {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, and the way out.
        problem: String,
    },
    /// A picture that could not be drawn.
    #[error(
        "{}: could not draw: {}",
        visible_path(path),
        visible_sentence(problem)
    )]
    Plot {
        /// The picture's file.
        path: PathBuf,
        /// What the drawing library said.
        problem: String,
    },
    /// Something in a run panicked: a network, a hook, an observer.
    #[error("{} panicked: {}", visible_sentence(what), visible_sentence(words))]
    Panic {
        /// What it was, and in which step.
        what: String,
        /// The panic's own words, and its place in the source.
        words: String,
    },
    /// A network panicked, and no setting is known to be at fault.
    #[error(
        "the {} panicked while it was tried before the first step: {}",
        visible_sentence(network),
        visible_sentence(problem)
    )]
    Network {
        /// Which: `generator` or `discriminator`.
        network: String,
        /// What it said, and what it was given.
        problem: String,
    },
    /// An observer stopped the run.
    #[error("the run was stopped by an observer: {}", visible_sentence(.0))]
    Observer(String),
    /// A group of processes could not go on: one is gone, does not come, has given up, or trains
    /// something else.
    #[error("{}: {}", visible_sentence(operation), visible_sentence(problem))]
    Process {
        /// What was to be done together.
        operation: String,
        /// Which processes it failed with, and the way out.
        problem: String,
    },
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

/// The sentence; with `#` the fields.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return Display::fmt(self, f);
        }
        match self {
            Self::Setting {
                field,
                value,
                problem,
            } => f
                .debug_struct("Setting")
                .field("field", field)
                .field("value", value)
                .field("problem", problem)
                .finish(),
            Self::Data { path, problem } => fields(f, "Data", path, problem),
            Self::Io { path, source } => f
                .debug_struct("Io")
                .field("path", path)
                .field("source", source)
                .finish(),
            Self::Weights { path, problem } => fields(f, "Weights", path, problem),
            Self::Checkpoint { path, problem } => fields(f, "Checkpoint", path, problem),
            Self::Plot { path, problem } => fields(f, "Plot", path, problem),
            Self::Panic { what, words } => f
                .debug_struct("Panic")
                .field("what", what)
                .field("words", words)
                .finish(),
            Self::Network { network, problem } => f
                .debug_struct("Network")
                .field("network", network)
                .field("problem", problem)
                .finish(),
            Self::Observer(problem) => f.debug_tuple("Observer").field(problem).finish(),
            Self::Process { operation, problem } => f
                .debug_struct("Process")
                .field("operation", operation)
                .field("problem", problem)
                .finish(),
        }
    }
}

fn fields(f: &mut fmt::Formatter<'_>, variant: &str, path: &Path, problem: &str) -> fmt::Result {
    f.debug_struct(variant)
        .field("path", &path)
        .field("problem", &problem)
        .finish()
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

    /// `value ≤ most`, for what nobody sets higher but by a slip.
    pub(crate) fn at_most(field: &str, value: usize, most: usize) -> Result<()> {
        if value > most {
            return Err(Error::setting(
                field,
                value,
                format!("must be at most {most}"),
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
    fn an_error_that_ends_main_prints_its_sentence() {
        // What the standard library prints of the result of `main`.
        let printed = |error: Error| format!("Error: {error:?}");
        let steps = Error::setting("steps", 0, "must be at least 1");
        assert_eq!(
            printed(steps),
            "Error: invalid setting `steps` = 0: must be at least 1"
        );
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        assert_eq!(
            printed(Error::io("a/b.png", missing)),
            "Error: a/b.png: entity not found"
        );
        let observer = Error::Observer("enough".to_owned());
        let message = printed(observer);
        assert!(message.ends_with("by an observer: enough"), "{message}");
        let structured = format!("{:#?}", Error::data("digits", "is empty"));
        assert!(
            structured.starts_with("Data {") && structured.contains("problem: \"is empty\""),
            "{structured}"
        );
    }

    #[test]
    fn names_that_would_steer_a_terminal_are_escaped() {
        let path = "\u{1b}[2J\u{202e}gnp\r\n.png";
        let shown = r"\u{1b}[2J\u{202e}gnp";
        let (path_buf, problem) = (PathBuf::from(path), path.to_owned());
        let io = std::io::Error::other(path);
        for error in [
            Error::data(path, path),
            Error::io(path, io),
            Error::setting(path, path, path),
            Error::Weights {
                path: path_buf.clone(),
                problem: problem.clone(),
            },
            Error::Checkpoint {
                path: path_buf.clone(),
                problem: problem.clone(),
            },
            Error::Plot {
                path: path_buf,
                problem: problem.clone(),
            },
            Error::Observer(problem),
        ] {
            for text in [error.to_string(), format!("{error:?}")] {
                assert!(text.contains(shown), "{text}");
                assert!(!text.contains(['\u{1b}', '\u{202e}', '\r', '\n']), "{text}");
            }
        }
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
        assert!(check::at_least("n", 7, 8).is_err());
        assert!(check::at_least("n", 8, 8).is_ok());
        assert!(check::at_most("n", 9, 8).is_err());
        assert!(check::at_most("n", 8, 8).is_ok());
    }
}
