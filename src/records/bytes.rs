//! Tensors as bytes.
//!
//! ```text
//! the length of the list, in 8 bytes, the lowest first
//! the list, as JSON: [{"name": …, "dtype": "f32", "shape": [64, 2]}, …]
//! the tensors' numbers in the order of the list, each in the order of its shape
//! ```

use std::collections::HashSet;

use burn::tensor::{BoolStore, DType, TensorData};
use serde::{Deserialize, Serialize};

use super::{About, Stored};

/// A tensor in the list.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    same_as: Option<String>,
}

/// The types that are stored, by their names in a list, and the bytes of a number.
const TYPES: [(&str, DType, usize); 14] = [
    ("f64", DType::F64, 8),
    ("f32", DType::F32, 4),
    ("flex32", DType::Flex32, 4),
    ("f16", DType::F16, 2),
    ("bf16", DType::BF16, 2),
    ("i64", DType::I64, 8),
    ("i32", DType::I32, 4),
    ("i16", DType::I16, 2),
    ("i8", DType::I8, 1),
    ("u64", DType::U64, 8),
    ("u32", DType::U32, 4),
    ("u16", DType::U16, 2),
    ("u8", DType::U8, 1),
    // However a backend has them.
    ("bool", DType::Bool(BoolStore::Native), 1),
];

/// A type as lists name it.
pub(super) fn name_of(dtype: DType) -> String {
    let known = TYPES.iter().find(|(_, known, _)| *known == dtype);
    known.map_or_else(|| format!("{dtype:?}"), |(name, ..)| (*name).to_owned())
}

/// Tensors as bytes; or the first that can't be stored.
pub(crate) fn write(tensors: &[Stored]) -> Result<Vec<u8>, String> {
    let mut list = Vec::with_capacity(tensors.len());
    for Stored { about, .. } in tensors {
        let dtype = name_of(about.dtype);
        if !TYPES.iter().any(|(_, known, _)| *known == about.dtype) {
            return Err(format!(
                "`{}` is of type {dtype}, which is not stored",
                about.name
            ));
        }
        list.push(Entry {
            name: about.name.clone(),
            dtype,
            shape: about.shape.clone(),
            same_as: about.same_as.clone(),
        });
    }
    let list = serde_json::to_vec(&list).map_err(|error| error.to_string())?;
    let numbers: usize = tensors.iter().map(|tensor| tensor.data.bytes.len()).sum();
    let mut bytes = Vec::with_capacity(8 + list.len() + numbers);
    bytes.extend((list.len() as u64).to_le_bytes());
    bytes.extend(list);
    for tensor in tensors {
        bytes.extend_from_slice(&tensor.data.bytes);
    }
    Ok(bytes)
}

/// The tensors that bytes hold, all of whose numbers are finite; or what is wrong with them. A
/// length that is only claimed is not believed.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Stored>, String> {
    let cut = || "it ends before its list of tensors does".to_owned();
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(cut)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| cut())?;
    let (list, mut numbers) = rest.split_at_checked(length).ok_or_else(cut)?;
    let list: Vec<Entry> = serde_json::from_slice(list)
        .map_err(|error| format!("its list of tensors can't be read: {error}"))?;
    let mut names = HashSet::with_capacity(list.len());
    let mut tensors = Vec::with_capacity(list.len());
    for entry in list {
        let (name, shape) = (entry.name, entry.shape);
        let known = TYPES.iter().find(|(known, ..)| *known == entry.dtype);
        let Some((_, dtype, width)) = known else {
            return Err(format!("`{name}` is of type {}", entry.dtype));
        };
        let mut sizes = shape.iter();
        let size = sizes.try_fold(*width, |size, length| size.checked_mul(*length));
        let split = size.and_then(|size| numbers.split_at_checked(size));
        let Some((own, others)) = split else {
            return Err(format!(
                "`{name}` is of shape {shape:?}, and {} bytes are left",
                numbers.len()
            ));
        };
        numbers = others;
        if !names.insert(name.clone()) {
            return Err(format!("it has two tensors `{name}`"));
        }
        // A truth value of another byte is none.
        if matches!(dtype, DType::Bool(_)) && own.iter().any(|byte| *byte > 1) {
            return Err(format!("`{name}` holds what is no truth value"));
        }
        let data = TensorData::from_bytes_vec(own.to_vec(), shape.clone(), *dtype);
        let about = About {
            name,
            dtype: *dtype,
            shape,
            same_as: entry.same_as,
        };
        tensors.push(Stored { about, data });
    }
    if !numbers.is_empty() {
        return Err(format!("{} bytes follow its end", numbers.len()));
    }
    finite(&tensors)?;
    Ok(tensors)
}

/// Refuses numbers that are not finite: nothing good comes of going on from them.
pub(crate) fn finite(tensors: &[Stored]) -> Result<(), String> {
    match tensors.iter().find(|tensor| !is_finite(&tensor.data)) {
        Some(Stored { about, .. }) => Err(format!(
            "`{}` holds a number that is not finite",
            about.name
        )),
        None => Ok(()),
    }
}

fn is_finite(data: &TensorData) -> bool {
    match data.dtype {
        DType::F32 | DType::Flex32 => {
            let mut numbers = data.bytes.as_chunks::<4>().0.iter();
            numbers.all(|bytes| f32::from_ne_bytes(*bytes).is_finite())
        }
        DType::F64 => {
            let mut numbers = data.bytes.as_chunks::<8>().0.iter();
            numbers.all(|bytes| f64::from_ne_bytes(*bytes).is_finite())
        }
        DType::F16 | DType::BF16 => data.iter::<f64>().all(f64::is_finite),
        _ => true,
    }
}
