//! Pictures of every kind beside Pillow's values, and folders as people have them.

use std::fs;
use std::path::Path;

use burn::tensor::Tensor;
use serde_json::Value;
use tempfile::TempDir;

use super::header::{self, Header};
use super::*;
use crate::data::{Dataset, PixelRange};
use crate::error::Result;
use crate::testing::Cpu;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/images.json")).expect("JSON")
}

fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().expect("digits").as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16).expect("a digit") as u8;
    digits
        .chunks(2)
        .map(|pair| 16 * digit(pair[0]) + digit(pair[1]))
        .collect()
}

fn size(case: &Value) -> (usize, usize) {
    let side = |name: &str| case[name].as_u64().expect("a side") as usize;
    (side("height"), side("width"))
}

/// The sample of a file of these bytes.
fn read(bytes: &[u8], config: &ImageConfig) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("picture.png");
    fs::write(&path, bytes).expect("a file");
    // A scan lets nothing pass that decoding refuses for its size, and the other way round.
    let header = Header::read(&path, config, None)?;
    assert_eq!(header.length, bytes.len() as u64);
    config.read(&path)
}

/// Channels one after the other as those of pixels together.
fn together(planes: &[u8], channels: usize) -> Vec<u8> {
    let plane = planes.len() / channels;
    (0..plane)
        .flat_map(|at| (0..channels).map(move |channel| planes[channel * plane + at]))
        .collect()
}

fn furthest(left: &[u8], right: &[u8]) -> u8 {
    assert_eq!(left.len(), right.len());
    let apart = left
        .iter()
        .zip(right)
        .map(|(left, right)| left.abs_diff(*right));
    apart.max().unwrap_or(0)
}

/// How far from Pillow's values those of a file may be: a channel's largest distance, and the mean of
/// all.
///
/// In JPEG that is a distance of its own channels: decoders may differ by 1 in brightness and in both
/// colour differences (and do, in some places, from libjpeg, which Pillow has), which red and blue
/// get 1.402 and 1.772 times.
fn tolerance(name: &str) -> (u8, f64) {
    match name {
        "jpeg-grey" | "jpeg-cmyk" | "jpeg-rgb-unconverted" => (1, 0.5),
        _ if name.starts_with("jpeg") => (3, 0.5),
        _ => (1, 0.5),
    }
}

fn mean(left: &[u8], right: &[u8]) -> f64 {
    let apart = left
        .iter()
        .zip(right)
        .map(|(left, right)| f64::from(left.abs_diff(*right)));
    apart.sum::<f64>() / left.len() as f64
}

