//! One named line of a chart, and where it breaks.

use super::axis::{Axis, drawable};
use super::color::Color;

/// How a series' line is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Stroke {
    /// A continuous line.
    #[default]
    Solid,
    /// A dashed line: for a reference (the data's density, the optimal discriminator).
    Dashed,
}

/// A named line through points, in the order given.
///
/// A point with a NaN or infinite coordinate (on a logarithmic axis also one that is not positive)
/// breaks the line, so that it is seen; numbers from 1e100 on count as infinite, logarithms of
/// those below 1e-100 too. A point alone between two breaks is drawn as a dot.
///
/// ```
/// use burn_gan::plot::{Color, Series, Stroke};
///
/// let optimal = Series::new("D*", [(0.0, 0.1), (1.0, 0.9)]).dashed().with_color(Color::Black);
/// assert_eq!(optimal.stroke, Stroke::Dashed);
/// assert_eq!(optimal.points.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points: x and y.
    pub points: Vec<(f64, f64)>,
    /// Its colour; `None` takes the palette's next ([`Color::nth`] of its place in the chart).
    pub color: Option<Color>,
    /// How its line is drawn.
    pub stroke: Stroke,
}

impl Series {
    /// A solid line through `points`, in the palette's next colour.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self {
            name: name.into(),
            points: points.into_iter().collect(),
            color: None,
            stroke: Stroke::Solid,
        }
    }

    /// Draws it in this colour: the same series keeps its colour from chart to chart.
    pub fn with_color(mut self, color: Color) -> Self {
        self.color = Some(color);
        self
    }

    /// Replaces each value by the mean of the last `window` values up to it, of all where there are
    /// fewer: a single batch's numbers are mostly noise. A value that is not finite breaks the line
    /// wherever it is in the window. A window of 0 or 1 changes nothing.
    pub fn smoothed(mut self, window: usize) -> Self {
        let window = window.max(1);
        let values: Vec<f64> = self.points.iter().map(|point| point.1).collect();
        for (end, point) in self.points.iter_mut().enumerate() {
            let last = &values[(end + 1).saturating_sub(window)..=end];
            point.1 = last.iter().sum::<f64>() / last.len() as f64;
        }
        self
    }

    /// Draws it dashed.
    pub fn dashed(mut self) -> Self {
        self.stroke = Stroke::Dashed;
        self
    }
}

/// The pieces of a line that can be drawn on a y axis: broken at undrawable points, and cut where
/// it leaves the range (along the straight line that is seen, so in logarithms on a logarithmic
/// axis).
pub(super) fn pieces(points: &[(f64, f64)], axis: &Axis) -> Vec<Vec<(f64, f64)>> {
    let (low, high) = (axis.scale(axis.range.start), axis.scale(axis.range.end));
    let mut pieces = Vec::new();
    let mut piece: Vec<(f64, f64)> = Vec::new();
    let mut last: Option<(f64, f64)> = None;
    for &(x, y) in points {
        let here = (x, axis.scale(y));
        if !drawable(x) || !axis.drawable(y) {
            pieces.extend(take(&mut piece));
            last = None;
            continue;
        }
        let inside = (low..=high).contains(&here.1);
        match last.and_then(|from| cut(from, here, low, high)) {
            Some((from, to)) => {
                if piece.is_empty() {
                    piece.push((from.0, axis.unscale(from.1)));
                }
                piece.push((to.0, axis.unscale(to.1)));
            }
            // The first of a piece, or the same point again.
            None if inside && piece.is_empty() => piece.push((x, axis.unscale(here.1))),
            None => {}
        }
        if !inside {
            pieces.extend(take(&mut piece));
        }
        last = Some(here);
    }
    pieces.extend(take(&mut piece));
    pieces
}

/// Takes a piece that has points, and leaves an empty one.
fn take(piece: &mut Vec<(f64, f64)>) -> Option<Vec<(f64, f64)>> {
    (!piece.is_empty()).then(|| std::mem::take(piece))
}

