//! JSON values in running text.

use serde_json::Value;

use crate::json::Json;

/// Fields of an object, in their order.
pub(super) type Fields = [(String, Json)];

/// A list longer than this is cut.
const LONG: usize = 12;

/// The fields of an object that has any.
pub(super) fn object(value: &Json) -> Option<&Fields> {
    match value {
        Json::Object(fields) if !fields.is_empty() => Some(fields),
        _ => None,
    }
}

/// Whether a value fits on a line: no object with fields in it.
pub(super) fn is_single(value: &Json) -> bool {
    match value {
        Json::Leaf(_) => true,
        Json::List(items) => items.iter().all(is_single),
        Json::Object(fields) => fields.is_empty(),
    }
}

/// A value as one line of text, its leaves written by `leaf`.
pub(super) fn inline(value: &Json, leaf: fn(&Value) -> String) -> String {
    match value {
        Json::Leaf(value) => leaf(value),
        Json::List(items) if items.is_empty() => "none".to_owned(),
        Json::List(items) => {
            let shown: Vec<String> = items
                .iter()
                .take(LONG)
                .map(|item| nested(item, leaf))
                .collect();
            match items.len().saturating_sub(LONG) {
                0 => shown.join(", "),
                more => format!("{}, and {more} more", shown.join(", ")),
            }
        }
        Json::Object(fields) if fields.is_empty() => "none".to_owned(),
        Json::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| format!("{name}: {}", nested(value, leaf)));
            fields.collect::<Vec<_>>().join(", ")
        }
    }
}

/// A value inside another; brackets keep its own parts together.
fn nested(value: &Json, leaf: fn(&Value) -> String) -> String {
    match value {
        Json::List(items) if !items.is_empty() => format!("[{}]", inline(value, leaf)),
        Json::Object(fields) if !fields.is_empty() => format!("({})", inline(value, leaf)),
        _ => inline(value, leaf),
    }
}

/// A field's name as a label.
pub(super) fn label(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::report::html::number;

    #[test]
    fn nested_values_keep_their_parts_together() {
        let value = serde_json::json!({
            "a": [1.5, [2, 3], []],
            "b": {"c": null, "d": {}},
        });
        let text = inline(&json::of(&value).unwrap(), number::metric);
        assert_eq!(text, "a: [1.5, [2, 3], none], b: (c: none, d: none)");
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let list = |length: u32| json::of(&(0..length).collect::<Vec<_>>()).unwrap();
        let text = inline(&list(100), number::metric);
        assert!(text.ends_with(", 11, and 88 more"), "{text}");
        assert!(inline(&list(12), number::metric).ends_with(", 11"));
    }
}
