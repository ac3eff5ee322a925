//! `report.html`: one file for people, without scripts and without the network.
//!
//! `maud` escapes all text; what is inserted as it is are the style sheet, the icons and the
//! charts, whose text the drawing library escapes.

mod curves;
mod findings;
mod metrics;
mod number;
mod pictures;
mod scores;
mod settings;
mod table;
mod value;

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::pictures::Pictures;
use super::Report;
use crate::error::Result;
use crate::text::visible;

const STYLE: &str = include_str!("style.css");

/// Nothing is fetched and nothing runs: styles stand in the page, pictures in `data:` addresses.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
                      base-uri 'none'; form-action 'none'";

/// The whole page. Pictures are read here.
pub(super) fn page(report: &Report, folder: &Path) -> Result<String> {
    let pictures = Pictures::read(&report.pictures)?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "burn-gan " (env!("CARGO_PKG_VERSION")) };
                title { (report.program) " · training report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (head(report))
                    (outcome(report, &pictures))
                    (scores::scores(&report.scores))
                    (pictures.alone())
                    (findings::findings(&report.findings))
                    (pictures.timeline())
                    (curves::curves(&report.curves))
                    (metrics::timings(&report.timings))
                    (settings::settings(&report.settings))
                    (files(report, folder))
                }
                footer {
                    p {
                        "Written by burn-gan " (env!("CARGO_PKG_VERSION")) ". "
                        code { (super::FILE) } " has the same in full precision."
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}

/// A part of the page under its heading.
fn section(id: &str, title: &str, content: Markup) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            (content)
        }
    }
}

/// The program, how it ended, and what one asks first.
fn head(report: &Report) -> Markup {
    html! {
        header {
            p.kind { "Training report" }
            h1 { (report.program) }
            @if let Some(ending) = &report.ending { p.ending { (ending) } }
            dl.facts {
                @if let Some((name, time)) = metrics::run(&report.timings) {
                    div { dt { (name) } dd { (time) } }
                }
                @if let Some(backend) = &report.backend {
                    div { dt { "backend" } dd { (backend) } }
                }
                @if let Some(seed) = report.seed {
                    div { dt { "seed" } dd { (seed) } }
                }
                div {
                    dt { "health" }
                    dd { a href="#health" { (findings::tally(&report.findings)) } }
                }
            }
        }
    }
}

/// What came out: metrics beside the last samples.
fn outcome(report: &Report, pictures: &Pictures<'_>) -> Markup {
    let last = pictures.last();
    if report.metrics.is_empty() && last.is_none() {
        return html! {};
    }
    let content = html! {
        div.outcome.beside[last.is_some() && !report.metrics.is_empty()] {
            @if !report.metrics.is_empty() { div { (metrics::metrics(&report.metrics)) } }
            @if let Some(last) = last { (last) }
        }
    };
    section("outcome", "Outcome", content)
}

