//! Whether what bytes hold is what a module, an optimiser or an objective needs.

use std::collections::HashMap;

use burn::module::ParamId;

use super::Precision;
use super::tree::Node;
use crate::network::Parameter;

/// A tensor as records write it.
struct Stored<'n, 'a> {
    bytes: &'a [u8],
    shape: Vec<usize>,
    dtype: &'n Node<'a>,
}

impl<'n, 'a> Stored<'n, 'a> {
    /// `None` where a node is no tensor.
    fn of(node: &'n Node<'a>) -> Option<Self> {
        let entries = node.entries()?;
        let (Node::Bytes(bytes), Node::List(sizes)) = (node.get("bytes")?, node.get("shape")?)
        else {
            return None;
        };
        let size = |node: &Node<'_>| match node {
            Node::Integer(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        Some(Self {
            bytes,
            shape: sizes.iter().map(size).collect::<Option<_>>()?,
            dtype: node.get("dtype")?,
        })
        .filter(|_| entries.len() == 3)
    }

    /// Whether it has as many bytes as its shape and its floating type say, and all its numbers are
    /// finite; of other types nothing is known here.
    fn sound(&self) -> Result<(), String> {
        let width = match self.dtype {
            Node::Text("F32") => 4,
            Node::Text("F64") => 8,
            _ => return Ok(()),
        };
        let bytes = self
            .shape
            .iter()
            .try_fold(width, |product: usize, size| product.checked_mul(*size));
        if bytes != Some(self.bytes.len()) {
            return Err(format!(
                "has {} bytes where its shape is {:?}",
                self.bytes.len(),
                self.shape
            ));
        }
        let mut numbers = self.bytes.chunks_exact(width);
        if numbers.all(|bytes| number(bytes).is_finite()) {
            Ok(())
        } else {
            Err("holds a number that is not finite".to_owned())
        }
    }

    fn any(&self, is: impl Fn(f64) -> bool) -> bool {
        let width = if *self.dtype == Node::Text("F64") {
            8
        } else {
            4
        };
        self.bytes
            .chunks_exact(width)
            .any(|bytes| is(number(bytes)))
    }
}

/// The number of four or eight bytes.
fn number(bytes: &[u8]) -> f64 {
    match (bytes.first_chunk::<8>(), bytes.first_chunk::<4>()) {
        (Some(bytes), _) => f64::from_ne_bytes(*bytes),
        (None, Some(bytes)) => f32::from_ne_bytes(*bytes).into(),
        (None, None) => f64::NAN,
    }
}

fn text(dtype: &Node<'_>) -> String {
    match dtype {
        Node::Text(name) => (*name).to_owned(),
        other => format!("{other:?}"),
    }
}

fn join(path: &str, name: &str) -> String {
    // burn's wrapper around a parameter's tensor.
    if name == "param" {
        path.to_owned()
    } else if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// What a recorder wrapped.
fn item<'n, 'a>(record: &'n Node<'a>) -> Result<&'n Node<'a>, String> {
    record
        .get("item")
        .ok_or_else(|| "it is no record of burn's".to_owned())
}

/// Refuses a module's record that is not made as its `own` is: the same names, shapes, types and
/// lengths, finite numbers, and ids that tell parameters apart as its own do.
///
/// Returns its ids by the module's own.
pub(super) fn module_fits(
    own: &Node<'_>,
    stored: &Node<'_>,
) -> Result<HashMap<ParamId, ParamId>, String> {
    let mut ids = Ids::default();
    same("", item(own)?, item(stored)?, &mut ids)?;
    let pair = |(own, stored): (&str, &str)| Some((id(own)?, id(stored)?));
    Ok(ids.own.into_iter().filter_map(pair).collect())
}

/// Which id of the record stands for which of the module's.
#[derive(Default)]
struct Ids<'n> {
    stored: HashMap<&'n str, &'n str>,
    own: HashMap<&'n str, &'n str>,
}

fn same<'n>(
    path: &str,
    own: &'n Node<'_>,
    stored: &'n Node<'_>,
    ids: &mut Ids<'n>,
) -> Result<(), String> {
    if let Some(needed) = Stored::of(own) {
        let Some(found) = Stored::of(stored) else {
            return Err(format!(
                "`{path}` is {} in it, the network needs a tensor",
                stored.kind()
            ));
        };
        return tensor_fits(path, &needed, &found);
    }
    match (own, stored) {
        (Node::Map(needed), Node::Map(found)) => {
            for (name, node) in needed {
                let inner = join(path, name);
                let Some(other) = stored.get(name) else {
                    return Err(format!("it has no `{inner}`"));
                };
                match (*name, node, other) {
                    ("id", Node::Text(own), Node::Text(stored)) if needed.len() == 2 => {
                        same_id(path, own, stored, ids)?;
                    }
                    _ => same(&inner, node, other, ids)?,
                }
            }
            match found.iter().find(|(name, _)| own.get(name).is_none()) {
                Some((name, _)) => Err(format!("the network has no `{}`", join(path, name))),
                None => Ok(()),
            }
        }
        (Node::List(needed), Node::List(found)) => {
            for (index, (own, stored)) in needed.iter().zip(found).enumerate() {
                same(&join(path, &index.to_string()), own, stored, ids)?;
            }
            let index = needed.len().min(found.len()).to_string();
            match needed.len().cmp(&found.len()) {
                std::cmp::Ordering::Equal => Ok(()),
                std::cmp::Ordering::Less => {
                    Err(format!("the network has no `{}`", join(path, &index)))
                }
                std::cmp::Ordering::Greater => Err(format!("it has no `{}`", join(path, &index))),
            }
        }
        (Node::Nil, Node::Nil) => Ok(()),
        (Node::Nil, _) => Err(format!("the network has no `{path}`")),
        (_, Node::Nil) => Err(format!("it has no `{path}`")),
        (Node::Number(_), Node::Number(value)) if !value.is_finite() => {
            Err(format!("`{path}` is not finite"))
        }
        (own, stored) if own.kind() == stored.kind() => Ok(()),
        (own, stored) => Err(format!(
            "`{path}` is {} in it, the network needs {}",
            stored.kind(),
            own.kind()
        )),
    }
}

