//! A table of results as a picture.

use std::path::Path;

use plotters::coord::ranged1d::{BoldPoints, Ranged};
use plotters::prelude::{Circle, PathElement, RGBColor};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontStyle};

use super::axis::{Axis, range_of, tick};
use super::canvas::{self, Area, Drawn, INK, Key, Mark, UNIT, pen, problem, text, width};
use super::color::Color;
use crate::error::Result;
use crate::metrics::Better;
use crate::protocol::{Cell, Column, ResultTable, Row, Source};

/// The height of a row.
const ROW: i32 = 26 * UNIT;
/// What stands above the rows and below them: the columns' names, and the ticks.
const NAMES: i32 = 34 * UNIT;
const TICKS: i32 = 30 * UNIT;
/// Room for a number, and for the strip that it is drawn on.
const NUMBER: i32 = 112 * UNIT;
const STRIP: i32 = 170 * UNIT;
const MARGIN: i32 = 14 * UNIT;
const TEXT: f64 = 12.0;

/// A [`ResultTable`] as a picture: a line for each method with its numbers, each also as a point with a
/// bar of one standard error to both sides, on one scale for the column. Published rows are grey, those
/// measured here blue.
///
/// ```
/// use burn_gan::metrics::{Better, Repeats};
/// use burn_gan::plot::ResultChart;
/// use burn_gan::protocol::{Column, ResultTable};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("table.svg");
/// let table = ResultTable::new("A ring", [Column::new("modes", "modes", Better::Higher, 1)])
///     .published("GAN", &[Some((6.3, Some(0.5)))], "Lin et al. 2017, table 1")
///     .measured("this crate", &[Repeats::of("modes", &[8.0, 7.0, 8.0])?], "3 trials")?;
/// ResultChart::new(&table).save(&path)?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ResultChart<'a> {
    table: &'a ResultTable,
}

impl<'a> ResultChart<'a> {
    /// Of this table. Its size follows from the rows and columns.
    pub fn new(table: &'a ResultTable) -> Self {
        Self { table }
    }

    /// Writes the picture as SVG, creating the folders above it.
    ///
    /// # Errors
    /// [`Error::Plot`](crate::Error::Plot) without a row or a column, or where the picture would be above
    /// 16384 pixels on a side; [`Error::Io`](crate::Error::Io) where the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        canvas::save(path.as_ref(), self.svg())
    }

    fn svg(&self) -> Drawn<String> {
        let (rows, columns) = (&self.table.rows, &self.table.columns);
        if rows.is_empty() || columns.is_empty() {
            return Err("nothing to draw: the table has no row or no column".to_owned());
        }
        let methods = (rows.iter()).map(|row| width(&row.method, TEXT)).max();
        let methods = methods.unwrap_or(0) + 2 * MARGIN;
        let pixels = |units: i64| u32::try_from(units / i64::from(UNIT)).unwrap_or(u32::MAX);
        let each = |count: usize, size: i32| count as i64 * i64::from(size);
        let across = i64::from(methods + MARGIN) + each(columns.len(), NUMBER + STRIP);
        // Above it are the title and the legend.
        let down = i64::from(NAMES + TICKS + 60 * UNIT) + each(rows.len(), ROW);
        // One row is lower than a picture may be.
        let size = [across, down].map(|units| pixels(units).max(*canvas::SIDES.start()));
        canvas::document(size.into(), |area| {
            let keys =
                [(true, "published"), (false, "measured here")].map(|(published, name)| Key {
                    mark: Mark::Dot,
                    color: color(published),
                    name: name.to_owned(),
                });
            let body = canvas::header(area, &self.table.title, &keys)?;
            for (place, row) in rows.iter().enumerate() {
                words(
                    &body,
                    &row.method,
                    (MARGIN, middle(place)),
                    is_published(row),
                )?;
            }
            for (place, column) in columns.iter().enumerate() {
                let left = methods + place as i32 * (NUMBER + STRIP);
                self.draw(&body, left, place, column)?;
            }
            Ok(())
        })
    }

    /// One column, its left end at `left`.
    fn draw(&self, area: &Area<'_>, left: i32, place: usize, column: &Column) -> Drawn {
        let rows = &self.table.rows;
        let better = match column.better {
            Better::Higher => "more is better",
            Better::Lower => "less is better",
        };
        let name = format!("{}: {better}", column.name);
        let style = text(TEXT, FontStyle::Bold).pos(Pos::new(HPos::Left, VPos::Center));
        (area.draw_text(&name, &style, (left, NAMES / 2))).map_err(problem)?;

        let cells: Vec<Option<Cell>> = rows.iter().map(|row| row.cells[place]).collect();
        let all = cells.iter().flatten().flat_map(ends);
        let Some(range) = range_of(all, 0.05) else {
            // No method has this number.
            return Ok(());
        };
        let axis = Axis::linear(range);
        let strip = (left + NUMBER, left + NUMBER + STRIP - 2 * MARGIN);
        let at = |value: f64| axis.map(&value, strip);
        let line = |from: (i32, i32), to: (i32, i32), color: RGBColor, wide: f64| {
            let path = PathElement::new(vec![from, to], pen(color, wide));
            area.draw(&path).map_err(problem)
        };
        let bottom = NAMES + rows.len() as i32 * ROW;
        line((strip.0, bottom), (strip.1, bottom), INK, 1.0)?;
        for value in axis.key_points(BoldPoints(4)) {
            line((at(value), NAMES), (at(value), bottom), canvas::GRID, 0.8)?;
            let style = text(11.0, FontStyle::Normal).pos(Pos::new(HPos::Center, VPos::Top));
            let below = (at(value), bottom + 6 * UNIT);
            (area.draw_text(&tick(value), &style, below)).map_err(problem)?;
        }
        for (index, (row, cell)) in rows.iter().zip(&cells).enumerate() {
            let (y, published) = (middle(index), is_published(row));
            words(area, &self.table.shown(row, place), (left, y), published)?;
            let Some(cell) = cell.filter(|cell| axis.drawable(cell.mean)) else {
                continue;
            };
            let color = color(published).plotters();
            let [low, high] = ends(&cell);
            line((at(low), y), (at(high), y), color, 1.5)?;
            let dot = Circle::new((at(cell.mean), y), 4 * UNIT, color.filled());
            area.draw(&dot).map_err(problem)?;
        }
        Ok(())
    }
}