#[test]
fn pictures_of_every_kind_have_the_pixels_that_pillow_gives() {
    let golden = golden();
    let cases = golden["cases"].as_array().expect("cases");
    assert!(cases.len() > 70);
    let mut wrong = Vec::new();
    for case in cases {
        let name = case["name"].as_str().expect("a name");
        let (height, width) = size(case);
        let file = hex(&case["file"]);
        let plain = ImageConfig::new(height, width).with_background([200, 100, 50]);
        let rgba = match read(&file, &plain.clone().with_color(ImageColor::Rgba)) {
            Ok(planes) => together(&planes, 4),
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let mut expected = hex(&case["rgba"]);
        for pixel in expected.chunks_exact_mut(4).filter(|pixel| pixel[3] == 0) {
            pixel.copy_from_slice(&[200, 100, 50, 0]);
        }
        let apart = furthest(&rgba, &expected);
        let grey = read(&file, &plain.with_color(ImageColor::Grey)).expect("the same file");
        let grey = furthest(&grey, &hex(&case["grey"]));
        let mean = mean(&rgba, &expected);
        let (most, on_average) = tolerance(name);
        if apart > most || mean > on_average || grey > 1 {
            wrong.push(format!(
                "{name}: {apart} in RGBA, {grey} in grey, {mean} on average"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_file_that_is_cut_off_is_refused_and_not_filled_up() {
    let golden = golden();
    let mut passed = Vec::new();
    for case in golden["cases"].as_array().expect("cases") {
        let file = hex(&case["file"]);
        let config = ImageConfig::new(4, 4);
        // What comes behind the first picture of an animation is not looked at.
        let animated = case["name"]
            .as_str()
            .is_some_and(|name| name.ends_with("animated"));
        for part in if animated { &[50][..] } else { &[50, 80] } {
            if read(&file[..file.len() * part / 100], &config).is_ok() {
                passed.push(format!("{} {part}", case["name"]));
            }
        }
    }
    assert!(passed.is_empty(), "{passed:?}");
}

#[test]
fn resized_pictures_have_the_pixels_that_pillow_gives() {
    let golden = golden();
    let resized = &golden["resized"];
    let file = hex(&resized["rgba"]);
    // Opaque colours and one channel alone, by way of files of their own.
    let (height, width) = size(resized);
    let whole = ImageConfig::new(height, width).with_color(ImageColor::Rgba);
    let pixels = together(&read(&file, &whole).expect("a picture"), 4);
    let png = |channels: usize| {
        let kept = pixels.chunks_exact(4).flat_map(|pixel| &pixel[..channels]);
        let kept: Vec<u8> = kept.copied().collect();
        let color = match channels {
            1 => image::ExtendedColorType::L8,
            _ => image::ExtendedColorType::Rgb8,
        };
        let mut bytes = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        image::ImageEncoder::write_image(encoder, &kept, width as u32, height as u32, color)
            .expect("a picture");
        bytes
    };
    let (grey, rgb) = (png(1), png(3));
    for case in resized["cases"].as_array().expect("cases") {
        let (height, width) = size(case);
        let filter: ResizeFilter =
            serde_json::from_value(case["filter"].clone()).expect("a filter");
        let config = ImageConfig::new(height, width)
            .with_fit(Fit::Stretch)
            .with_filter(filter);
        for (name, file, color, channels) in [
            ("grey", &grey, ImageColor::Grey, 1),
            ("rgb", &rgb, ImageColor::Rgb, 3),
            ("rgba", &file, ImageColor::Rgba, 4),
        ] {
            let mut expected = hex(&case[name]);
            if expected.is_empty() {
                continue;
            }
            let config = config.clone().with_color(color);
            let mut made = together(&read(file, &config).expect("a picture"), channels);
            let mut most = 1;
            if channels == 4 {
                // What is seen of a colour: it was divided by its opacity, by Pillow without rounding.
                most = 2;
                for pixels in [&mut made, &mut expected] {
                    for pixel in pixels.chunks_exact_mut(4) {
                        let alpha = u32::from(pixel[3]);
                        let seen = |color: &mut u8| {
                            *color = ((u32::from(*color) * alpha + 127) / 255) as u8
                        };
                        pixel[..3].iter_mut().for_each(seen);
                    }
                }
            }
            let apart = furthest(&made, &expected);
            assert!(
                apart <= most,
                "{filter:?} {height} × {width} {name}: {apart}"
            );
        }
    }
    let fitted = |fit: Fit, side: usize, name: &str| {
        let config = ImageConfig::new(side, side)
            .with_fit(fit)
            .with_background([200, 100, 50]);
        let made = together(&read(&rgb, &config).expect("a picture"), 3);
        furthest(&made, &hex(&resized[name]))
    };
    assert!(fitted(Fit::Crop, 10, "crop") <= 1);
    assert!(fitted(Fit::Border, 16, "border") <= 1);
}

/// A small valid picture.
fn png() -> Vec<u8> {
    shade(100)
}

/// A picture of one grey, 3 × 2.
fn shade(grey: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    let color = image::ExtendedColorType::L8;
    image::ImageEncoder::write_image(encoder, &[grey; 6], 3, 2, color).expect("a picture");
    bytes
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder
}

fn config() -> ImageConfig {
    ImageConfig::new(2, 3).with_color(ImageColor::Grey)
}

fn open(folder: &Path) -> ImageFolder {
    ImageFolder::new(folder, config())
}

fn refusal(folder: &ImageFolder) -> String {
    folder.open().expect_err("a refusal").to_string()
}

fn pixels(images: &Images, index: usize) -> Vec<f32> {
    let (batch, ()) =
        Dataset::<Cpu>::batch(images, &[index], &Default::default()).expect("a batch");
    batch.into_data().to_vec().expect("floats")
}

#[test]
fn folders_are_classes_in_the_order_of_their_names() {
    let place = folder(&[
        ("b & c/1.png", shade(1)),
        ("b & c/deep/2.png", shade(2)),
        ("a/3.png", shade(3)),
        ("ä/4.png", shade(4)),
        ("README.txt", b"no picture".to_vec()),
    ]);
    let images = open(place.path()).open().expect("pictures");
    assert_eq!(images.classes(), ["a", "b & c", "ä"]);
    assert_eq!(images.labels(), Some(&[0, 1, 1, 2][..]));
    assert_eq!(images.class_sizes(), [1, 2, 1]);
    let lonely = [
        "class a has one picture only",
        "class ä has one picture only",
    ];
    assert_eq!(images.notices(), lonely);
    assert_eq!(pixels(&images, 2), [PixelRange::Symmetric.scale(2); 6]);
    let paths: Vec<_> = images.paths().collect();
    assert_eq!(paths[2], place.path().join("b & c/deep/2.png"));
    let labelled = images.labelled().expect("labels");
    let (_, labels) =
        Dataset::<Cpu>::batch(&labelled, &[3, 0], &Default::default()).expect("a batch");
    assert_eq!(
        labels.classes.into_data().iter::<i64>().collect::<Vec<_>>(),
        [2, 0]
    );
    assert_ne!(
        Dataset::<Cpu>::digest(&images),
        Dataset::<Cpu>::digest(&labelled)
    );
    // Neither one folder nor pictures beside folders are classes, unless they are asked for.
    let one = open(&place.path().join("b & c")).open().expect("pictures");
    assert!(one.labels().is_none());
    let error = one.labelled().expect_err("no labels").to_string();
    assert!(error.contains("has no labels"), "{error}");
    let asked = open(&place.path().join("b & c")).with_labels(LabelsFrom::Folders);
    let error = refusal(&asked);
    assert!(error.contains("1.png: lies in no folder"), "{error}");
    let asked = asked.with_faults(Faults::Skip).open().expect("one picture");
    assert_eq!(
        (asked.len(), asked.classes()),
        (1, &["deep".to_owned()][..])
    );
    assert!(
        asked.notices()[0].contains("1.png lies in no folder"),
        "{:?}",
        asked.notices()
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named_or_left_out() {
    let mut cut = png();
    cut.truncate(46);
    let place = folder(&[
        ("a/1.png", png()),
        ("a/2.png", b"<html>no picture".to_vec()),
        ("b/3.jpg", Vec::new()),
        ("b/4.png", png()),
        ("c/5.png", cut),
    ]);
    fs::create_dir(place.path().join("d")).expect("a folder");
    let error = refusal(&open(place.path()));
    for words in [
        "2.png: is no picture of a format",
        "(1 more can't be read)",
        "`Faults::Skip`",
    ] {
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
    // The header of the last is whole.
    let skipping = open(place.path()).with_faults(Faults::Skip);
    let images = skipping.open().expect("pictures");
    assert_eq!((images.len(), images.classes().len()), (3, 3));
    assert!(
        images
            .notices()
            .iter()
            .any(|notice| notice.contains("3.jpg: is empty"))
    );
    assert!(
        images
            .notices()
            .iter()
            .any(|notice| notice.starts_with("d holds no picture"))
    );
    // It has nobody in its class to take its place; only then does a batch fail.
    let batch = Dataset::<Cpu>::batch(&images, &[2], &Default::default());
    let error = batch.expect_err("no picture").to_string();
    assert!(error.contains("5.png: can't be decoded"), "{error}");
    let images = skipping.clone().with_check(true).open().expect("pictures");
    assert_eq!((images.len(), images.classes().len()), (2, 2));
    assert_eq!(images.kept(), 12);
    fs::remove_file(place.path().join("a/2.png")).expect("a file");
    fs::remove_file(place.path().join("b/3.jpg")).expect("a file");
    let error = refusal(&open(place.path()).with_check(true));
    assert!(error.contains("5.png: can't be decoded"), "{error}");
    let error = refusal(&open(place.path()));
    assert!(
        error.contains("d: holds no picture, and would be a class"),
        "{error}"
    );
}

#[test]
fn a_picture_that_turns_out_to_be_damaged_is_replaced_by_the_next_of_its_class() {
    let mut cut = shade(3);
    cut.truncate(46);
    let files = [
        ("a/1.png", shade(1)),
        ("a/2.png", shade(2)),
        ("b/1.png", shade(11)),
        ("b/2.png", cut),
        ("b/3.png", shade(13)),
    ];
    let place = folder(&files);
    let images = open(place.path())
        .with_faults(Faults::Skip)
        .open()
        .expect("pictures");
    for _ in 0..2 {
        assert_eq!(pixels(&images, 3), pixels(&images, 4));
    }
    let replaced = images.replaced();
    assert_eq!(replaced.len(), 1);
    assert!(
        replaced[0].ends_with("b/3.png is in its place"),
        "{replaced:?}"
    );
    // One that is gone is damaged too.
    fs::remove_file(place.path().join("a/2.png")).expect("a file");
    assert_eq!(pixels(&images, 1), pixels(&images, 0));
    let images = open(place.path()).open().expect("pictures");
    assert!(Dataset::<Cpu>::batch(&images, &[2], &Default::default()).is_err());
}

#[test]
fn a_file_that_claims_to_be_huge_is_refused_without_its_memory() {
    // A header of 60,000 × 60,000 pixels over a few bytes.
    let mut bomb = shade(0);
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let checksum = crc(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
    let place = folder(&[("bomb.png", bomb)]);
    let error = refusal(&open(place.path()));
    assert!(
        error.contains("bomb.png: claims 60000 × 60000 pixels"),
        "{error}"
    );
    assert!(
        error.contains("may take 64 MiB") && error.contains("`with_decode_limit`"),
        "{error}"
    );
    // A valid one for which the limit is too low, and then high enough.
    let place = folder(&[("a.png", png())]);
    let low = open(place.path()).with_decode_limit(1 << 20);
    assert!(
        refusal(&low).contains("may take 1 MiB"),
        "{}",
        refusal(&low)
    );
    assert_eq!(
        low.with_decode_limit(3 << 20)
            .open()
            .expect("a picture")
            .len(),
        1
    );
    let error = open(place.path()).with_decode_limit(7).validate();
    assert!(
        error
            .expect_err("too low")
            .to_string()
            .contains("`decode_limit` = 7")
    );
    assert_eq!(header::limit_of(5), 64 << 20);
    assert_eq!(header::limit_of(2 << 20), 128 << 20);
    assert_eq!(header::limit_of(u64::MAX), 1 << 30);
}

/// PNG's checksum.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn labels_come_from_a_csv_by_name_and_column() {
    let place = folder(&[
        ("x/1.png", shade(1)),
        ("x/2.png", shade(2)),
        ("y/3.png", shade(3)),
    ]);
    let file = place.path().join("labels.csv");
    let with = |text: &str| {
        fs::write(&file, text).expect("a file");
        open(place.path()).with_labels(LabelsFrom::Csv(file.clone()))
    };
    for text in [
        "x/1.png,dog\ny/3.png,cat\nx/2.png,dog\n",
        "file,label\nx/1.png,dog\ny/3.png,cat\nx/2.png,dog",
        "\u{feff}Label , width , Filename\r\ndog,3,x/1.png\r\ncat,3,y/3.png\r\n\"dog\",3, x/2.png\r\n",
        "id,class\nx/1,dog\ny/3,cat\nx/2,dog\n",
        "x/1,dog\ny/3,cat\n./x/2,dog\n",
    ] {
        let images = with(text).open().expect("labels");
        assert_eq!(images.classes(), ["cat", "dog"], "{text}");
        assert_eq!(images.labels(), Some(&[1, 1, 0][..]), "{text}");
    }
    // Numbers are in the order of numbers.
    let images = with("x/1.png,10\nx/2.png,9\ny/3.png,-1\n")
        .open()
        .expect("labels");
    assert_eq!(images.classes(), ["-1", "9", "10"]);
    assert_eq!(images.labels(), Some(&[2, 1, 0][..]));
    for (text, words) in [
        ("x/1.png,1\ny/3.png,2\n", "has no label for x/2.png; add it"),
        ("x/1.png,1\n", "has no label for x/2.png (and 1 more)"),
        (
            "x/1.png,1\nx/2.png,1\ny/3.png,2\nz.png,3\n",
            "lists z.png, which is no picture",
        ),
        (
            "x/1.png,1\nx/2.png,1\ny/3.png,2\nx/1.png,2\n",
            "gives x/1.png two labels, 1 and 2",
        ),
        ("x/1.png\n", "line 1 has no label (column 2)"),
        ("x/1.png,\n", "line 1 has no label"),
    ] {
        let error = refusal(&with(text));
        assert!(
            error.contains("labels.csv: ") && error.contains(words),
            "no `{words}` in: {error}"
        );
    }
    let skipping = with("x/1.png,1\nz.png,3\n").with_faults(Faults::Skip);
    let images = skipping.open().expect("one picture");
    assert_eq!((images.len(), images.classes().len()), (1, 1));
    assert_eq!(images.notices().len(), 3, "{:?}", images.notices());
    fs::write(&file, b"x/1.png,\xff\n").expect("a file");
    assert!(
        open(place.path())
            .with_labels(LabelsFrom::Csv(file.clone()))
            .open()
            .is_err()
    );
    fs::remove_file(&file).expect("a file");
    assert!(
        open(place.path())
            .with_labels(LabelsFrom::Csv(file))
            .open()
            .is_err()
    );
}

#[test]
fn labels_come_from_the_file_of_stylegans_programs() {
    let place = folder(&[
        ("00/a.png", shade(1)),
        ("00/b.png", shade(2)),
        ("01/c.png", shade(3)),
    ]);
    let file = place.path().join("dataset.json");
    let with = |text: &str| {
        fs::write(&file, text).expect("a file");
        open(place.path())
    };
    let listed = r#"{"labels": [["00/a.png", 6], ["01/c.png", 6], ["00/b.png", 2]]}"#;
    let images = with(listed).open().expect("labels");
    assert_eq!(
        (images.classes().to_vec(), images.labels()),
        (vec!["2".to_owned(), "6".to_owned()], Some(&[1, 0, 1][..]))
    );
    let named = r#"{"labels": {"00/a.png": "x", "01/c.png": "y", "00/b.png": "x"}}"#;
    assert_eq!(with(named).open().expect("labels").classes(), ["x", "y"]);
    // It says that there are none; its folders are no classes.
    assert!(
        with(r#"{"labels": null}"#)
            .open()
            .expect("pictures")
            .labels()
            .is_none()
    );
    let folders = with("{}").with_labels(LabelsFrom::Folders);
    assert_eq!(folders.open().expect("labels").classes(), ["00", "01"]);
    let none = with(listed).with_labels(LabelsFrom::Nothing);
    assert!(none.open().expect("pictures").labels().is_none());
    for (text, words) in [
        (
            r#"{"labels": [["00/a.png", [0.5, 1.0]]]}"#,
            "label of `00/a.png` is neither a number",
        ),
        (r#"{"labels": [["00/a.png"]]}"#, "item 0 of `labels`"),
        (r#"{"labels": 3}"#, "is no list"),
        ("[", "is no JSON"),
        (
            r#"{"labels": [["00/a.png", 1]]}"#,
            "has no label for 00/b.png (and 1 more)",
        ),
    ] {
        let error = refusal(&with(text));
        assert!(
            error.contains("dataset.json: ") && error.contains(words),
            "no `{words}` in: {error}"
        );
    }
}

#[test]
fn mirrored_pictures_follow_all_others_and_chosen_ones_keep_their_class() {
    let mut ramp = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut ramp);
    let color = image::ExtendedColorType::L8;
    image::ImageEncoder::write_image(encoder, &[0, 51, 102, 153, 204, 255], 3, 2, color)
        .expect("a picture");
    let place = folder(&[
        ("a/1.png", shade(7)),
        ("b/1.png", ramp),
        ("b/2.png", shade(9)),
    ]);
    let config = config().with_mirror(true).with_range(PixelRange::Unit);
    let images = ImageFolder::new(place.path(), config)
        .open()
        .expect("pictures");
    assert_eq!(
        (images.len(), images.labels()),
        (6, Some(&[0, 1, 1, 0, 1, 1][..]))
    );
    assert_eq!(images.class_sizes(), [1, 2]);
    let close = |made: Vec<f32>, expected: [f32; 6]| {
        made.iter()
            .zip(expected)
            .all(|(made, expected)| (made - expected).abs() < 1e-6)
    };
    assert!(close(pixels(&images, 1), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]));
    assert!(close(pixels(&images, 4), [0.4, 0.2, 0.0, 1.0, 0.8, 0.6]));
    let chosen = images.only(&[1]).expect("a picture");
    assert_eq!(
        (chosen.len(), chosen.labels(), chosen.classes().len()),
        (2, Some(&[1, 1][..]), 2)
    );
    assert_eq!(pixels(&chosen, 1), pixels(&images, 4));
    assert!(images.only(&[3]).is_err() && images.only(&[]).is_err());
    // The same in memory.
    let memory = images
        .labelled()
        .expect("labels")
        .to_memory()
        .expect("samples");
    for index in 0..6 {
        let (batch, _) =
            Dataset::<Cpu>::batch(&memory, &[index], &Default::default()).expect("a batch");
        assert_eq!(
            batch.into_data().to_vec::<f32>().expect("floats"),
            pixels(&images, index)
        );
    }
    assert_eq!(Dataset::<Cpu>::labels(&memory), images.labels());
}

#[test]
fn a_digest_tells_other_files_settings_and_names_apart() {
    let digest = |files: &[(&str, Vec<u8>)], config: ImageConfig| {
        let place = folder(files);
        let images = ImageFolder::new(place.path(), config)
            .open()
            .expect("pictures");
        Dataset::<Cpu>::digest(&images).expect("a digest")
    };
    let files = [("a.png", shade(1)), ("b.png", shade(2))];
    let plain = digest(&files, config());
    assert_eq!(plain, digest(&files, config()));
    let others = [
        digest(&files, config().with_range(PixelRange::Unit)),
        digest(&files, config().with_mirror(true)),
        digest(&files, config().with_background([0; 3])),
        digest(&[("a.png", shade(1)), ("b.png", shade(3))], config()),
        digest(&[("a.png", shade(1)), ("c.png", shade(2))], config()),
        digest(&files[..1], config()),
    ];
    assert!(others.iter().all(|other| *other != plain));
}

#[test]
fn what_does_not_fit_is_decoded_anew_and_is_the_same() {
    let files: Vec<(String, Vec<u8>)> = (0..9)
        .map(|k| (format!("{k}.png"), shade(20 * k)))
        .collect();
    let files: Vec<(&str, Vec<u8>)> = files
        .iter()
        .map(|(name, file)| (name.as_str(), file.clone()))
        .collect();
    let place = folder(&files);
    let all: Vec<usize> = (0..9).rev().collect();
    let batch = |images: &Images| -> Vec<f32> {
        let batch = Dataset::<Cpu>::batch(images, &all, &Default::default());
        let images: Tensor<Cpu, 4> = batch.expect("a batch").0;
        images.into_data().to_vec().expect("floats")
    };
    let whole = open(place.path()).open().expect("pictures");
    let expected = batch(&whole);
    assert_eq!(whole.kept(), 54);
    for memory in [0, 5, 20, 53] {
        let images = open(place.path())
            .with_memory(memory)
            .open()
            .expect("pictures");
        for _ in 0..3 {
            assert_eq!(batch(&images), expected);
        }
        assert_eq!(images.kept(), memory / 6 * 6);
    }
}

#[test]
fn a_scan_tells_how_far_it_is_in_both_of_its_parts() {
    let place = folder(&[("a.png", png()), ("b.png", png()), ("c.png", png())]);
    let mut steps = Vec::new();
    let mut bar = ScanBar::new();
    let images = open(place.path()).with_check(true).open_with(|progress| {
        bar.show(progress);
        steps.push((progress.stage, progress.done, progress.total));
    });
    assert_eq!(images.expect("pictures").len(), 3);
    let both = [ScanStage::Headers, ScanStage::Pixels];
    let expected = both
        .map(|stage| [1, 2, 3].map(|done| (stage, done, 3)))
        .concat();
    assert_eq!(steps, expected);
}

#[test]
fn settings_are_read_by_name_and_checked() {
    let read: ImageConfig =
        serde_json::from_value(serde_json::to_value(config()).expect("JSON")).expect("settings");
    assert_eq!(read, config());
    for (wrong, field) in [
        (ImageConfig::new(0, 3), "`height` = 0"),
        (ImageConfig::new(3, 0), "`width` = 0"),
        (ImageConfig::new(1 << 13, 1 << 13), "`size` = 3×8192×8192"),
    ] {
        let error = wrong.validate().expect_err("a slip").to_string();
        assert!(error.contains(field), "{error}");
        assert!(wrong.read("nowhere.png").is_err());
    }
    let empty = tempfile::tempdir().expect("a folder");
    let error = refusal(&open(empty.path()));
    assert!(
        error.contains("holds no picture; files that end in png"),
        "{error}"
    );
}
