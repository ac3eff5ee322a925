//! Charts of the curves, drawn twice: for wide and for narrow screens, where type must not shrink.

use maud::{Markup, PreEscaped, html};

use super::number::measured;
use super::section;
use crate::plot::{LineChart, Series};
use crate::report::line::Line;

/// Width and height of a chart alone, of one of several, and on a narrow screen.
const ALONE: (u32, u32) = (960, 360);
const BESIDE: (u32, u32) = (470, 300);
const NARROW: (u32, u32) = (340, 260);

pub(super) fn curves(charts: &[(String, Vec<Line>)]) -> Markup {
    if charts.is_empty() {
        return html! {};
    }
    let wide = if charts.len() == 1 { ALONE } else { BESIDE };
    let content = html! {
        div.charts.several[charts.len() > 1] {
            @for (title, lines) in charts { (chart(title, lines, wide)) }
        }
    };
    section("curves", "Curves", content)
}

fn chart(title: &str, lines: &[Line], wide: (u32, u32)) -> Markup {
    let mut drawn = LineChart::new("", "step", "");
    drawn.series = lines
        .iter()
        .map(|line| Series::new(line.name.as_str(), line.points.iter().copied()))
        .collect();
    let picture = |size: (u32, u32)| drawn.clone().with_size(size.0, size.1).element();
    let label = described(title, lines);
    html! {
        figure.chart {
            figcaption {
                h3 { (title) }
                ul.legend {
                    @for (line, variable) in lines.iter().zip(drawn.variables()) {
                        li {
                            span.line style={ "background:var(" (variable) ")" } {}
                            (line.name)
                            @if let Some((_, last)) = line.points.last() {
                                " " span.last { "last " (measured(*last)) }
                            }
                        }
                    }
                }
            }
            // Without a point that can be drawn there is no chart at any size.
            @match (picture(wide), picture(NARROW)) {
                (Ok(wide), Ok(narrow)) => {
                    div.wide role="img" aria-label=(label) { (PreEscaped(wide)) }
                    div.narrow role="img" aria-label=(label) { (PreEscaped(narrow)) }
                }
                _ => p.quiet { "No point of it can be drawn." }
            }
        }
    }
}

/// What the picture shows, for those who hear it.
fn described(title: &str, lines: &[Line]) -> String {
    let line = |line: &Line| {
        let (Some(first), Some(last)) = (line.points.first(), line.points.last()) else {
            return format!("{}: no points", line.name);
        };
        let values = || {
            line.points
                .iter()
                .map(|point| point.1)
                .filter(|y| y.is_finite())
        };
        format!(
            "{}: from {} to {}, between {} and {}",
            line.name,
            measured(first.1),
            measured(last.1),
            measured(values().fold(f64::INFINITY, f64::min)),
            measured(values().fold(f64::NEG_INFINITY, f64::max)),
        )
    };
    let lines: Vec<String> = lines.iter().map(line).collect();
    format!("Chart of {title} by step. {}.", lines.join("; "))
}
