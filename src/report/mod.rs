//! What a run came to: `report.json` for programs, `report.html` for people.
//!
//! Every example writes both, and programs of your own can. The fields of `report.json`, always all
//! of them and in this order:
//!
//! ```text
//! {
//!   "schema":        2, see SCHEMA
//!   "program":       the program's name
//!   "crate_version": the version of burn-gan
//!   "backend":       the backend's name, or null
//!   "seed":          the run's seed, or null
//!   "ending":        how the run ended, such as "finished", or null
//!   "settings":      {…}  what the run was made with
//!   "timings":       {…}  name: seconds
//!   "metrics":       {…}  name: what was measured
//!   "scores":        […]  the scores among the metrics, each with its provenance
//!   "curves":        {…}  chart: { line: [[step, value], …] }
//!   "pictures":      [{"caption": …, "path": …, "step": a number or null}, …]
//!   "findings":      [{"step": …, "severity": "info", "warning" or "error", "title": …,
//!                      "evidence": …, "why": …, "advice": …}, …]
//!   "files":         […]  other files that the run made, such as weights
//! }
//! ```
//!
//! Names of files and pictures are relative to the report's folder where they lie inside it. Fields
//! inside `settings` and `metrics` keep the order in which they were given or declared (for a map
//! without an order, the map's). JSON knows no infinity and no NaN: numbers that are not finite are
//! written as the strings `"NaN"`, `"inf"` and `"-inf"`, wherever they stand; `null` means that
//! there is no value.
//!
//! `report.html` shows the same on one page: the outcome, what the health checks found, pictures,
//! samples through time, curves, timings, settings. It is one file with the pictures inside, made
//! without scripts and without the network, for wide and narrow screens, light and dark. It needs
//! the feature `plot`; without it, `report.json` alone is written.

mod finding;
#[cfg(feature = "plot")]
mod html;
mod line;
mod picture;

pub use finding::{ReportFinding, Severity};

use std::path::{Path, PathBuf};

use serde::Serialize;

use self::line::Line;
use self::picture::PictureFile;
use crate::error::{Error, Result};
use crate::files::write_whole;
use crate::json::{self, Json};
use crate::metrics::Score;
use crate::text::visible_json;
#[cfg(feature = "plot")]
use crate::text::visible_lines;

/// The form of `report.json`, its field `schema`. It grows when a field changes its meaning or
/// goes; reports of the first form have no such field.
pub const SCHEMA: u64 = 2;

/// The names of the files that [`Report::save`] writes.
const FILE: &str = "report.json";
#[cfg(feature = "plot")]
const PAGE: &str = "report.html";

/// A report under construction; see the [module](self) for its form.
///
/// A value that cannot be serialised is remembered, and refused by [`save`](Self::save).
///
/// ```
/// use burn_gan::report::Report;
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Settings { steps: usize, gamma: f32 }
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let out = folder.path();
/// let path = Report::new("ring")
///     .backend("flex")
///     .seed(0)
///     .ending("finished")
///     .settings(&Settings { steps: 30_000, gamma: 0.05 })
///     .timing("training", 85.2)
///     .metric("modes_captured", 8)
///     .metric("reverse_kl", f64::INFINITY)
///     .curve("loss", "generator", [(0.0, 0.693), (10.0, 0.812), (20.0, f64::NAN)])
///     .file(out.join("generator.gan"))
///     .save(out)?;
///
/// let text = std::fs::read_to_string(path).unwrap();
/// assert!(text.contains(r#""schema": 2"#));
/// assert!(text.contains(r#""gamma": 0.05"#));
/// assert!(text.contains(r#""reverse_kl": "inf""#));
/// assert!(text.contains(r#"[20.0, "NaN"]"#));
/// assert!(text.contains(r#""generator.gan""#));
/// # #[cfg(feature = "plot")]
/// assert!(out.join("report.html").exists());
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Report {
    program: String,
    backend: Option<String>,
    seed: Option<u64>,
    ending: Option<String>,
    settings: Vec<(String, Json)>,
    timings: Vec<(String, Json)>,
    metrics: Vec<(String, Json)>,
    scores: Vec<Score>,
    /// Charts and their lines.
    curves: Vec<(String, Vec<Line>)>,
    pictures: Vec<PictureFile>,
    findings: Vec<ReportFinding>,
    files: Vec<PathBuf>,
    /// The first thing that could not be written.
    problem: Option<String>,
}

