//! Numbers as an array of numpy's.

use std::io::{Result, Write};

use npyz::{AutoSerialize, NpyWriter, WriteOptions, WriterBuilder};

/// Begins an `.npy` file of this shape; its numbers are given to the writer, row-major, and then it is
/// finished.
pub(crate) fn begin<'a, T: AutoSerialize>(
    file: &'a mut dyn Write,
    shape: &[u64],
) -> Result<NpyWriter<T, &'a mut dyn Write>> {
    (WriteOptions::new().default_dtype())
        .shape(shape)
        .writer(file)
        .begin_nd()
}
