//! Pictures, embedded, and samples through time.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::number::count;
use super::section;
use crate::error::{Error, Result};
use crate::report::picture::PictureFile;

/// How many pictures of a timeline are shown.
const SHOWN: usize = 12;

/// A PNG file of at most this many pixels across is hardly ever shown smaller than it is.
const SMALL: u32 = 256;

/// A picture with its file inside.
#[derive(Debug)]
struct Embedded<'a> {
    picture: &'a PictureFile,
    uri: String,
    /// Width and height in pixels; `None` for an SVG file, which has a size of its own in every
    /// viewer.
    size: Option<(u32, u32)>,
}

/// The pictures of a report, read and sorted.
#[derive(Debug)]
pub(super) struct Pictures<'a> {
    alone: Vec<Embedded<'a>>,
    timeline: Vec<Embedded<'a>>,
    /// How many pictures with a step there are, shown or not.
    steps: usize,
}

impl<'a> Pictures<'a> {
    pub(super) fn read(pictures: &'a [PictureFile]) -> Result<Self> {
        let alone = pictures.iter().filter(|picture| picture.step.is_none());
        let mut steps: Vec<_> = pictures.iter().filter(|p| p.step.is_some()).collect();
        // Stable: pictures of one step stay in the order they were given in.
        steps.sort_by_key(|picture| picture.step);
        let shown = spread(steps.len()).into_iter().map(|index| steps[index]);
        Ok(Self {
            alone: alone.map(embed).collect::<Result<_>>()?,
            timeline: shown.map(embed).collect::<Result<_>>()?,
            steps: steps.len(),
        })
    }

    /// What the outcome is shown with: the timeline's last picture.
    pub(super) fn last(&self) -> Option<Markup> {
        self.timeline
            .last()
            .map(|last| figure(last, &title(last.picture)))
    }

    /// The pictures that stand alone.
    pub(super) fn alone(&self) -> Markup {
        if self.alone.is_empty() {
            return html! {};
        }
        let content = html! {
            div.pictures {
                @for picture in &self.alone { (figure(picture, &picture.picture.caption)) }
            }
        };
        section("pictures", "Pictures", content)
    }

    pub(super) fn timeline(&self) -> Markup {
        // A single one is shown with the outcome.
        if self.timeline.len() < 2 {
            return html! {};
        }
        let caption = &self.timeline[0].picture.caption;
        let alike = self
            .timeline
            .iter()
            .all(|one| &one.picture.caption == caption);
        let left_out = self.steps - self.timeline.len();
        let content = html! {
            @if alike || left_out > 0 {
                p.quiet {
                    @if alike { (caption) @if left_out > 0 { ". " } }
                    @if left_out > 0 {
                        (self.timeline.len()) " of " (count(self.steps as u64))
                        " pictures, spread evenly; " (count(left_out as u64)) " are left out."
                    }
                }
            }
            ol.timeline tabindex="0" aria-label="Samples in the order of their steps" {
                @for one in &self.timeline {
                    li { (figure(one, &if alike { step(one.picture) } else { title(one.picture) })) }
                }
            }
        };
        section("samples", "Samples through time", content)
    }
}

fn step(picture: &PictureFile) -> String {
    format!("step {}", count(picture.step.unwrap_or_default()))
}

fn title(picture: &PictureFile) -> String {
    match picture.step {
        Some(_) => format!("{}, {}", picture.caption, step(picture)),
        None => picture.caption.clone(),
    }
}

fn figure(embedded: &Embedded<'_>, caption: &str) -> Markup {
    let size = embedded.size;
    // Enlarged pixels stay sharp; a picture made smaller would lose some of them.
    let small = size.is_some_and(|(width, _)| width <= SMALL);
    html! {
        figure.picture.pixels[small] {
            img src=(embedded.uri) alt=(title(embedded.picture))
                width=[size.map(|size| size.0)] height=[size.map(|size| size.1)];
            figcaption { (caption) }
        }
    }
}

/// Which of so many pictures are shown: all, or [`SHOWN`] from the first to the last.
fn spread(count: usize) -> Vec<usize> {
    if count <= SHOWN {
        return (0..count).collect();
    }
    let last = SHOWN - 1;
    // Rounded to the nearest.
    (0..SHOWN)
        .map(|index| (index * (count - 1) + last / 2) / last)
        .collect()
}

/// Reads a picture and tells its kind by its content.
fn embed(picture: &PictureFile) -> Result<Embedded<'_>> {
    let path = &picture.path;
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    let (kind, size) = match png_size(&bytes) {
        Some(size) => ("png", Some(size)),
        None if is_svg(&bytes) => ("svg+xml", None),
        None => return Err(neither(path)),
    };
    Ok(Embedded {
        picture,
        uri: format!("data:image/{kind};base64,{}", STANDARD.encode(&bytes)),
        size,
    })
}

fn neither(path: &Path) -> Error {
    Error::data(
        path,
        "is no picture that a report can show: it must be PNG or SVG",
    )
}

/// Width and height from a PNG file's first chunk.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let header = rest.get(4..16)?.strip_prefix(b"IHDR")?;
    let (width, height) = header.split_first_chunk()?;
    let height = height.first_chunk()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

/// Whether the text's root is an `svg` element; a declaration and comments may stand before it.
fn is_svg(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(2_048)];
    let text = String::from_utf8_lossy(start);
    text.trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('<')
        && text.contains("<svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_twelve_are_shown_from_first_to_last_and_evenly() {
        for count in 0..200 {
            let shown = spread(count);
            assert_eq!(shown.len(), count.min(SHOWN));
            assert_eq!(shown.first(), (count > 0).then_some(&0));
            assert_eq!(shown.last().copied(), count.checked_sub(1));
            let gaps: Vec<usize> = shown.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let (least, most) = (gaps.iter().min(), gaps.iter().max());
            assert!(
                least
                    .zip(most)
                    .is_none_or(|(least, most)| *least > 0 && most - least <= 1)
            );
        }
    }

    #[test]
    fn the_kind_is_told_by_the_content() {
        let header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x46\0\0\x01\xd2\x08";
        assert_eq!(png_size(header), Some((582, 466)));
        assert_eq!(png_size(&header[..20]), None);
        assert!(is_svg(
            b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- a --><svg width=\"1\"/>"
        ));
        assert!(!is_svg(b"GIF89a<svg"));
        assert!(!is_svg(b"<html></html>"));
        assert!(!is_svg(b""));
    }
}
