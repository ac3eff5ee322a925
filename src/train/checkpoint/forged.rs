//! Checkpoints that somebody changed and sealed again: the checksum is right, the contents are not.

use crate::gan::Gan;
use std::fs;
use std::path::{Path, PathBuf};

use burn::backend::Autodiff;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Value, json};

use super::file;
use super::state::{self, Position};
use super::tests::{config, newest, resume, stored};
use crate::files::sealed::{self, Kind};
use crate::random::Stream;
use crate::records::Node;
use crate::step::{OptimizerConfig, TrainState};
use crate::testing::Cpu;
use crate::train::health::{FindingKind, LossPart};
use crate::train::tests::networks::restless;
use crate::train::{Finding, LossReading, Measurement};

type B = Autodiff<Cpu>;

/// An opened file, to be changed and closed.
struct Forged {
    header: Value,
    sections: Vec<(String, Vec<u8>)>,
    /// What the header says of the sections, if not the truth.
    list: Option<Value>,
}

impl Forged {
    fn of(path: &Path) -> Self {
        let file = file::read(path).expect("a whole file");
        let section = |name: &str| (name.to_owned(), file.required(name).expect("it"));
        Self {
            header: serde_json::to_value(&file.header).expect("JSON"),
            sections: file.names().map(section).collect(),
            list: None,
        }
    }

    fn seal(mut self, path: &Path) {
        let kind = Kind {
            magic: "burn-gan checkpoint",
            noun: "checkpoint",
            version: 4,
        };
        let entry = |(name, bytes): &(String, Vec<u8>)| json!({"name": name, "bytes": bytes.len()});
        let truth = self.sections.iter().map(entry).collect();
        if self.header.is_object() {
            self.header["sections"] = self.list.take().unwrap_or(truth);
        }
        let sections = self.sections.iter();
        let sections: Vec<_> = sections
            .map(|(name, bytes)| (name.as_str(), bytes.clone()))
            .collect();
        sealed::write(path, &kind, &self.header.to_string(), &sections).expect("a written file");
    }

    fn bytes(&mut self, name: &str) -> &mut Vec<u8> {
        let mut sections = self.sections.iter_mut();
        let (_, bytes) = sections.find(|(own, _)| own == name).expect("a section");
        bytes
    }

    /// Changes the position.
    fn place(&mut self, change: impl FnOnce(&mut Position)) {
        let bytes = self.bytes("position");
        let mut position: Position = rmp_serde::from_slice(bytes).expect("a position");
        change(&mut position);
        *bytes = rmp_serde::to_vec_named(&position).expect("bytes");
    }

