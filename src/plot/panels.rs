//! Several charts in one picture.

use std::path::Path;

use super::canvas::{self, Area, Drawn};
use super::line::LineChart;
use super::scatter::Scatter;
use crate::error::Result;

/// A chart that can stand in [`Panels`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Panel {
    /// Lines.
    Line(LineChart),
    /// Points.
    Scatter(Scatter),
}

impl From<LineChart> for Panel {
    fn from(chart: LineChart) -> Self {
        Self::Line(chart)
    }
}

impl From<Scatter> for Panel {
    fn from(chart: Scatter) -> Self {
        Self::Scatter(chart)
    }
}

impl Panel {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        match self {
            Self::Line(chart) => chart.draw(area),
            Self::Scatter(chart) => chart.draw(area),
        }
    }
}

/// Charts in rows of equal cells, filled from the left, in one SVG file.
///
/// The charts' own sizes are not used: all cells have the size given here.
///
/// ```
/// use burn_gan::plot::{LineChart, Panels, Scatter, Series};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("run.svg");
/// let loss = LineChart::new("Loss", "step", "loss")
///     .with_series(Series::new("generator", [(0.0, 0.9), (100.0, 0.7)]));
/// let samples = Scatter::new("Samples", [[0.0, 1.0], [1.0, 0.0]], [[0.1, 0.9]]);
///
/// Panels::new(2).with(loss).with(samples).with_cell(420, 380).save(&path)?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Panels {
    /// The title above all of them; may be empty.
    pub title: String,
    /// The charts, row by row.
    pub panels: Vec<Panel>,
    /// How many stand in a row.
    pub columns: usize,
    /// Width and height of one of them, in pixels.
    pub cell: (u32, u32),
}

impl Panels {
    /// No charts yet, `columns` of them to a row, each 440 × 360 pixels.
    pub fn new(columns: usize) -> Self {
        Self {
            title: String::new(),
            panels: Vec::new(),
            columns,
            cell: (440, 360),
        }
    }

    /// Adds a chart: a [`LineChart`] or a [`Scatter`].
    pub fn with(mut self, panel: impl Into<Panel>) -> Self {
        self.panels.push(panel.into());
        self
    }

    /// Sets the title above all charts.
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the width and height of one chart, in pixels.
    pub fn with_cell(mut self, width: u32, height: u32) -> Self {
        self.cell = (width, height);
        self
    }

    /// Writes the charts as one SVG, creating the folders above it.
    ///
    /// # Errors
    /// [`Error::Plot`](crate::Error::Plot) without charts, with no columns, when one of the charts
    /// cannot be drawn, or where the picture would be below 160 or above 16384 pixels on a side;
    /// [`Error::Io`](crate::Error::Io) where the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        canvas::save(path.as_ref(), self.svg())
    }

    fn svg(&self) -> Drawn<String> {
        if self.panels.is_empty() {
            return Err("nothing to draw: there are no panels".to_owned());
        }
        if self.columns == 0 {
            return Err("its panels stand in 0 columns; at least 1 is needed".to_owned());
        }
        let columns = self.columns.min(self.panels.len());
        let rows = self.panels.len().div_ceil(columns);
        let header = if self.title.is_empty() { 0 } else { 34 };
        let side = |count: usize, each: u32| u32::try_from(count).ok()?.checked_mul(each);
        let size = side(columns, self.cell.0)
            .zip(side(rows, self.cell.1).and_then(|height| height.checked_add(header)))
            .ok_or_else(|| "the picture is too large".to_owned())?;
        canvas::document(size, |area| {
            let area = match header {
                0 => area.clone(),
                _ => canvas::header(area, &self.title, &[])?,
            };
            let cells = area.split_evenly((rows, columns));
            for (index, (panel, cell)) in self.panels.iter().zip(&cells).enumerate() {
                panel
                    .draw(cell)
                    .map_err(|problem| format!("panel {}: {problem}", index + 1))?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Series;

    fn line(title: &str) -> LineChart {
        LineChart::new(title, "x", "y").with_series(Series::new("s", [(0.0, 0.0), (1.0, 1.0)]))
    }

    #[test]
    fn panels_fill_rows_from_the_left() {
        let three = Panels::new(2)
            .with(line("one"))
            .with(line("two"))
            .with(line("three"));
        let svg = three.clone().with_cell(300, 200).svg().unwrap();
        assert!(svg.starts_with("<svg width=\"600\" height=\"400\""));
        let place = |title: &str| -> (i32, i32) {
            let lines: Vec<&str> = svg.lines().collect();
            let at = lines.iter().position(|line| *line == title).unwrap();
            let number = |name: &str| {
                let rest = lines[at - 1].split(&format!(" {name}=\"")).nth(1).unwrap();
                rest.split('"').next().unwrap().parse().unwrap()
            };
            (number("x"), number("y"))
        };
        let (one, two, three) = (place("one"), place("two"), place("three"));
        assert_eq!((two.0 - one.0, two.1 - one.1), (3000, 0));
        assert_eq!((three.0 - one.0, three.1 - one.1), (0, 2000));
    }

    #[test]
    fn a_title_takes_room_of_its_own() {
        let svg = Panels::new(3)
            .with(line("a"))
            .with_title("All")
            .svg()
            .unwrap();
        assert!(
            svg.starts_with("<svg width=\"440\" height=\"394\""),
            "{}",
            &svg[..60]
        );
        assert!(svg.contains("\nAll\n") || svg.contains(">All\n"));
    }

    #[test]
    fn the_panel_that_cannot_be_drawn_is_named() {
        let empty = LineChart::new("", "", "");
        let problem = Panels::new(2)
            .with(line("a"))
            .with(empty)
            .svg()
            .unwrap_err();
        assert!(problem.starts_with("panel 2: nothing to draw"), "{problem}");
        assert!(Panels::new(2).svg().is_err());
        assert!(Panels::new(0).with(line("a")).svg().is_err());
        let vast = Panels::new(1).with(line("a")).with_cell(u32::MAX, 100);
        assert!(vast.svg().is_err());
    }
}
