//! Scores, each beside what real samples would have, and how they were measured.

use maud::{Markup, html};

use super::section;
use super::table::{Row, table};
use crate::json::Json;
use crate::metrics::{Better, SampleSet, Score};

pub(super) fn scores(scores: &[Score]) -> Markup {
    if scores.is_empty() {
        return html! {};
    }
    let rows: Vec<Vec<(String, Json)>> = scores.iter().map(row).collect();
    let rows: Vec<Row<'_>> = (scores.iter().zip(&rows))
        .map(|(score, fields)| (Some(score.name.as_str()), fields.as_slice()))
        .collect();
    section("scores", "Scores", table("scores", &rows))
}

fn row(score: &Score) -> Vec<(String, Json)> {
    let number = |value: Option<f64>| value.map_or(Json::NULL, Json::number);
    let set = |set: &SampleSet| match set.name.as_str() {
        "" => format!("{} samples", set.count),
        name => format!("{} of {name}", set.count),
    };
    let better = match score.better {
        Better::Lower => "lower",
        Better::Higher => "higher",
    };
    let provenance = &score.provenance;
    let stood_in = score.real_against_real.map(|real| {
        let stand_in = match &provenance.stand_in {
            Some(stand_in) => set(stand_in),
            None => format!("a half, {}", real.count),
        };
        Json::text(&format!("{stand_in} against {}", real.against))
    });
    let notes = (!score.estimate.notes.is_empty()).then(|| score.estimate.notes.join("; "));
    let mut fields: Vec<(String, Json)> = [
        ("value", Json::number(score.value())),
        ("standard_error", number(score.estimate.error)),
        (
            "real_against_real",
            number(score.real_against_real.map(|real| real.value)),
        ),
        ("measured_on", stood_in.unwrap_or(Json::NULL)),
        ("better", Json::text(better)),
        ("features", Json::text(&provenance.extractor.to_string())),
        ("generated", Json::text(&set(&provenance.generated))),
        ("real", Json::text(&set(&provenance.real))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    // Scores mostly have none, and a table of such has no column for them.
    fields.extend(notes.map(|notes| ("notes".to_owned(), Json::text(&notes))));
    fields
}
