//! Files of `torch.save` that hold state dicts, read without trust.
//!
//! Since PyTorch 1.6 such a file is an archive of a pickle, which says what there is, and of storages,
//! rows of numbers that tensors are views of. Before, it was a few pickles and the storages after
//! them. A storage lies in the file as it is in memory: it stays there until a network needs it.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use burn::tensor::DType;
use zip::{CompressionMethod, ZipArchive};

use super::pickle::{Id, Pickle, Value};
use super::stored::{self, Stored};
use crate::error::Result;
use crate::models::refuse;
use crate::network::guard::quietly;

/// What the older form begins with: a pickle of the number 0x1950a86a20f9469cfc6c.
const OLD: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// Storages of one file; an optimiser's state has three for each parameter.
const STORAGES: usize = 1 << 18;
const BIG_ENDIAN: &str = "holds numbers with the highest byte first: store it on another machine";

/// After the protocol's number.
fn is_old(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x80) && bytes.get(2..).is_some_and(|rest| rest.starts_with(OLD))
}

/// The tensors of a state dict by their names: the file's own, or the one that stands in it under the
/// dotted path `within`.
pub(super) fn read(
    path: &Path,
    bytes: Vec<u8>,
    within: Option<&str>,
) -> Result<BTreeMap<String, Stored>> {
    let bytes = Rc::new(bytes);
    let read = || match bytes.starts_with(b"PK") {
        true => archive(&bytes, within),
        false if is_old(&bytes) => old(&bytes, within),
        false => Err("is a pickle, but none of `torch.save`".to_owned()),
    };
    read().map_err(|problem| refuse(path, problem))
}

/// A row of numbers somewhere in the file.
#[derive(Debug, Clone)]
struct Storage {
    place: Range<usize>,
    /// The checksum of an archive, which is compared when the numbers are read.
    crc: Option<u32>,
}

type Storages = HashMap<String, Storage>;

fn archive(bytes: &Rc<Vec<u8>>, within: Option<&str>) -> Result<BTreeMap<String, Stored>, String> {
    let entries = quietly(|| entries(bytes)).map_err(|words| damaged(&words))??;
    let top = |name: &&String| name.strip_suffix("data.pkl").is_some_and(is_folder);
    let mut pickles = entries.keys().filter(top);
    let (Some(name), None) = (pickles.next(), pickles.next()) else {
        return Err(
            "is an archive, but none of `torch.save`: it has not one `data.pkl`".to_owned(),
        );
    };
    let folder = name.strip_suffix("data.pkl").expect("its end").to_owned();
    let whole = |name: &str| {
        let entry = entries.get(&format!("{folder}{name}"))?;
        Some(entry.checked(bytes, name))
    };
    if let Some(order) = whole("byteorder").transpose()?
        && order != b"little"
    {
        return Err(BIG_ENDIAN.to_owned());
    }
    let pickle = whole("data.pkl").expect("it was found")?;
    let pickle = Pickle::read(pickle)?;
    let in_folder = format!("{folder}data/");
    let storages = entries
        .into_iter()
        .filter_map(|(name, entry)| Some((name.strip_prefix(&in_folder)?.to_owned(), entry)))
        .collect();
    tensors(bytes, &pickle, &storages, within)
}

/// A folder at the top of an archive, or the top itself.
fn is_folder(name: &str) -> bool {
    name.is_empty()
        || name
            .strip_suffix('/')
            .is_some_and(|name| !name.contains('/'))
}

fn damaged(words: &str) -> String {
    format!("is no whole archive: {words}")
}

