//! An SVG document, its text, its title and its legend.

use std::fmt::Display;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::{
    DrawingArea, IntoDrawingArea, PathElement, RGBColor, Rectangle, SVGBackend,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontFamily, FontStyle, IntoFont, ShapeStyle, TextStyle};

use super::color::Color;
use super::series::Stroke;
use crate::error::{Error, Result};

/// Units of the drawing per pixel of the picture. The SVG backend knows whole units only; drawn on
/// a canvas ten times as fine and shown ten times smaller, curves are smooth.
pub(super) const UNIT: i32 = 10;

/// The area that charts draw on, measured in units.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What drawing returns. The problem is text: the file's name is known only where it is saved.
pub(super) type Drawn<T = ()> = std::result::Result<T, String>;

/// The colour of axes and text.
pub(super) const INK: RGBColor = RGBColor(60, 60, 60);

/// The colour of the lines behind the data, as the frame draws them.
pub(super) const GRID: RGBColor = RGBColor(228, 228, 228);

/// The smallest and largest side of a picture, in pixels: a frame and its labels need the one, and
/// coordinates must stay far inside `i32` for the other.
pub(super) const SIDES: std::ops::RangeInclusive<u32> = 160..=16_384;

/// A drawing library's error as text.
pub(super) fn problem(error: impl Display) -> String {
    error.to_string()
}

/// Draws an SVG document of `size` pixels, width first.
pub(super) fn document(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Drawn<String> {
    picture(size, |area| {
        area.fill(&plotters::style::WHITE).map_err(problem)?;
        draw(area)
    })
}

/// Draws an SVG element that stands in a page: without a background, and in colours that the page
/// decides, the ink its text's and a series' the one of [`variable`].
pub(super) fn element(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Drawn<String> {
    // The page is no XML: the namespace goes without saying.
    let mut svg = picture(size, draw)?.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
    let page = [
        (INK, "currentColor".to_owned()),
        (GRID, "var(--rule)".to_owned()),
    ];
    let series = [
        Color::Blue,
        Color::Vermillion,
        Color::Green,
        Color::Orange,
        Color::Purple,
        Color::SkyBlue,
        Color::Black,
        Color::Grey,
    ]
    .map(|color| (color.plotters(), format!("var({})", variable(color))));
    for (RGBColor(r, g, b), name) in page.into_iter().chain(series) {
        svg = svg.replace(
            &format!("\"#{r:02X}{g:02X}{b:02X}\""),
            &format!("\"{name}\""),
        );
    }
    Ok(svg)
}

/// The CSS variable that holds a series' colour in a page.
pub(super) fn variable(color: Color) -> &'static str {
    match color {
        Color::Blue => "--blue",
        Color::Vermillion => "--vermillion",
        Color::Green => "--green",
        Color::Orange => "--orange",
        Color::Purple => "--purple",
        Color::SkyBlue => "--sky-blue",
        Color::Black => "--black",
        Color::Grey => "--grey",
    }
}

fn picture(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Drawn<String> {
    let (width, height) = size;
    if !SIDES.contains(&width) || !SIDES.contains(&height) {
        return Err(format!(
            "its size is {width} × {height} pixels; each side must be {} to {}",
            SIDES.start(),
            SIDES.end()
        ));
    }
    let fine = (width * UNIT as u32, height * UNIT as u32);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, fine).into_drawing_area();
        draw(&area)?;
        area.present().map_err(problem)?;
    }
    // The drawing's coordinates stay fine (viewBox); the picture is shown at the size asked for.
    Ok(svg.replacen(
        &format!("width=\"{}\" height=\"{}\"", fine.0, fine.1),
        &format!("width=\"{width}\" height=\"{height}\""),
        1,
    ))
}

/// Writes a drawn document, or names the file that could not be drawn.
pub(super) fn save(path: &Path, svg: Drawn<String>) -> Result<()> {
    let svg = svg.map_err(|problem| Error::Plot {
        path: path.to_owned(),
        problem,
    })?;
    crate::files::write_whole(path, svg.as_bytes())
}

/// Text of `pixels` height. The backend divides its size by 1.24, which is undone here.
pub(super) fn text(pixels: f64, style: FontStyle) -> TextStyle<'static> {
    (FontFamily::SansSerif, pixels * 1.24 * f64::from(UNIT))
        .into_font()
        .style(style)
        .color(&INK)
}

/// A line `pixels` wide.
pub(super) fn pen(color: RGBColor, pixels: f64) -> ShapeStyle {
    color.stroke_width((pixels * f64::from(UNIT)).round() as u32)
}

