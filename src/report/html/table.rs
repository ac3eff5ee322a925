//! Tables of structs.

use maud::{Markup, html};
use serde_json::Value;

use super::number::metric;
use super::value::{Fields, inline, label, object};
use crate::json::Json;

/// A row: its name, where it has one, and its fields.
pub(super) type Row<'a> = (Option<&'a str>, &'a Fields);

/// Tables with more rows than this are folded away.
const MANY: usize = 16;

/// A named column, and its value in each row.
#[derive(Debug)]
struct Column<'a> {
    path: String,
    cells: Vec<Option<&'a Json>>,
}

/// A table of a row for each struct, with a column for each field that one of them has.
pub(super) fn table(name: &str, rows: &[Row<'_>]) -> Markup {
    let fields: Vec<Option<&Fields>> = rows.iter().map(|row| Some(row.1)).collect();
    let columns = columns("", &fields);
    let named = rows.iter().any(|row| row.0.is_some());
    let whole = html! {
        div.table tabindex="0" role="region" aria-label=(name) {
            table {
                thead {
                    tr {
                        @if named { td {} }
                        @for column in &columns {
                            th class=[column.class()] scope="col" { (heading(column, &columns)) }
                        }
                    }
                }
                tbody {
                    @for (index, (name, _)) in rows.iter().enumerate() {
                        tr {
                            @if let Some(name) = name { th scope="row" { (label(name)) } }
                            @for column in &columns {
                                td class=[column.class()] {
                                    @if let Some(value) = column.cells[index] { (inline(value, metric)) }
                                    @else { "–" }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        @if rows.len() > MANY {
            details { summary { "All " (rows.len()) " rows" } (whole) }
        } @else { (whole) }
    }
}

/// The columns of rows, objects taken apart where every row has one with the same fields.
fn columns<'a>(outer: &str, rows: &[Option<&'a Fields>]) -> Vec<Column<'a>> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flatten().copied().flatten() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut columns = Vec::new();
    for name in names {
        let path = format!("{outer}{name}");
        let cell = |row: &Option<&'a Fields>| {
            row.and_then(|fields| fields.iter().find(|field| field.0 == name))
                .map(|field| &field.1)
        };
        let cells: Vec<Option<&Json>> = rows.iter().map(cell).collect();
        let inner: Vec<Option<&Fields>> = cells.iter().map(|cell| cell.and_then(object)).collect();
        if alike(&inner) {
            columns.extend(self::columns(&format!("{path}."), &inner));
        } else {
            columns.push(Column { path, cells });
        }
    }
    columns
}

/// Whether all are objects with the same fields.
fn alike(rows: &[Option<&Fields>]) -> bool {
    let names = |fields: &Fields| -> Vec<String> { fields.iter().map(|f| f.0.clone()).collect() };
    let first = rows.first().copied().flatten().map(names);
    first.is_some() && rows.iter().all(|row| row.map(names) == first)
}

impl Column<'_> {
    /// Numbers, and the names of those that are not finite, stand at the right.
    fn class(&self) -> Option<&'static str> {
        let number = |cell: &&Json| match cell {
            Json::Leaf(Value::String(text)) => matches!(text.as_str(), "NaN" | "inf" | "-inf"),
            Json::Leaf(value) => value.is_number(),
            _ => false,
        };
        self.cells.iter().flatten().all(number).then_some("number")
    }

    fn last(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }
}

/// The last part of a column's path where no other ends in it.
fn heading(column: &Column<'_>, all: &[Column<'_>]) -> String {
    let same = all.iter().filter(|other| other.last() == column.last());
    if same.count() == 1 {
        label(column.last())
    } else {
        label(&column.path.replace('.', ", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use serde_json::json;

    #[test]
    fn rows_are_taken_apart_where_all_have_the_same_fields() {
        let rows = json!([
            {"loss": "hinge", "coverage": {"modes": 8, "kl": "inf"}, "seconds": 1.5},
            {"loss": {"f": "kl"}, "coverage": {"modes": 7, "kl": 0.1}},
        ]);
        let Json::List(rows) = json::of(&rows).unwrap() else {
            panic!("a list");
        };
        let rows: Vec<Row<'_>> = rows
            .iter()
            .map(|row| (None, object(row).unwrap()))
            .collect();
        let html = table("outcomes", &rows).into_string();
        // serde_json sorts the fields of this test's values.
        let headings: Vec<&str> = html.split("scope=\"col\">").skip(1).collect();
        let headings: Vec<&str> = headings
            .iter()
            .filter_map(|h| h.split('<').next())
            .collect();
        assert_eq!(headings, ["kl", "modes", "loss", "seconds"]);
        assert!(
            html.contains("<td class=\"number\">inf</td><td class=\"number\">8</td>"),
            "{html}"
        );
        assert!(
            html.contains("<td>f: kl</td><td class=\"number\">–</td>"),
            "{html}"
        );
    }
}
