//! The name that was meant.

use crate::text::visible;

/// The one of `known` that `given` is a slip of the pen for, if there is one.
///
/// The distance is that of Damerau and Levenshtein (letters put in, left out, exchanged or
/// swapped); up to two fifths of the longer name may differ. A part of a name counts too: `rate` is
/// `learning_rate`.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace(['-', ' '], "_");
    let given = plain(given);
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(&given, &plain(name));
    let alike = known.clone().into_iter().map(|name| (likeness(name), name));
    let closest = alike
        .filter(|(likeness, _)| *likeness >= 0.6)
        // The first of equally close ones.
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    if let Some((_, name)) = closest {
        return Some(name);
    }
    let is_part = |name: &&str| {
        let name = plain(name);
        given.len() >= 3 && (name.contains(&given) || given.contains(&name))
    };
    known.into_iter().find(is_part)
}

/// What is said of a name that is none of `known`. `group` is what they belong to.
pub(super) fn unknown(given: &str, known: &[&str], group: &str) -> String {
    let given_name = visible(given);
    if let Some(name) = nearest(given, known.iter().copied()) {
        return format!("unknown setting `{given_name}`: did you mean `{name}`?");
    }
    match known {
        [] => format!("unknown setting `{given_name}`: `{group}` has no settings"),
        known => format!(
            "unknown setting `{given_name}`: `{group}` has {}",
            listed(known)
        ),
    }
}

/// What is said of a value that is none of `known`.
pub(super) fn unknown_value(given: &str, known: &[&str], group: &str) -> String {
    let given_value = visible(given);
    match nearest(given, known.iter().copied()) {
        Some(name) => format!("unknown {group} `{given_value}`: did you mean `{name}`?"),
        None => format!(
            "unknown {group} `{given_value}`: there are {}",
            listed(known)
        ),
    }
}

fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        let known = [
            "steps",
            "warm_up",
            "ema",
            "gradient_clipping",
            "micro_batches",
            "generator_optimizer",
            "discriminator_optimizer",
            "learning_rate",
        ];
        for (given, meant) in [
            ("warmup", "warm_up"),
            ("warm-up", "warm_up"),
            ("WarmUp", "warm_up"),
            ("gradient_cliping", "gradient_clipping"),
            ("micro_batch", "micro_batches"),
            ("emas", "ema"),
            ("step", "steps"),
            ("tseps", "steps"),
            ("generator_optimiser", "generator_optimizer"),
            ("rate", "learning_rate"),
            ("steps", "steps"),
        ] {
            assert_eq!(nearest(given, known), Some(meant), "{given}");
        }
        for given in ["", "x", "amsgrad", "lr"] {
            assert_eq!(nearest(given, known), None, "{given}");
        }
    }

    #[test]
    fn a_name_like_no_other_gets_the_list() {
        let known = ["learning_rate", "beta_1"];
        assert_eq!(
            unknown("weight_decay", &known, "adam"),
            "unknown setting `weight_decay`: `adam` has `learning_rate`, `beta_1`"
        );
        assert_eq!(
            unknown("floor", &[], "constant"),
            "unknown setting `floor`: `constant` has no settings"
        );
        assert_eq!(
            unknown_value("sgd2", &["adam", "sgd"], "optimizer"),
            "unknown optimizer `sgd2`: did you mean `sgd`?"
        );
    }

    #[test]
    fn a_name_with_control_characters_is_shown_escaped() {
        let message = unknown("\u{1b}[2J\n", &["steps"], "TrainerConfig");
        assert!(
            message.contains(r"`\u{1b}[2J\n`") && !message.contains('\n'),
            "{message}"
        );
    }
}