fn tensor_fits(path: &str, needed: &Stored<'_, '_>, found: &Stored<'_, '_>) -> Result<(), String> {
    if found.shape != needed.shape {
        return Err(format!(
            "`{path}` has shape {:?} in it, the network needs {:?}",
            found.shape, needed.shape
        ));
    }
    if found.dtype != needed.dtype {
        return Err(format!(
            "`{path}` is of type {} in it, the network needs {}",
            text(found.dtype),
            text(needed.dtype)
        ));
    }
    if found.bytes.len() != needed.bytes.len() {
        return Err(format!(
            "`{path}` has {} bytes in it, the network needs {}",
            found.bytes.len(),
            needed.bytes.len()
        ));
    }
    found
        .sound()
        .map_err(|problem| format!("`{path}` {problem}"))
}

fn same_id<'n>(path: &str, own: &'n str, stored: &'n str, ids: &mut Ids<'n>) -> Result<(), String> {
    if id(stored).is_none() {
        return Err(format!("`{path}` has the id `{stored}`, which is none"));
    }
    // Parameters that a module has twice have one id, others have their own.
    let known = *ids.stored.entry(stored).or_insert(own) == own;
    if known && *ids.own.entry(own).or_insert(stored) == stored {
        return Ok(());
    }
    Err(format!("`{path}` has the id of another parameter"))
}

/// The parameter's id that burn writes so: 13 digits of base 32 for 64 bits.
fn id(text: &str) -> Option<ParamId> {
    let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'v').contains(&byte);
    if text.len() != 13 || !text.bytes().all(digits) {
        return None;
    }
    ParamId::try_deserialize(text).filter(|id| id.serialize() == text)
}

/// Refuses a record of an optimiser's memory that is not of these parameters, or could not have come
/// from so many steps.
///
/// `moments` are the names of the tensors that a parameter's memory has, each of its shape.
pub(crate) fn optimizer_fits(
    bytes: &[u8],
    precision: Precision,
    network: &[Parameter],
    moments: &[&str],
    steps: u64,
) -> Result<(), String> {
    let record = Node::read(bytes)?;
    let Some(memories) = item(&record)?.entries() else {
        return Err("it is no list of parameters".to_owned());
    };
    let known: HashMap<ParamId, &Parameter> = network
        .iter()
        .map(|parameter| (parameter.id, parameter))
        .collect();
    let mut strangers = 0;
    for (text, memory) in memories {
        let Some(id) = id(text) else {
            return Err(format!("it remembers `{text}`, which is no parameter's id"));
        };
        let Some(parameter) = known.get(&id) else {
            strangers += 1;
            continue;
        };
        memory_fits(memory, precision, parameter, moments, steps)
            .map_err(|problem| format!("what it remembers of `{}` {problem}", parameter.name))?;
    }
    if strangers > 0 {
        return Err(format!(
            "it remembers {strangers} parameters that its networks do not have"
        ));
    }
    Ok(())
}

