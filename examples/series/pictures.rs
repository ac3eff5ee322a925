//! Real and generated series over each other, their autocorrelations and spectra.

use std::path::{Path, PathBuf};

use burn_gan::Result;
use burn_gan::data::series::SeriesSet;
use burn_gan::metrics::series::{Autocorrelation, Spectrum};
use burn_gan::plot::{Color, LineChart, Panels, Series};

use crate::of_class;

/// Windows of each kind in a chart.
const SHOWN: usize = 20;
/// Classes and channels that have a chart.
const MOST: usize = 6;

/// Draws them, and gives captions and files.
pub fn draw(
    real: &SeriesSet,
    made: &SeriesSet,
    gaussian: &SeriesSet,
    out: &Path,
) -> Result<Vec<(String, PathBuf)>> {
    let mut panels = Panels::new(2);
    let classes: Vec<Option<usize>> = match real.classes.len() {
        0 => vec![None],
        count => (0..count).map(Some).collect(),
    };
    for class in classes.iter().take(MOST) {
        for channel in 0..real.channels().min(MOST) {
            let class_name = class.map_or_else(String::new, |class| {
                format!("class {}, ", real.classes[class])
            });
            let title = format!("{class_name}{}", real.names[channel]);
            let line = |name: &str, set: &SeriesSet, color: Color| {
                Series::new(name, lines(set, *class, channel)).with_color(color)
            };
            for (name, set) in [("generated", made), ("Gaussian", gaussian)] {
                let chart = LineChart::new(format!("{title}: {name}"), "moment", "")
                    .with_series(line("held out", real, Color::Grey))
                    .with_series(line(name, set, Color::Blue));
                panels = panels.with(chart);
            }
        }
    }
    let over = out.join("series.svg");
    panels.save(&over)?;

    let sets = [
        ("held out", real, Color::Black),
        ("generated", made, Color::Blue),
        ("Gaussian", gaussian, Color::Orange),
    ];
    let mut correlation = LineChart::new("Autocorrelation", "lag", "");
    let mut spectrum =
        LineChart::new("Spectrum", "frequency·window", "share of power").with_log_y();
    for (name, set, color) in sets {
        let function = &Autocorrelation::default().function(set)?[0];
        let points = function.iter().enumerate().map(|(lag, x)| (lag as f64, *x));
        correlation = correlation.with_series(Series::new(name, points).with_color(color));
        let shares = &Spectrum::default().shares(set)?[0];
        let points = shares.iter().enumerate().map(|(j, x)| ((j + 1) as f64, *x));
        spectrum = spectrum.with_series(Series::new(name, points).with_color(color));
    }
    let functions = out.join("functions.svg");
    Panels::new(2)
        .with(correlation)
        .with(spectrum)
        .save(&functions)?;
    Ok(vec![
        (
            "Held-out series, and generated ones and the Gaussian's over them".to_owned(),
            over,
        ),
        (
            "Mean autocorrelation and power of the first channel".to_owned(),
            functions,
        ),
    ])
}

/// Some windows as one broken line.
fn lines(series: &SeriesSet, class: Option<usize>, channel: usize) -> Vec<(f64, f64)> {
    let time = series.time();
    let places = of_class(series, class);
    let windows = places.iter().take(SHOWN).flat_map(|place| {
        let values = &series.window(*place)[channel * time..(channel + 1) * time];
        let points = values
            .iter()
            .enumerate()
            .map(|(moment, x)| (moment as f64, *x));
        points.chain([(f64::NAN, f64::NAN)]).collect::<Vec<_>>()
    });
    windows.collect()
}