impl Report {
    /// An empty report of the program of this name.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            backend: None,
            seed: None,
            ending: None,
            settings: Vec::new(),
            timings: Vec::new(),
            metrics: Vec::new(),
            scores: Vec::new(),
            curves: Vec::new(),
            pictures: Vec::new(),
            findings: Vec::new(),
            files: Vec::new(),
            problem: None,
        }
    }

    /// Sets the backend's name.
    pub fn backend(mut self, name: impl Into<String>) -> Self {
        self.backend = Some(name.into());
        self
    }

    /// Sets the run's seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Says how the run ended: `finished`, `interrupted by SIGINT after step 120`, `halted after
    /// step 40: the generator's loss is NaN`.
    pub fn ending(mut self, ending: impl Into<String>) -> Self {
        self.ending = Some(ending.into());
        self
    }

    /// Adds the fields of a struct or map to the settings; a field already there is replaced.
    pub fn settings(mut self, settings: &impl Serialize) -> Self {
        match fields("settings", settings) {
            Ok(fields) => fields
                .into_iter()
                .for_each(|(name, value)| put(&mut self.settings, name, value)),
            Err(problem) => self.refuse(problem),
        }
        self
    }

    /// Adds one setting, or replaces the one of this name.
    pub fn setting(mut self, name: &str, value: impl Serialize) -> Self {
        match json::of(&value) {
            Ok(value) => put(&mut self.settings, name.to_owned(), value),
            Err(error) => self.refuse(format!("settings.{name}: {error}")),
        }
        self
    }

    /// Adds how many seconds a part of the run took, or replaces the time of this name.
    pub fn timing(mut self, name: &str, seconds: f64) -> Self {
        put(&mut self.timings, name.to_owned(), Json::number(seconds));
        self
    }

    /// Adds something measured, or replaces the metric of this name.
    pub fn metric(mut self, name: &str, value: impl Serialize) -> Self {
        match json::of(&value) {
            Ok(value) => put(&mut self.metrics, name.to_owned(), value),
            Err(error) => self.refuse(format!("metrics.{name}: {error}")),
        }
        self
    }

    /// Adds the fields of a struct or map to the metrics; a field already there is replaced.
    pub fn metrics(mut self, metrics: &impl Serialize) -> Self {
        match fields("metrics", metrics) {
            Ok(fields) => fields
                .into_iter()
                .for_each(|(name, value)| put(&mut self.metrics, name, value)),
            Err(problem) => self.refuse(problem),
        }
        self
    }

    /// Adds scores with their provenance. The value of each is among the metrics too, by its name.
    pub fn scores<'a>(mut self, scores: impl IntoIterator<Item = &'a Score>) -> Self {
        for score in scores {
            self = self.metric(&score.name, score.value());
            self.scores.retain(|other| other.name != score.name);
            self.scores.push(score.clone());
        }
        self
    }

    /// Adds a line to the chart of this name, or replaces the line of this name in it. Its points
    /// are pairs of a step and a value, in the steps' order.
    ///
    /// At most 500 points are kept. Of a longer curve these are the first, the last, and of each of
    /// equally long stretches between them the lowest, the highest and the first point that is not
    /// finite, all as they were given: extremes and gaps survive, and nothing is averaged or made
    /// up.
    ///
    /// A point that is not finite breaks the line in the picture.
    pub fn curve(
        mut self,
        chart: &str,
        name: &str,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        let added = Line::new(name, points);
        let lines = match self.curves.iter().position(|(title, _)| title == chart) {
            Some(place) => &mut self.curves[place].1,
            None => {
                self.curves.push((chart.to_owned(), Vec::new()));
                let last = self.curves.len() - 1;
                &mut self.curves[last].1
            }
        };
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => *line = added,
            None => lines.push(added),
        }
        self
    }

    /// Adds a picture that the run made, a PNG or SVG file that must be there when the report is
    /// saved.
    ///
    /// Pictures with a step (grids of samples) are shown in the order of their steps as one
    /// timeline, about twelve of them where there are more; pictures without one stand alone.
    pub fn picture(
        mut self,
        caption: impl Into<String>,
        path: impl Into<PathBuf>,
        step: Option<u64>,
    ) -> Self {
        self.pictures.push(PictureFile {
            caption: caption.into(),
            path: path.into(),
            step,
        });
        self
    }

    /// Adds something that a health check noticed, below those already there.
    pub fn finding(mut self, finding: ReportFinding) -> Self {
        self.findings.push(finding);
        self
    }

    /// Adds another file that the run made.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Adds several files that the run made, in their order.
    pub fn files<P: Into<PathBuf>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        paths.into_iter().fold(self, Self::file)
    }

    /// Writes `report.json` and, with the feature `plot`, `report.html` into `folder`, which is
    /// created. Returns the path of `report.json`.
    ///
    /// Each is written under another name and then renamed, so that a file that exists is complete.
    ///
    /// # Errors
    /// [`Error::Data`] when a value given before could not be serialised, when fields were expected
    /// and something else came, or for a picture that is neither PNG nor SVG; [`Error::Io`] naming
    /// a picture that cannot be read, or where the folder or a file cannot be written. Nothing is
    /// written for a value or a picture that is refused.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<PathBuf> {
        let folder = folder.as_ref();
        let path = folder.join(FILE);
        if let Some(problem) = &self.problem {
            return Err(Error::data(&path, problem.as_str()));
        }
        for picture in &self.pictures {
            picture.check()?;
        }
        #[cfg(feature = "plot")]
        {
            let page = html::page(self, folder)?;
            write_whole(&folder.join(PAGE), visible_lines(&page).as_bytes())?;
        }
        let text = format!("{}\n", self.json(folder).pretty());
        write_whole(&path, visible_json(&text).as_bytes())?;
        Ok(path)
    }

    /// The whole report; file names relative to `folder` where they lie inside it.
    fn json(&self, folder: &Path) -> Json {
        let text = |text: &str| Json::text(text);
        let chart = |(title, lines): &(String, Vec<Line>)| {
            let lines = lines.iter().map(|line| (line.name.clone(), line.json()));
            (title.clone(), Json::Object(lines.collect()))
        };
        let pictures = self.pictures.iter().map(|picture| picture.json(folder));
        let files = self.files.iter().map(|file| text(&listed(file, folder)));
        // Numbers, words and settings that were JSON before: nothing that could be refused.
        let score = |score: &Score| json::of(score).unwrap_or(Json::NULL);
        let scores = self.scores.iter().map(score).collect();
        Json::object([
            ("schema", Json::integer(SCHEMA)),
            ("program", text(&self.program)),
            ("crate_version", text(env!("CARGO_PKG_VERSION"))),
            ("backend", self.backend.as_deref().map_or(Json::NULL, text)),
            ("seed", self.seed.map_or(Json::NULL, Json::integer)),
            ("ending", self.ending.as_deref().map_or(Json::NULL, text)),
            ("settings", Json::Object(self.settings.clone())),
            ("timings", Json::Object(self.timings.clone())),
            ("metrics", Json::Object(self.metrics.clone())),
            ("scores", Json::List(scores)),
            (
                "curves",
                Json::Object(self.curves.iter().map(chart).collect()),
            ),
            ("pictures", Json::List(pictures.collect())),
            (
                "findings",
                Json::List(self.findings.iter().map(ReportFinding::json).collect()),
            ),
            ("files", Json::List(files.collect())),
        ])
    }

    fn refuse(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}

