//! What is wrong with a ramp's setting, and which one could have been meant.

use serde::Serialize;
use serde_json::Value;

use crate::settings::nearest;

/// Groups of settings that no ramp moves: the ramps themselves, the watch, which compares, and what
/// holds for the run as a whole.
pub(super) const STILL: [&str; 3] = ["ramps", "health", "limits"];

/// Whether a name belongs to what no ramp moves.
pub(super) fn is_still(name: &str) -> bool {
    STILL.iter().any(|group| is_within(name, group))
}

/// Why a name is that of none of `numbers`, all floating-point settings, or of one that stays.
pub(super) fn of(settings: &impl Serialize, numbers: &[(String, f64)], setting: &str) -> String {
    if is_still(setting) {
        return "belongs to what stays as it is over a run; ramp another setting".to_owned();
    }
    let mut names: Vec<&str> = numbers.iter().map(|(name, _)| name.as_str()).collect();
    names.retain(|name| !is_still(name));
    names.sort_unstable();
    // What is no floating-point number is known by what it is stored as.
    let stored = serde_json::to_value(settings).unwrap_or_default();
    let mut others = Vec::new();
    leaves(&stored, String::new(), &mut others);
    if let Some((name, _)) = others
        .iter()
        .find(|(name, value)| value.is_null() && is_within(setting, name))
    {
        return format!("has no value to start from: `{name}` is off; give it one in the settings");
    }
    let suggestion = || suggestion(&names, setting);
    match others.iter().find(|(name, _)| name == setting) {
        None => format!("is no number; {}", suggestion()),
        Some((_, Value::Number(whole))) => format!(
            "is a whole number, {whole}, and stays as it is over a run; ramp a floating-point \
             setting"
        ),
        Some((_, other)) => format!("is {other}, no number; {}", suggestion()),
    }
}

/// All settings without settings in them, by their dotted names.
fn leaves<'a>(value: &'a Value, name: String, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                let name = match name.as_str() {
                    "" => key.clone(),
                    outer => format!("{outer}.{key}"),
                };
                leaves(inner, name, found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                leaves(inner, format!("{name}[{index}]"), found);
            }
        }
        _ => found.push((name, value)),
    }
}

/// Whether a name is `outer` or of something inside it.
fn is_within(name: &str, outer: &str) -> bool {
    name.strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Names that could have been meant: those inside the one given, its neighbours, and its
/// namesakes elsewhere; all there are if there is none of these.
fn suggestion(names: &[&str], setting: &str) -> String {
    let split = |name: &str| match name.rsplit_once('.') {
        Some((outer, last)) => (outer.to_owned(), last.to_owned()),
        None => (String::new(), name.to_owned()),
    };
    let (outer, last) = split(setting);
    let is_near = |name: &&str| {
        let (its_outer, its_last) = split(name);
        is_within(name, setting) || its_last == last || (its_outer == outer && !outer.is_empty())
    };
    let mut near: Vec<&str> = names.iter().copied().filter(is_near).collect();
    if near.is_empty() {
        return match nearest(setting, names.iter().copied()) {
            Some(name) => format!("did you mean {name}?"),
            None => format!("those that can move are {}", names.join(", ")),
        };
    }
    // A slip in the last part: the likeliest of its neighbours comes first.
    if let Some(name) = nearest(setting, near.iter().copied())
        && near
            .iter()
            .all(|name| split(name).1 != last && !is_within(name, setting))
    {
        near.retain(|other| *other != name);
        near.insert(0, name);
    }
    format!("did you mean {}?", near.join(", "))
}
