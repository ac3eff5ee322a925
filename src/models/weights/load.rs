//! Weights of a file into a network, by a table of names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Shape, TensorData};
use burn_store::{Applier, ModuleSnapshot, TensorSnapshot};

use super::stored::{Stored, turned};
use super::table::WeightTable;
use super::{listed, stored_tensors};
use crate::error::{Error, Result};
use crate::files;
use crate::models::refuse;
use crate::network::guard::quietly;
use crate::network::initialize;
use crate::records::numbers;

/// A tensor of a file of weights, as [`stored_weights`] lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredWeight {
    /// Its name in the file.
    pub name: String,
    /// Its shape in the file.
    pub shape: Vec<usize>,
    /// The type of its numbers: `F32`, or the file's own word where no network here has such numbers.
    pub dtype: String,
}

/// What [`load_weights_in_part`] passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Unmatched {
    /// Parameters and buffers of the network that the file has not: they are as they were.
    pub missing: Vec<String>,
    /// Tensors of the file that the network has not, by the file's names.
    pub left_over: Vec<String>,
}

/// Lists the tensors of a file of weights, safetensors or of `torch.save`, in the order of their names.
///
/// `within` says where in a file of `torch.save` the state dict stands, as
/// [`WeightTable::within`](field@WeightTable::within).
///
/// # Errors
/// If the file can't be read or is neither.
pub fn stored_weights(path: impl AsRef<Path>, within: Option<&str>) -> Result<Vec<StoredWeight>> {
    let path = path.as_ref();
    let bytes = files::read(path).map_err(|error| Error::io(path, error))?;
    let stored = opened(path, bytes, within)?;
    let listed = stored.into_iter().map(|(name, stored)| StoredWeight {
        name,
        dtype: stored
            .dtype
            .map_or_else(|class| class, |dtype| format!("{dtype:?}")),
        shape: stored.shape,
    });
    Ok(listed.collect())
}

/// Puts the weights of a file into `fresh`, a network of the same architecture that was just made, by a
/// [`WeightTable`].
///
/// The file is safetensors, or a state dict of `torch.save` (`.pt`, `.pth`; feature `pytorch`), told apart
/// by what it begins with. Nothing in it is run: what Python would call, while it reads such a file, is read as
/// a name. Numbers of another floating type than the parameter's are converted to it. Parameters keep their
/// identity and whether they take a gradient.
///
/// # Errors
/// If the file can't be read, is cut short or damaged, or a pattern is none. If a parameter or buffer of
/// the network is missing, the file has a tensor that the network has not, or a shape or kind of numbers
/// is another: all of them by name, and nothing is loaded.
pub fn load_weights<B: Backend, M: Module<B>>(
    path: impl AsRef<Path>,
    fresh: M,
    table: &WeightTable,
) -> Result<M> {
    let path = path.as_ref();
    table.validate()?;
    let bytes = files::read(path).map_err(|error| Error::io(path, error))?;
    small_enough::<B, M>(path, &fresh, bytes.len())?;
    let stored = opened(path, bytes, table.within.as_deref())?;
    let (network, _) = fill(path, stored, fresh, table, true)?;
    Ok(network)
}

/// As [`load_weights`], but what is missing stays as it is in `fresh`, and what is left over is passed
/// over: both are told. Where names meet, shapes must be right.
///
/// # Errors
/// As [`load_weights`], but for names on one side only; and if no name is on both.
pub fn load_weights_in_part<B: Backend, M: Module<B>>(
    path: impl AsRef<Path>,
    fresh: M,
    table: &WeightTable,
) -> Result<(M, Unmatched)> {
    let path = path.as_ref();
    table.validate()?;
    let bytes = files::read(path).map_err(|error| Error::io(path, error))?;
    let stored = opened(path, bytes, table.within.as_deref())?;
    fill(path, stored, fresh, table, false)
}

/// Refuses a module that no file of so many bytes can be the weights of, before it is drawn.
pub(super) fn small_enough<B: Backend, M: Module<B>>(
    path: &Path,
    fresh: &M,
    length: usize,
) -> Result<()> {
    if numbers::<B, M>(fresh).is_none_or(|needed| needed > length) {
        return Err(refuse(
            path,
            "holds the weights of another network: this one has more numbers than the file has bytes",
        ));
    }
    Ok(())
}

