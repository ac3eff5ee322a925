//! Tests whose other half runs in a process of its own: a test binary starts itself again and asks its
//! test `child` to do what the environment says.

// Each test binary compiles this file for itself and uses a part of it.
#![allow(dead_code)]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// What the environment asks this process for; `None` where it was started by nobody.
pub fn asked(name: &str) -> Option<String> {
    std::env::var(format!("BURN_GAN_{name}")).ok()
}

/// As [`asked`], a number that must be there.
pub fn number(name: &str) -> u64 {
    let text = asked(name).expect("an order");
    text.parse().expect("a number")
}

/// How often a test that takes its time is to be repeated.
pub fn repetitions(name: &str, default: usize) -> usize {
    match asked(name) {
        Some(count) => count.parse().expect("a number of repetitions"),
        None => default,
    }
}

/// An order to a child process.
#[derive(Clone)]
pub struct Order(Vec<(String, String)>);

impl Order {
    pub fn new(case: &str, folder: &Path) -> Self {
        let folder = folder.to_str().expect("a plain path");
        Self(Vec::new()).with("CASE", case).with("FOLDER", folder)
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.push((format!("BURN_GAN_{name}"), value.to_string()));
        self
    }

    /// The process itself.
    pub fn command(&self) -> Command {
        self.within(&[])
    }

    /// The process, started by another program: its name and arguments, which those of the process
    /// follow.
    pub fn within(&self, wrapper: &[&str]) -> Command {
        let this = std::env::current_exe().expect("this test");
        let mut command = match wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(this);
                command
            }
            None => Command::new(this),
        };
        command
            .args(["--exact", "child", "--nocapture"])
            .envs(self.0.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn start(&self) -> Child {
        self.command().spawn().expect("a child process")
    }
}

/// What a child process said, both streams.
pub fn words(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .join("\n")
}

/// The step of the newest checkpoint in a folder, and its size; `None` where there is none.
pub fn newest(folder: &Path) -> Option<(u64, u64)> {
    let entries = std::fs::read_dir(folder).ok()?;
    let step = |name: &str| {
        let digits = name.strip_prefix("step-")?.strip_suffix(".checkpoint")?;
        digits.parse().ok()
    };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let step = step(&entry.file_name().to_string_lossy())?;
            Some((step, entry.metadata().ok()?.len()))
        })
        .max()
}