/// How wide `text` of `pixels` height will be, in units: an estimate, since the font is chosen by
/// whoever shows the file. Wide fonts take 0.6 of their height a letter.
pub(super) fn width(text: &str, pixels: f64) -> i32 {
    (text.chars().count() as f64 * pixels * 0.6 * f64::from(UNIT)) as i32
}

/// The mark that stands for a series in the legend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mark {
    Line(Stroke),
    Dot,
}

/// One entry of a legend.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) mark: Mark,
    pub(super) color: Color,
    pub(super) name: String,
}

const LEGEND_TEXT: f64 = 12.0;
const LEGEND_ROW: i32 = 18 * UNIT;
const MARK: i32 = 20 * UNIT;
const LEFT: i32 = 14 * UNIT;

/// Draws the title and, below it, the legend in as many rows as it needs (above the frame, so that
/// it never covers data). Returns what is left of the area.
pub(super) fn header<'a>(area: &Area<'a>, title: &str, legend: &[Key]) -> Drawn<Area<'a>> {
    let mut y = 8 * UNIT;
    if !title.is_empty() {
        let style = text(15.0, FontStyle::Bold).pos(Pos::new(HPos::Left, VPos::Top));
        area.draw_text(title, &style, (LEFT, y + 2 * UNIT))
            .map_err(problem)?;
        y += 26 * UNIT;
    }
    let right = area.dim_in_pixel().0 as i32;
    let style = text(LEGEND_TEXT, FontStyle::Normal).pos(Pos::new(HPos::Left, VPos::Center));
    let mut x = LEFT;
    for (index, key) in legend.iter().enumerate() {
        let wide = MARK + 6 * UNIT + width(&key.name, LEGEND_TEXT);
        if index > 0 && x + wide > right {
            x = LEFT;
            y += LEGEND_ROW;
        }
        let middle = y + LEGEND_ROW / 2;
        mark(area, key, (x, middle))?;
        area.draw_text(&key.name, &style, (x + MARK + 6 * UNIT, middle))
            .map_err(problem)?;
        x += wide + 12 * UNIT;
    }
    if !legend.is_empty() {
        y += LEGEND_ROW;
    }
    Ok(area.split_vertically(y).1)
}

/// One legend mark, its left end at `at`. Rectangles stand for dots, so that a picture has exactly
/// one circle for each point of its data.
fn mark(area: &Area<'_>, key: &Key, (x, y): (i32, i32)) -> Drawn {
    let color = key.color.plotters();
    match key.mark {
        Mark::Dot => {
            let half = 4 * UNIT;
            let left = x + MARK / 2 - half;
            let square = Rectangle::new(
                [(left, y - half), (left + 2 * half, y + half)],
                color.filled(),
            );
            area.draw(&square).map_err(problem)
        }
        Mark::Line(stroke) => {
            let pieces: &[(i32, i32)] = match stroke {
                Stroke::Solid => &[(0, 20)],
                Stroke::Dashed => &[(0, 5), (8, 13), (16, 20)],
            };
            for (from, to) in pieces {
                let ends = vec![(x + from * UNIT, y), (x + to * UNIT, y)];
                area.draw(&PathElement::new(ends, pen(color, 2.0)))
                    .map_err(problem)?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_drawn_fine_and_shown_at_its_size() {
        let svg = document((300, 200), |_| Ok(())).unwrap();
        assert!(
            svg.starts_with("<svg width=\"300\" height=\"200\" viewBox=\"0 0 3000 2000\""),
            "{svg}"
        );
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for size in [(0, 200), (200, 0), (u32::MAX, 200), (200, 17_000)] {
            let problem = document(size, |_| Ok(())).unwrap_err();
            assert!(problem.contains("each side must be"), "{problem}");
        }
    }

    #[test]
    fn a_long_legend_goes_on_in_a_second_row() {
        let key = |name: &str| Key {
            mark: Mark::Dot,
            color: Color::Blue,
            name: name.to_owned(),
        };
        let left_below = |legend: &[Key]| {
            let mut below = 0;
            document((300, 200), |area| {
                below = header(area, "", legend)?.dim_in_pixel().1 as i32;
                Ok(())
            })
            .unwrap();
            below
        };
        let one = left_below(&[key("a"), key("b")]);
        let two = left_below(&[key("a rather long name indeed"), key("another of the kind")]);
        assert_eq!(one - two, LEGEND_ROW);
        assert_eq!(left_below(&[]) - one, LEGEND_ROW);
    }
}