    /// Changes what stands at a dotted path of a section, `*` for the first of a map or a list.
    fn node(&mut self, section: &str, path: &str, change: impl FnOnce(&mut Node<'_>)) {
        let bytes = self.bytes(section);
        let whole = bytes.clone();
        let mut tree = Node::read(&whole).expect("a tree");
        let mut node = &mut tree;
        for name in path.split('.').filter(|name| !name.is_empty()) {
            node = match node {
                Node::Map(entries) => {
                    let mut entries = entries.iter_mut();
                    let found = entries.find(|(own, _)| name == "*" || *own == name);
                    &mut found.unwrap_or_else(|| panic!("no {name} in {path}")).1
                }
                Node::List(nodes) => &mut nodes[name.parse::<usize>().unwrap_or(0)],
                _ => panic!("no {name} in {path}"),
            };
        }
        change(node);
        *bytes = rmp_serde::to_vec_named(&tree).expect("bytes");
    }

    /// Changes a section's list of tensors, whose numbers stay.
    fn list(&mut self, section: &str, change: impl FnOnce(&mut Vec<Value>)) {
        let bytes = self.bytes(section);
        let (list, numbers) = parts(bytes);
        let mut list: Vec<Value> = serde_json::from_slice(list).expect("a list");
        change(&mut list);
        let list = serde_json::to_vec(&list).expect("JSON");
        *bytes = [&(list.len() as u64).to_le_bytes(), list.as_slice(), numbers].concat();
    }

    /// Changes what a section's list says of the tensor whose name ends so.
    fn tensor(&mut self, section: &str, name: &str, change: impl FnOnce(&mut Value)) {
        self.list(section, |list| {
            let place = place(list, name);
            change(&mut list[place]);
        });
    }

    /// The first number of the tensor whose name ends so becomes these bytes.
    fn number(&mut self, section: &str, name: &str, value: &[u8]) {
        let bytes = self.bytes(section);
        let (list, numbers) = parts(bytes);
        let list: Vec<Value> = serde_json::from_slice(list).expect("a list");
        let before: usize = list[..place(&list, name)].iter().map(size).sum();
        let start = bytes.len() - numbers.len() + before;
        bytes[start..start + value.len()].copy_from_slice(value);
    }
}

/// The list of tensors and their numbers.
fn parts(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first_chunk::<8>().expect("a length");
    rest.split_at(u64::from_le_bytes(*length) as usize)
}

fn place(list: &[Value], name: &str) -> usize {
    let is = |entry: &Value| {
        entry["name"]
            .as_str()
            .is_some_and(|own| own.ends_with(name))
    };
    let found = list.iter().position(is);
    found.unwrap_or_else(|| panic!("no {name} in {list:?}"))
}

/// The bytes of a tensor's numbers.
fn size(entry: &Value) -> usize {
    let sizes = entry["shape"].as_array().expect("a shape").iter();
    let width = match entry["dtype"].as_str() {
        Some("f32") => 4,
        Some("u64") => 8,
        other => panic!("{other:?}"),
    };
    sizes.fold(width, |all, size| {
        all * size.as_u64().expect("a size") as usize
    })
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Flag(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => match u64::try_from(*value) {
                Ok(value) => serializer.serialize_u64(value),
                Err(_) => serializer.serialize_i64(*value as i64),
            },
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::List(nodes) => {
                let mut list = serializer.serialize_seq(Some(nodes.len()))?;
                nodes
                    .iter()
                    .try_for_each(|node| list.serialize_element(node))?;
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (name, node) in entries {
                    map.serialize_entry(name, node)?;
                }
                map.end()
            }
        }
    }
}

fn set(value: Node<'static>) -> impl FnOnce(&mut Node<'_>) {
    move |node| *node = value
}

/// A state to restore into.
fn fresh() -> TrainState<
    Gan<crate::train::tests::networks::Normed<B>, crate::train::tests::networks::Restless<B>, B>,
> {
    let adam = OptimizerConfig::adam_w(1e-2, 0.01);
    TrainState::new(restless::<B>(9, 8), adam, adam)
        .expect("valid settings")
        .with_ema()
}

type Change = Box<dyn Fn(&mut Forged)>;