/// The tensors of a file.
fn opened(path: &Path, bytes: Vec<u8>, within: Option<&str>) -> Result<BTreeMap<String, Stored>> {
    if super::of_pytorch(&bytes) {
        #[cfg(feature = "pytorch")]
        return super::state_dict::read(path, bytes, within);
        #[cfg(not(feature = "pytorch"))]
        return Err(refuse(
            path,
            "is a file of `torch.save`: the crate's feature `pytorch` reads it",
        ));
    }
    match within {
        Some(within) => Err(refuse(
            path,
            format!("is none of `torch.save`, and has nothing within it, as `{within}`"),
        )),
        None => safetensors(path, bytes),
    }
}

/// The tensors of a safetensors file.
pub(super) fn safetensors(path: &Path, bytes: Vec<u8>) -> Result<BTreeMap<String, Stored>> {
    let tensors = stored_tensors(path, bytes)?.into_iter();
    let stored = tensors.map(|(name, tensor)| {
        let (shape, dtype) = (tensor.shape.to_vec(), Ok(tensor.dtype));
        let read = move || tensor.to_data().map_err(|error| error.to_string());
        (name, Stored::new(shape, dtype, read))
    });
    Ok(stored.collect())
}

/// Puts what is stored into a module, if all of it fits.
pub(super) fn fill<B: Backend, M: Module<B>>(
    path: &Path,
    stored: BTreeMap<String, Stored>,
    fresh: M,
    table: &WeightTable,
    whole: bool,
) -> Result<(M, Unmatched)> {
    initialize(&fresh);
    let needed = fresh.collect(None, None, false);
    let fitting = quietly(|| fitting(&stored, &needed, table, whole))
        .unwrap_or_else(Err)
        .map_err(|problem| refuse(path, problem))?;
    let (fitting, unmatched) = fitting;
    // All fits: from here on nothing is refused half-way through the module.
    let mut applier = Applier::<B>::new(fitting, None, None, false);
    let loaded = quietly(|| fresh.map(&mut applier)).map_err(|words| refuse(path, words))?;
    match applier.into_result().errors.first() {
        Some(error) => Err(refuse(path, error.to_string())),
        None => Ok((loaded, unmatched)),
    }
}

