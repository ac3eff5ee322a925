//! Columns of two tables over each other.

use std::collections::BTreeMap;

use super::{LineChart, Panels, Series};
use crate::data::table::{Cells, Column, Table};

/// Points of a line.
const POINTS: usize = 200;
/// Names that are shown, the most frequent ones.
const NAMES: usize = 30;
/// How charts stand beside each other.
struct Layout {
    /// Charts in a row.
    across: usize,
    /// Width and height of one, in pixels.
    cell: (u32, u32),
    /// Characters that it is wide enough for.
    title: usize,
}

/// Of so many charts, each can be looked at.
const LARGE: usize = 30;

impl Layout {
    /// More are smaller: a picture has no more than 16,384 pixels on a side.
    fn of(charts: usize) -> Self {
        if charts <= LARGE {
            return Self {
                across: 3,
                cell: (440, 360),
                title: 36,
            };
        }
        Self {
            across: 5,
            cell: (300, 240),
            title: 24,
        }
    }
}

/// The width of a bar, where names are 1 apart.
const BAR: f64 = 0.4;

/// A chart for each column of a table, up to so many, with the real rows' line and the generated ones':
/// of numbers the share of rows up to each, of names a bar for the share of each, the most frequent
/// first. More than thirty charts are smaller; there is room for 340.
pub fn column_charts(real: &Table, generated: &Table, most: usize) -> Panels {
    let columns = real.columns().iter().zip(generated.columns());
    let layout = Layout::of(columns.len().min(most));
    let (width, height) = layout.cell;
    let panels = Panels::new(layout.across).with_cell(width, height);
    columns
        .take(most)
        .fold(panels, |panels, (real, generated)| {
            panels.with(chart(real, generated, layout.title))
        })
}

/// With a title of so many characters.
fn chart(real: &Column, generated: &Column, title: usize) -> LineChart {
    let (title, axes, lines) = match (&real.cells, &generated.cells) {
        (Cells::Numbers(a), Cells::Numbers(b)) => (
            shortened(&real.schema.name, title),
            ("value", "rows up to it"),
            [below(a), below(b)],
        ),
        _ => {
            let (names, lines) = shares(real, generated);
            let words = format!("{}: {names}", real.schema.name);
            (shortened(&words, title), ("name", "share of rows"), lines)
        }
    };
    let [a, b] = lines;
    LineChart::new(title, axes.0, axes.1)
        .with_series(Series::new("real", a))
        .with_series(Series::new("generated", b).dashed())
}

/// What fits over a panel.
fn shortened(title: &str, most: usize) -> String {
    match title.char_indices().nth(most) {
        None => title.to_owned(),
        Some((end, _)) => format!("{}…", title[..end].trim_end_matches([' ', ','])),
    }
}

/// The empirical distribution function.
fn below(values: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let share = |place: usize| (place + 1) as f64 / values.len() as f64;
    let points = POINTS.min(sorted.len());
    let places = (0..points).map(|i| i * last / points.saturating_sub(1).max(1));
    places.map(|place| (sorted[place], share(place))).collect()
}

/// The names, and both tables' shares of each as bars side by side.
fn shares(real: &Column, generated: &Column) -> (String, [Vec<(f64, f64)>; 2]) {
    let (a, b) = (real.shares(), generated.shares());
    let mut names: Vec<&str> = a.keys().copied().collect();
    names.sort_by(|x, y| a[*y].total_cmp(&a[*x]).then_with(|| x.cmp(y)));
    names.truncate(NAMES);
    let bars = |shares: &BTreeMap<&str, f64>, left: f64| {
        let bar = |(place, name): (usize, &&str)| {
            let (left, share) = (place as f64 + left, shares.get(*name).copied());
            let (right, share) = (left + BAR, share.unwrap_or(0.0));
            [(left, 0.0), (left, share), (right, share), (right, 0.0)]
        };
        names.iter().enumerate().flat_map(bar).collect()
    };
    let words = names.iter().map(|name| match *name {
        "" => "(missing)",
        name => name,
    });
    let words: Vec<&str> = words.collect();
    (words.join(", "), [bars(&a, -BAR), bars(&b, 0.0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_a_chart_of_both_tables() {
        let table = |shift: f64| {
            let numbers = (0..50).map(|i| f64::from(i) + shift).collect();
            let codes = (0..50).map(|i| if i < 40 { 0 } else { 1 }).collect();
            let columns = vec![
                Column::continuous("x", numbers),
                Column::categorical("c", codes, ["often", "seldom"]),
                Column::continuous("none", vec![1.0; 50]),
            ];
            Table::new(columns).expect("a table")
        };
        let charts = column_charts(&table(0.0), &table(5.0), 2);
        assert_eq!(charts.panels.len(), 2);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("columns.svg");
        charts.save(&path).expect("a picture");
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(text.contains("c: often, seldom"), "titles");
        // A constant is a chart, too.
        column_charts(&table(0.0), &table(5.0), 9)
            .save(&path)
            .expect("a picture");
    }

    #[test]
    fn forty_columns_and_two_hundred_have_a_chart_each() {
        let table = |columns: usize| {
            let column = |place| Column::continuous(format!("c{place}"), vec![0.0, 1.0, 2.0]);
            Table::new((0..columns).map(column).collect()).expect("a table")
        };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("columns.svg");
        for (columns, width) in [(30, 3 * 440), (40, 5 * 300), (340, 5 * 300)] {
            let table = table(columns);
            let charts = column_charts(&table, &table, 340);
            assert_eq!(charts.panels.len(), columns);
            charts.save(&path).expect("a picture");
            let text = std::fs::read_to_string(&path).expect("text");
            assert!(
                text.starts_with(&format!("<svg width=\"{width}\"")),
                "{columns}"
            );
            assert!(text.contains(&format!("c{}", columns - 1)), "{columns}");
        }
    }

    #[test]
    fn a_title_is_cut_where_the_panel_ends() {
        assert_eq!(shortened("short", 36), "short");
        let long = shortened(&"ä, ".repeat(40), 36);
        assert_eq!(long.chars().count(), 35);
        assert!(long.ends_with("ä…"), "{long}");
    }

    #[test]
    fn names_are_bars_beside_each_other() {
        let column = |codes: Vec<u32>| Column::categorical("c", codes, ["a", "b"]);
        let (words, [real, generated]) = shares(&column(vec![0, 1, 1, 1]), &column(vec![1, 0]));
        assert_eq!(words, "b, a");
        assert_eq!(
            real[..4],
            [(-0.4, 0.0), (-0.4, 0.75), (0.0, 0.75), (0.0, 0.0)]
        );
        assert_eq!(
            generated[4..],
            [(1.0, 0.0), (1.0, 0.5), (1.4, 0.5), (1.4, 0.0)]
        );
    }

    #[test]
    fn distribution_functions_end_at_the_share_that_is_there() {
        let line = below(&[3.0, 1.0, f64::NAN, 2.0]);
        assert_eq!(line, [(1.0, 0.25), (2.0, 0.5), (3.0, 0.75)]);
        assert_eq!(below(&[f64::NAN]), []);
    }
}
