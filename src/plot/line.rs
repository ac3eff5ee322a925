//! A chart of lines.

use std::path::Path;

use plotters::prelude::{Circle, PathElement};
use plotters::series::DashedLineSeries;
use plotters::style::Color as _;

use super::axis::{Axis, drawable, drawable_log, fixed, range_of};
use super::canvas::{self, Area, Drawn, Key, Mark, UNIT, pen, problem};
use super::color::Color;
use super::frame::axes;
use super::series::{Series, Stroke, pieces};
use crate::error::Result;

/// What is wrong with a chart of nothing.
const NOTHING: &str = "nothing to draw: no series has a point that can be drawn";

/// Named series over a common x axis, with a legend above the frame.
///
/// The ranges follow the data; [`with_y_range`](Self::with_y_range) fixes y, and lines are cut
/// where they leave it. What cannot be drawn breaks the line, see [`Series`].
///
/// ```
/// use burn_gan::plot::{LineChart, Series};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("js.svg");
/// let js = (1..=50).map(|k| (f64::from(k) * 100.0, 0.7 / f64::from(k)));
/// LineChart::new("Divergence from the data", "step", "JS estimate")
///     .with_series(Series::new("non-saturating", js))
///     .with_log_y()
///     .with_size(640, 400)
///     .save(&path)?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    /// The title above the chart; may be empty.
    pub title: String,
    /// The x axis' label; may be empty.
    pub x_label: String,
    /// The y axis' label; may be empty.
    pub y_label: String,
    /// The lines, later ones above earlier ones.
    pub series: Vec<Series>,
    /// The y axis' ends, low and high; `None` follows the data.
    pub y_range: Option<(f64, f64)>,
    /// Whether the y axis is logarithmic.
    pub log_y: bool,
    /// Width and height in pixels, when saved on its own.
    pub size: (u32, u32),
}

impl LineChart {
    /// A chart without series: 640 × 420 pixels, y linear and following the data.
    pub fn new(
        title: impl Into<String>,
        x_label: impl Into<String>,
        y_label: impl Into<String>,
    ) -> Self {
        Self {
            title: title.into(),
            x_label: x_label.into(),
            y_label: y_label.into(),
            series: Vec::new(),
            y_range: None,
            log_y: false,
            size: (640, 420),
        }
    }

    /// Adds a line above those already there.
    pub fn with_series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Fixes the y axis' ends. They must be finite, `low < high`, and positive on a logarithmic
    /// axis.
    pub fn with_y_range(mut self, low: f64, high: f64) -> Self {
        self.y_range = Some((low, high));
        self
    }

    /// Makes the y axis logarithmic; values that are not positive break the line.
    pub fn with_log_y(mut self) -> Self {
        self.log_y = true;
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
    /// [`Error::Plot`](crate::Error::Plot) without a single point that can be drawn, or for a y
    /// range or size that cannot be; [`Error::Io`](crate::Error::Io) where the file cannot be
    /// written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        canvas::save(path.as_ref(), self.svg())
    }

    fn svg(&self) -> Drawn<String> {
        canvas::document(self.size, |area| self.draw(area))
    }

    /// The chart as an SVG element for a page that sets title and legend itself.
    ///
    /// # Errors
    /// Those of [`save`](Self::save) that are no file's, as text.
    pub(crate) fn element(&self) -> Drawn<String> {
        canvas::element(self.size, |area| self.draw_lines(area))
    }