/// All the changes, each with words of the refusal.
fn changes() -> Vec<(Change, &'static str)> {
    let mut all: Vec<(Change, &'static str)> = Vec::new();
    macro_rules! change {
        ($words:expr, $change:expr) => {
            all.push((Box::new($change), $words))
        };
    }
    // The header.
    change!("can't be read", |f: &mut Forged| f.header = json!(7));
    change!("can't be read", |f: &mut Forged| f.header = json!(null));
    for key in ["crate_version", "step", "settings"] {
        change!("missing field", move |f: &mut Forged| {
            f.header.as_object_mut().expect("a map").remove(key);
        });
    }
    change!("unknown field", |f: &mut Forged| f.header["extra"] =
        json!(1));
    for step in [json!(-1), json!(1.5), json!("12"), json!(null)] {
        change!("can't be read", move |f: &mut Forged| f.header["step"] =
            step.clone());
    }
    for step in [0_u64, 11, 13, u64::MAX] {
        change!("its name says 12", move |f: &mut Forged| f.header["step"] =
            json!(step));
    }
    change!("can't be read", |f: &mut Forged| {
        f.header["metric"] = json!({"name": "kl", "value": "a lot"});
    });
    change!("unknown field", |f: &mut Forged| {
        f.header["metric"] = json!({"name": "kl", "value": "1", "unit": "nats"});
    });
    // The list of sections.
    change!("is inconsistent: its sections", |f: &mut Forged| f.list =
        Some(json!([])));
    change!("can't be read", |f: &mut Forged| f.list = Some(json!({})));
    change!("more than a file can hold", |f: &mut Forged| {
        let max = u64::MAX;
        f.list = Some(json!([{"name": "a", "bytes": max}, {"name": "networks", "bytes": max}]));
    });
    change!("is inconsistent: its sections", |f: &mut Forged| {
        f.list = Some(json!([{"name": "networks", "bytes": u64::MAX}]));
    });
    change!("does not know", |f: &mut Forged| f
        .sections
        .push(("extra".to_owned(), vec![1])));
    change!("two sections", |f: &mut Forged| {
        let first = f.sections[0].clone();
        f.sections.push(first);
    });
    for name in [
        "networks",
        "generator_optimizer",
        "discriminator_optimizer",
        "objective",
        "memory",
        "position",
    ] {
        change!("has no section", move |f: &mut Forged| f
            .sections
            .retain(|(own, _)| own != name));
        change!("can't be restored", move |f: &mut Forged| f
            .bytes(name)
            .clear());
        change!("can't be restored", move |f: &mut Forged| {
            f.bytes(name).pop();
        });
        change!("can't be restored", move |f: &mut Forged| f
            .bytes(name)
            .push(0xc0));
        change!("can't be restored", move |f: &mut Forged| *f.bytes(name) =
            vec![0x91; 50_000]);
        change!("can't be restored", move |f: &mut Forged| *f.bytes(name) =
            vec![0xc0; 3]);
    }
    for name in ["networks", "generator_optimizer", "memory", "ema"] {
        change!("can't be restored", move |f: &mut Forged| f.bytes(name)
            [0] ^= 1);
        change!("its list of tensors", move |f: &mut Forged| f.bytes(name)
            [7] = 0xff);
        change!(
            "its list of tensors can't be read",
            move |f: &mut Forged| {
                let deep = vec![b'['; 50_000];
                *f.bytes(name) = [&50_000_u64.to_le_bytes(), deep.as_slice()].concat();
            }
        );
        change!("two tensors", move |f: &mut Forged| {
            f.list(name, |list| list.push(list[0].clone()));
            let more = vec![0; 1 << 10];
            f.bytes(name).extend(more);
        });
    }
    change!("in its ema", |f: &mut Forged| f.bytes("ema").clear());
    // Networks.
    const WEIGHT: &str = "generator.hidden.weight";
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        change!(
            "`generator.hidden.weight` holds a number that is not finite",
            move |f: &mut Forged| f.number("networks", WEIGHT, &value.to_ne_bytes())
        );
    }
    for (section, name) in [
        ("networks", "generator.norm.running_mean"),
        ("ema", "hidden.weight"),
        ("ema", "norm.running_var"),
    ] {
        change!("not finite", move |f: &mut Forged| {
            f.number(section, name, &f32::NAN.to_ne_bytes());
        });
    }
    for sizes in [json!([8, 3]), json!([24]), json!([1, 3, 8])] {
        change!("`generator.hidden.weight`", move |f: &mut Forged| {
            f.tensor("networks", WEIGHT, |entry| entry["shape"] = sizes.clone());
        });
    }
    for sizes in [
        json!([3, 7]),
        json!([3, 1_u64 << 62]),
        json!([1_u64 << 63, 2]),
        json!([-3, 8]),
        json!([]),
        json!(24),
        json!(null),
    ] {
        change!("in its networks, ", move |f: &mut Forged| {
            f.tensor("networks", WEIGHT, |entry| entry["shape"] = sizes.clone());
        });
    }
    for dtype in ["i32", "u32", "flex32"] {
        change!(
            "`generator.hidden.weight` is of type",
            move |f: &mut Forged| {
                f.tensor("networks", WEIGHT, |entry| entry["dtype"] = json!(dtype));
            }
        );
    }
    for dtype in ["f64", "f16", "u8", "bool", "q8", "none", ""] {
        change!("in its networks, ", move |f: &mut Forged| {
            f.tensor("networks", WEIGHT, |entry| entry["dtype"] = json!(dtype));
        });
    }
    change!("belongs to other networks: ", |f: &mut Forged| {
        f.tensor("networks", WEIGHT, |entry| entry["name"] = json!("other"));
    });
    change!("the same parameter as `other`", |f: &mut Forged| {
        f.tensor("networks", WEIGHT, |entry| {
            entry["same_as"] = json!("other")
        });
    });
    change!("unknown field", |f: &mut Forged| {
        f.tensor("networks", WEIGHT, |entry| entry["extra"] = json!(1));
    });
    change!("missing field", |f: &mut Forged| {
        f.tensor("networks", WEIGHT, |entry| {
            entry.as_object_mut().expect("an entry").remove("dtype");
        });
    });
    change!("can't be restored", |f: &mut Forged| {
        f.bytes("networks").clear();
        f.bytes("networks").extend(2_u64.to_le_bytes());
        f.bytes("networks").extend(b"[]");
    });
    change!("the network has no `more`", |f: &mut Forged| {
        f.list("networks", |list| {
            list.push(json!({"name": "more", "dtype": "f32", "shape": [0]}));
        });
    });
    change!("in its ema, the network has no `more`", |f: &mut Forged| {
        f.list("ema", |list| {
            list.push(json!({"name": "more", "dtype": "f32", "shape": [0]}));
        });
    });
    // What optimisers remember.
    for name in ["generator_optimizer", "discriminator_optimizer"] {
        for value in [f32::NAN, f32::INFINITY] {
            for moment in ["moment_1", "moment_2"] {
                change!("not finite", move |f: &mut Forged| {
                    f.number(name, moment, &value.to_ne_bytes());
                });
            }
        }
        change!("below 0", move |f: &mut Forged| {
            f.number(name, "moment_2", &(-1.0f32).to_ne_bytes());
        });
        for time in [0, 1_000, u64::MAX] {
            change!("has seen", move |f: &mut Forged| {
                f.number(name, "time", &time.to_ne_bytes());
            });
        }
        for dtype in ["i64", "f64"] {
            change!("is no number of steps", move |f: &mut Forged| {
                f.tensor(name, "time", |entry| entry["dtype"] = json!(dtype));
            });
        }
        change!("is no number of steps", move |f: &mut Forged| {
            f.tensor(name, "time", |entry| entry["shape"] = json!([1, 1]));
        });
        change!("has shape [1,", move |f: &mut Forged| {
            f.tensor(name, "moment_1", |entry| {
                entry["shape"]
                    .as_array_mut()
                    .expect("sizes")
                    .insert(0, json!(1));
            });
        });
        change!("is of type", move |f: &mut Forged| {
            f.tensor(name, "moment_1", |entry| entry["dtype"] = json!("i32"));
        });
        change!("no memory of its own", move |f: &mut Forged| {
            f.tensor(name, "moment_1", |entry| entry["same_as"] = json!("x"));
        });
        for moment in ["time", "moment_1", "moment_2"] {
            change!("not what an optimiser remembers", move |f: &mut Forged| {
                f.tensor(name, moment, |entry| {
                    let parameter = entry["name"].as_str().expect("a name").to_owned();
                    let parameter = parameter.trim_end_matches(moment);
                    entry["name"] = json!(format!("{parameter}velocity"));
                });
            });
        }
        change!("of no parameter of its network", move |f: &mut Forged| {
            f.list(name, |list| {
                for entry in list.iter_mut().take(3) {
                    let moment = entry["name"].as_str().expect("a name");
                    let moment = moment.rsplit('.').next().expect("it").to_owned();
                    entry["name"] = json!(format!("generator.other.{moment}"));
                }
            });
        });
    }
    change!("of no parameter of its network", |f: &mut Forged| {
        let its = f.bytes("generator_optimizer").clone();
        *f.bytes("discriminator_optimizer") = its;
    });
    // What the objective remembers.
    for (field, values) in [
        ("generator_steps", [11, 13, 0]),
        ("discriminator_steps", [11, 0, 1 << 60]),
    ] {
        for value in values {
            change!("steps", move |f: &mut Forged| {
                f.node("objective", field, set(Node::Integer(value)));
            });
        }
    }
    change!("not finite", |f: &mut Forged| {
        f.number("memory", "terms.1.0", &f32::NAN.to_ne_bytes());
    });
    change!("a memory has [1]", |f: &mut Forged| {
        f.tensor("memory", "terms.1.0", |entry| {
            entry["shape"] = json!([1, 1])
        });
    });
    change!("`terms.1.0` is of type", |f: &mut Forged| {
        f.tensor("memory", "terms.1.0", |entry| entry["dtype"] = json!("i32"));
    });
    change!("where `terms.1.0` is needed", |f: &mut Forged| {
        f.tensor("memory", "terms.1.0", |entry| {
            entry["name"] = json!("other")
        });
    });
    for sizes in [vec![], vec![0, 1 << 60], vec![(1 << 63) - 1; 3], vec![0]] {
        change!("are not what is remembered", move |f: &mut Forged| {
            let sizes = sizes.iter().map(|size| Node::Integer(*size)).collect();
            f.node("objective", "memory", set(Node::List(sizes)));
        });
    }
    change!("in its objective", |f: &mut Forged| {
        f.node("objective", "memory", set(Node::Nil));
    });
    change!("another stream", |f: &mut Forged| {
        f.node("objective", "noise.generator.stream", set(Node::Integer(7)));
    });
    change!("in its objective", |f: &mut Forged| {
        f.node("objective", "noise.generator.seed", set(Node::List(vec![])));
    });
    // The place in the run.
    for time in [
        f64::NAN,
        -1.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e300,
        2e19,
    ] {
        change!("a training time of", move |f: &mut Forged| f
            .place(|p| p.elapsed = time));
    }
    for scale in [f64::NAN, 0.0, -0.5, f64::INFINITY, 2.0] {
        change!("on the learning rates", move |f: &mut Forged| {
            f.place(|p| (p.rate_scale, p.rollbacks) = (scale, 1));
        });
    }
    change!("without a rollback", |f: &mut Forged| f
        .place(|p| p.rate_scale = 0.5));
    change!("rollbacks can't be", |f: &mut Forged| f
        .place(|p| p.rollbacks = u32::MAX));
    for samples in [0, 23, u64::MAX] {
        change!("samples shown", move |f: &mut Forged| f
            .place(|p| p.samples = samples));
    }
    change!("beyond the data", |f: &mut Forged| f
        .place(|p| p.epoch = u64::MAX));
    change!("beyond the data", |f: &mut Forged| f.place(|p| p.used = 21));
    change!("beyond the data", |f: &mut Forged| f
        .place(|p| p.used = u64::MAX));
    change!("another stream", |f: &mut Forged| {
        f.place(|p| p.latents = Stream::new(11, "data"));
    });
    change!("not as this version", |f: &mut Forged| {
        f.node(
            "position",
            "latents.generator.word_pos",
            set(Node::Bytes(&[0xff; 16])),
        );
    });
    change!("in its position", |f: &mut Forged| {
        f.node(
            "position",
            "latents.generator.word_pos",
            set(Node::Bytes(&[1; 3])),
        );
    });
    let loss = |step| LossReading {
        step,
        discriminator: 1.0,
        discriminator_penalty: None,
        generator: 1.0,
        generator_penalty: None,
    };
    for steps in [vec![0], vec![13], vec![3, 2], vec![3, 3], vec![u64::MAX]] {
        change!("can't wait there", move |f: &mut Forged| {
            f.place(|p| p.unread = steps.iter().map(|step| loss(*step)).collect());
        });
    }
    let explosion = |step, value| Finding {
        step,
        kind: FindingKind::LossExplosion {
            which: LossPart::Generator,
            step: 3,
            value,
            usual: 1.0,
        },
    };
    let number = |name: &'static str, step| Measurement {
        name: name.into(),
        value: f64::NAN,
        step,
    };
    for numbers in [
        vec![number("kl", 0)],
        vec![number("kl", u64::MAX)],
        vec![number("kl", 1), number("kl", 2)],
    ] {
        change!("a measurement `kl`", move |f: &mut Forged| {
            f.place(|p| p.measurements.clone_from(&numbers));
        });
    }
    for (finding, words) in [
        (explosion(0, 9.0), "a finding of step 0"),
        (explosion(u64::MAX, 9.0), "a finding of step"),
        (explosion(3, f64::NAN), "a finding: "),
    ] {
        change!(words, move |f: &mut Forged| {
            f.place(|p| p.findings = vec![finding.clone()]);
        });
    }
    change!("the memory `deep`", |f: &mut Forged| {
        f.node("position", "memories", |node| {
            *node = Node::Map(vec![("deep", Node::Bytes(&[0x91; 5_000]))]);
        });
    });
    for field in [
        "epoch", "samples", "elapsed", "health", "unread", "memories",
    ] {
        change!("in its position", move |f: &mut Forged| {
            f.node("position", field, set(Node::Text("a word")));
        });
        change!("in its position", move |f: &mut Forged| {
            f.node("position", "", |node| {
                let Node::Map(entries) = node else {
                    panic!("{node:?} is no map");
                };
                entries.retain(|(name, _)| *name != field);
            });
        });
    }
    change!("not as this version", |f: &mut Forged| {
        f.node("position", "", |node| {
            let Node::Map(entries) = node else {
                panic!("{node:?} is no map");
            };
            entries.push(("extra", Node::Nil));
        });
    });
    all
}

