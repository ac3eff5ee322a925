//! Whether stored tensors are what a module needs.

use std::collections::HashSet;

use burn::tensor::DType;

use super::bytes::name_of;
use super::{About, Stored};

/// How a tensor's type must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Types {
    /// It is the parameter's.
    Same,
    /// It is a float, an integer or a truth value as the parameter is; its width may be another.
    OfItsKind,
}

/// Refuses tensors that are not those that a module has: the first difference, by name.
pub(crate) fn fit<'a>(
    needed: impl IntoIterator<Item = &'a About>,
    found: &[Stored],
    types: Types,
) -> Result<(), String> {
    let needed: Vec<&About> = needed.into_iter().collect();
    let mut rest = found.iter().map(|tensor| &tensor.about);
    for own in &needed {
        match rest.next() {
            Some(stored) if stored.name == own.name => same(own, stored, types)?,
            Some(stored) => return Err(another(&needed, found, own, stored)),
            None => return Err(format!("it has no `{}`", own.name)),
        }
    }
    match rest.next() {
        Some(stored) => Err(format!("the network has no `{}`", stored.name)),
        None => Ok(()),
    }
}

/// What to say where the names begin to differ.
fn another(needed: &[&About], found: &[Stored], own: &About, stored: &About) -> String {
    let has: HashSet<&str> = needed.iter().map(|about| about.name.as_str()).collect();
    let holds = found.iter().any(|tensor| tensor.about.name == own.name);
    match (holds, has.contains(stored.name.as_str())) {
        (true, true) => format!(
            "it has `{}` where the network has `{}`",
            stored.name, own.name
        ),
        (_, false) => format!("the network has no `{}`", stored.name),
        (false, true) => format!("it has no `{}`", own.name),
    }
}

fn same(own: &About, stored: &About, types: Types) -> Result<(), String> {
    let name = &own.name;
    if stored.shape != own.shape {
        return Err(format!(
            "`{name}` has shape {:?} in it, the network needs {:?}",
            stored.shape, own.shape
        ));
    }
    let kind = |dtype: DType| (dtype.is_float(), dtype.is_bool());
    let fits = match types {
        Types::Same => stored.dtype == own.dtype,
        Types::OfItsKind => kind(stored.dtype) == kind(own.dtype),
    };
    if !fits {
        return Err(format!(
            "`{name}` is of type {} in it, the network needs {}",
            name_of(stored.dtype),
            name_of(own.dtype)
        ));
    }
    let shares = |same_as: &Option<String>| match same_as {
        Some(first) => format!("the same parameter as `{first}`"),
        None => "a parameter of its own".to_owned(),
    };
    if stored.same_as != own.same_as {
        return Err(format!(
            "`{name}` is {} in it, {} in the network",
            shares(&stored.same_as),
            shares(&own.same_as)
        ));
    }
    Ok(())
}
