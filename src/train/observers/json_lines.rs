//! A log that programs can read: one JSON object a line.

use crate::pair::Pair;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::{self, write_whole};
use crate::json::{self, Json};
use crate::train::health::FindingKind;
use crate::train::{Memories, Notice, Observer, Reading, StepEvent};

/// An observer that appends to a file of JSON lines: a reading each time it is called, and every
/// notice when it comes, findings with their evidence.
///
/// ```text
/// {"step":10,"seconds":0.8,"samples":640,"discriminator_loss":1.31,"generator_loss":0.72,
///  "discriminator_terms":0.01,"js_lower_bound":0.04,"real_logit":0.1,"fake_logit":-0.2,
///  "discriminator_rate":0.0002,"generator_rate":0.0002,"fid":31.5,"measured":{"fid":8}}
/// {"step":12,"notice":"interrupted","text":"stopped by signal 2 after step 12"}
/// ```
///
/// Each on one line. `seconds` is the training time, `samples` the real samples shown to the
/// discriminator so far, and the numbers are those of the [`Reading`]. What an evaluator measures
/// stands in the first line after it, or in that of its own step; where the step is another one,
/// `measured` says which. JSON knows no NaN and no infinity, so that they are the strings `"NaN"`,
/// `"inf"` and `"-inf"`. Every line is handed to the system at once: a killed run loses none that
/// was written.
///
/// A run from the beginning replaces the file. A run that goes on from a checkpoint keeps the lines
/// up to its step and drops those beyond it, and a last line cut off in the middle: the readings
/// are then those of a run never disturbed. After a rollback the notices that led to it stay.
///
/// Each reading waits for the device: give it a rhythm of tens of steps on a GPU.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::train::JsonLines;
/// use burn_gan::train::{Rhythm, Trainer, TrainerConfig};
/// use burn_gan::{Gan, Latent};
///
/// let device = Default::default();
/// let gan = Gan::<_, _, Autodiff<Flex>>::seeded(
///     MlpGeneratorConfig::new(2, [2]).with_hidden([8]).init(&device)?,
///     MlpDiscriminatorConfig::new([2]).with_hidden([8]).init(&device)?,
///     1,
///     &device,
/// );
/// let data = MemoryDataset::<2>::new(vec![0.5; 32], [2])?;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("log.jsonl");
/// Trainer::new(TrainerConfig::new(6, 8, Latent::normal(2)), &device)?
///     .observe(Rhythm::Every(3), JsonLines::new(&path))
///     .run(gan, &data)?;
///
/// let log = std::fs::read_to_string(&path).unwrap();
/// let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
/// assert_eq!((&last["step"], &last["samples"]), (&6.into(), &48.into()));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    /// Open from the run's first line, or from a recall, on.
    file: Option<File>,
    /// Its length, whole lines all of it.
    length: u64,
    /// Whether a line was cut off, since the disk was full: what there is of it has to go.
    cut: bool,
    /// Lines that came before it was known whether the run starts or goes on.
    waiting: Vec<u8>,
    /// Steps made at the last call.
    step: u64,
    /// The step of the last reading.
    read: u64,
    /// What went wrong where it could not be returned.
    failed: Option<Error>,
}

/// A reading's line: what is new since the reading of step `last`.
fn line_of(reading: &Reading, last: u64, seconds: f64, samples: u64) -> Json {
    let mut fields = vec![
        ("step".to_owned(), Json::integer(reading.step)),
        ("seconds".to_owned(), Json::number(seconds)),
        ("samples".to_owned(), Json::integer(samples)),
    ];
    let mut earlier = Vec::new();
    for number in reading.numbers.iter().filter(|number| number.step > last) {
        let name = number.name.clone().into_owned();
        if number.step != reading.step {
            earlier.push((name.clone(), Json::integer(number.step)));
        }
        fields.push((name, Json::number(number.value)));
    }
    if !earlier.is_empty() {
        fields.push(("measured".to_owned(), Json::Object(earlier)));
    }
    Json::Object(fields)
}

/// A notice's line.
#[derive(Serialize)]
struct NoticeLine<'a> {
    step: u64,
    notice: &'a str,
    text: String,
    /// The numbers that a finding goes by.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'a FindingKind>,
}

/// Where a line stands in the run.
#[derive(Deserialize)]
struct Place {
    step: u64,
    notice: Option<String>,
}

