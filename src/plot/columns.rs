//! Columns of two tables over each other.

use std::collections::BTreeMap;

use super::{LineChart, Panels, Series};
use crate::data::table::{Cells, Column, MISSING, Table};

/// Points of a line.
const POINTS: usize = 200;
/// Names that are shown, the most frequent ones.
const NAMES: usize = 30;

/// A chart for each column of a table, up to so many, with the real rows' line and the generated ones':
/// of numbers the share of rows up to each, of names the share of each, the most frequent first.
pub fn column_charts(real: &Table, generated: &Table, most: usize) -> Panels {
    let columns = real.columns().iter().zip(generated.columns());
    columns
        .take(most)
        .fold(Panels::new(3), |panels, (real, generated)| {
            panels.with(chart(real, generated))
        })
}

fn chart(real: &Column, generated: &Column) -> LineChart {
    let (title, axes, lines) = match (&real.cells, &generated.cells) {
        (Cells::Numbers(a), Cells::Numbers(b)) => (
            real.schema.name.clone(),
            ("value", "rows up to it"),
            [below(a), below(b)],
        ),
        _ => {
            let (names, lines) = shares(real, generated);
            let title = format!("{}: {names}", real.schema.name);
            let short: String = title.chars().take(60).collect();
            (short, ("value", "share of rows"), lines)
        }
    };
    let [a, b] = lines;
    LineChart::new(title, axes.0, axes.1)
        .with_series(Series::new("real", a))
        .with_series(Series::new("generated", b).dashed())
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

/// The names, and both tables' shares of each by their places.
fn shares(real: &Column, generated: &Column) -> (String, [Vec<(f64, f64)>; 2]) {
    let count = |column: &Column| {
        let mut shares: BTreeMap<String, f64> = BTreeMap::new();
        if let Cells::Codes(codes) = &column.cells {
            for code in codes {
                let name = match *code {
                    MISSING => "(missing)",
                    code => column.schema.categories[code as usize].as_str(),
                };
                *shares.entry(name.to_owned()).or_default() += 1.0 / codes.len() as f64;
            }
        }
        shares
    };
    let (a, b) = (count(real), count(generated));
    let mut names: Vec<&String> = a.keys().collect();
    names.sort_by(|x, y| a[*y].total_cmp(&a[*x]).then_with(|| x.cmp(y)));
    names.truncate(NAMES);
    let line = |shares: &BTreeMap<String, f64>| {
        let points = names.iter().enumerate();
        points
            .map(|(place, name)| (place as f64, shares.get(*name).copied().unwrap_or(0.0)))
            .collect()
    };
    let words = names
        .iter()
        .map(|name| name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    (words, [line(&a), line(&b)])
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
    fn distribution_functions_end_at_the_share_that_is_there() {
        let line = below(&[3.0, 1.0, f64::NAN, 2.0]);
        assert_eq!(line, [(1.0, 0.25), (2.0, 0.5), (3.0, 0.75)]);
        assert_eq!(below(&[f64::NAN]), []);
    }
}
