//! The IDX format of MNIST's files: a short header, then the array's bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result};

/// The element type that is read: unsigned bytes.
const UNSIGNED_BYTE: u8 = 0x08;

/// An array of unsigned bytes, as an IDX file holds it.
///
/// ```text
/// bytes 0–1   0, 0
/// byte  2     the element type: 8 for unsigned bytes
/// byte  3     the rank r, at least 1
/// 4 + 4i …    the length of dimension i, big-endian u32, i = 0 … r − 1
/// 4 + 4r …    the elements, last dimension fastest
/// ```
///
/// Images are `[count, height, width]`, labels `[count]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdxArray {
    /// The length of each dimension.
    pub shape: Vec<usize>,
    /// The elements in row-major order; as many as the product of `shape`.
    pub data: Vec<u8>,
}

impl IdxArray {
    /// Reads the file at `path`, plain or compressed by gzip.
    ///
    /// Which of the two it is shows in its first two bytes; its name says nothing. The header is
    /// not believed: memory grows with the bytes that are really there.
    ///
    /// # Errors
    /// [`Error::Io`] if the file can't be opened or read; [`Error::Data`] with what was expected
    /// and what was found if it is no IDX file, holds another element type than unsigned bytes,
    /// claims a size that no memory could hold, has fewer or more bytes than its header says, or
    /// is damaged inside its compression.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| Error::io(path, source))?;
        let mut file = BufReader::new(file);
        let start = file.fill_buf().map_err(|source| Error::io(path, source))?;
        if start.starts_with(&[0x1f, 0x8b]) {
            Reader {
                path,
                source: MultiGzDecoder::new(file),
                unit: "bytes after decompression",
            }
            .array()
        } else {
            Reader {
                path,
                source: file,
                unit: "bytes",
            }
            .array()
        }
    }
}

/// The bytes of one file, with what its error messages need.
struct Reader<'a, R> {
    path: &'a Path,
    source: R,
    unit: &'static str,
}

impl<R: Read> Reader<'_, R> {
    fn array(mut self) -> Result<IdxArray> {
        let magic = self.header(4, 0)?;
        let rank = self.rank(&magic)?;
        let lengths = self.header(4 * rank, magic.len())?;
        let shape: Vec<u32> = lengths
            .chunks_exact(4)
            .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let header = magic.len() + lengths.len();
        let elements = self.elements(&shape, header)?;
        let data = self.data(elements, header)?;
        Ok(IdxArray {
            shape: shape.into_iter().map(|length| length as usize).collect(),
            data,
        })
    }

    /// `count` bytes of the header, which come after `before` others.
    fn header(&mut self, count: usize, before: usize) -> Result<Vec<u8>> {
        let bytes = self.at_most(count, before)?;
        if bytes.len() < count {
            return Err(self.refused(format!(
                "ends within its header: expected {} {} or more, found {}",
                before + count,
                self.unit,
                before + bytes.len(),
            )));
        }
        Ok(bytes)
    }

    fn rank(&self, magic: &[u8]) -> Result<usize> {
        if magic[0] != 0 || magic[1] != 0 {
            return Err(self.refused(format!(
                "is not an IDX file: it starts with {:02x} {:02x} where 00 00 is expected",
                magic[0], magic[1]
            )));
        }
        if magic[2] != UNSIGNED_BYTE {
            return Err(self.refused(format!(
                "holds elements of type 0x{:02x} ({}); only 0x08 (unsigned bytes) can be read",
                magic[2],
                type_name(magic[2])
            )));
        }
        if magic[3] == 0 {
            return Err(self.refused("has no dimensions: byte 3 of its header is 0".to_owned()));
        }
        Ok(usize::from(magic[3]))
    }

    /// The product of `shape`, if such an array can exist next to its header.
    fn elements(&self, shape: &[u32], header: usize) -> Result<usize> {
        // An object in memory has at most isize::MAX bytes.
        let most = isize::MAX as usize - header;
        shape
            .iter()
            .try_fold(1usize, |product, length| {
                product.checked_mul(usize::try_from(*length).ok()?)
            })
            .filter(|elements| *elements <= most)
            .ok_or_else(|| {
                self.refused(format!(
                    "claims the shape {shape:?}, more bytes than any memory holds: its header \
                     is damaged"
                ))
            })
    }

    /// Exactly `elements` bytes, with nothing behind them.
    fn data(&mut self, elements: usize, header: usize) -> Result<Vec<u8>> {
        let data = self.at_most(elements, header)?;
        // Reading on to the end also makes a gzip decoder compare its checksum.
        let excess = io::copy(&mut self.source, &mut io::sink())
            .map_err(|source| self.failed(source, header + data.len()))?;
        let (expected, unit) = (header + elements, self.unit);
        if data.len() < elements {
            let found = header + data.len();
            return Err(self.refused(format!(
                "is too short: expected {expected} {unit}, found {found}"
            )));
        }
        if excess > 0 {
            let found = expected as u64 + excess;
            return Err(self.refused(format!(
                "is too long: expected {expected} {unit}, found {found}"
            )));
        }
        Ok(data)
    }

    /// The next `count` bytes, or all that are left. `before` were read already.
    fn at_most(&mut self, count: usize, before: usize) -> Result<Vec<u8>> {
        // Starts empty and grows with what comes, because `count` is only what the header claims.
        let mut bytes = Vec::new();
        match (&mut self.source)
            .take(count as u64)
            .read_to_end(&mut bytes)
        {
            Ok(_) => Ok(bytes),
            Err(source) => Err(self.failed(source, before + bytes.len())),
        }
    }

    /// An error of the operating system, or of the decompression after `read` bytes.
    fn failed(&self, source: io::Error, read: usize) -> Error {
        // Decoders make their errors themselves; only those of the system carry its code.
        if source.raw_os_error().is_some() || source.kind() == io::ErrorKind::OutOfMemory {
            return Error::io(self.path, source);
        }
        let what = if source.kind() == io::ErrorKind::UnexpectedEof {
            "its compressed data is cut off".to_owned()
        } else {
            source.to_string()
        };
        self.refused(format!("damaged gzip: {what} (after {read} {})", self.unit))
    }

    fn refused(&self, problem: String) -> Error {
        Error::data(self.path, problem)
    }
}

