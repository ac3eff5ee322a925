//! Curves, thinned so that a long run's report stays small and loses nothing that a reader looks
//! for.

use crate::json::Json;

/// How many points of a curve a report keeps.
pub(super) const KEPT: usize = 500;

/// A named line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

impl Line {
    pub(super) fn new(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points: thinned(points.into_iter().collect()),
        }
    }

    /// Its points as pairs.
    pub(super) fn json(&self) -> Json {
        let point = |&(x, y): &(f64, f64)| Json::List(vec![Json::number(x), Json::number(y)]);
        Json::List(self.points.iter().map(point).collect())
    }
}

/// At most [`KEPT`] of the points, in their order: the first, the last, and of each of equally many
/// between them the lowest, the highest and the first that is not finite.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= KEPT {
        return points;
    }
    let [first, middle @ .., last] = points.as_slice() else {
        return points;
    };
    let broken = middle.iter().any(|point| !finite(point));
    let buckets = (KEPT - 2) / if broken { 3 } else { 2 };
    let edge = |bucket: usize| bucket * middle.len() / buckets;

    let mut kept = vec![*first];
    for bucket in 0..buckets {
        let points = &middle[edge(bucket)..edge(bucket + 1)];
        kept.extend(notable(points).into_iter().map(|index| points[index]));
    }
    kept.push(*last);
    kept
}

/// Where the lowest, the highest and the first point that is not finite stand, in their order.
fn notable(points: &[(f64, f64)]) -> Vec<usize> {
    let heights = || {
        let places = points.iter().enumerate();
        places.filter(|(_, point)| finite(point))
    };
    let by_height = |a: &(usize, &(f64, f64)), b: &(usize, &(f64, f64))| a.1.1.total_cmp(&b.1.1);
    let lowest = heights().min_by(by_height).map(|place| place.0);
    let highest = heights().max_by(by_height).map(|place| place.0);
    let gap = points.iter().position(|point| !finite(point));

    let mut places: Vec<usize> = [lowest, highest, gap].into_iter().flatten().collect();
    places.sort_unstable();
    places.dedup();
    places
}

fn finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    /// A random walk of `count` steps; one point in `one_in` is NaN or infinite.
    fn walk(stream: &mut Stream, count: usize, one_in: Option<usize>) -> Vec<(f64, f64)> {
        let mut height = 0.0;
        let steps = stream.normal(count);
        let walked = steps.iter().enumerate().map(|(index, step)| {
            height += f64::from(*step);
            let broken = one_in.is_some_and(|one_in| stream.index(one_in) == 0);
            let gap = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][index % 3];
            (index as f64, if broken { gap } else { height })
        });
        walked.collect()
    }

    fn extremes(points: &[(f64, f64)]) -> (f64, f64) {
        let heights = || points.iter().map(|point| point.1).filter(|y| y.is_finite());
        (
            heights().fold(f64::INFINITY, f64::min),
            heights().fold(f64::NEG_INFINITY, f64::max),
        )
    }

    /// NaN equal to itself.
    fn bits(point: &(f64, f64)) -> (u64, u64) {
        (point.0.to_bits(), point.1.to_bits())
    }

    #[test]
    fn extremes_ends_and_order_stay_and_nothing_is_made_up() {
        let mut stream = Stream::new(3, "curves");
        for trial in 0..200 {
            let count = 1 + stream.index(5_000);
            let one_in = (trial % 2 == 0).then(|| 2 + stream.index(400));
            let all = walk(&mut stream, count, one_in);
            let kept = thinned(all.clone());
            assert!(kept.len() <= KEPT, "{} of {count}", kept.len());
            assert_eq!(extremes(&kept), extremes(&all));
            assert_eq!(bits(&kept[0]), bits(&all[0]));
            assert_eq!(bits(&kept[kept.len() - 1]), bits(&all[count - 1]));
            // Every kept point is one of all, in their order.
            let mut rest = all.iter();
            for point in &kept {
                assert!(rest.any(|other| bits(other) == bits(point)), "{point:?}");
            }
            let broken = |points: &[(f64, f64)]| points.iter().any(|point| !finite(point));
            assert_eq!(broken(&kept), broken(&all));
        }
    }

    #[test]
    fn a_short_curve_is_kept_whole() {
        for count in [0, 1, 2, KEPT] {
            let points: Vec<_> = (0..count).map(|x| (x as f64, 0.0)).collect();
            assert_eq!(thinned(points.clone()), points);
        }
    }

    #[test]
    fn a_single_spike_and_a_single_gap_among_many_stay() {
        let mut points: Vec<_> = (0..100_000).map(|x| (f64::from(x), 1.0)).collect();
        points[54_321].1 = 1.5;
        assert!(thinned(points.clone()).contains(&(54_321.0, 1.5)));
        points[54_320].1 = f64::NAN;
        let kept = thinned(points);
        let gap = kept.iter().position(|point| point.1.is_nan()).unwrap();
        assert_eq!(kept[gap].0, 54_320.0);
        assert_eq!(kept[gap + 1], (54_321.0, 1.5));
    }
}
