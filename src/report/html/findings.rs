//! What the health checks found: severity by word and by the icon's shape, not by colour alone.

use maud::{Markup, PreEscaped, html};

use super::number::count;
use super::section;
use crate::report::{ReportFinding, Severity};

/// A disc with an i, a triangle with an exclamation mark, an octagon with a cross.
fn icon(severity: Severity) -> Markup {
    let shape = match severity {
        Severity::Info => {
            r#"<circle cx="10" cy="10" r="8.5"/><path d="M10 9v5.2M10 5.8v.1" class="mark"/>"#
        }
        Severity::Warning => {
            r#"<path d="M10 1.6 19 18H1z"/><path d="M10 7.4v5M10 15.2v.1" class="mark"/>"#
        }
        Severity::Error => {
            r#"<path d="M6.5 1.5h7l5 5v7l-5 5h-7l-5-5v-7z"/><path d="m7 7 6 6m0-6-6 6" class="mark"/>"#
        }
    };
    html! {
        svg.icon viewBox="0 0 20 20" aria-hidden="true" { (PreEscaped(shape)) }
    }
}

/// How many there are of each severity, the gravest first.
pub(super) fn tally(findings: &[ReportFinding]) -> Markup {
    let groups = [Severity::Error, Severity::Warning, Severity::Info].map(|severity| {
        let of_it = findings
            .iter()
            .filter(|finding| finding.severity == severity);
        (severity, of_it.count())
    });
    html! {
        @if findings.is_empty() { "no findings" }
        @for (severity, number) in groups {
            @if number > 0 {
                span class={ "tally " (severity.word()) } {
                    (icon(severity)) (number) " " (named(severity, number))
                }
            }
        }
    }
}

fn named(severity: Severity, number: usize) -> String {
    match (severity, number) {
        (Severity::Info, _) | (_, 1) => severity.word().to_owned(),
        _ => format!("{}s", severity.word()),
    }
}

pub(super) fn findings(findings: &[ReportFinding]) -> Markup {
    let list = html! {
        @if findings.is_empty() {
            p.quiet { "No findings." }
        } @else {
            ol.findings {
                @for finding in findings { (one(finding)) }
            }
        }
    };
    section("health", "Health", list)
}

fn one(finding: &ReportFinding) -> Markup {
    let word = finding.severity.word();
    html! {
        li class={ "finding " (word) } {
            p.severity {
                (icon(finding.severity))
                b { (word) }
                span.step { "step " (count(finding.step)) }
            }
            h3 { (finding.title) }
            p.evidence { (finding.evidence) }
            dl {
                dt { "Why it matters" } dd { (finding.why) }
                dt { "What to do" } dd { (finding.advice) }
            }
        }
    }
}
