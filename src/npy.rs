//! The format of numpy's arrays, read without trust.

use std::io::{Cursor, Read};

use npyz::{Deserialize, NpyFile, Order};

use crate::network::guard::quietly;
use crate::text::visible;

/// What `.npy` files begin with.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";
/// Headers of arrays of numbers have a hundred bytes; the reader of longer ones would follow whatever
/// is nested in them.
const HEADER_AT_MOST: usize = 4_096;
/// Brackets in a header: `{…, 'shape': (3, 4), }` has two.
const BRACKETS_AT_MOST: usize = 8;

/// An array whose header is read.
pub(crate) struct Npy<R: Read> {
    file: NpyFile<std::io::Chain<Cursor<Vec<u8>>, R>>,
    /// The type of its numbers, as numpy writes it: `<f4`.
    pub(crate) descr: String,
    /// Bytes of the header, and what stands before it.
    pub(crate) header: u64,
}

impl<R: Read> Npy<R> {
    /// Reads the header.
    pub(crate) fn open(mut source: R) -> Result<Self, String> {
        let mut start = Vec::new();
        read(&mut source, 12, &mut start)?;
        let cut = || "is cut short".to_owned();
        if !start.starts_with(MAGIC) {
            return Err("is no array of numpy's".to_owned());
        }
        // magic, version, length of the header in 2 bytes or 4
        let length = match (start.get(6), start.get(8..12)) {
            (Some(1), Some(&[a, b, ..])) => usize::from(u16::from_le_bytes([a, b])),
            (Some(2 | 3), Some(&[a, b, c, d])) => u32::from_le_bytes([a, b, c, d]) as usize,
            (Some(version), Some(_)) => {
                return Err(format!("is of version {version} of the format"));
            }
            _ => return Err(cut()),
        };
        let before = if start[6] == 1 { 10 } else { 12 };
        let strange = || "has a header that no array of numbers has".to_owned();
        if length > HEADER_AT_MOST {
            return Err(strange());
        }
        read(
            &mut source,
            (before + length).saturating_sub(12),
            &mut start,
        )?;
        let header = start.get(before..before + length).ok_or_else(cut)?;
        let brackets = header.iter().filter(|byte| b"([{".contains(byte)).count();
        if brackets > BRACKETS_AT_MOST {
            return Err(strange());
        }
        let source = Cursor::new(start).chain(source);
        // Lengths that no computer has make it panic.
        let file = quietly(|| NpyFile::new(source))
            .map_err(|_| "claims more numbers than there can be".to_owned())?
            .map_err(|error| error.to_string())?;
        let descr = visible(&file.dtype().descr()).into_owned();
        Ok(Self {
            descr: descr.trim_matches('\'').to_owned(),
            file,
            header: (before + length) as u64,
        })
    }

    pub(crate) fn shape(&self) -> &[u64] {
        self.file.shape()
    }

    /// The bytes of one number, of a type that is read: whole numbers and floats of 1 to 8 bytes.
    #[cfg(feature = "arrays")]
    pub(crate) fn width(&self) -> Option<u64> {
        let mut letters = self.descr.chars();
        let known = matches!(letters.next(), Some('<' | '>' | '|'));
        let kind = letters.next();
        match (known, kind, letters.as_str()) {
            (true, Some('u' | 'i'), "1") => Some(1),
            (true, Some('u' | 'i'), "2") => Some(2),
            (true, Some('u' | 'i' | 'f'), "4") => Some(4),
            (true, Some('u' | 'i' | 'f'), "8") => Some(8),
            _ => None,
        }
    }

    /// How many numbers it claims; `None` where that is more than can be counted.
    pub(crate) fn count(&self) -> Option<u64> {
        let shape = self.shape().iter();
        shape.copied().try_fold(1, u64::checked_mul)
    }

    /// All numbers, in C's order, each as `to` makes it. Memory is taken for as many as are claimed:
    /// the caller has compared that with what there is.
    pub(crate) fn numbers<T: Deserialize, U: Copy>(
        self,
        to: impl Fn(T) -> U,
    ) -> Result<Vec<U>, String> {
        let order = self.file.order();
        let sizes = self.shape().iter().map(|size| *size as usize);
        let sizes: Vec<usize> = sizes.collect();
        let count = self.count().unwrap_or(0) as usize;
        let read = self.file.data::<T>().map_err(|error| error.to_string())?;
        let mut numbers = Vec::with_capacity(count);
        for number in read {
            numbers.push(to(number.map_err(|error| error.to_string())?));
        }
        Ok(match order {
            Order::Fortran if sizes.len() > 1 => in_c_order(&numbers, &sizes),
            _ => numbers,
        })
    }
}

/// Up to `count` bytes more.
fn read(source: &mut impl Read, count: usize, bytes: &mut Vec<u8>) -> Result<(), String> {
    let read = source.take(count as u64).read_to_end(bytes);
    read.map(|_| ()).map_err(|error| error.to_string())
}

/// Numbers whose first index runs fastest as such whose last does.
fn in_c_order<T: Copy>(numbers: &[T], sizes: &[usize]) -> Vec<T> {
    // Steps in `numbers`.
    let mut steps = vec![1; sizes.len()];
    for axis in 1..sizes.len() {
        steps[axis] = steps[axis - 1] * sizes[axis - 1];
    }
    let mut place = vec![0; sizes.len()];
    let mut at = 0;
    let mut turned = Vec::with_capacity(numbers.len());
    for _ in 0..numbers.len() {
        turned.push(numbers[at]);
        for axis in (0..sizes.len()).rev() {
            place[axis] += 1;
            at += steps[axis];
            if place[axis] < sizes[axis] {
                break;
            }
            place[axis] = 0;
            at -= steps[axis] * sizes[axis];
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fortrans_order_is_turned_into_cs() {
        // Element (i, j, k) is 100 i + 10 j + k.
        let sizes = [2, 3, 4];
        let all = |order: [usize; 3]| {
            let mut numbers = Vec::new();
            for slow in 0..sizes[order[0]] {
                for middle in 0..sizes[order[1]] {
                    for fast in 0..sizes[order[2]] {
                        let mut place = [0; 3];
                        place[order[0]] = slow;
                        place[order[1]] = middle;
                        place[order[2]] = fast;
                        numbers.push(100 * place[0] + 10 * place[1] + place[2]);
                    }
                }
            }
            numbers
        };
        assert_eq!(in_c_order(&all([2, 1, 0]), &sizes), all([0, 1, 2]));
    }
}
