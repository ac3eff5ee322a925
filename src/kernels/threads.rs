//! Work dealt out among threads in fixed shares.
//!
//! Shares depend on the number of threads and on nothing else, and sums over shares are taken in
//! their order: the same thread count gives the same numbers to the last bit.

use std::ops::{AddAssign, DerefMut, Range};

/// How many threads take part.
pub(super) fn count() -> usize {
    rayon::current_num_threads()
}

/// How many threads a single pass over so many numbers is worth.
pub(super) fn for_numbers(count: usize) -> usize {
    (count >> 15).clamp(1, self::count())
}

/// The sums of all shares added up, in their order; `None` where there is no share.
pub(super) fn total<N, T>(shares: impl IntoIterator<Item = T>) -> Option<T>
where
    N: Copy + AddAssign,
    T: DerefMut<Target = [N]>,
{
    let mut shares = shares.into_iter();
    let mut total = shares.next()?;
    for share in shares {
        for (total, share) in total.iter_mut().zip(share.iter()) {
            *total += *share;
        }
    }
    Some(total)
}

/// `0..length` in at most `parts` pieces of nearly equal length, none of them empty.
pub(super) fn split(length: usize, parts: usize) -> Vec<Range<usize>> {
    let parts = parts.min(length);
    let (mut ranges, mut start) = (Vec::with_capacity(parts), 0);
    for part in 0..parts {
        let end = start + (length - start) / (parts - part);
        ranges.push(start..end);
        start = end;
    }
    ranges
}

/// Does the work of every part and returns when all is done. The last part is done by the calling
/// thread itself, which has not to be woken.
pub(super) fn run<T: Send>(parts: impl IntoIterator<Item = T>, work: impl Fn(T) + Sync) {
    let mut parts: Vec<T> = parts.into_iter().collect();
    let Some(own) = parts.pop() else {
        return;
    };
    if parts.is_empty() {
        return work(own);
    }
    let work = &work;
    rayon::in_place_scope(|scope| {
        for part in parts {
            scope.spawn(move |_| work(part));
        }
        work(own);
    });
}

/// A slice cut at the ends of ranges that follow each other, in units of `unit` elements.
pub(super) fn cut<'a, T>(
    mut slice: &'a mut [T],
    ranges: &[Range<usize>],
    unit: usize,
) -> Vec<&'a mut [T]> {
    let mut pieces = Vec::with_capacity(ranges.len());
    for range in ranges {
        let (piece, rest) = slice.split_at_mut(range.len() * unit);
        pieces.push(piece);
        slice = rest;
    }
    pieces
}

/// Slices of `length` elements that follow each other, each cut at the ends of the ranges: for each range
/// its piece of every slice.
pub(super) fn cut_each<'a, T>(
    slice: &'a mut [T],
    length: usize,
    ranges: &[Range<usize>],
    unit: usize,
) -> Vec<Vec<&'a mut [T]>> {
    let mut parts: Vec<Vec<&mut [T]>> = ranges.iter().map(|_| Vec::new()).collect();
    for slice in slice.chunks_exact_mut(length) {
        for (part, piece) in parts.iter_mut().zip(cut(slice, ranges, unit)) {
            part.push(piece);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn pieces_cover_everything_once_and_evenly() {
        for length in 0..40 {
            for parts in 1..9 {
                let pieces = split(length, parts);
                assert_eq!(pieces.len(), parts.min(length));
                let mut next = 0;
                for piece in &pieces {
                    assert_eq!(piece.start, next);
                    assert!(
                        piece.len() == length / parts.min(length)
                            || piece.len() == length / parts.min(length) + 1
                    );
                    next = piece.end;
                }
                assert_eq!(next, length);
            }
        }
    }

    #[test]
    fn every_part_is_done_before_the_return() {
        let sum = AtomicUsize::new(0);
        run(0..100usize, |part| {
            sum.fetch_add(part, Ordering::SeqCst);
        });
        assert_eq!(sum.load(Ordering::SeqCst), 4950);
        run(std::iter::empty::<usize>(), |_| panic!("there is no part"));
    }
}