impl JsonLines {
    /// A log in the file `path`; folders above it are made.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            file: None,
            length: 0,
            cut: false,
            waiting: Vec::new(),
            step: 0,
            read: 0,
            failed: None,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file from its beginning, empty; nothing where it is open already.
    fn begin(&mut self) -> Result<()> {
        if self.file.is_some() {
            return Ok(());
        }
        self.replace(&[])
    }

    /// The file with these lines, then those that wait, open for more.
    fn replace(&mut self, kept: &[u8]) -> Result<()> {
        let mut bytes = kept.to_vec();
        bytes.append(&mut self.waiting);
        write_whole(&self.path, &bytes)?;
        (self.length, self.cut) = (bytes.len() as u64, false);
        let file = files::open_to_append(&self.path);
        self.file = Some(file.map_err(|source| Error::io(&self.path, source))?);
        Ok(())
    }

    fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let mut bytes = json::of(line)
            .and_then(|line| serde_json::to_vec(&line).map_err(|error| error.to_string()))
            .map_err(|problem| Error::data(&self.path, problem))?;
        bytes.push(b'\n');
        match &mut self.file {
            Some(file) => {
                let mut write = || {
                    if self.cut {
                        file.set_len(self.length)?;
                        self.cut = false;
                    }
                    // In one piece and without a buffer of ours: whatever kills the process, it is
                    // written.
                    file.write_all(&bytes)
                };
                match write() {
                    Ok(()) => {
                        self.length += bytes.len() as u64;
                        Ok(())
                    }
                    Err(source) => {
                        self.cut = true;
                        Err(Error::io(&self.path, source))
                    }
                }
            }
            None => {
                self.waiting.append(&mut bytes);
                Ok(())
            }
        }
    }

    fn tell(&mut self, notice: &Notice) -> Result<()> {
        let begins = matches!(
            notice,
            Notice::Warning(_) | Notice::NothingToResume { .. } | Notice::Resumed { .. }
        );
        if !begins {
            self.begin()?;
        }
        let step = match notice {
            Notice::Saved { step, .. }
            | Notice::NotSaved { step, .. }
            | Notice::Resumed { step, .. }
            | Notice::Interrupted { step, .. } => *step,
            Notice::RolledBack { to, .. } => *to,
            Notice::Finding(finding) => finding.step,
            _ => self.step,
        };
        let evidence = match notice {
            Notice::Finding(finding) => Some(&finding.kind),
            _ => None,
        };
        self.write(&NoticeLine {
            step,
            notice: notice.name(),
            text: notice.to_string(),
            evidence,
        })
    }
}

/// The lines of a log that a run keeps when it goes on after `step` steps.
///
/// Readings beyond the step are made again, and so are, in a `resumed` run, the notices beyond it
/// that stand behind the last reading kept. Those before it belong to a rollback of earlier.
///
/// With them the step of the last reading among them.
fn kept(path: &Path, log: &[u8], step: u64, resumed: bool) -> Result<(Vec<u8>, u64)> {
    let mut lines = Vec::new();
    let mut rest = log.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = rest.next() {
        let place = serde_json::from_slice::<Place>(line);
        match place {
            Ok(place) if line.ends_with(b"\n") => lines.push((place, line)),
            // Cut off while it was written.
            _ if rest.peek().is_none() => {}
            Ok(_) => {}
            Err(error) => {
                let number = lines.len() + 1;
                return Err(Error::data(
                    path,
                    format!(
                        "line {number} is not of a run's log ({error}): move the file away, or log \
                         into another one"
                    ),
                ));
            }
        }
    }
    let last = (lines.iter())
        .rposition(|(place, _)| place.notice.is_none() && place.step <= step)
        .unwrap_or(0);
    let stays = |index: usize, place: &Place| {
        place.step <= step || (place.notice.is_some() && (!resumed || index < last))
    };
    let (mut kept, mut read) = (Vec::new(), 0);
    for (index, (place, line)) in lines.iter().enumerate() {
        if stays(index, place) {
            kept.extend_from_slice(line);
            if place.notice.is_none() {
                read = place.step;
            }
        }
    }
    Ok((kept, read))
}

impl<P: Pair> Observer<P> for JsonLines {
    fn ends_run(&self) -> bool {
        false
    }

    // Its lines are cut back to the checkpoint's step when the run goes on: that step's must be
    // there.
    fn is_remembered(&self) -> bool {
        true
    }