fn files(report: &Report, folder: &Path) -> Markup {
    if report.files.is_empty() {
        return html! {};
    }
    let content = html! {
        ul.files {
            @for file in &report.files { li { code { (visible(&super::listed(file, folder))) } } }
        }
    };
    section("files", "Files", content)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::data::ImageShape;
    use crate::metrics::RealAgainstReal;
    use crate::metrics::tests::score as a_score;
    use crate::plot::{GridStyle, image_grid};
    use crate::report::{ReportFinding, Severity};

    /// A grid of one image, all of it as bright as its step says.
    fn grid(folder: &Path, step: u64) -> PathBuf {
        let path = folder.join(format!("samples-{step}.png"));
        let pixels = vec![step as f32 / 1_000.0; 64];
        let grid = image_grid(&pixels, ImageShape::new([1, 8, 8]), &GridStyle::default());
        grid.unwrap().save(&path).unwrap();
        path
    }

    fn drawing(folder: &Path) -> PathBuf {
        let path = folder.join("drawing.svg");
        std::fs::write(&path, "<svg width=\"8\" height=\"8\"></svg>").unwrap();
        path
    }

    fn score(value: f64) -> crate::metrics::Score {
        a_score(value, |score| {
            score.real_against_real = Some(RealAgainstReal {
                value: 0.125,
                count: 50,
                against: 50,
            });
            let note = "of fewer samples than features <b>";
            score.estimate.notes.push(note.to_owned());
        })
    }

    fn finding(severity: Severity, title: &str) -> ReportFinding {
        ReportFinding {
            step: 12_000,
            severity,
            title: title.to_owned(),
            evidence: format!("{title}: evidence"),
            why: format!("{title}: why"),
            advice: format!("{title}: advice"),
        }
    }

    fn full(folder: &Path) -> Report {
        Report::new("ring")
            .backend("flex")
            .seed(7)
            .ending("halted after step 40")
            .setting("learning_rate", 0.1_f32)
            .timing("training", 85.0)
            .metric("modes_captured", 8)
            .metric(
                "last",
                serde_json::json!({"loss": 0.30000001192092896, "step": 40}),
            )
            .scores([&score(12.5)])
            .curve("loss", "discriminator", [(0.0, 1.0), (1.0, 2.0)])
            .curve(
                "loss",
                "generator",
                [(0.0, 2.0), (1.0, f64::NAN), (2.0, 1.0)],
            )
            .curve("distance", "kernel", [(0.0, 3.0)])
            .picture("scatter", drawing(folder), None)
            .picture("grid", grid(folder, 200), Some(200))
            .picture("grid", grid(folder, 100), Some(100))
            .finding(finding(Severity::Warning, "first"))
            .finding(finding(Severity::Error, "second"))
            .finding(finding(Severity::Info, "third"))
            .file(folder.join("generator.gan"))
    }

    fn shown(report: &Report, folder: &Path) -> String {
        page(report, folder).unwrap()
    }

    /// Where the texts stand, one after the other.
    #[track_caller]
    fn in_order(page: &str, texts: &[&str]) {
        let mut rest = page;
        for text in texts {
            let place = rest.find(text);
            rest = &rest[place.unwrap_or_else(|| panic!("no {text:?} after the one before"))..];
        }
    }

    #[test]
    fn everything_is_on_the_page_with_the_outcome_on_top() {
        let folder = tempfile::tempdir().unwrap();
        let page = shown(&full(folder.path()), folder.path());
        in_order(
            &page,
            &[
                "<html lang=\"en\">",
                "<title>ring",
                "<h1>ring</h1>",
                "halted after step 40",
                "1 min 25 s",
                "1 error",
                "1 warning",
                "1 info",
                "modes captured",
                "<dd>8</dd>",
                "<dd>12.5</dd>",
                "<dd>0.3</dd>",
                "grid, step 200",
                "<th scope=\"row\">distance</th>",
                ">12.5</td>",
                ">0.125</td>",
                "<td>a half, 50 against 50</td>",
                "<td>lower</td>",
                "<td>raw</td>",
                "<td>100 of generated</td>",
                "<td>100 of training</td>",
                "<td>of fewer samples than features &lt;b&gt;</td>",
                "scatter",
                "<b>warning</b>",
                "first",
                "first: evidence",
                "first: why",
                "first: advice",
                "<b>error</b>",
                "second",
                "<b>info</b>",
                "third",
                "step 100",
                "step 200",
                "<h3>loss</h3>",
                "discriminator",
                "generator",
                "<h3>distance</h3>",
                "learning_rate",
                "0.1<",
                "generator.gan",
            ],
        );
        // Each chart at two sizes, its second line in two pieces; an icon to each severity.
        assert_eq!(page.matches("role=\"img\"").count(), 4);
        assert_eq!(page.matches("data:image/svg+xml;base64,").count(), 1);
        // Two in the timeline, the last of them with the outcome too.
        assert_eq!(page.matches("data:image/png;base64,").count(), 3);
        assert_eq!(
            page.matches("<img").count(),
            page.matches(" alt=\"").count()
        );
    }

    #[test]
    fn nothing_is_fetched_and_nothing_runs() {
        let folder = tempfile::tempdir().unwrap();
        let page = shown(&full(folder.path()), folder.path());
        assert!(page.contains("Content-Security-Policy"));
        assert!(page.contains("default-src 'none'"));
        let forbidden = [
            "http:",
            "https:",
            "//",
            "url(",
            "@import",
            "<script",
            "<link",
            "<iframe",
            "<object",
            "<embed",
            "<use",
            " onload",
            "javascript",
        ];
        // Base64 has slashes of its own.
        let mut rest = String::new();
        for (index, part) in page.split(";base64,").enumerate() {
            let end = if index == 0 { Some(0) } else { part.find('"') };
            rest.push_str(&part[end.unwrap()..]);
        }
        for text in forbidden {
            assert!(!rest.contains(text), "{text}");
        }
        for source in page.split("src=\"").skip(1) {
            assert!(source.starts_with("data:image/"), "{source:.40}");
        }
        for link in page.split("href=\"").skip(1) {
            assert!(link.starts_with('#'), "{link:.40}");
        }
    }

    #[test]
    fn every_text_is_escaped() {
        let folder = tempfile::tempdir().unwrap();
        let bad = |place: &str| format!("\"><script>{place}</script>'&");
        let row =
            |n| serde_json::json!({bad("column"): n, bad("nested"): {bad("inner"): bad("cell")}});
        let report = Report::new(bad("program"))
            .backend(bad("backend"))
            .ending(bad("ending"))
            .setting(&bad("setting"), bad("set"))
            .setting(
                &bad("group"),
                serde_json::json!({bad("member"): [{bad("item"): 1}]}),
            )
            .timing(&bad("timing"), 1.0)
            .metric(&bad("metric"), bad("measured"))
            .metric(
                &bad("struct"),
                serde_json::json!({bad("field"): bad("value")}),
            )
            .metric(&bad("table"), [row(1), row(2)])
            .curve(&bad("chart"), &bad("line"), [(0.0, 1.0), (1.0, 2.0)])
            .picture(bad("alone"), drawing(folder.path()), None)
            .picture(bad("early"), grid(folder.path(), 1), Some(1))
            .picture(bad("late"), grid(folder.path(), 2), Some(2))
            .finding(finding(Severity::Info, &bad("finding")))
            .file(bad("file"));
        let page = shown(&report, folder.path());
        assert!(!page.contains("<script") && !page.contains("</script"));
        let places = [
            "program", "backend", "ending", "setting", "set", "group", "member", "item", "timing",
            "metric", "measured", "struct", "field", "value", "table", "column", "inner", "cell",
            "chart", "line", "alone", "early", "late", "finding", "file",
        ];
        for place in places {
            let escaped = format!("&quot;&gt;&lt;script&gt;{place}&lt;");
            assert!(
                page.contains(&escaped),
                "{place} is not shown, or not escaped"
            );
        }
        for part in ["evidence", "why", "advice"] {
            assert!(page.contains(&format!("&amp;: {part}")), "{part}");
        }
    }

    #[test]
    fn an_empty_report_says_that_there_are_no_findings() {
        let page = shown(&Report::new("p"), Path::new("out"));
        assert!(page.contains("No findings.") && page.contains("<h1>p</h1>"));
        for absent in [
            ">Outcome<",
            ">Curves<",
            ">Pictures<",
            ">Settings<",
            ">Files<",
            "<img",
            "NaN",
        ] {
            assert!(!page.contains(absent), "{absent}");
        }
    }

    #[test]
    fn a_long_timeline_is_spread_and_says_what_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        // Given in no order.
        let report = (0..40)
            .map(|k| (k * 7) % 40)
            .fold(Report::new("p"), |report, step| {
                report.picture("grid", grid(folder.path(), step), Some(step))
            });
        let page = shown(&report, folder.path());
        assert!(page.contains("12 of 40 pictures, spread evenly; 28 are left out."));
        let strip = page.split("<ol class=\"timeline\"").nth(1).unwrap();
        let strip = strip.split("</ol>").next().unwrap();
        let steps: Vec<u64> = strip
            .split("<figcaption>step ")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(steps, [0, 4, 7, 11, 14, 18, 21, 25, 28, 32, 35, 39]);
    }

    #[test]
    fn a_curve_without_a_number_is_named_and_the_others_are_drawn() {
        let report = Report::new("p")
            .curve("nothing", "line", [(0.0, f64::NAN), (f64::INFINITY, 1.0)])
            .curve("empty", "line", [])
            .curve("half", "good", [(0.0, 1.0), (1.0, 2.0)])
            .curve("half", "bad", [(0.0, f64::NAN)]);
        let page = shown(&report, Path::new("out"));
        assert_eq!(page.matches("No point of it can be drawn.").count(), 2);
        assert_eq!(page.matches("role=\"img\"").count(), 2);
        in_order(
            &page,
            &[
                "<h3>half</h3>",
                "good",
                "last 2",
                "bad",
                "last NaN",
                "<polyline",
            ],
        );
    }

    #[test]
    fn a_file_that_is_no_picture_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.gan");
        std::fs::write(&path, "GIF89a").unwrap();
        let error = page(&Report::new("p").picture("a", &path, None), folder.path()).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("weights.gan") && error.contains("PNG or SVG"),
            "{error}"
        );
    }
}
