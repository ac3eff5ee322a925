//! How much memory a file's contents may take, beside its length.

/// So many times the length.
const PER_BYTE: u64 = 64;
/// But at least so much: what files below one MiB may take.
const AT_LEAST: u64 = 64 << 20;

/// Bytes that the contents of a compressed file of this length may take: a file of a few bytes can
/// hold gigabytes of zeros.
pub(super) fn of_file(length: u64) -> u64 {
    length.saturating_mul(PER_BYTE).max(AT_LEAST)
}