fn memory_fits(
    memory: &Node<'_>,
    precision: Precision,
    parameter: &Parameter,
    moments: &[&str],
    steps: u64,
) -> Result<(), String> {
    let rank = format!("Rank{}", parameter.shape.len());
    let other = || "is of another form than this version writes".to_owned();
    let momentum = only(memory, "V1")
        .and_then(|memory| only(memory, &rank))
        .ok_or_else(|| format!("is not that of {} dimensions", parameter.shape.len()))?;
    let Some(momentum) = only(momentum, "momentum") else {
        return Err(other());
    };
    let Some(entries) = momentum.entries() else {
        // Plain descent remembers nothing.
        return if *momentum == Node::Nil {
            Ok(())
        } else {
            Err(other())
        };
    };
    for name in moments {
        let stored = momentum.get(name).and_then(Stored::of);
        let stored = stored.ok_or_else(other)?;
        if stored.shape != parameter.shape {
            return Err(format!(
                "has shape {:?} (`{name}`), the parameter {:?}",
                stored.shape, parameter.shape
            ));
        }
        let dtype = precision.dtype();
        if *stored.dtype != Node::Text(dtype) {
            return Err(format!(
                "is of type {} (`{name}`), the run of {dtype}",
                text(stored.dtype)
            ));
        }
        stored
            .sound()
            .map_err(|problem| format!("{problem} (`{name}`)"))?;
        if *name == "moment_2" && stored.any(|value| value < 0.0) {
            return Err("has a mean square below 0 (`moment_2`)".to_owned());
        }
    }
    for (name, node) in entries {
        match (*name, node) {
            ("time", Node::Integer(time)) if (1..=i128::from(steps)).contains(time) => {}
            ("time", Node::Integer(time)) => {
                return Err(format!("has seen {time} steps, the network {steps}"));
            }
            (name, _) if moments.contains(&name) => {}
            ("max_moment_2", Node::Nil) => {}
            _ => return Err(other()),
        }
    }
    Ok(())
}

/// The one entry of a map that has no other.
fn only<'n, 'a>(node: &'n Node<'a>, name: &str) -> Option<&'n Node<'a>> {
    let node_of = |entries: &'n [(&'a str, Node<'a>)]| match entries {
        [(own, inner)] if *own == name => Some(inner),
        _ => None,
    };
    node.entries().and_then(node_of)
}

/// Hears of a tensor's name, shape and type.
type About<'a> = dyn FnMut(&str, &[usize], &str) -> Result<(), String> + 'a;

/// Looks through a record of another kind: all numbers and tensors must be finite, and tensors as
/// long as they say; `about` hears of each tensor.
pub(crate) fn sound(bytes: &[u8], about: &mut About<'_>) -> Result<(), String> {
    let record = Node::read(bytes)?;
    each(item(&record)?, "", about)
}

fn each(node: &Node<'_>, path: &str, about: &mut About<'_>) -> Result<(), String> {
    if let Some(stored) = Stored::of(node) {
        stored
            .sound()
            .map_err(|problem| format!("`{path}` {problem}"))?;
        if !matches!(stored.dtype, Node::Text("F32" | "F64")) {
            return Err(format!("`{path}` is of type {}", text(stored.dtype)));
        }
        return about(path, &stored.shape, &text(stored.dtype));
    }
    // What is read as a tensor without being written as one would be believed.
    let half = |name: &str| node.get(name).is_some();
    let listed = matches!(node, Node::List(parts) if matches!(parts.first(), Some(Node::Bytes(_))));
    if half("bytes") || half("dtype") || listed {
        return Err(format!("`{path}` is no tensor as this crate writes them"));
    }
    match node {
        Node::Number(value) if !value.is_finite() => Err(format!("`{path}` is not finite")),
        Node::List(nodes) => {
            let mut nodes = nodes.iter().enumerate();
            nodes.try_for_each(|(i, node)| each(node, &join(path, &i.to_string()), about))
        }
        Node::Map(entries) => {
            let mut entries = entries.iter();
            entries.try_for_each(|(name, node)| each(node, &join(path, name), about))
        }
        _ => Ok(()),
    }
}

/// The name of the first number that is not finite.
pub(crate) fn finite(node: &Node<'_>) -> Result<(), String> {
    each(node, "", &mut |_, _, _| Ok(()))
}