/// The part of the segment between `low` and `high`, if any of it has length.
fn cut(from: (f64, f64), to: (f64, f64), low: f64, high: f64) -> Option<((f64, f64), (f64, f64))> {
    let at = |bound: f64| {
        let share = (bound - from.1) / (to.1 - from.1);
        (from.0 + share * (to.0 - from.0), bound)
    };
    if from.1.max(to.1) < low || from.1.min(to.1) > high {
        return None;
    }
    let end = |point: (f64, f64)| {
        if point.1 < low {
            at(low)
        } else if point.1 > high {
            at(high)
        } else {
            point
        }
    };
    let (start, stop) = (end(from), end(to));
    (start != stop).then_some((start, stop))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(range: std::ops::Range<f64>) -> Axis {
        Axis { range, log: true }
    }

    #[test]
    fn a_smoothed_line_goes_through_the_means_of_the_last_values() {
        let points = [2.0, 4.0, 9.0, f64::NAN, 1.0, 3.0, 5.0];
        let line = Series::new("", (0..).map(f64::from).zip(points));
        let smooth = line.clone().smoothed(3).points;
        // Sums of small integers are exact: 2/1, (2 + 4)/2, (2 + 4 + 9)/3, …
        let expected = [2.0, 3.0, 5.0, f64::NAN, f64::NAN, f64::NAN, 3.0];
        assert_eq!(smooth.len(), expected.len());
        for (index, (point, mean)) in smooth.iter().zip(expected).enumerate() {
            assert_eq!(point.0, index as f64);
            assert!(point.1 == mean || (point.1.is_nan() && mean.is_nan()));
        }
        for window in [0, 1] {
            let same = line.clone().smoothed(window).points;
            assert_eq!(format!("{same:?}"), format!("{:?}", line.points));
        }
        assert!(Series::new("", []).smoothed(20).points.is_empty());
    }

    #[test]
    fn nan_and_infinity_break_the_line() {
        let points = [
            (0.0, 1.0),
            (1.0, 2.0),
            (2.0, f64::NAN),
            (3.0, 1.0),
            (f64::INFINITY, 1.0),
            (5.0, 1.0),
            (6.0, 2.0),
        ];
        let pieces = pieces(&points, &Axis::linear(0.0..3.0));
        assert_eq!(
            pieces,
            [
                vec![(0.0, 1.0), (1.0, 2.0)],
                vec![(3.0, 1.0)],
                vec![(5.0, 1.0), (6.0, 2.0)]
            ]
        );
    }

    #[test]
    fn a_line_is_cut_where_it_leaves_the_range() {
        let up_and_down = [(0.0, 0.0), (1.0, 2.0), (2.0, 0.0)];
        assert_eq!(
            pieces(&up_and_down, &Axis::linear(0.0..1.0)),
            [vec![(0.0, 0.0), (0.5, 1.0)], vec![(1.5, 1.0), (2.0, 0.0)]]
        );
        let through = [(0.0, -1.0), (4.0, 3.0)];
        assert_eq!(
            pieces(&through, &Axis::linear(0.0..1.0)),
            [vec![(1.0, 0.0), (2.0, 1.0)]]
        );
        assert!(pieces(&[(0.0, 5.0), (1.0, 6.0)], &Axis::linear(0.0..1.0)).is_empty());
    }

    #[test]
    fn logarithmic_lines_are_cut_along_what_is_seen() {
        let cut = pieces(&[(0.0, 1.0), (2.0, 100.0)], &log(1.0..10.0));
        assert_eq!(cut.len(), 1);
        assert_eq!(cut[0][0], (0.0, 1.0));
        assert!((cut[0][1].0 - 1.0).abs() < 1e-12, "{cut:?}");
        assert!((cut[0][1].1 - 10.0).abs() < 1e-9, "{cut:?}");
        // Zero and negative values have no logarithm: a break, not a cut.
        let broken = pieces(
            &[(0.0, 1.0), (1.0, 0.0), (2.0, 2.0), (3.0, -1.0)],
            &log(1.0..10.0),
        );
        assert_eq!(broken.len(), 2);
    }

    #[test]
    fn a_repeated_point_is_one_point() {
        let pieces = pieces(&[(1.0, 1.0), (1.0, 1.0)], &Axis::linear(0.0..2.0));
        assert_eq!(pieces, [vec![(1.0, 1.0)]]);
    }
}
