//! How wide a cloud of points is along its principal axes, whatever strays about it.

use faer::{Mat, Side};

/// Axes are those of the points no more than this many median distances from the centre.
const CORE: f64 = 2.0;

/// Along an axis, points further than this many standard deviations from the centre do not count.
const CLIP: f64 = 3.0;

/// The variance of N(0, 1) cut off at ±3: `1 − 2·3·φ(3)/(2Φ(3) − 1)`.
const CLIPPED_VARIANCE: f64 = 0.973_336_924_662_541_5;

/// The median of |N(0, 1)|, `Φ⁻¹(¾)`.
const MEDIAN_DEVIATION: f64 = 0.674_489_750_196_081_7;

/// Rounds until the points that count stay the same; a handful is enough, this many ends it.
const ROUNDS: usize = 100;

/// The standard deviations of `points`, row-major `[count, d]`, along their principal axes,
/// ascending, `[d]`.
///
/// ```text
/// c     = the medians of the coordinates
/// axes  = eigenvectors of the covariance of the points with ‖x − c‖ ≤ 2 · median ‖x − c‖
/// s²    = Σ (y − m)² / (n − 1) / 0.9733…    over the n points with |y − m| ≤ 3s, m their mean
/// ```
///
/// y are the points' coordinates along an axis; s and m are found by iteration from the median and
/// the median deviation. 0.9733… is the variance that is left of a Gaussian cut off at 3σ, so s has
/// no bias for one, of whatever width. Points far outside do not count, be they few (fewer than half):
/// they move s by nothing, where they would rule an ordinary covariance.
///
/// Directions in which `count` points can't differ (d − count + 1 of them, if that is above 0) have
/// 0. All finite: the caller sees to it.
pub(super) fn standard_deviations(points: &[f64], dimensions: usize) -> Vec<f64> {
    let count = points.len() / dimensions;
    if count < 2 {
        return vec![0.0; dimensions];
    }
    // From the centre on: digits are lost where a cloud lies far from 0 for its width.
    let centre: Vec<f64> = (0..dimensions)
        .map(|axis| median(points.iter().skip(axis).step_by(dimensions).copied()))
        .collect();
    let points: Vec<f64> = (points.chunks_exact(dimensions))
        .flat_map(|point| point.iter().zip(&centre).map(|(x, c)| x - c))
        .collect();
    let mut found: Vec<f64> = axes(&points, dimensions)
        .chunks_exact(dimensions)
        .map(|axis| {
            let along = |point: &[f64]| point.iter().zip(axis).map(|(x, a)| x * a).sum();
            let projected: Vec<f64> = points.chunks_exact(dimensions).map(along).collect();
            clipped_deviation(projected)
        })
        .collect();
    found.sort_by(f64::total_cmp);
    found
}

/// Orthonormal axes of points around 0, one after the other, `[d][d]`.
fn axes(points: &[f64], dimensions: usize) -> Vec<f64> {
    let distance = |point: &[f64]| point.iter().map(|x| x * x).sum::<f64>().sqrt();
    let radius = CORE * median(points.chunks_exact(dimensions).map(distance));
    let core = || {
        points
            .chunks_exact(dimensions)
            .filter(|point| distance(point) <= radius)
    };
    let count = core().count() as f64;
    let mut mean = vec![0.0; dimensions];
    for point in core() {
        mean.iter_mut()
            .zip(point)
            .for_each(|(m, x)| *m += x / count);
    }
    let mut covariance = Mat::<f64>::zeros(dimensions, dimensions);
    for point in core() {
        for row in 0..dimensions {
            let to = point[row] - mean[row];
            for column in 0..=row {
                covariance[(row, column)] += to * (point[column] - mean[column]) / count;
            }
        }
    }
    match covariance.self_adjoint_eigen(Side::Lower) {
        Ok(decomposition) => {
            let vectors = decomposition.U();
            let axis = |j| (0..dimensions).map(move |i| vectors[(i, j)]);
            (0..dimensions).flat_map(axis).collect()
        }
        // Not reached by finite numbers of the range of f32; the coordinates' axes are some too.
        Err(_) => (0..dimensions * dimensions)
            .map(|i| f64::from(u8::from(i % (dimensions + 1) == 0)))
            .collect(),
    }
}