/// Where an archive's entries lie.
fn entries(bytes: &[u8]) -> Result<Storages, String> {
    let words = |error: zip::result::ZipError| damaged(&error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(words)?;
    if archive.len() > STORAGES {
        return Err(format!("holds more than {STORAGES} storages"));
    }
    let mut entries = Storages::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(words)?;
        let name = entry.name().to_owned();
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            return Err(format!(
                "has a compressed entry `{name}`, which `torch.save` does not write"
            ));
        }
        let start = entry
            .data_start()
            .and_then(|start| usize::try_from(start).ok());
        let size = usize::try_from(entry.size()).ok();
        let place = start.zip(size).and_then(|(start, size)| {
            let end = start.checked_add(size)?;
            (end <= bytes.len()).then_some(start..end)
        });
        let crc = Some(entry.crc32());
        let place = place.ok_or_else(|| damaged(&format!("`{name}` goes beyond its end")))?;
        entries.insert(name, Storage { place, crc });
    }
    Ok(entries)
}

impl Storage {
    /// Its bytes, if they are those that were written.
    fn checked<'a>(&self, bytes: &'a [u8], name: &str) -> Result<&'a [u8], String> {
        let own = &bytes[self.place.clone()];
        if let Some(crc) = self.crc {
            let mut found = flate2::Crc::new();
            found.update(own);
            if found.sum() != crc {
                return Err(format!("is damaged: the checksum of `{name}` is another"));
            }
        }
        Ok(own)
    }
}

/// The older form: a number that marks it, the protocol's version, a dict about the machine, what was
/// stored, the storages' keys; then each storage after the count of its numbers.
fn old(bytes: &Rc<Vec<u8>>, within: Option<&str>) -> Result<BTreeMap<String, Stored>, String> {
    let mut at = 0;
    let mut next = || {
        let pickle = Pickle::read(&bytes[at..])?;
        at += pickle.length;
        Ok::<_, String>(pickle)
    };
    let (_mark, _version, about, pickle, keys) = (next()?, next()?, next()?, next()?, next()?);
    let little = entry(&about, about.root, "little_endian");
    match little.map(|id| about.get(id)) {
        Some(Value::Truth(true)) => {}
        Some(Value::Truth(false)) => return Err(BIG_ENDIAN.to_owned()),
        _ => return Err("says nothing about the machine that stored it".to_owned()),
    }
    let types = storage_types(&pickle)?;
    let Value::List(keys_in_order) = keys.get(keys.root) else {
        return Err("has no list of its storages".to_owned());
    };
    let mut storages = Storages::new();
    for key in keys_in_order {
        let key = keys
            .text(*key)
            .ok_or("has a storage whose key is no text")?;
        let cut = || format!("is cut short in storage `{key}`");
        let rest = bytes.get(at..).unwrap_or_default();
        let count = rest.first_chunk::<8>().ok_or_else(cut)?;
        let dtype = types
            .get(key)
            .ok_or_else(|| format!("does not say what storage `{key}` is of"))?;
        let size = usize::try_from(u64::from_le_bytes(*count)).ok();
        let size = size.and_then(|count| count.checked_mul(dtype.size()));
        let start = at + 8;
        let end = size.and_then(|size| start.checked_add(size));
        let end = end.filter(|end| *end <= bytes.len()).ok_or_else(cut)?;
        let place = start..end;
        storages.insert(key.to_owned(), Storage { place, crc: None });
        at = end;
    }
    tensors(bytes, &pickle, &storages, within)
}

/// What the storages are of that a pickle names.
fn storage_types(pickle: &Pickle<'_>) -> Result<HashMap<String, Kind>, String> {
    let outside = pickle.values().iter().filter_map(|value| match value {
        Value::Outside(id) => Some(*id),
        _ => None,
    });
    outside
        .map(|id| {
            let (key, kind) = storage(pickle, id)?;
            Ok((key.to_owned(), kind))
        })
        .collect()
}

/// What a storage's numbers are.
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Plain(DType),
    /// Complex numbers: none of ours, but to be passed over.
    Strange(String, usize),
}

