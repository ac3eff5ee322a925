//! Series through files and scales, and what is refused.

use std::path::Path;

use super::*;
use crate::data::Dataset;
use crate::data::idx::tests::gzip;
use crate::error::Result;
use crate::random::Stream;
use crate::testing::{Cpu, values};

const TS: &str = "# a comment\n@problemName two\n@univariate false\n@classLabel true b a\n@data\n\
                  1,2,3,4:10,20,30,40:a\n5,6,7,8:50,60,70,80:b\n";
const CSV: &str = "id,kind,x,y\n1,a,1,10\n1,a,2,20\n1,a,3,30\n1,a,4,40\n2,b,5,50\n2,b,6,60\n2,b,7,70\n\
                   2,b,8,80\n";

fn read(settings: &SeriesSettings, name: &str, text: &str) -> Result<SeriesSet> {
    settings.read_from(Path::new(name), text.as_bytes())
}

fn refusal(settings: &SeriesSettings, name: &str, text: &str) -> String {
    read(settings, name, text).expect_err(text).to_string()
}

fn columns() -> SeriesSettings {
    SeriesSettings::default()
        .with_class("kind")
        .with_series("id")
}

#[test]
fn both_formats_give_the_same_windows() {
    let ts = read(&SeriesSettings::default(), "two.ts", TS).unwrap();
    let csv = read(&columns(), "two.csv", CSV).unwrap();
    assert_eq!((ts.count(), ts.channels(), ts.time()), (2, 2, 4));
    assert_eq!(ts.window(1), [5.0, 6.0, 7.0, 8.0, 50.0, 60.0, 70.0, 80.0]);
    assert_eq!(ts.values(), csv.values());
    // A list of classes has its order, names that were found that of the alphabet.
    assert_eq!(
        (ts.classes.join(" "), &ts.labels[..]),
        ("b a".to_owned(), &[1, 0][..])
    );
    assert_eq!(
        (csv.classes.join(" "), &csv.labels[..]),
        ("a b".to_owned(), &[0, 1][..])
    );
    assert_eq!(csv.names, ["x", "y"]);
    let one = columns().with_columns(["y"]);
    assert_eq!(
        read(&one, "two.csv", CSV).unwrap().window(0),
        [10.0, 20.0, 30.0, 40.0]
    );
}

#[test]
fn files_may_be_compressed_and_come_back_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let zipped = folder.path().join("two.TS.gz");
    std::fs::write(&zipped, gzip(TS.as_bytes())).unwrap();
    let series = SeriesSettings::default().read(&zipped).unwrap();
    for (name, settings) in [
        ("a/made.ts", SeriesSettings::default()),
        (
            "made.csv",
            SeriesSettings::default()
                .with_class("class")
                .with_series("series"),
        ),
    ] {
        let path = folder.path().join(name);
        let mut odd = series.clone();
        odd.values[3] = 0.1 + 0.2;
        odd.values[4] = -1.5e-300;
        odd.save(&path).unwrap();
        let back = settings.read(&path).unwrap();
        assert_eq!(back.values(), odd.values(), "{name}");
        let named = |set: &SeriesSet| -> Vec<String> {
            set.labels
                .iter()
                .map(|label| set.classes[*label].clone())
                .collect()
        };
        assert_eq!(named(&back), named(&odd));
    }
    let mut spaced = series.clone();
    spaced.classes[0] = "two words".to_owned();
    let error = spaced
        .save(folder.path().join("x.ts"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("two words"), "{error}");
    assert!(spaced.save(folder.path().join("x.csv")).is_ok());
}

#[test]
fn windows_go_through_series_by_their_stride_and_do_not_cross_them() {
    let windows = |window, stride| {
        let settings = columns()
            .with_window(window)
            .with_stride(stride)
            .with_columns(["x"]);
        read(&settings, "two.csv", CSV).unwrap().values().to_vec()
    };
    assert_eq!(
        windows(3, 1),
        [1., 2., 3., 2., 3., 4., 5., 6., 7., 6., 7., 8.]
    );
    assert_eq!(windows(2, 2), [1., 2., 3., 4., 5., 6., 7., 8.]);
    // Without names of series they are one where classes do not differ.
    let whole = SeriesSettings::default().with_columns(["x"]);
    assert_eq!(read(&whole, "two.csv", CSV).unwrap().time(), 8);
}

