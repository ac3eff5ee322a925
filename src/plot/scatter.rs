//! Two-dimensional samples over the data.

use std::ops::Range;
use std::path::Path;

use plotters::prelude::Circle;
use plotters::style::Color as _;

use super::axis::{Axis, drawable, fixed, range_of};
use super::canvas::{self, Area, Drawn, Key, Mark, UNIT, problem};
use super::color::Color;
use super::frame::{axes, frame};
use crate::error::Result;

/// Points of the data in grey and generated points above them in colour, both axes to the same
/// scale: a circle looks like one.
///
/// Points that are not finite, or lie outside bounds that were fixed, cannot be shown; the legend
/// counts them, so that a picture never hides them.
///
/// ```
/// use burn_gan::plot::Scatter;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("ring.svg");
/// let data = (0..8).map(|k| {
///     let angle = f64::from(k) * std::f64::consts::FRAC_PI_4;
///     [angle.cos(), angle.sin()]
/// });
/// // Samples as a tensor's flat values: x and y in turn.
/// let flat = [0.9_f32, 0.1, 0.0, -1.1];
/// let generated = flat.chunks_exact(2).map(|p| [p[0], p[1]]);
///
/// Scatter::new("Ring", data, generated)
///     .with_bounds((-1.5, 1.5), (-1.5, 1.5))
///     .save(&path)?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    /// The title above the chart; may be empty.
    pub title: String,
    /// The x axis' label; may be empty.
    pub x_label: String,
    /// The y axis' label; may be empty.
    pub y_label: String,
    /// The data's points, x and y, drawn below.
    pub data: Vec<[f64; 2]>,
    /// The generated points, x and y, drawn above.
    pub generated: Vec<[f64; 2]>,
    /// What is visible: the ends of x and of y. `None` shows every point. One of the axes reaches
    /// further, to keep the scales equal; no points are drawn there.
    pub bounds: Option<((f64, f64), (f64, f64))>,
    /// Width and height in pixels, when saved on its own.
    pub size: (u32, u32),
}

impl Scatter {
    /// A chart of 560 × 580 pixels that shows every point of `data` and `generated`, of which one
    /// may be empty.
    pub fn new<T, U>(
        title: impl Into<String>,
        data: impl IntoIterator<Item = [T; 2]>,
        generated: impl IntoIterator<Item = [U; 2]>,
    ) -> Self
    where
        T: Into<f64>,
        U: Into<f64>,
    {
        Self {
            title: title.into(),
            x_label: String::new(),
            y_label: String::new(),
            data: data
                .into_iter()
                .map(|point| point.map(Into::into))
                .collect(),
            generated: generated
                .into_iter()
                .map(|point| point.map(Into::into))
                .collect(),
            bounds: None,
            size: (560, 580),
        }
    }

    /// Labels the axes.
    pub fn with_labels(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        self.x_label = x.into();
        self.y_label = y.into();
        self
    }

    /// Fixes what is visible, so that pictures of one run can be compared. Each pair must be
    /// finite, the first number below the second.
    pub fn with_bounds(mut self, x: (f64, f64), y: (f64, f64)) -> Self {
        self.bounds = Some((x, y));
        self
    }

    /// Sets the picture's width and height in pixels, 160 to 16384 each.
    pub fn with_size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Writes the chart as SVG, creating the folders above it.
    ///
    /// # Errors
    /// [`Error::Plot`](crate::Error::Plot) without a single finite point, or for bounds or a size
    /// that cannot be; [`Error::Io`](crate::Error::Io) where the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        canvas::save(path.as_ref(), self.svg())
    }

    fn svg(&self) -> Drawn<String> {
        canvas::document(self.size, |area| self.draw(area))
    }

    /// Draws the chart into a part of a picture.
    pub(super) fn draw(&self, area: &Area<'_>) -> Drawn {
        let (x, y) = self.ranges()?;
        let data = Group::new("data", (Color::Grey, 1.6), &self.data, (&x, &y));
        let generated = Group::new(
            "generated",
            (Color::Vermillion, 1.0),
            &self.generated,
            (&x, &y),
        );
        let groups = [data, generated];
        let keys: Vec<Key> = groups
            .iter()
            .filter(|group| group.count > 0)
            .map(Group::key)
            .collect();

        let area = canvas::header(area, &self.title, &keys)?;
        let (width, height) = frame(&area);
        let (x, y) = equal(x, y, f64::from(width.max(1)) / f64::from(height.max(1)));
        let mut chart = axes(
            &area,
            (Axis::linear(x), &self.x_label),
            (Axis::linear(y), &self.y_label),
        )?;
        for group in &groups {
            // Few points are drawn large, many small enough to keep dense places apart.
            // The data's are larger, so that they show around the generated ones.
            let pixels = if group.count > 500 { 1.6 } else { 3.0 } * group.size;
            let radius = (pixels * f64::from(UNIT)) as u32;
            let style = group.color.plotters().mix(0.5).filled();
            let circles = group.shown.iter().map(|&at| Circle::new(at, radius, style));
            chart.draw_series(circles).map_err(problem)?;
        }
        Ok(())
    }

    /// The ranges that must be visible.
    fn ranges(&self) -> Drawn<(Range<f64>, Range<f64>)> {
        if let Some((x, y)) = self.bounds {
            return Ok((fixed(x)?, fixed(y)?));
        }
        let axis = |index: usize| {
            let points = self.data.iter().chain(&self.generated);
            let finite = points.filter(|point| point.iter().all(|&value| drawable(value)));
            range_of(finite.map(|point| point[index]), 0.05)
        };
        axis(0)
            .zip(axis(1))
            .ok_or_else(|| "nothing to draw: no point is finite".to_owned())
    }
}