impl Kind {
    fn named(name: &str) -> Self {
        Self::Plain(match name {
            "DoubleStorage" => DType::F64,
            "FloatStorage" => DType::F32,
            "HalfStorage" => DType::F16,
            "BFloat16Storage" => DType::BF16,
            "LongStorage" => DType::I64,
            "IntStorage" => DType::I32,
            "ShortStorage" => DType::I16,
            "CharStorage" => DType::I8,
            // Truth values are bytes of 0 and 1.
            "ByteStorage" | "BoolStorage" => DType::U8,
            other => {
                let size = match other {
                    "ComplexDoubleStorage" => 16,
                    "ComplexFloatStorage" => 8,
                    _ => 1,
                };
                return Self::Strange(other.to_owned(), size);
            }
        })
    }

    fn size(&self) -> usize {
        match self {
            Self::Plain(dtype) => dtype.size(),
            Self::Strange(_, size) => *size,
        }
    }
}

/// A storage's key and what it is of, from what identifies it: `('storage', type, key, device, count)`
/// and in the older form what it is a part of.
fn storage<'a>(pickle: &Pickle<'a>, id: Id) -> Result<(&'a str, Kind), String> {
    let strange = || "names a storage in a way that `torch.save` does not".to_owned();
    let parts = pickle.tuple(id).ok_or_else(strange)?;
    let [tag, class, key, _device, _count, rest @ ..] = parts else {
        return Err(strange());
    };
    if pickle.text(*tag) != Some("storage") {
        return Err(strange());
    }
    if rest
        .iter()
        .any(|part| !matches!(pickle.get(*part), Value::Other))
    {
        return Err("has storages that are parts of others: store it by a newer PyTorch".into());
    }
    let Value::Global(_, class) = pickle.get(*class) else {
        return Err(strange());
    };
    let key = pickle.text(*key).ok_or_else(strange)?;
    Ok((key, Kind::named(class)))
}

/// What stands under a key of a dict; of several, the last, as Python has it.
fn entry(pickle: &Pickle<'_>, dict: Id, key: &str) -> Option<Id> {
    let Value::Dict(items) = pickle.get(dict) else {
        return None;
    };
    let found = items
        .iter()
        .rev()
        .find(|(name, _)| pickle.text(*name) == Some(key));
    found.map(|(_, value)| *value)
}

/// The tensors of a state dict.
fn tensors(
    bytes: &Rc<Vec<u8>>,
    pickle: &Pickle<'_>,
    storages: &Storages,
    within: Option<&str>,
) -> Result<BTreeMap<String, Stored>, String> {
    let mut dict = pickle.root;
    for part in within.into_iter().flat_map(|path| path.split('.')) {
        dict = entry(pickle, dict, part).ok_or_else(|| {
            let there = keys(pickle, dict, |_| true);
            format!(
                "has nothing called `{part}`, but {there}: say by `within` where its weights are"
            )
        })?;
    }
    let Value::Dict(items) = pickle.get(dict) else {
        return Err(match pickle.get(dict) {
            Value::Call(function, _) => match pickle.get(*function) {
                Value::Global(module, name) => format!(
                    "holds an object of Python's, `{module}.{name}`, and no state dict: store \
                     `model.state_dict()` instead of `model`"
                ),
                _ => "holds an object of Python's and no state dict".to_owned(),
            },
            _ => "holds no dict of tensors".to_owned(),
        });
    };
    let mut tensors = BTreeMap::new();
    for (name, value) in items {
        let Some(name) = pickle.text(*name) else {
            continue;
        };
        match tensor(pickle, *value, storages) {
            Some(view) => {
                let view = view.map_err(|problem| format!("holds `{name}`, which {problem}"))?;
                let stored = view.stored(bytes.clone());
                tensors.insert(name.to_owned(), stored);
            }
            // As Python has it: the last of a name counts.
            None => drop(tensors.remove(name)),
        }
    }
    if tensors.is_empty() {
        let there = keys(pickle, dict, |value| matches!(value, Value::Dict(_)));
        return Err(format!(
            "has no tensors at its top, but {there}: say by `within` where its weights are"
        ));
    }
    Ok(tensors)
}