/// The stored tensors that a module needs, in its parameters' types.
fn fitting(
    stored: &BTreeMap<String, Stored>,
    needed: &[TensorSnapshot],
    table: &WeightTable,
    whole: bool,
) -> Result<(Vec<TensorSnapshot>, Unmatched), String> {
    let mut ours: BTreeMap<String, &str> = BTreeMap::new();
    for name in stored.keys() {
        if let Some(own) = table.renamed(name)
            && let Some(other) = ours.insert(own.clone(), name)
        {
            return Err(format!(
                "has two tensors that the table calls `{own}`: `{other}` and `{name}`"
            ));
        }
    }
    let mut used = BTreeSet::new();
    let (mut found, mut missing, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for parameter in needed {
        let own = parameter.full_path();
        let name = names_of(&own, table).find_map(|own| ours.get(&own).copied());
        let Some(name) = name else {
            match table.is_zero(&own) {
                true => found.push((parameter, None)),
                false => missing.push(own),
            }
            continue;
        };
        used.insert(name);
        let stored = &stored[name];
        let (to, kind) = (parameter.dtype, Layer::of(parameter, table));
        let shown = if name == own {
            format!("`{own}`")
        } else {
            format!("`{own}` (`{name}` there)")
        };
        match (&stored.dtype, kind.way(&stored.shape, &parameter.shape)) {
            (Err(class), _) => wrong.push(format!(
                "{shown} is of type {class}, the network needs {to:?}"
            )),
            (Ok(from), _) if !converts(*from, to) => {
                wrong.push(format!(
                    "{shown} is of type {from:?}, the network needs {to:?}"
                ));
            }
            (_, None) => wrong.push(format!(
                "{shown} has shape {:?}, the network needs {}",
                stored.shape,
                kind.shape(&parameter.shape)
            )),
            (Ok(_), Some(way)) => found.push((parameter, Some((name, way)))),
        }
    }
    let known = |name: &&&str| !used.contains(**name);
    let left_over: Vec<&str> = ours.values().filter(known).copied().collect();
    let mut problems = Vec::new();
    if whole && !missing.is_empty() {
        let are = if missing.len() == 1 { "is" } else { "are" };
        problems.push(format!("{} {are} missing", quoted(&missing)));
    }
    if !wrong.is_empty() {
        problems.push(listed(wrong.into_iter()));
    }
    if whole && !left_over.is_empty() {
        problems.push(format!("the network has no {}", quoted(&left_over)));
    }
    if !whole && used.is_empty() {
        problems.push(format!(
            "no name of the network is in the file, which has {}",
            quoted(&left_over)
        ));
    }
    if !problems.is_empty() {
        return Err(format!(
            "holds the weights of another network: {}",
            problems.join("; ")
        ));
    }
    let mut fitting = Vec::with_capacity(found.len());
    for (parameter, source) in found {
        let data = match source {
            Some((name, way)) => {
                let data = stored[name].data();
                let data = data
                    .map_err(|problem| format!("has `{name}`, which can't be read: {problem}"))?;
                let data = if way == Way::Turned {
                    turned(data)
                } else {
                    data
                };
                TensorData {
                    shape: parameter.shape.clone(),
                    ..data
                }
            }
            None => TensorData::zeros::<f32, _>(parameter.shape.clone()),
        };
        fitting.push(TensorSnapshot::from_data(
            data.convert_dtype(parameter.dtype),
            parameter.path_stack.clone().unwrap_or_default(),
            Vec::new(),
            parameter.tensor_id.unwrap_or_default(),
        ));
    }
    let unmatched = Unmatched {
        missing,
        left_over: left_over.into_iter().map(str::to_owned).collect(),
    };
    Ok((fitting, unmatched))
}

/// The names that a parameter may have, its own first.
fn names_of(own: &str, table: &WeightTable) -> impl Iterator<Item = String> {
    let (layer, last) = own
        .rsplit_once('.')
        .map_or(("", own), |(layer, last)| (layer, last));
    let theirs = match last {
        "gamma" => Some("weight"),
        "beta" => Some("bias"),
        _ => None,
    };
    let theirs = theirs.filter(|_| table.pytorch).map(|theirs| match layer {
        "" => theirs.to_owned(),
        layer => format!("{layer}.{theirs}"),
    });
    [Some(own.to_owned()), theirs].into_iter().flatten()
}

/// How a stored tensor becomes a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// As it lies there.
    Straight,
    Turned,
}

/// What a parameter belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layer {
    /// The weight of a linear layer in a file of PyTorch's.
    Linear,
    Other,
}

impl Layer {
    fn of(parameter: &TensorSnapshot, table: &WeightTable) -> Self {
        let linear = parameter
            .module_type()
            .is_some_and(|name| name.ends_with("Linear"));
        let weight = parameter.full_path().rsplit('.').next() == Some("weight");
        match linear && weight && table.pytorch && parameter.shape.num_dims() == 2 {
            true => Self::Linear,
            false => Self::Other,
        }
    }

    fn way(self, stored: &[usize], needed: &Shape) -> Option<Way> {
        let needed = needed.as_slice();
        let (Self::Linear, [inputs, outputs]) = (self, needed) else {
            return (stored == needed).then_some(Way::Straight);
        };
        match stored {
            [rows, columns] => ([rows, columns] == [outputs, inputs]).then_some(Way::Turned),
            // A kernel that sees all of its input once, [out, in, …]; or makes all of its output of a
            // pixel, [in, out, …].
            [first, rest @ ..] if stored.len() == 4 => {
                let rest = rest
                    .iter()
                    .try_fold(1_usize, |size, side| size.checked_mul(*side))?;
                match (
                    *first == *outputs && rest == *inputs,
                    *first == *inputs && rest == *outputs,
                ) {
                    (true, false) => Some(Way::Turned),
                    (false, true) => Some(Way::Straight),
                    // Both: nobody can tell.
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The shape that a file should have.
    fn shape(self, needed: &Shape) -> String {
        match (self, needed.as_slice()) {
            (Self::Linear, [inputs, outputs]) => format!("{:?}", [outputs, inputs]),
            (_, needed) => format!("{needed:?}"),
        }
    }
}

fn converts(from: DType, to: DType) -> bool {
    let int = |dtype: DType| dtype.is_int() || dtype.is_uint();
    from == to || from.is_float() && to.is_float() || int(from) && int(to)
}

fn quoted(names: &[impl AsRef<str>]) -> String {
    listed(names.iter().map(|name| format!("`{}`", name.as_ref())))
}
