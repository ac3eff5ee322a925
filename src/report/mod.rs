//! What a run came to, as `report.json`.
//!
//! Every example writes one, and programs of your own can. Its fields, always all of them and in this
//! order:
//!
//! ```text
//! {
//!   "program":       the program's name
//!   "crate_version": the version of burn-gan
//!   "backend":       the backend's name, or null
//!   "seed":          the run's seed, or null
//!   "settings":      {…}  what the run was made with
//!   "timings":       {…}  name: seconds
//!   "metrics":       {…}  name: what was measured
//!   "files":         […]  pictures and weights made, relative to the report's folder where inside it
//! }
//! ```
//!
//! Fields inside `settings` and `metrics` keep the order in which they were given or declared (for a
//! map without an order, the map's). JSON knows no infinity and no NaN: numbers that are not finite
//! are written as the strings `"NaN"`, `"inf"` and `"-inf"`, wherever they stand; `null` means that
//! there is no value.

mod json;

use std::path::{Path, PathBuf};

use serde::Serialize;

use self::json::Json;
use crate::error::{Error, Result};
use crate::files::write_whole;

/// The name of the file that [`Report::save`] writes.
const FILE: &str = "report.json";

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
///     .settings(&Settings { steps: 30_000, gamma: 0.05 })
///     .timing("training", 85.2)
///     .metric("modes_captured", 8)
///     .metric("reverse_kl", f64::INFINITY)
///     .file(out.join("samples.svg"))
///     .save(out)?;
///
/// let text = std::fs::read_to_string(path).unwrap();
/// assert!(text.contains(r#""gamma": 0.05"#));
/// assert!(text.contains(r#""reverse_kl": "inf""#));
/// assert!(text.contains(r#""samples.svg""#));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Report {
    program: String,
    backend: Option<String>,
    seed: Option<u64>,
    settings: Vec<(String, Json)>,
    timings: Vec<(String, Json)>,
    metrics: Vec<(String, Json)>,
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
            settings: Vec::new(),
            timings: Vec::new(),
            metrics: Vec::new(),
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

    /// Adds a file that the run made.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Writes `report.json` into `folder`, which is created, and returns its path.
    ///
    /// It is written under another name and then renamed: whoever finds a `report.json` finds a whole
    /// one.
    ///
    /// # Errors
    /// [`Error::Data`] when a value given before could not be serialised, or fields were expected and
    /// something else came; [`Error::Io`] where the folder or file cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<PathBuf> {
        let folder = folder.as_ref();
        let path = folder.join(FILE);
        if let Some(problem) = &self.problem {
            return Err(Error::data(&path, problem.as_str()));
        }
        let mut text = serde_json::to_string_pretty(&self.json(folder))
            .map_err(|error| Error::data(&path, error.to_string()))?;
        text.push('\n');

        write_whole(&path, text.as_bytes())?;
        Ok(path)
    }

    /// The whole report; file names relative to `folder` where they lie inside it.
    fn json(&self, folder: &Path) -> Json {
        let text = |text: &str| Json::text(text);
        let file = |path: &PathBuf| match path.strip_prefix(folder) {
            // With slashes: the same report on every system.
            Ok(inside) => {
                let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
                Json::text(&parts.join("/"))
            }
            Err(_) => Json::text(&path.to_string_lossy()),
        };
        let fields = [
            ("program", text(&self.program)),
            ("crate_version", text(env!("CARGO_PKG_VERSION"))),
            ("backend", self.backend.as_deref().map_or(Json::NULL, text)),
            ("seed", self.seed.map_or(Json::NULL, Json::integer)),
            ("settings", Json::Object(self.settings.clone())),
            ("timings", Json::Object(self.timings.clone())),
            ("metrics", Json::Object(self.metrics.clone())),
            ("files", Json::List(self.files.iter().map(file).collect())),
        ];
        Json::Object(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn refuse(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
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
            .file(folder.join("pictures").join("a.svg"))
            .file("elsewhere.png")
    }

    #[test]
    fn the_file_is_exactly_this() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/out");
        let path = full(&out).save(&out).unwrap();
        assert_eq!(path, out.join("report.json"));
        let expected = r#"{
  "program": "ring",
  "crate_version": "VERSION",
  "backend": "flex",
  "seed": 18446744073709551615,
  "settings": {
    "zeta": 0.1,
    "alpha": [
      1.0,
      "NaN"
    ],
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
  "files": [
    "pictures/a.svg",
    "elsewhere.png"
  ]
}
"#
        .replace("VERSION", env!("CARGO_PKG_VERSION"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        // Nothing unfinished stays behind, and a second report replaces the first.
        Report::new("other").save(&out).unwrap();
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1);
        let other: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(other["program"], "other");
        assert!(other["seed"].is_null() && other["backend"].is_null());
        assert_eq!(other["metrics"], serde_json::json!({}));
    }

    #[test]
    fn a_field_given_twice_keeps_its_place_and_takes_the_last_value() {
        let report = Report::new("p")
            .metric("a", 1)
            .metric("b", 2)
            .metric("a", 3);
        let text = serde_json::to_string(&report.json(Path::new("out"))).unwrap();
        assert!(text.contains(r#""metrics":{"a":3,"b":2}"#), "{text}");
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
