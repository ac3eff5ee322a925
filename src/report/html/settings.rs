//! What the run was made with, in the names and numbers that one would type.

use maud::{Markup, html};
use serde_json::Value;

use super::number;
use super::section;
use super::value::{Fields, inline, object};
use crate::json::Json;

/// More settings than this are folded away.
const MANY: usize = 12;

pub(super) fn settings(fields: &Fields) -> Markup {
    if fields.is_empty() {
        return html! {};
    }
    let values: usize = fields.iter().map(|(_, value)| leaves(value)).sum();
    let content = html! {
        @if values > MANY {
            details {
                summary { "All " (values) " settings" }
                div.settings { (list(fields)) }
            }
        } @else {
            div.settings { (list(fields)) }
        }
    };
    section("settings", "Settings", content)
}

/// Single values first: they belong to no heading.
fn list(fields: &Fields) -> Markup {
    let (nested, single): (Vec<_>, Vec<_>) = fields
        .iter()
        .partition(|(_, value)| object(value).is_some());
    html! {
        @if !single.is_empty() {
            dl {
                @for (name, value) in single {
                    div { dt { code { (name) } } dd { (one(value)) } }
                }
            }
        }
        @for (name, value) in nested {
            @if let Some(inner) = object(value) {
                div.group { p { code { (name) } } (list(inner)) }
            }
        }
    }
}

fn one(value: &Json) -> Markup {
    match value {
        // Penalties, for instance: one to a line.
        Json::List(items) if items.iter().any(|item| object(item).is_some()) => html! {
            ul { @for item in items { li { (inline(item, text)) } } }
        },
        _ => html! { (inline(value, text)) },
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Number(number) => number::setting(number),
        Value::Bool(value) => value.to_string(),
        other => number::word(other),
    }
}

fn leaves(value: &Json) -> usize {
    match value {
        Json::Leaf(_) => 1,
        Json::List(items) => items.iter().map(leaves).sum::<usize>().max(1),
        Json::Object(fields) => fields.iter().map(|(_, value)| leaves(value)).sum(),
    }
}