/// A file's name in the report.
fn listed(path: &Path, folder: &Path) -> String {
    match path.strip_prefix(folder) {
        // With slashes: the same report on every system.
        Ok(inside) => {
            let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
            parts.join("/")
        }
        Err(_) => path.to_string_lossy().into_owned(),
    }
}

/// The fields of a struct or map.
fn fields(place: &str, value: &impl Serialize) -> Result<Vec<(String, Json)>, String> {
    match json::of(value) {
        Ok(Json::Object(fields)) => Ok(fields),
        Ok(_) => Err(format!(
            "{place}: expected a struct or a map, with named fields"
        )),
        Err(error) => Err(format!("{place}: {error}")),
    }
}

/// Adds a field, or replaces the one of this name in its place.
fn put(fields: &mut Vec<(String, Json)>, name: String, value: Json) {
    match fields.iter_mut().find(|field| field.0 == name) {
        Some(field) => field.1 = value,
        None => fields.push((name, value)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[derive(Serialize)]
    struct Measured {
        zeta: f32,
        alpha: Vec<f64>,
    }

    fn picture(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join("pictures").join(name);
        write_whole(&path, b"<svg></svg>").unwrap();
        path
    }

    fn full(folder: &Path) -> Report {
        Report::new("ring")
            .backend("flex")
            .seed(u64::MAX)
            .settings(&Measured {
                zeta: 0.1,
                alpha: vec![1.0, f64::NAN],
            })
            .setting("label", None::<u8>)
            .timing("training", 1.5)
            .timing("broken", f64::INFINITY)
            .metric("modes", 8)
            .metrics(&Measured {
                zeta: f32::NEG_INFINITY,
                alpha: vec![],
            })
            .ending("finished")
            .curve("loss", "generator", [(0.0, 1.0)])
            .curve("distance", "kernel", [(10.0, 0.5)])
            .curve("loss", "discriminator", [(0.0, 0.25), (10.0, f64::NAN)])
            .curve("loss", "generator", [(0.0, f64::NEG_INFINITY)])
            .picture("Samples", picture(folder, "late.svg"), Some(20))
            .picture("All", picture(folder, "all.svg"), None)
            .finding(ReportFinding {
                step: 10,
                severity: Severity::Error,
                title: "A \"title\"".to_owned(),
                evidence: "evidence".to_owned(),
                why: "why".to_owned(),
                advice: "advice".to_owned(),
            })
            .file(folder.join("weights").join("a.gan"))
            .files(["elsewhere.png", "else.png"])
    }

    #[test]
    fn foreign_text_is_escaped_in_both_files() {
        let foreign = "a\u{1b}[2J\u{9b}\u{202e}b\nc";
        let folder = tempfile::tempdir().unwrap();
        let picture = picture(folder.path(), &format!("{foreign}.svg"));
        let path = Report::new(foreign)
            .backend(foreign)
            .ending(foreign)
            .setting(foreign, foreign)
            .metric(foreign, 1)
            .timing(foreign, 1.0)
            .curve(foreign, foreign, [(0.0, 1.0)])
            .picture(foreign, &picture, Some(1))
            .finding(ReportFinding {
                step: 10,
                severity: Severity::Error,
                title: foreign.to_owned(),
                evidence: foreign.to_owned(),
                why: foreign.to_owned(),
                advice: foreign.to_owned(),
            })
            .file(folder.path().join(foreign))
            .save(folder.path())
            .unwrap();
        let json = std::fs::read_to_string(&path).unwrap();
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["program"], foreign);
        assert_eq!(read["settings"][foreign], foreign);
        assert_eq!(read["files"][0], foreign);
        let steers = ['\u{1b}', '\u{9b}', '\u{202e}'];
        assert!(!json.contains(steers), "{json}");
        #[cfg(feature = "plot")]
        {
            let page = std::fs::read_to_string(folder.path().join(PAGE)).unwrap();
            assert!(!page.contains(steers), "{page}");
            assert!(
                page.contains(r"a\u{1b}[2J\u{9b}\u{202e}b\nc</code>"),
                "{page}"
            );
        }
    }

    #[test]
    fn the_file_is_exactly_this() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/out");
        let path = full(&out).save(&out).unwrap();
        assert_eq!(path, out.join("report.json"));
        let expected = r#"{
  "schema": 2,
  "program": "ring",
  "crate_version": "VERSION",
  "backend": "flex",
  "seed": 18446744073709551615,
  "ending": "finished",
  "settings": {
    "zeta": 0.1,
    "alpha": [1.0, "NaN"],
    "label": null
  },
  "timings": {
    "training": 1.5,
    "broken": "inf"
  },
  "metrics": {
    "modes": 8,
    "zeta": "-inf",
    "alpha": []
  },
  "scores": [],
  "curves": {
    "loss": {
      "generator": [
        [0.0, "-inf"]
      ],
      "discriminator": [
        [0.0, 0.25],
        [10.0, "NaN"]
      ]
    },
    "distance": {
      "kernel": [
        [10.0, 0.5]
      ]
    }
  },
  "pictures": [
    {
      "caption": "Samples",
      "path": "pictures/late.svg",
      "step": 20
    },
    {
      "caption": "All",
      "path": "pictures/all.svg",
      "step": null
    }
  ],
  "findings": [
    {
      "step": 10,
      "severity": "error",
      "title": "A \"title\"",
      "evidence": "evidence",
      "why": "why",
      "advice": "advice"
    }
  ],
  "files": ["weights/a.gan", "elsewhere.png", "else.png"]
}
"#
        .replace("VERSION", env!("CARGO_PKG_VERSION"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        // Nothing unfinished stays behind, and a second report replaces the first.
        Report::new("other").save(&out).unwrap();
        let page = usize::from(cfg!(feature = "plot"));
        // The pictures' folder and the report.
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2 + page);
        let other: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(other["program"], "other");
        assert_eq!(other["schema"], SCHEMA);
        for absent in ["seed", "backend", "ending"] {
            assert!(other[absent].is_null(), "{absent}");
        }
        for empty in ["settings", "timings", "metrics", "curves"] {
            assert_eq!(other[empty], serde_json::json!({}), "{empty}");
        }
        for empty in ["pictures", "findings", "files"] {
            assert_eq!(other[empty], serde_json::json!([]), "{empty}");
        }
    }

    #[test]
    fn a_field_given_twice_keeps_its_place_and_takes_the_last_value() {
        let report = Report::new("p")
            .metric("a", 1)
            .metric("b", 2)
            .metric("a", 3);
        let text = report.json(Path::new("out")).pretty();
        let metrics = "\"metrics\": {\n    \"a\": 3,\n    \"b\": 2\n  }";
        assert!(text.contains(metrics), "{text}");
    }

    #[test]
    fn what_cannot_be_written_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("never");
        let keys = HashMap::from([(vec![1], 2)]);
        let error = Report::new("p")
            .metric("bad", &keys)
            .save(&out)
            .unwrap_err();
        assert!(error.to_string().contains("metrics.bad"), "{error}");
        let error = Report::new("p").settings(&3).save(&out).unwrap_err();
        assert!(
            error.to_string().contains("settings: expected a struct"),
            "{error}"
        );
        assert!(!out.exists());
    }

    #[test]
    fn a_picture_that_is_not_there_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("never");
        for path in [folder.path().join("missing.png"), folder.path().to_owned()] {
            let report = Report::new("p").picture("a", &path, Some(1));
            let error = report.save(&out).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
            assert!(!out.exists());
        }
    }

    #[test]
    fn nor_is_one_forgiven_that_the_page_would_leave_out() {
        let folder = tempfile::tempdir().unwrap();
        let missing = |k: u64| {
            (0..20).fold(Report::new("p"), |report, step| {
                let path = match step == k {
                    true => folder.path().join("missing.svg"),
                    false => picture(folder.path(), "there.svg"),
                };
                report.picture("a", path, Some(step))
            })
        };
        for k in 0..20 {
            let error = missing(k).save(folder.path()).unwrap_err().to_string();
            assert!(error.contains("missing.svg"), "{error}");
        }
        assert!(missing(20).save(folder.path()).is_ok());
    }

    #[test]
    fn a_folder_that_cannot_be_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(
            Report::new("p").save(&file),
            Err(Error::Io { .. })
        ));
    }
}