/// One of the two groups: what of it is shown, and how.
#[derive(Debug)]
struct Group {
    name: &'static str,
    color: Color,
    /// Its circles' size, relative to the generated ones'.
    size: f64,
    count: usize,
    shown: Vec<(f64, f64)>,
}

impl Group {
    fn new(
        name: &'static str,
        (color, size): (Color, f64),
        points: &[[f64; 2]],
        (x, y): (&Range<f64>, &Range<f64>),
    ) -> Self {
        // The ends belong to the frame; NaN is in no range.
        let inside = |range: &Range<f64>, value: f64| (range.start..=range.end).contains(&value);
        Self {
            name,
            color,
            size,
            count: points.len(),
            shown: points
                .iter()
                .filter(|point| inside(x, point[0]) && inside(y, point[1]))
                .map(|point| (point[0], point[1]))
                .collect(),
        }
    }

    /// The legend's entry; it counts the points that are not shown.
    fn key(&self) -> Key {
        let hidden = self.count - self.shown.len();
        Key {
            mark: Mark::Dot,
            color: self.color,
            name: match hidden {
                0 => self.name.to_owned(),
                _ => format!("{} ({hidden} of {} not shown)", self.name, self.count),
            },
        }
    }
}

/// Widens one of the ranges, so that a unit is equally long on both axes of a frame that is
/// `aspect` times as wide as high.
fn equal(x: Range<f64>, y: Range<f64>, aspect: f64) -> (Range<f64>, Range<f64>) {
    let (wide, high) = (x.end - x.start, y.end - y.start);
    let widen = |range: Range<f64>, length: f64| {
        let middle = (range.start + range.end) / 2.0;
        middle - length / 2.0..middle + length / 2.0
    };
    if wide < aspect * high {
        (widen(x, aspect * high), y)
    } else {
        (x, widen(y, wide / aspect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles' colours and centres, in units of the drawing.
    fn circles(svg: &str) -> Vec<(String, f64, f64)> {
        let value = |line: &str, name: &str| -> String {
            let rest = line.split(&format!(" {name}=\"")).nth(1).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        svg.lines()
            .filter(|line| line.starts_with("<circle"))
            .map(|line| {
                let number = |name| value(line, name).parse().unwrap();
                (value(line, "fill"), number("cx"), number("cy"))
            })
            .collect()
    }

    #[test]
    fn every_point_is_one_circle_and_data_lies_below() {
        let svg = Scatter::new(
            "t",
            [[0.0, 0.0], [1.0, 3.0], [2.0, 1.0]],
            [[0.5_f32, 0.5]; 2],
        )
        .svg()
        .unwrap();
        let circles = circles(&svg);
        let fills: Vec<&str> = circles.iter().map(|circle| circle.0.as_str()).collect();
        assert_eq!(
            fills,
            ["#969696", "#969696", "#969696", "#D55E00", "#D55E00"]
        );
    }

    #[test]
    fn both_axes_have_the_same_scale() {
        for size in [(600, 300), (300, 600), (560, 580)] {
            let corners = [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]];
            let svg = Scatter::new("", corners, Vec::<[f64; 2]>::new())
                .with_size(size.0, size.1)
                .svg()
                .unwrap();
            let at = circles(&svg);
            let (across, up) = (at[1].1 - at[0].1, at[0].2 - at[2].2);
            // Within the rounding of coordinates to whole units.
            assert!(
                (across - up).abs() <= 3.0 && across > 500.0,
                "{across} {up}"
            );
        }
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let none = Vec::<[f64; 2]>::new();
        let svg = Scatter::new("", none, [[0.0, 0.0], [f64::NAN, 0.0], [9.0, 0.0]])
            .with_bounds((-1.0, 1.0), (-1.0, 1.0))
            .svg()
            .unwrap();
        assert_eq!(circles(&svg).len(), 1);
        assert!(svg.contains("generated (2 of 3 not shown)"));
        assert!(!svg.contains(">\ndata"));
    }

    #[test]
    fn a_single_point_is_drawn_and_none_is_refused() {
        let none = Vec::<[f64; 2]>::new();
        let one = Scatter::new("", [[3.0, 4.0]], none.clone()).svg().unwrap();
        assert_eq!(circles(&one).len(), 1);
        let empty = Scatter::new("", none.clone(), none.clone());
        assert!(empty.svg().unwrap_err().contains("nothing to draw"));
        let nan = Scatter::new("", none, [[f64::NAN, 0.0], [0.0, f64::INFINITY]]);
        assert!(nan.svg().unwrap_err().contains("nothing to draw"));
    }

    #[test]
    fn impossible_bounds_are_refused() {
        let plain = Scatter::new("", [[0.0, 0.0]], [[0.0, 0.0]]);
        for low_high in [
            (1.0, 1.0),
            (1.0, 0.0),
            (f64::NAN, 1.0),
            (0.0, f64::INFINITY),
        ] {
            assert!(
                plain
                    .clone()
                    .with_bounds(low_high, (0.0, 1.0))
                    .svg()
                    .is_err()
            );
            assert!(
                plain
                    .clone()
                    .with_bounds((0.0, 1.0), low_high)
                    .svg()
                    .is_err()
            );
        }
    }
}