#[test]
fn missing_values_are_refused_or_lie_between_their_neighbours() {
    let text = "@data\n?,1,?,?,4,NaN\n";
    let error = refusal(&SeriesSettings::default(), "gap.ts", text);
    assert!(
        error.contains("value 1 of channel `channel_0` in the series of line 2"),
        "{error}"
    );
    assert!(error.contains("interpolate"), "{error}");
    let settings = SeriesSettings::default().with_missing(MissingValues::Interpolate);
    let series = read(&settings, "gap.ts", text).unwrap();
    assert_eq!(series.values(), [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
    assert!(series.classes.is_empty());
    assert!(refusal(&settings, "gap.ts", "@data\n?,?\n").contains("so are all others"));
}

#[test]
fn errors_name_the_line_and_the_way_out() {
    let plain = SeriesSettings::default();
    let few = plain.clone().with_memory(100);
    for (settings, name, text, words) in [
        (
            &plain,
            "a.ts",
            "1,2,3\n",
            "line 1 `1,2,3` stands before `@data`",
        ),
        (
            &plain,
            "a.ts",
            "@data\n1,x,3\n",
            "line 2 holds `x`, no number",
        ),
        (&plain, "a.ts", "@data\n1,inf\n", "holds `inf`"),
        (
            &plain,
            "a.ts",
            "@data\n1,2\n\n1,2,3\n",
            "line 4 has 3 values, that of line 2 has 2; set `window`",
        ),
        (
            &plain,
            "a.ts",
            "@data\n1,2:3,4\n1,2\n",
            "line 3 has 1 channels, the series before it 2",
        ),
        (
            &plain,
            "a.ts",
            "@data\n1,2:3\n",
            "line 2 has channels of 2 and of 1 values",
        ),
        (
            &plain,
            "a.ts",
            "@classLabel true a\n@data\n1,2\n",
            "line 3 has no class",
        ),
        (
            &plain,
            "a.ts",
            "@classLabel true a\n@data\n1,2:b\n",
            "the class `b`",
        ),
        (
            &plain,
            "a.ts",
            "@timeStamps true\n",
            "line 1 has time stamps",
        ),
        (
            &plain,
            "a.ts",
            "@targetLabel true\n",
            "targets of a regression",
        ),
        (&plain, "a.ts", "@data\n", "holds no series"),
        (
            &few,
            "a.ts",
            "@data\n1,2,3,4,5,6,7,8,9,1,2,3,4\n",
            "100 bytes that `memory` allows",
        ),
        (&plain, "a.csv", "", "holds no series"),
        (
            &plain,
            "a.csv",
            "x,y\n1,2\n3\n",
            "line 3 has 1 cells, the first line names 2",
        ),
        (
            &plain,
            "a.csv",
            "x,y\n1,a\n",
            "line 2, column 2: `a` is no number",
        ),
        (
            &few,
            "a.csv",
            &format!("x\n{}", "1\n".repeat(50)),
            "100 bytes that `memory` allows",
        ),
    ] {
        let error = refusal(settings, name, text);
        assert!(error.contains(words), "{text}: {error}");
    }
    let error = refusal(&plain.clone().with_class("kin"), "a.csv", CSV);
    assert!(
        error.contains("`class` = kin") && error.contains("`kind`"),
        "{error}"
    );
    let error = refusal(
        &plain.clone().with_window(5),
        "a.csv",
        &CSV.replace("id,kind,", "").replace(",a,", ","),
    );
    assert!(error.contains("a.csv"), "{error}");
    let error = refusal(&columns().with_window(5), "a.csv", CSV);
    assert!(
        error.contains("line 2 has 4 values, less than a window of 5"),
        "{error}"
    );
    let lone = SeriesSettings {
        stride: Some(2),
        ..SeriesSettings::default()
    };
    assert!(lone.validate().is_err());
    assert!(columns().with_columns(["kind"]).validate().is_err());
    assert!(plain.with_window(0).validate().is_err());
}

#[test]
fn a_scale_gives_back_what_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let draws: Vec<f64> = Stream::new(1, "x")
        .normal(240)
        .into_iter()
        .map(f64::from)
        .collect();
    for size in [1.0, 1e30, 1e-30, 1e300] {
        // The second channel lies far from 0, the third is constant.
        let moved = draws
            .iter()
            .enumerate()
            .map(|(place, x)| match place / 8 % 3 {
                0 => x * size,
                1 => (1e4 + x) * size,
                _ => 7.0 * size,
            });
        let series = SeriesSet::new(moved.collect(), ["a", "b", "c"], 8).unwrap();
        for scaling in [SeriesScaling::PerChannel, SeriesScaling::PerSeries] {
            let scale = SeriesScale::fit(scaling, &series).unwrap();
            let stored = folder.path().join("scale.json");
            scale.save(&stored).unwrap();
            assert_eq!(SeriesScale::open(&stored).unwrap(), scale);
            let text = std::fs::read_to_string(&stored).unwrap();
            for (from, to) in [
                ("\"channels\":", "\"channels\":7"),
                ("\"half\":", "\"half\":-"),
                ("\"middle\":", "\"mean\":1,\"middle\":"),
                ("\"ranges\":[", "\"ranges\":[1,"),
            ] {
                assert!(text.contains(from), "{from} in {text}");
                std::fs::write(&stored, text.replacen(from, to, 1)).unwrap();
                let error = SeriesScale::open(&stored).expect_err(from).to_string();
                assert!(error.contains("holds no scale of series"), "{error}");
            }
            let numbers = scale.apply(&series).unwrap();
            let widest = numbers.iter().fold(0.0_f32, |most, y| most.max(y.abs()));
            assert!((widest - 0.9).abs() < 1e-6, "{widest}");
            let all: Vec<usize> = (0..series.count()).collect();
            let back = scale.invert(&numbers, 8, &all).unwrap();
            for (x, y) in series.values().iter().zip(&back) {
                assert!((x - y).abs() <= 1e-6 * 8.0 * size, "{x} and {y}");
            }
            assert!(scale.invert(&numbers[1..], 8, &all).is_err());
        }
    }
}

#[test]
fn generated_windows_get_ranges_of_their_class() {
    let series = read(&SeriesSettings::default(), "two.ts", TS).unwrap();
    let scale = SeriesScale::fit(SeriesScaling::PerSeries, &series).unwrap();
    let numbers = [-0.9, -0.3, 0.3, 0.9].repeat(4);
    let stream = &mut Stream::new(1, "ranges");
    let made = scale.generated(&numbers, &[1, 0], &series, stream).unwrap();
    for (found, real) in made.values().iter().zip(series.values()) {
        assert!((found - real).abs() < 1e-5, "{found} and {real}");
    }
    assert_eq!(made.labels, series.labels);
}

#[test]
fn windows_become_a_data_set() {
    let series = read(&SeriesSettings::default(), "two.ts", TS).unwrap();
    let scale = SeriesScale::fit(SeriesScaling::PerChannel, &series).unwrap();
    let data = series.labelled(&scale).unwrap();
    let (batch, labels) = Dataset::<Cpu>::batch(&data, &[1, 0], &Default::default()).unwrap();
    assert_eq!(batch.dims(), [2, 2, 4]);
    assert!((values(batch)[3] - 0.9).abs() < 1e-6);
    assert_eq!(labels.classes.dims(), [2]);
    let one = series.only(&[1]).unwrap();
    assert_eq!((one.count(), &one.labels[..]), (1, &[0][..]));
    assert_ne!(one.digest(), series.digest());
    assert!(series.only(&[2]).is_err());
    let mut single = series.clone();
    single.names.pop();
    single.values.truncate(8);
    assert!(
        single
            .unlabelled(&scale)
            .unwrap_err()
            .to_string()
            .contains("2 channels")
    );
}

/// Bytes that break files in ways of their own.
const BYTES: &[u8] = b"\n\r\":,?@#x-.e0 \xff\0";

#[test]
fn ten_thousand_mutations_of_each_format_are_read_or_refused() {
    let mut stream = Stream::new(5, "mutations");
    let settings = [
        SeriesSettings::default(),
        columns(),
        SeriesSettings::default().with_window(2),
    ];
    let mut accepted = [0; 2];
    for round in 0..20_000 {
        let format = round % 2;
        let (name, seed) = [("m.ts", TS), ("m.csv", CSV)][format];
        let mut bytes = seed.as_bytes().to_vec();
        for _ in 0..=stream.index(4) {
            let place = stream.index(bytes.len());
            match stream.index(5) {
                0 => bytes[place] = BYTES[stream.index(BYTES.len())],
                1 => bytes.insert(place, BYTES[stream.index(BYTES.len())]),
                2 => drop(bytes.remove(place)),
                3 => bytes.truncate(place.max(1)),
                _ => {
                    let end = (place + 1 + stream.index(20)).min(bytes.len());
                    let part = bytes[place..end].to_vec();
                    bytes.splice(place..place, part);
                }
            }
            if bytes.is_empty() {
                bytes.push(b'\n');
            }
        }
        let settings = settings[stream.index(3)]
            .clone()
            .with_missing(MissingValues::Interpolate);
        if let Ok(series) = settings.read_from(Path::new(name), &bytes[..]) {
            accepted[format] += 1;
            assert_eq!(
                series.values().len(),
                series.count() * series.channels() * series.time()
            );
            assert!(series.values().iter().all(|value| value.is_finite()));
            assert!(
                series
                    .labels
                    .iter()
                    .all(|label| *label < series.classes.len())
            );
        }
    }
    let some = |count: &i32| (100..9_900).contains(count);
    assert!(accepted.iter().all(some), "{accepted:?}");
}
