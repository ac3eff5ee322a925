//! Labels in a JSON file as StyleGAN's programs write it.

use std::path::Path;

use serde_json::Value;

use super::listed::Pair;
use crate::error::{Error, Result};
use crate::files;

/// The names and labels of a file; `None` where it says that there are none.
pub(super) fn read(file: &Path) -> Result<Option<Vec<Pair>>> {
    let bytes = files::read(file).map_err(|error| Error::io(file, error))?;
    let refused = |problem: String| Error::data(file, problem);
    let mut all: Value =
        serde_json::from_slice(&bytes).map_err(|error| refused(format!("is no JSON: {error}")))?;
    let labels = all.get_mut("labels").map(Value::take);
    let pairs: Vec<(String, Value)> = match labels {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(labels)) => labels.into_iter().collect(),
        Some(Value::Array(labels)) => {
            let pair = |(number, pair)| match pair {
                Value::Array(pair) => match <[Value; 2]>::try_from(pair) {
                    Ok([Value::String(name), label]) => Ok((name, label)),
                    _ => Err(number),
                },
                _ => Err(number),
            };
            let pairs: std::result::Result<Vec<_>, usize> =
                labels.into_iter().enumerate().map(pair).collect();
            pairs.map_err(|number| {
                refused(format!(
                    "item {number} of `labels` (counted from 0) is no pair of a picture's name and its \
                     label"
                ))
            })?
        }
        Some(_) => {
            return Err(refused(
                "`labels` is no list of names and labels".to_owned(),
            ));
        }
    };
    let labelled = pairs.into_iter().map(|(name, label)| {
        let label = match label {
            Value::String(label) => label,
            Value::Number(label) => label.to_string(),
            _ => {
                return Err(refused(format!(
                    "the label of `{name}` is neither a number nor a name; one class to a picture is \
                     read"
                )));
            }
        };
        Ok(Pair { name, label })
    });
    labelled.collect::<Result<_>>().map(Some)
}
