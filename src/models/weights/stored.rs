//! Tensors in a file.

use std::fmt::{self, Debug};

use burn::tensor::{DType, Element, TensorData, bf16, f16};

/// A tensor whose numbers are still in its file.
pub(super) struct Stored {
    pub(super) shape: Vec<usize>,
    /// Its type, or the name of one that no network here has.
    pub(super) dtype: Result<DType, String>,
    source: Source,
}

/// What reads the numbers.
type Source = Box<dyn Fn() -> Result<TensorData, String>>;

impl Stored {
    pub(super) fn new(
        shape: Vec<usize>,
        dtype: Result<DType, String>,
        source: impl Fn() -> Result<TensorData, String> + 'static,
    ) -> Self {
        Self {
            shape,
            dtype,
            source: Box::new(source),
        }
    }

    /// Reads its numbers.
    pub(super) fn data(&self) -> Result<TensorData, String> {
        (self.source)()
    }
}

impl Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Stored");
        shown.field("shape", &self.shape);
        shown.field("dtype", &self.dtype).finish_non_exhaustive()
    }
}

/// A view of a row of numbers: from `offset` on, `strides` numbers from one index to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) offset: usize,
    pub(super) shape: &'a [usize],
    pub(super) strides: &'a [usize],
}

#[cfg(feature = "pytorch")]
impl View<'_> {
    /// Its numbers, of a type and in little-endian bytes.
    ///
    /// # Panics
    /// If it reaches beyond the bytes, or the type is none of numbers.
    pub(super) fn of(self, bytes: &[u8], dtype: DType) -> TensorData {
        match dtype {
            DType::F64 => self.read(bytes, f64::from_le_bytes),
            DType::F32 => self.read(bytes, f32::from_le_bytes),
            DType::F16 => self.read(bytes, f16::from_le_bytes),
            DType::BF16 => self.read(bytes, bf16::from_le_bytes),
            DType::I64 => self.read(bytes, i64::from_le_bytes),
            DType::I32 => self.read(bytes, i32::from_le_bytes),
            DType::I16 => self.read(bytes, i16::from_le_bytes),
            DType::I8 => self.read(bytes, i8::from_le_bytes),
            DType::U8 => self.read(bytes, u8::from_le_bytes),
            other => panic!("{other:?} is no type of numbers in files"),
        }
    }

    fn read<const N: usize, E: Element>(
        self,
        bytes: &[u8],
        number: impl Fn([u8; N]) -> E,
    ) -> TensorData {
        let numbers = bytes.as_chunks::<N>().0;
        let values = self.gathered(|place| number(numbers[place]));
        TensorData::new(values, self.shape.to_vec())
    }
}

impl View<'_> {
    /// What stands at each place of the view, its last index fastest.
    fn gathered<E>(self, at: impl Fn(usize) -> E) -> Vec<E> {
        let count = self.shape.iter().product();
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0; self.shape.len()];
        let mut place = self.offset;
        for _ in 0..count {
            values.push(at(place));
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                place += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                place -= self.shape[axis] * self.strides[axis];
                index[axis] = 0;
            }
        }
        values
    }
}

/// A matrix turned over: PyTorch's linear weights are `[out, in]`. More dimensions after the first
/// count as one.
pub(super) fn turned(data: TensorData) -> TensorData {
    fn as_type<E: Element>(data: &TensorData, rows: usize) -> TensorData {
        let values: Vec<E> = data.iter::<E>().collect();
        let columns = values.len() / rows.max(1);
        let view = View {
            offset: 0,
            shape: &[columns, rows],
            strides: &[1, columns],
        };
        TensorData::new(view.gathered(|place| values[place]), [columns, rows])
    }
    let rows = data.shape.first().copied().unwrap_or(1);
    match data.dtype {
        DType::F32 => as_type::<f32>(&data, rows),
        DType::F16 => as_type::<f16>(&data, rows),
        DType::BF16 => as_type::<bf16>(&data, rows),
        DType::I64 => as_type::<i64>(&data, rows),
        DType::I32 => as_type::<i32>(&data, rows),
        // Every other type of numbers fits into this one, or is rounded to it at the latest here.
        _ => as_type::<f64>(&data, rows),
    }
}