/// The standard deviation of a Gaussian of which `values` are draws, apart from outliers.
fn clipped_deviation(values: Vec<f64>) -> f64 {
    let mut centre = median(values.iter().copied());
    let deviations = values.iter().map(|y| (y - centre).abs());
    let mut deviation = median(deviations) / MEDIAN_DEVIATION;
    let mut counted = 0;
    for _ in 0..ROUNDS {
        let kept = || {
            values
                .iter()
                .filter(|y| (**y - centre).abs() <= CLIP * deviation)
        };
        let count = kept().count();
        if count < 2 {
            return 0.0;
        }
        let mean = kept().sum::<f64>() / count as f64;
        let squares: f64 = kept().map(|y| (y - mean).powi(2)).sum();
        let next = (squares / (count - 1) as f64 / CLIPPED_VARIANCE).sqrt();
        let settled = count == counted && (next - deviation).abs() <= 1e-12 * deviation;
        (centre, deviation, counted) = (mean, next, count);
        if settled {
            break;
        }
    }
    deviation
}

/// The middle value, the mean of the two middle ones of an even number. At least one value.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    let middle = values.len() / 2;
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    let lower = below.iter().copied().max_by(f64::total_cmp);
    match lower {
        Some(lower) if values.len().is_multiple_of(2) => 0.5 * (lower + upper),
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    /// `count` points of a Gaussian with these standard deviations along axes turned by 0.6.
    fn cloud(count: usize, deviations: [f64; 2], seed: u64) -> Vec<f64> {
        let noise = Stream::new(seed, "cloud").normal(2 * count);
        let (sin, cos) = 0.6f64.sin_cos();
        noise
            .chunks_exact(2)
            .flat_map(|z| {
                let (u, v) = (
                    f64::from(z[0]) * deviations[0],
                    f64::from(z[1]) * deviations[1],
                );
                [5.0 + cos * u - sin * v, -3.0 + sin * u + cos * v]
            })
            .collect()
    }

    fn assert_close(found: &[f64], expected: &[f64], relative: f64) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            let error = (found / expected - 1.0).abs();
            assert!(error <= relative, "{found}, not {expected}");
        }
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
        assert_eq!(median([7.0].into_iter()), 7.0);
    }

    #[test]
    fn an_ellipse_has_the_deviations_along_its_axes() {
        let points = cloud(200_000, [0.3, 2.0], 1);
        // Four standard errors: 4/√(2n) is 0.0063.
        assert_close(&standard_deviations(&points, 2), &[0.3, 2.0], 0.0065);
    }

    #[test]
    fn it_scales_with_the_cloud() {
        let points = cloud(500, [0.3, 2.0], 2);
        let whole = standard_deviations(&points, 2);
        let half: Vec<f64> = points.iter().map(|x| x / 2.0).collect();
        let half = standard_deviations(&half, 2);
        assert_close(&half, &[whole[0] / 2.0, whole[1] / 2.0], 1e-12);
    }

    #[test]
    fn a_few_strays_do_not_count() {
        let mut points = cloud(1_000, [1.0, 1.0], 3);
        let alone = standard_deviations(&points, 2);
        for i in 0..20 {
            points.extend([25.0 + f64::from(i), 40.0]);
        }
        let among = standard_deviations(&points, 2);
        // An ordinary covariance would have 7 along one axis.
        assert_close(&among, &alone, 0.01);
    }

    #[test]
    fn points_on_a_line_or_alone_have_no_width() {
        let line: Vec<f64> = (0..50).flat_map(|i| [f64::from(i), f64::from(i)]).collect();
        let found = standard_deviations(&line, 2);
        assert!(found[0] < 1e-9 && found[1] > 10.0, "{found:?}");
        assert_eq!(standard_deviations(&[1.0, 2.0], 2), [0.0, 0.0]);
        assert_eq!(standard_deviations(&[], 3), [0.0; 3]);
        assert_eq!(standard_deviations(&[4.0; 30], 3), [0.0; 3]);
        // Three points in five dimensions differ in two directions.
        let few = Stream::new(4, "few").normal(15);
        let few: Vec<f64> = few.into_iter().map(f64::from).collect();
        let found = standard_deviations(&few, 5);
        assert!(found[2] < 1e-9 && found[4] > 0.1, "{found:?}");
    }
}
