//! Mutations of files under a checksum, with the right checksum on what comes out: past it, the
//! header and the sections are what their reader has to doubt.
//!
//! ```text
//! a line that names the format and its version
//! SHA-256 of all that follows this line, in hexadecimal digits
//! a header, one line of JSON, with "sections": [{"name": …, "bytes": …}, …]
//! the sections, one after the other
//! ```

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{bytes, json, msgpack};
use crate::random::Random;

/// A file taken apart.
#[derive(Clone)]
struct Sealed {
    format: Vec<u8>,
    header: Vec<u8>,
    sections: Vec<(String, Vec<u8>)>,
}

fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

impl Sealed {
    fn open(file: &[u8]) -> Option<Self> {
        let (format, rest) = line(file)?;
        let (digest, rest) = line(rest)?;
        let (header, mut body) = line(rest)?;
        if digest.len() != 64 {
            return None;
        }
        let parsed: Value = serde_json::from_slice(header).ok()?;
        let mut sections = Vec::new();
        for section in parsed["sections"].as_array()? {
            let length = usize::try_from(section["bytes"].as_u64()?).ok()?;
            let (bytes, after) = body.split_at_checked(length)?;
            sections.push((section["name"].as_str()?.to_owned(), bytes.to_vec()));
            body = after;
        }
        Some(Self {
            format: format.to_vec(),
            header: header.to_vec(),
            sections,
        })
    }

    /// The header, with the list of the sections as they are.
    fn honest_header(&self) -> Vec<u8> {
        let list = self
            .sections
            .iter()
            .map(|(name, bytes)| serde_json::json!({"name": name, "bytes": bytes.len()}));
        match serde_json::from_slice::<Value>(&self.header) {
            Ok(Value::Object(mut header)) => {
                header.insert("sections".to_owned(), list.collect());
                serde_json::to_vec(&header).unwrap_or_else(|_| self.header.clone())
            }
            _ => self.header.clone(),
        }
    }

    fn seal(&self, header: &[u8]) -> Vec<u8> {
        let body = self.sections.iter().map(|(_, bytes)| &bytes[..]);
        let checked: Vec<u8> = [header, b"\n"]
            .into_iter()
            .chain(body)
            .flatten()
            .copied()
            .collect();
        let digest = Sha256::digest(&checked);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        [&self.format[..], b"\n", digest.as_bytes(), b"\n", &checked].concat()
    }
}

/// Mutates the list of a section of tensors, or their numbers; `false` where it is no such section.
///
/// ```text
/// the length of the list, in 8 bytes, the lowest first
/// the list, as JSON: [{"name": …, "dtype": …, "shape": […]}, …]
/// numbers
/// ```
fn tensors(random: &mut Random, section: &mut Vec<u8>) -> bool {
    let Some((length, rest)) = section.split_first_chunk::<8>() else {
        return false;
    };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let Some((list, numbers)) = rest.split_at_checked(length) else {
        return false;
    };
    if !list.starts_with(b"[") {
        return false;
    }
    let (mut list, mut numbers) = (list.to_vec(), numbers.to_vec());
    if random.one_in(4) {
        bytes::mutate(random, &mut numbers, b"\xff\xff\x80\x7f");
    } else {
        json::mutate(random, &mut list);
    }
    *section = [&(list.len() as u64).to_le_bytes(), &list[..], &numbers].concat();
    true
}

/// A mutated file with a right checksum; `None` where the input is no such file.
pub fn mutate(random: &mut Random, file: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = Sealed::open(file)?;
    let other = Sealed::open(other).unwrap_or_else(|| sealed.clone());
    let mut honest = true;
    for _ in 0..=random.below(3) {
        let count = sealed.sections.len();
        match random.below(12) {
            0 | 1 => json::mutate(random, &mut sealed.header),
            2 => {
                // Lengths and names that the sections don't have.
                honest = false;
                sealed.header = sealed.honest_header();
                json::mutate(random, &mut sealed.header);
            }
            3 => {
                honest = false;
                bytes::mutate(random, &mut sealed.header, &other.header);
            }
            4 if count > 0 => drop(sealed.sections.remove(random.below(count))),
            5 if count > 0 => {
                let copy = sealed.sections[random.below(count)].clone();
                sealed.sections.insert(random.below(count + 1), copy);
            }
            6 if count > 1 => {
                // Contents under another's name, here or from another file.
                let from = if random.one_in(2) { &sealed } else { &other };
                let contents = from.sections[random.below(from.sections.len())].1.clone();
                sealed.sections[random.below(count)].1 = contents;
            }
            7 if count > 0 => {
                let section = &mut sealed.sections[random.below(count)].1;
                bytes::mutate(random, section, b"x");
            }
            _ if count > 0 => {
                let section = &mut sealed.sections[random.below(count)].1;
                if !tensors(random, section) {
                    msgpack::mutate(random, section);
                }
            }
            _ => {}
        }
    }
    let header = if honest {
        sealed.honest_header()
    } else {
        sealed.header.clone()
    };
    Some(sealed.seal(&header))
}
