//! The frame of a chart: both axes, their grid and labels.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::prelude::SVGBackend;
use plotters::style::{FontStyle, TRANSPARENT};

use super::axis::{Axis, tick};
use super::canvas::{Area, Drawn, GRID, INK, UNIT, pen, problem, text};

/// Room for the labels of y and x, and on all sides of the frame and its labels, in units.
const Y_LABELS: i32 = 58 * UNIT;
const X_LABELS: i32 = 42 * UNIT;
const MARGIN: i32 = 12 * UNIT;

/// Width and height of the frame that [`axes`] draws into an area.
pub(super) fn frame(area: &Area<'_>) -> (i32, i32) {
    let (width, height) = area.dim_in_pixel();
    (
        width as i32 - Y_LABELS - 2 * MARGIN,
        height as i32 - X_LABELS - 2 * MARGIN,
    )
}

/// A chart with both axes drawn.
pub(super) type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;

/// Draws the frame, the grid and the labels of both axes.
pub(super) fn axes<'a>(
    area: &Area<'a>,
    (x, x_label): (Axis, &str),
    (y, y_label): (Axis, &str),
) -> Drawn<Chart<'a>> {
    let (width, height) = frame(area);
    if width < 40 * UNIT || height < 40 * UNIT {
        return Err("there is no room left for the chart: make the picture larger".to_owned());
    }
    // About a label every 60 pixels across and every 34 up.
    let count = |length: i32, each: i32| ((length / (each * UNIT)).clamp(2, 12)) as usize;
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .x_label_area_size(X_LABELS)
        .y_label_area_size(Y_LABELS)
        .build_cartesian_2d(x, y)
        .map_err(problem)?;
    chart
        .configure_mesh()
        .x_labels(count(width, 60))
        .y_labels(count(height, 34))
        .light_line_style(TRANSPARENT)
        .bold_line_style(pen(GRID, 0.8))
        .axis_style(pen(INK, 1.0))
        .set_all_tick_mark_size(4 * UNIT)
        .label_style(text(11.0, FontStyle::Normal))
        .axis_desc_style(text(12.0, FontStyle::Normal))
        .x_label_formatter(&|value| tick(*value))
        .y_label_formatter(&|value| tick(*value))
        .x_desc(x_label)
        .y_desc(y_label)
        .draw()
        .map_err(problem)?;
    Ok(chart)
}