#[test]
fn what_was_changed_and_sealed_again_is_refused_by_what_is_wrong() {
    let folder = stored();
    let path = newest(folder.path());
    let whole = fs::read(&path).expect("the newest");
    let device = Default::default();
    let state = fresh();
    let before = state.digest();
    let changes = changes();
    assert!(changes.len() > 150, "{}", changes.len());
    let mut wrong = Vec::new();
    for (number, (change, words)) in changes.iter().enumerate() {
        fs::write(&path, &whole).expect("a writable file");
        let mut forged = Forged::of(&path);
        change(&mut forged);
        forged.seal(&path);
        let told = match file::read(&path) {
            Ok(file) => state::restore(&file, &state, &device)
                .map(|_| ())
                .map_err(|error| error.to_string()),
            Err(error) => {
                assert!(!error.is_damage(), "{error}");
                Err(error.to_string())
            }
        };
        match told {
            Ok(()) => wrong.push(format!("{number} ({words}) was restored")),
            Err(told) if !told.contains(words) => {
                wrong.push(format!("{number}: no `{words}` in: {told}"));
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        state.digest(),
        before,
        "what was restored into is as it was"
    );
    fs::write(&path, &whole).expect("a writable file");
    let file = file::read(&path).expect("a whole file");
    let (restored, _) = state::restore(&file, &state, &device).expect("a state");
    assert_ne!(restored.digest(), before);
}

/// The names and contents of a folder.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut all: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let bytes = fs::read(&path).expect("a file");
            (path, bytes)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn a_refused_checkpoint_ends_the_resume_and_leaves_the_folder_alone() {
    let folder = stored();
    let path = newest(folder.path());
    for change in [
        (|f: &mut Forged| f.place(|p| p.elapsed = -1.0)) as fn(&mut Forged),
        |f| f.header["step"] = json!(8),
        |f| {
            f.number(
                "networks",
                "generator.hidden.weight",
                &f32::NAN.to_ne_bytes(),
            );
        },
    ] {
        let whole = fs::read(&path).expect("the newest");
        let mut forged = Forged::of(&path);
        change(&mut forged);
        forged.seal(&path);
        let before = contents(folder.path());
        let error = resume(folder.path(), config(13)).expect_err("a changed file");
        let error = error.to_string();
        assert!(error.contains("step-000000012.checkpoint: "), "{error}");
        assert_eq!(contents(folder.path()), before);
        fs::write(&path, whole).expect("a writable file");
    }
    resume(folder.path(), config(13)).expect("as it was");
}