    /// The CSS variables that hold the colours of the series in such a page.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &'static str> {
        self.colored().map(|(color, _)| canvas::variable(color))
    }

    /// Draws the chart into a part of a picture.
    pub(super) fn draw(&self, area: &Area<'_>) -> Drawn {
        let keys: Vec<Key> = self
            .colored()
            .map(|(color, series)| Key {
                mark: Mark::Line(series.stroke),
                color,
                name: series.name.clone(),
            })
            .collect();
        self.draw_lines(&canvas::header(area, &self.title, &keys)?)
    }

    /// Draws the axes and the lines.
    fn draw_lines(&self, area: &Area<'_>) -> Drawn {
        let x =
            range_of(self.points().map(|point| point.0), 0.0).ok_or_else(|| NOTHING.to_owned())?;
        let y = self.y_axis()?;
        let mut chart = axes(
            area,
            (Axis::linear(x), &self.x_label),
            (y.clone(), &self.y_label),
        )?;
        for (color, series) in self.colored() {
            let color = color.plotters();
            let style = pen(color, 1.8);
            for piece in pieces(&series.points, &y) {
                if let [point] = piece[..] {
                    let dot = Circle::new(point, 3 * UNIT, color.filled());
                    chart.draw_series([dot]).map_err(problem)?;
                } else if series.stroke == Stroke::Dashed {
                    let dashes = DashedLineSeries::new(piece, 6 * UNIT, 4 * UNIT, style);
                    chart.draw_series(dashes).map_err(problem)?;
                } else {
                    chart
                        .draw_series([PathElement::new(piece, style)])
                        .map_err(problem)?;
                }
            }
        }
        Ok(())
    }

    /// Every point that can be drawn.
    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let log = self.log_y;
        self.series
            .iter()
            .flat_map(|series| series.points.iter().copied())
            .filter(move |&(x, y)| drawable(x) && if log { drawable_log(y) } else { drawable(y) })
    }

    fn colored(&self) -> impl Iterator<Item = (Color, &Series)> {
        self.series
            .iter()
            .enumerate()
            .map(|(index, series)| (series.color.unwrap_or(Color::nth(index)), series))
    }

    /// The y axis: over the range asked for, or the data's with a little room.
    fn y_axis(&self) -> Drawn<Axis> {
        let log = self.log_y;
        if let Some(asked) = self.y_range {
            let range = fixed(asked)?;
            if log && !drawable_log(range.start) {
                return Err(format!(
                    "its y range starts at {}; a logarithmic axis starts above 0",
                    range.start
                ));
            }
            return Ok(Axis { range, log });
        }
        let ys = self.points().map(|point| point.1);
        let range = if log {
            // At least a factor of ten in all, so that there are ticks.
            range_of(ys.map(f64::log10), 0.05).map(|range| {
                let missing = (1.0 - (range.end - range.start)).max(0.0);
                10f64.powf(range.start - missing / 2.0)..10f64.powf(range.end + missing / 2.0)
            })
        } else {
            range_of(ys, 0.05)
        };
        range
            .map(|range| Axis { range, log })
            .ok_or_else(|| NOTHING.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: impl IntoIterator<Item = (f64, f64)>) -> LineChart {
        LineChart::new("A & B", "x", "y").with_series(Series::new("line", points))
    }

    /// The polylines in a series' colour, the legend's mark left out.
    fn lines(svg: &str, color: Color) -> usize {
        let [r, g, b] = color.rgb();
        let stroke = format!("stroke=\"#{r:02X}{g:02X}{b:02X}\"");
        let drawn = svg
            .lines()
            .filter(|line| line.starts_with("<polyline") && line.contains(&stroke));
        drawn.count() - 1
    }

    #[test]
    fn each_series_is_one_line_in_its_own_colour() {
        let svg = chart([(0.0, 1.0), (1.0, 2.0), (2.0, 0.5)])
            .with_series(Series::new("other", [(0.0, 0.0), (2.0, 1.0)]).with_color(Color::Purple))
            .svg()
            .unwrap();
        assert_eq!(lines(&svg, Color::Blue), 1);
        assert_eq!(lines(&svg, Color::Purple), 1);
        assert!(svg.contains("A &amp; B") && svg.contains("other"));
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }

    #[test]
    fn an_element_has_the_lines_and_leaves_the_rest_to_the_page() {
        let series = (0..8).map(|index| match index {
            // Every colour, so that none can be forgotten.
            7 => Series::new("grey", [(0.0, 7.0), (1.0, 7.5)]).with_color(Color::Grey),
            _ => Series::new("line", [(0.0, f64::from(index)), (1.0, 9.0)]),
        });
        let mut chart = LineChart::new("A title", "<step>", "");
        chart.series = series.collect();
        let svg = chart.element().unwrap();
        assert!(
            svg.starts_with("<svg width=\"640\" height=\"420\""),
            "{svg}"
        );
        assert!(!svg.contains("=\"#"), "a colour of its own: {svg}");
        assert!(!svg.contains("title") && !svg.contains("line\n") && !svg.contains("http"));
        assert!(svg.contains("&lt;step&gt;") && svg.contains("currentColor"));
        for variable in chart.variables() {
            assert_eq!(
                svg.matches(&format!("var({variable})")).count(),
                1,
                "{variable}"
            );
        }
        assert_eq!(chart.variables().count(), 8);
    }

    #[test]
    fn nan_breaks_the_line_and_a_lone_point_is_a_dot() {
        let svg = chart([
            (0.0, 1.0),
            (1.0, 2.0),
            (2.0, f64::NAN),
            (3.0, 2.0),
            (4.0, 1.0),
            (5.0, f64::NAN),
            (6.0, 1.0),
        ])
        .svg()
        .unwrap();
        assert_eq!(lines(&svg, Color::Blue), 2);
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn a_dashed_line_is_many() {
        let solid = chart([(0.0, 0.0), (1.0, 1.0)]);
        let mut dashed = solid.clone();
        dashed.series[0].stroke = Stroke::Dashed;
        assert_eq!(lines(&solid.svg().unwrap(), Color::Blue), 1);
        assert!(lines(&dashed.svg().unwrap(), Color::Blue) > 10);
    }

    #[test]
    fn every_chart_with_a_point_can_be_drawn() {
        let odd: [&[(f64, f64)]; 8] = [
            &[(0.0, 0.0)],
            &[(3.0, 1e-300)],
            &[(0.0, 1e99), (1.0, -1e99)],
            &[(1e9, 1.0), (1e9 + 1.0, 1.0)],
            &[(0.0, 1.0), (0.0, 1.0 + f64::EPSILON)],
            &[(0.0, f64::INFINITY), (1.0, 3.0)],
            &[(0.0, 1e-250), (1.0, 1e90)],
            &[(0.0, f64::MIN_POSITIVE / 4.0), (1.0, 1e99)],
        ];
        for points in odd {
            let plain = chart(points.iter().copied());
            assert!(plain.svg().is_ok(), "{points:?}");
            let positive = points.iter().any(|&(_, y)| y > 1e-100 && y < 1e100);
            assert_eq!(plain.with_log_y().svg().is_ok(), positive, "{points:?}");
        }
    }

    #[test]
    fn a_chart_without_points_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty.svg");
        for points in [vec![], vec![(0.0, f64::NAN)], vec![(f64::NAN, 1.0)]] {
            let error = chart(points).save(&path).unwrap_err().to_string();
            assert!(
                error.contains("empty.svg") && error.contains("nothing to draw"),
                "{error}"
            );
            assert!(!path.exists());
        }
    }

    #[test]
    fn impossible_y_ranges_are_refused() {
        let plain = chart([(0.0, 1.0), (1.0, 2.0)]);
        for (low, high) in [
            (1.0, 1.0),
            (2.0, 1.0),
            (f64::NAN, 1.0),
            (0.0, f64::INFINITY),
        ] {
            assert!(plain.clone().with_y_range(low, high).svg().is_err());
        }
        assert!(plain.clone().with_y_range(0.0, 1.5).svg().is_ok());
        assert!(plain.with_log_y().with_y_range(0.0, 1.5).svg().is_err());
    }

    #[test]
    fn nothing_is_drawn_outside_the_picture() {
        let svg = chart((0..50).map(|k| (f64::from(k), f64::from(k).sin() * 100.0)))
            .with_y_range(-1.0, 1.0)
            .svg()
            .unwrap();
        let points = svg
            .split("points=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .flat_map(str::split_whitespace)
            .filter_map(|point| point.split_once(','));
        let mut count = 0;
        for (x, y) in points {
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            assert!((0..6400).contains(&x) && (0..4200).contains(&y), "{x},{y}");
            count += 1;
        }
        assert!(count > 50);
    }
}