/// Keys of a dict, to be listed.
fn keys(pickle: &Pickle<'_>, dict: Id, which: impl Fn(&Value<'_>) -> bool) -> String {
    let Value::Dict(items) = pickle.get(dict) else {
        return "what is no dict".to_owned();
    };
    let of_it = items.iter().filter(|(_, value)| which(pickle.get(*value)));
    let names = of_it.filter_map(|(name, _)| pickle.text(*name));
    super::listed(names.map(|name| format!("`{name}`")))
}

/// A tensor as a view of a storage.
struct View {
    key: String,
    storage: Storage,
    kind: Kind,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

/// The tensor that a value is a call for, if it is one.
fn tensor(pickle: &Pickle<'_>, value: Id, storages: &Storages) -> Option<Result<View, String>> {
    let mut value = value;
    // A parameter is made of a tensor, and a tensor of a subclass of another one.
    for _ in 0..4 {
        let Value::Call(function, arguments) = pickle.get(value) else {
            return None;
        };
        let Value::Global(module, name) = pickle.get(*function) else {
            return None;
        };
        let arguments = pickle.tuple(*arguments)?;
        match (*module, *name) {
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => {
                return Some(view(pickle, arguments, storages));
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                value = *arguments.first()?;
            }
            _ => return None,
        }
    }
    None
}

fn view(pickle: &Pickle<'_>, arguments: &[Id], storages: &Storages) -> Result<View, String> {
    let strange = || "is stored in a way that `torch.save` does not".to_owned();
    let &[outside, offset, shape, strides, ..] = arguments else {
        return Err(strange());
    };
    let Value::Outside(id) = pickle.get(outside) else {
        return Err(strange());
    };
    let (key, kind) = storage(pickle, *id)?;
    let found = storages.get(key).cloned();
    let storage = found.ok_or_else(|| format!("is of storage `{key}`, which is not there"))?;
    let offset = pickle
        .integer(offset)
        .and_then(|at| usize::try_from(at).ok());
    let offset = offset.ok_or_else(strange)?;
    let shape = pickle.sizes(shape).ok_or_else(strange)?;
    let strides = pickle.sizes(strides).ok_or_else(strange)?;
    if shape.len() != strides.len() {
        return Err(strange());
    }
    let view = View {
        key: key.to_owned(),
        storage,
        kind,
        offset,
        shape,
        strides,
    };
    let there = view.storage.place.len() / view.kind.size();
    match view.end() {
        Some(end) if end <= there => Ok(view),
        _ => Err(format!(
            "has shape {:?} from place {offset} on of a storage of {there} numbers",
            view.shape
        )),
    }
}

impl View {
    /// The place after its last number in the storage.
    fn end(&self) -> Option<usize> {
        // That there are so many numbers is asked for too: shapes are multiplied elsewhere.
        let count = self
            .shape
            .iter()
            .try_fold(1_usize, |count, side| count.checked_mul(*side))?;
        if count == 0 {
            return Some(0);
        }
        let sides = self.shape.iter().zip(&self.strides);
        let last = sides
            .map(|(side, stride)| (side - 1).checked_mul(*stride))
            .try_fold(self.offset, |last, steps| last.checked_add(steps?))?;
        last.checked_add(1)
    }

    fn stored(self, bytes: Rc<Vec<u8>>) -> Stored {
        let (shape, kind) = (self.shape.clone(), self.kind.clone());
        let dtype = match kind {
            Kind::Plain(dtype) => Ok(dtype),
            Kind::Strange(class, _) => Err(class),
        };
        let known = dtype.clone();
        Stored::new(shape, dtype, move || {
            let dtype = known.clone()?;
            let storage = self
                .storage
                .checked(&bytes, &format!("data/{}", self.key))?;
            let view = stored::View {
                offset: self.offset,
                shape: &self.shape,
                strides: &self.strides,
            };
            Ok(view.of(storage, dtype))
        })
    }
}