/// One standard error to both sides.
fn ends(cell: &Cell) -> [f64; 2] {
    let error = cell.error.unwrap_or(0.0);
    [cell.mean - error, cell.mean + error]
}

/// The height of a row's middle.
fn middle(row: usize) -> i32 {
    NAMES + row as i32 * ROW + ROW / 2
}

fn is_published(row: &Row) -> bool {
    matches!(row.source, Source::Published(_))
}

fn color(published: bool) -> Color {
    match published {
        true => Color::Grey,
        false => Color::Blue,
    }
}

/// Text of a row; what was measured here stands out.
fn words(area: &Area<'_>, words: &str, at: (i32, i32), published: bool) -> Drawn {
    let style = match published {
        true => FontStyle::Normal,
        false => FontStyle::Bold,
    };
    let style = text(TEXT, style).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw_text(words, &style, at).map_err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Repeats;

    fn table() -> ResultTable {
        let columns = [
            Column::new("modes", "modes", Better::Higher, 1),
            Column::new("kl", "KL", Better::Lower, 2),
        ];
        let ours = [("modes", [8.0, 7.0]), ("kl", [0.5, 0.25])]
            .map(|(name, values)| Repeats::of(name, &values).expect("numbers"));
        ResultTable::new("A protocol", columns)
            .published("GAN", &[Some((6.0, Some(0.5))), None], "a paper")
            .measured("ours", &ours, "2 trials")
            .expect("a number for each column")
    }

    /// The middles of all dots, in their order.
    fn dots(svg: &str) -> Vec<(i32, i32)> {
        let number = |line: &str, name: &str| {
            let rest = line.split(&format!(" {name}=\"")).nth(1).expect("a number");
            rest.split('"')
                .next()
                .and_then(|n| n.parse().ok())
                .expect("a number")
        };
        let circles = svg.lines().filter(|line| line.starts_with("<circle"));
        circles
            .map(|line| (number(line, "cx"), number(line, "cy")))
            .collect()
    }

    #[test]
    fn every_number_is_in_words_and_a_dot_on_its_columns_scale() {
        let svg = ResultChart::new(&table()).svg().expect("a picture");
        for words in [
            "A protocol",
            "GAN",
            "ours",
            "6.0 ± 0.5",
            "7.5 ± 0.5",
            "0.38 ± 0.12",
            "–",
        ] {
            assert!(svg.contains(&format!("\n{words}\n")), "{words}");
        }
        // One that the paper does not give has none.
        let dots = dots(&svg);
        let [gan, ours, _] = dots.as_slice() else {
            panic!("{dots:?}");
        };
        assert!(gan.0 < ours.0 && ours.1 - gan.1 == ROW, "{dots:?}");
        // From 5.5 to 8 in the strip, 5 % free on both sides.
        let strip = f64::from(STRIP - 2 * MARGIN);
        let expected = 1.5 / (2.5 * 1.1) * strip;
        assert!(
            (f64::from(ours.0 - gan.0) - expected).abs() <= 1.0,
            "{dots:?}"
        );
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let empty = ResultTable::new("Empty", []);
        let problem = ResultChart::new(&empty).svg().expect_err("no rows");
        assert!(problem.starts_with("nothing to draw"), "{problem}");
    }

    #[test]
    fn a_column_without_numbers_has_its_name_alone() {
        let columns = [Column::new("kl", "KL", Better::Lower, 2)];
        let table = ResultTable::new("T", columns).published("GAN", &[None], "a paper");
        let svg = ResultChart::new(&table).svg().expect("a picture");
        assert!(svg.contains("KL: less is better") && dots(&svg).is_empty());
    }
}
