//! How two runs' settings differ.

use std::fmt;

use serde_json::Value;

/// One setting that is not what it was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// Dotted, as in error messages: `objective.penalties[0].weight`.
    pub(super) setting: String,
    stored: Option<Value>,
    now: Option<Value>,
}

impl Difference {
    /// Whether somebody who names `accepted` means this setting: itself, or a part of what was
    /// named.
    pub(super) fn is_named(&self, accepted: &str) -> bool {
        self.setting
            .strip_prefix(accepted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

fn text(value: &Option<Value>) -> String {
    match value {
        Some(value) => value.to_string(),
        None => "nothing".to_owned(),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` was {}, is {}",
            self.setting,
            text(&self.stored),
            text(&self.now)
        )
    }
}

/// The differences of two that are there at one time, each in words.
pub(in crate::train) fn side_by_side(
    [first, second]: [&str; 2],
    one: &Value,
    other: &Value,
) -> Vec<String> {
    let told = |difference: Difference| {
        let Difference {
            setting,
            stored,
            now,
        } = difference;
        format!(
            "`{setting}` is {} on {first}, {} on {second}",
            text(&stored),
            text(&now)
        )
    };
    differences(one, other).into_iter().map(told).collect()
}

/// All differences, in the order of the names.
pub(super) fn differences(stored: &Value, now: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), Some(stored), Some(now), &mut found);
    found
}

fn compare(
    setting: String,
    stored: Option<&Value>,
    now: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (stored, now) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let inner = if setting.is_empty() {
                    name.clone()
                } else {
                    format!("{setting}.{name}")
                };
                compare(inner, before.get(name), after.get(name), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            for index in 0..before.len().max(after.len()) {
                let inner = format!("{setting}[{index}]");
                compare(inner, before.get(index), after.get(index), found);
            }
        }
        (before, after) if before == after => {}
        (before, after) => found.push(Difference {
            setting,
            stored: before.cloned(),
            now: after.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_difference_is_named_with_both_values() {
        let stored = json!({
            "steps": 10, "same": [1, {"a": null}],
            "objective": {"loss": "hinge", "penalties": [{"weight": 0.5}, {"weight": 1.0}]},
        });
        let now = json!({
            "steps": 20, "same": [1, {"a": null}], "ema": {"decay": 0.9},
            "objective": {"loss": "hinge", "penalties": [{"weight": 0.25}]},
        });
        let texts: Vec<String> = differences(&stored, &now)
            .iter()
            .map(Difference::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "`ema` was nothing, is {\"decay\":0.9}",
                "`objective.penalties[0].weight` was 0.5, is 0.25",
                "`objective.penalties[1]` was {\"weight\":1.0}, is nothing",
                "`steps` was 10, is 20",
            ]
        );
        assert_eq!(differences(&now, &now), []);
    }

    #[test]
    fn a_name_covers_what_is_within_it_and_nothing_else() {
        let difference = Difference {
            setting: "objective.penalties[0].weight".to_owned(),
            stored: None,
            now: None,
        };
        for name in ["objective", "objective.penalties", "objective.penalties[0]"] {
            assert!(difference.is_named(name), "{name}");
        }
        for name in [
            "obj",
            "objective.pen",
            "steps",
            "objective.penalties[0].weight.x",
        ] {
            assert!(!difference.is_named(name), "{name}");
        }
    }
}