fn type_name(code: u8) -> &'static str {
    match code {
        0x09 => "signed bytes",
        0x0b => "16-bit integers",
        0x0c => "32-bit integers",
        0x0d => "32-bit floats",
        0x0e => "64-bit floats",
        _ => "unknown",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tempfile::TempDir;

    use super::*;

    /// The bytes of an IDX file of unsigned bytes.
    pub(in crate::data) fn encode(shape: &[u32], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, UNSIGNED_BYTE, shape.len() as u8];
        bytes.extend(shape.iter().flat_map(|length| length.to_be_bytes()));
        bytes.extend_from_slice(data);
        bytes
    }

    pub(in crate::data) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A file of these bytes; the folder goes when it is dropped.
    fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("array-ubyte");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn read(bytes: &[u8]) -> Result<IdxArray> {
        let (_folder, path) = file(bytes);
        IdxArray::read(path)
    }

    /// The problem that these bytes are refused for; the file's name stands in front of it.
    fn problem(bytes: &[u8]) -> String {
        let error = read(bytes).unwrap_err();
        assert!(error.to_string().contains("array-ubyte: "), "{error}");
        match error {
            Error::Data { problem, .. } => problem,
            other => panic!("{other:?}"),
        }
    }

    fn numbers(count: usize) -> Vec<u8> {
        (0..count).map(|i| (i * 37 % 256) as u8).collect()
    }

    #[test]
    fn reads_what_was_written_plain_and_compressed() {
        let data = numbers(2 * 3 * 5);
        let bytes = encode(&[2, 3, 5], &data);
        let expected = IdxArray {
            shape: vec![2, 3, 5],
            data,
        };
        // Both under the same name: the name decides nothing.
        assert_eq!(read(&bytes).unwrap(), expected);
        assert_eq!(read(&gzip(&bytes)).unwrap(), expected);
        // Larger than any buffer on the way.
        let data = numbers(300_000);
        let array = read(&gzip(&encode(&[300_000], &data))).unwrap();
        assert_eq!((array.shape, array.data), (vec![300_000], data));
    }

    #[test]
    fn a_file_compressed_in_several_members_is_one_file() {
        let bytes = encode(&[40], &numbers(40));
        let mut parts = gzip(&bytes[..20]);
        parts.extend(gzip(&bytes[20..]));
        assert_eq!(read(&parts).unwrap(), read(&bytes).unwrap());
    }

    #[test]
    fn an_empty_array_is_an_array() {
        let array = read(&encode(&[0, 28, 28], &[])).unwrap();
        assert_eq!((array.shape, array.data), (vec![0, 28, 28], vec![]));
    }

    #[test]
    fn a_wrong_length_is_refused_with_both_counts() {
        let bytes = encode(&[2, 5], &numbers(10));
        let short = &bytes[..bytes.len() - 1];
        let long = [&bytes[..], &[1, 2, 3]].concat();
        assert_eq!(problem(short), "is too short: expected 22 bytes, found 21");
        assert_eq!(problem(&long), "is too long: expected 22 bytes, found 25");
        assert_eq!(
            problem(&gzip(short)),
            "is too short: expected 22 bytes after decompression, found 21"
        );
        assert_eq!(
            problem(&gzip(&long)),
            "is too long: expected 22 bytes after decompression, found 25"
        );
    }

    #[test]
    fn a_cut_header_is_refused() {
        let bytes = encode(&[2, 5], &numbers(10));
        assert_eq!(
            problem(&[]),
            "ends within its header: expected 4 bytes or more, found 0"
        );
        assert_eq!(
            problem(&bytes[..3]),
            "ends within its header: expected 4 bytes or more, found 3"
        );
        assert_eq!(
            problem(&bytes[..9]),
            "ends within its header: expected 12 bytes or more, found 9"
        );
    }

    #[test]
    fn another_format_or_element_type_is_refused() {
        assert_eq!(
            problem(b"\x89PNG and more"),
            "is not an IDX file: it starts with 89 50 where 00 00 is expected"
        );
        let mut bytes = encode(&[2], &[1, 2]);
        bytes[2] = 0x0d;
        assert_eq!(
            problem(&bytes),
            "holds elements of type 0x0d (32-bit floats); only 0x08 (unsigned bytes) can be read"
        );
        bytes[2] = 0x77;
        assert!(problem(&bytes).contains("0x77 (unknown)"));
        let rankless = encode(&[], &[]);
        assert_eq!(
            problem(&rankless),
            "has no dimensions: byte 3 of its header is 0"
        );
    }

    #[test]
    fn a_claimed_size_is_not_believed() {
        // 2^96 bytes: no such number fits.
        let absurd = encode(&[u32::MAX, u32::MAX, u32::MAX], &[1, 2]);
        assert!(problem(&absurd).contains("claims the shape [4294967295, 4294967295"));
        // 2^61 bytes would pass as a number. Allocating them would abort the process.
        let huge = encode(&[1 << 30, 1 << 31], &[1, 2]);
        assert_eq!(
            problem(&huge),
            format!(
                "is too short: expected {} bytes, found 14",
                (1u64 << 61) + 12
            )
        );
        assert!(problem(&gzip(&huge)).contains("found 14"));
    }

    #[test]
    fn damaged_compression_is_refused() {
        let bytes = encode(&[1_000], &numbers(1_000));
        let whole = gzip(&bytes);
        let cut = problem(&whole[..whole.len() / 2]);
        assert!(
            cut.contains("damaged gzip: its compressed data is cut off"),
            "{cut}"
        );
        // The checksum's last bytes are missing, the data is whole.
        let cut = problem(&whole[..whole.len() - 6]);
        assert!(cut.contains("cut off"), "{cut}");
        // One bit of the checksum (its four bytes stand before the four of the length).
        let mut flipped = whole.clone();
        flipped[whole.len() - 8] ^= 1;
        let flipped = problem(&flipped);
        assert!(flipped.contains("damaged gzip"), "{flipped}");
        // Other bytes behind the end.
        let trailing = problem(&[&whole[..], b"trailing"].concat());
        assert!(trailing.contains("damaged gzip"), "{trailing}");
        // Nothing but the two bytes that announce it.
        let only = problem(&[0x1f, 0x8b]);
        assert!(only.contains("damaged gzip"), "{only}");
    }

    #[test]
    fn no_damage_to_any_byte_panics_or_passes_for_another_array() {
        let data = numbers(50);
        let whole = gzip(&encode(&[5, 10], &data));
        for position in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[position] ^= 0xff;
            // Some header fields of gzip (time, system) don't matter to the contents.
            if let Ok(array) = read(&bytes) {
                assert_eq!(array.data, data, "byte {position}");
            }
            assert!(read(&whole[..position]).is_err(), "cut at {position}");
        }
    }

    #[test]
    fn a_missing_file_and_a_folder_are_errors_of_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let missing = IdxArray::read(folder.path().join("none")).unwrap_err();
        assert!(matches!(&missing, Error::Io { .. }), "{missing:?}");
        assert!(missing.to_string().contains("none"), "{missing}");
        let folder = IdxArray::read(folder.path()).unwrap_err();
        assert!(matches!(&folder, Error::Io { .. }), "{folder:?}");
    }
}
