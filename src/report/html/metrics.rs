//! What was measured, and how long it took.

use maud::{Markup, html};

use super::number::{duration, metric};
use super::section;
use super::table::{Row, table};
use super::value::{Fields, inline, is_single, label, object};
use crate::json::Json;

/// Longer text is set smaller than a number.
const SHORT: usize = 14;

/// Single values first and large; then structs, each under its name, neighbours with the same
/// fields as one table, and lists of structs as tables.
pub(super) fn metrics(fields: &Fields) -> Markup {
    let (single, nested): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| is_single(value));
    html! {
        @if !single.is_empty() {
            dl.tiles { @for (name, value) in single { (tile(name, value)) } }
        }
        @for group in nested.chunk_by(|one, next| is_row(&one.1, &next.1)) {
            @if let [(name, value)] = group { (alone(name, value)) } @else { (together(group)) }
        }
    }
}

fn tile(name: &str, value: &Json) -> Markup {
    let text = inline(value, metric);
    html! {
        div {
            dt { (label(name)) }
            dd class=[(text.chars().count() > SHORT).then_some("words")] { (text) }
        }
    }
}

/// A struct, or a list with structs in it, under its name.
fn alone(name: &str, value: &Json) -> Markup {
    let rows: Option<Vec<Row<'_>>> = match value {
        Json::List(items) => items
            .iter()
            .map(|item| Some((None, object(item)?)))
            .collect(),
        _ => None,
    };
    html! {
        div.group {
            h3 { (label(name)) }
            @if let Some(rows) = rows { (table(&label(name), &rows)) }
            @else if let Some(inner) = object(value) { (metrics(inner)) }
            @else { p { (inline(value, metric)) } }
        }
    }
}

/// Structs with the same fields, a row each.
fn together(group: &[&(String, Json)]) -> Markup {
    let rows: Vec<Row<'_>> = group
        .iter()
        .filter_map(|(name, value)| Some((Some(name.as_str()), object(value)?)))
        .collect();
    html! { div.group { (table("comparison", &rows)) } }
}

/// Whether two values are structs with the same fields.
fn is_row(one: &Json, next: &Json) -> bool {
    object(one).zip(object(next)).is_some_and(|(one, next)| {
        let names = |fields: &Fields| {
            fields
                .iter()
                .map(|field| field.0.clone())
                .collect::<Vec<_>>()
        };
        names(one) == names(next)
    })
}

/// Times, and where there are several, bars as long as they took.
pub(super) fn timings(fields: &Fields) -> Markup {
    if fields.is_empty() {
        return html! {};
    }
    let longest = fields
        .iter()
        .filter_map(|field| seconds(&field.1))
        .fold(0.0, f64::max);
    let content = html! {
        dl.timings {
            @for (name, value) in fields {
                div {
                    dt { (label(name)) }
                    dd {
                        (time(value))
                        @let share = seconds(value).map_or(0.0, |seconds| seconds / longest);
                        // 0 / 0 is NaN, and has no bar.
                        @if share > 0.0 && fields.len() > 1 {
                            span.bar style={ "width:" (format!("{:.1}", 100.0 * share)) "%" } {}
                        }
                    }
                }
            }
        }
    };
    section("timings", "Timings", content)
}

/// The time that stands for the run: the only one, or the one named `training`.
pub(super) fn run(fields: &Fields) -> Option<(String, String)> {
    let training = fields.iter().find(|field| field.0 == "training");
    let (name, value) = match fields {
        [only] => only,
        _ => training?,
    };
    Some((label(name), time(value)))
}

fn seconds(value: &Json) -> Option<f64> {
    match value {
        Json::Leaf(value) => value.as_f64(),
        _ => None,
    }
}

fn time(value: &Json) -> String {
    match (seconds(value), value) {
        (Some(seconds), _) => duration(seconds),
        // A time that is not finite, by its name.
        (None, value) => inline(value, metric),
    }
}