    fn observe(&mut self, event: &StepEvent<'_, P>) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.begin()?;
        self.step = event.step;
        let reading = event.reading();
        // Milliseconds tell enough.
        let seconds = (event.elapsed.as_secs_f64() * 1e3).round() / 1e3;
        let line = line_of(reading, self.read, seconds, event.samples);
        self.read = event.step;
        self.write(&line)
    }

    fn notice(&mut self, notice: &Notice) {
        if let Err(error) = self.tell(notice) {
            // The next call returns it.
            self.failed.get_or_insert(error);
        }
    }

    fn recall(&mut self, step: u64, _memories: &Memories) -> Result<()> {
        let resumed = self.file.is_none();
        self.step = step;
        if resumed && step == 0 {
            self.read = 0;
            return self.begin();
        }
        let log = match files::read(&self.path) {
            Ok(log) => log,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(Error::io(&self.path, source)),
        };
        let (lines, read) = kept(&self.path, &log, step, resumed)?;
        self.read = read;
        self.replace(&lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[&str]) -> Vec<u8> {
        let mut text = lines.join("\n");
        text.push('\n');
        text.into_bytes()
    }

    fn keep(lines: &[&str], step: u64, resumed: bool) -> Vec<u8> {
        kept(Path::new("log"), &log(lines), step, resumed)
            .expect("a log")
            .0
    }

    const READ_10: &str = r#"{"step":10,"generator_loss":"NaN"}"#;
    const READ_20: &str = r#"{"step":20,"generator_loss":0.5}"#;
    const READ_30: &str = r#"{"step":30,"generator_loss":0.4}"#;
    const FOUND_30: &str = r#"{"step":30,"notice":"finding","text":"?"}"#;
    const BACK_TO_10: &str = r#"{"step":10,"notice":"rolled_back","text":"30 to 10"}"#;

    #[test]
    fn a_resumed_run_drops_what_lies_beyond_its_step() {
        let all = [READ_10, READ_20, READ_30, FOUND_30];
        assert_eq!(keep(&all, 20, true), log(&[READ_10, READ_20]));
        assert_eq!(keep(&all, 30, true), log(&all));
        assert_eq!(keep(&all, 9, true), b"");
        assert_eq!(keep(&[], 9, true), b"");
    }

    #[test]
    fn a_rollback_keeps_the_notices_that_led_to_it_through_a_later_resume() {
        let all = [READ_10, READ_20, READ_30, FOUND_30];
        assert_eq!(keep(&all, 10, false), log(&[READ_10, FOUND_30]));
        let gone_on = [READ_10, FOUND_30, BACK_TO_10, READ_20, READ_30, FOUND_30];
        assert_eq!(
            keep(&gone_on, 20, true),
            log(&[READ_10, FOUND_30, BACK_TO_10, READ_20])
        );
    }

    #[test]
    fn a_line_cut_off_in_the_middle_is_dropped() {
        for cut in 1..=READ_20.len() {
            let mut bytes = log(&[READ_10]);
            bytes.extend(&READ_20.as_bytes()[..cut]);
            let whole = kept(Path::new("log"), &bytes, 99, true).expect("a log").0;
            assert_eq!(whole, log(&[READ_10]), "cut after {cut} bytes");
        }
    }

    #[test]
    fn a_line_that_a_full_disk_cut_off_is_gone_before_the_next_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.jsonl");
        let mut log = JsonLines::new(&path);
        let line = |step: u64| serde_json::json!({"step": step});
        log.begin().expect("a file");
        log.write(&line(10)).expect("room");
        // As a write leaves it that the disk has no room for.
        let mut file = log.file.as_ref().expect("an open file");
        file.write_all(b"{\"step\":2").expect("a part of a line");
        log.cut = true;
        for step in [30, 40] {
            log.write(&line(step)).expect("room again");
        }
        let text = std::fs::read_to_string(&path).expect("the log");
        assert_eq!(text, "{\"step\":10}\n{\"step\":30}\n{\"step\":40}\n");
    }

    #[test]
    fn a_file_that_is_no_log_is_left_alone() {
        let bytes = log(&[READ_10, "my notes", READ_20]);
        let error = kept(Path::new("notes.txt"), &bytes, 99, true).expect_err("no log");
        let message = error.to_string();
        assert!(message.contains("notes.txt: line 2"), "{message}");
    }
}
