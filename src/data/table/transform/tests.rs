//! What a transform gives back, on made tables of every kind.

use serde::Deserialize;

use super::*;
use crate::data::table::{ColumnKind, MISSING, TableSettings};

fn round_trip(table: &Table, settings: &TransformSettings) -> (TableTransform, Table) {
    let fitted = TableTransform::fit(table, settings).expect("a transform");
    // What is stored is what was fitted.
    let stored = serde_json::to_string(&fitted).expect("JSON");
    let transform: TableTransform = serde_json::from_str(&stored).expect("a transform");
    assert_eq!(transform, fitted);
    let coded = transform
        .encode(table, &mut Stream::new(3, "modes"))
        .expect("numbers");
    let again = transform.decode(&coded).expect("a table");
    (transform, again)
}

/// Rows come back: numbers within 1e-6 relative, exactly where they have decimals; all else exactly.
fn assert_same(table: &Table, again: &Table) {
    for (column, other) in table.columns().iter().zip(again.columns()) {
        assert_eq!(column.schema, other.schema);
        match (&column.cells, &other.cells) {
            (Cells::Numbers(a), Cells::Numbers(b)) => {
                let exact =
                    column.schema.decimals.is_some() || column.schema.kind == ColumnKind::Date;
                for (row, (a, b)) in a.iter().zip(b).enumerate() {
                    let error = (a - b).abs() / a.abs();
                    let same = a == b || (a.is_nan() && b.is_nan()) || (!exact && error <= 1e-6);
                    assert!(same, "{}, row {row}: {a:e} and {b:e}", column.schema.name);
                }
            }
            (a, b) => assert_eq!(a, b, "{}", column.schema.name),
        }
    }
}

fn assert_comes_back(columns: Vec<Column>) -> TableTransform {
    let table = Table::new(columns).expect("a table");
    let (transform, again) = round_trip(&table, &TransformSettings::default());
    assert_same(&table, &again);
    // As a network's numbers they have single precision, and are as wide as the heads say.
    let coded = transform
        .encode(&table, &mut Stream::new(3, "modes"))
        .expect("numbers");
    let mut values = Vec::new();
    (0..table.rows()).for_each(|row| coded.write_row(row, &mut values));
    assert_eq!(values.len(), table.rows() * transform.width());
    let near = transform.decode_values(&values).expect("a table");
    for (a, b) in again.columns().iter().zip(near.columns()) {
        match (&a.cells, &b.cells) {
            (Cells::Codes(a), Cells::Codes(b)) => assert_eq!(a, b),
            (Cells::Numbers(a), Cells::Numbers(b)) => {
                assert!(a.iter().zip(b).all(|(a, b)| a.is_nan() == b.is_nan()));
            }
            _ => panic!("kinds differ"),
        }
    }
    transform
}

fn normal(seed: u64, count: usize) -> Vec<f64> {
    let values = Stream::new(seed, "values").normal(count);
    values.iter().map(|x| f64::from(*x)).collect()
}

#[test]
fn numbers_of_every_kind_come_back() {
    let mut holes = normal(1, 300);
    holes.iter_mut().step_by(7).for_each(|x| *x = f64::NAN);
    let wide = normal(2, 300).iter().map(|x| (30.0 * x).exp()).collect();
    let both = normal(3, 300)
        .iter()
        .map(|x| (40.0 * x).exp().copysign(*x))
        .collect();
    let zeros: Vec<f64> = normal(4, 300)
        .iter()
        .map(|x| if *x < 0.5 { 0.0 } else { 1e4 * x })
        .collect();
    let mut outlier = normal(5, 300);
    outlier[17] = 1e6;
    assert_comes_back(vec![
        Column::continuous("normal", normal(6, 300)),
        Column::continuous("holes", holes),
        Column::continuous("wide", wide),
        Column::continuous("both signs", both),
        Column::continuous("zeros", zeros),
        Column::continuous("outlier", outlier),
        Column::continuous("tiny", normal(7, 300).iter().map(|x| x * 1e-30).collect()),
        Column::continuous("huge", normal(8, 300).iter().map(|x| x * 1e30).collect()),
        Column::continuous("constant", vec![1e30; 300]),
        Column::continuous("empty", vec![f64::NAN; 300]),
        Column::integer(
            "whole",
            normal(9, 300).iter().map(|x| (1e5 * x).round()).collect(),
        ),
        Column::integer("keys", (0..300).map(|i| 9e15 + f64::from(i)).collect()),
    ]);
}

#[test]
fn dates_booleans_and_orders_with_missing_cells_come_back() {
    use ColumnKind::*;
    let sizes = ["S", "M", "L"];
    let cell =
        |row: usize, hole: usize, text: String| if row % hole == 1 { String::new() } else { text };
    let rows: String = (0..300)
        .map(|row| {
            let day = format!(
                "{}-{:02}-{:02}",
                1960 + row % 80,
                1 + row % 12,
                1 + row % 28
            );
            let minute = format!(
                "{:02}.{:02}.2024 {:02}:{:02}",
                1 + row % 28,
                1 + row % 12,
                row % 24,
                row % 60
            );
            let yes = if row % 3 == 0 { "yes" } else { "no" };
            let cells = [
                cell(row, 7, day),
                cell(row, 11, minute),
                cell(row, 5, yes.to_owned()),
                cell(row, 6, (row % 4).to_string()),
                cell(row, 9, sizes[row % 3].to_owned()),
            ];
            format!("{}\n", cells.join(","))
        })
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.csv");
    std::fs::write(&path, format!("day,minute,member,doors,size\n{rows}")).expect("a file");
    let settings: TableSettings = serde_json::from_str(
        r#"{"columns": {"minute": {"kind": "date", "format": "%d.%m.%Y %H:%M"},
            "size": {"kind": "ordered", "order": ["S", "M", "L"]}}}"#,
    )
    .expect("settings");
    let table = settings.read(&path).expect("a table");
    let kinds: Vec<ColumnKind> = table.columns().iter().map(|c| c.schema.kind).collect();
    assert_eq!(kinds, [Date, Date, Boolean, Ordered, Ordered]);
    for (column, hole) in table.columns().iter().zip([7, 11, 5, 6, 9]) {
        let missing = (0..300).filter(|row| column.is_missing(*row)).count();
        assert_eq!(missing, (0..300).filter(|row| row % hole == 1).count());
    }
    let transform = assert_comes_back(table.columns().to_vec());
    let widths: Vec<usize> = transform.columns().map(|(_, code)| code.slots()).collect();
    assert_eq!(widths[2..], [3, 5, 4]);
    // As a file has them.
    let (_, again) = round_trip(&table, &TransformSettings::default());
    for (column, other) in table.columns().iter().zip(again.columns()) {
        assert!(
            (0..300).all(|row| column.text(row) == other.text(row)),
            "{}",
            column.schema.name
        );
    }
}

#[test]
fn one_row_and_few_rows_come_back() {
    for rows in [1, 2, 3, 11] {
        assert_comes_back(vec![
            Column::continuous("x", normal(1, rows)),
            Column::integer("i", (0..rows).map(|i| i as f64).collect()),
            Column::categorical("c", (0..rows as u32).map(|i| i % 2).collect(), ["a", "b"]),
        ]);
    }
}

#[test]
fn names_come_back_however_many_there_are() {
    let names: Vec<String> = (0..10_000).map(|i| format!("name {i}")).collect();
    let codes: Vec<u32> = (0..10_000_u32).map(|i| (i * 7_919) % 10_000).collect();
    let mut holes = codes.clone();
    holes.iter_mut().step_by(3).for_each(|code| *code = MISSING);
    let transform = {
        let table = Table::new(vec![
            Column::categorical("many", codes, names.clone()),
            Column::categorical("holes", holes, names),
            Column::categorical("one", vec![0; 10_000], ["only"]),
            Column::categorical("none", vec![MISSING; 10_000], Vec::<String>::new()),
        ]);
        let table = table.expect("a table");
        let (transform, again) = round_trip(&table, &TransformSettings::default());
        assert_same(&table, &again);
        transform
    };
    let slots: Vec<usize> = transform.heads().iter().map(Head::width).collect();
    assert_eq!(slots, [10_000, 6_667, 1, 1]);
}

#[test]
fn rare_names_are_merged_by_choice() {
    let mut codes = vec![0; 96];
    codes.extend([1, 2, 3, MISSING]);
    let table = Table::new(vec![Column::categorical(
        "c",
        codes,
        ["often", "x", "y", "z"],
    )]);
    let table = table.expect("a table");
    let settings = TransformSettings {
        rare: RareCategories::Merge {
            below: 0.02,
            name: "other".to_owned(),
        },
        ..TransformSettings::default()
    };
    let (transform, again) = round_trip(&table, &settings);
    assert_eq!(transform.width(), 3);
    let column = &again.columns()[0];
    let texts: Vec<String> = (95..100).map(|row| column.text(row)).collect();
    assert_eq!(texts, ["often", "other", "other", "other", ""]);
    let error = TransformSettings {
        rare: RareCategories::Merge {
            below: 1.0,
            name: "other".to_owned(),
        },
        ..TransformSettings::default()
    };
    assert!(
        error
            .validate()
            .expect_err("all")
            .to_string()
            .contains("`rare.below` = 1")
    );
}

/// Settings as a file has them, refused with these words.
#[track_caller]
fn refused(json: &str, words: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("settings.json");
    std::fs::write(&file, json).expect("a file");
    let error = TableSettings::open(&file).expect_err(json).to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_settings_file_says_how_columns_become_numbers() {
    let names = |often: &str, rare: [&str; 2]| {
        let mut all = vec![often; 96];
        all.extend([rare[0], rare[0], rare[1], rare[1]]);
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let (a, b) = (names("a", ["x", "y"]), names("b", ["v", "w"]));
    let number = |row: usize| {
        if row < 12 {
            "0".to_owned()
        } else {
            format!("{}.25", row + 1)
        }
    };
    let rows: String = (0..100)
        .map(|row| format!("{},{},{},{}\n", a[row], b[row], number(row), number(row)))
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.csv");
    std::fs::write(&path, format!("p,q,m,n\n{rows}")).expect("a file");
    let file = folder.path().join("settings.json");
    let json = r#"{"transform": {
        "rare": {"merge": {"below": 0.03, "name": "other"}}, "point": 0.2,
        "columns": {"q": {"rare": "keep"}, "n": {"point": 0.01, "mixture": {"components": 1}}}}}"#;
    std::fs::write(&file, json).expect("a file");
    let settings = TableSettings::open(&file).expect("settings");
    let table = settings.read(&path).expect("a table");
    let transform = TableTransform::fit(&table, &settings.transform).expect("a transform");
    let codes: Vec<&TableCode> = transform.columns().map(|(_, code)| code).collect();
    let [
        TableCode::Category(p),
        TableCode::Category(q),
        TableCode::Number(m),
        TableCode::Number(n),
    ] = codes[..]
    else {
        panic!("two columns of names and two of numbers");
    };
    assert_eq!(
        (&p.names[..], p.merged.as_deref()),
        (&["a".to_owned()][..], Some("other"))
    );
    assert_eq!((q.names.len(), &q.merged), (3, &None));
    // Twelve zeros in a hundred rows are a mode of their own where 1 % is enough, and none where it takes 20.
    assert_eq!((&m.points[..], &n.points[..]), (&[][..], &[0.0][..]));
    let components = |code: &NumberCode| code.mixture.as_ref().map_or(0, NormalMixture::len);
    assert!(components(m) > 1);
    assert_eq!(components(n), 1);

    let fit = |columns: &str| {
        let json = format!(r#"{{"columns": {columns}}}"#);
        let settings: TransformSettings = serde_json::from_str(&json).expect("settings");
        let error = TableTransform::fit(&table, &settings);
        error.expect_err(columns).to_string()
    };
    let error = fit(r#"{"qq": {"rare": "keep"}}"#);
    assert!(
        error.contains("`column` = qq: is no column of the table, which has `p`, `q`"),
        "{error}"
    );
    let error = fit(r#"{"m": {"rare": "keep"}}"#);
    assert!(
        error.contains("`columns` = m: has `rare`, which is for a column of names"),
        "{error}"
    );
    let error = fit(r#"{"p": {"point": 0.5}}"#);
    assert!(
        error.contains("`columns` = p: has `point`, which is for a column of numbers"),
        "{error}"
    );
}

#[test]
fn a_settings_file_that_is_wrong_is_refused_with_what_would_be_right() {
    refused(r#"{"transform": {"pont": 0.1}}"#, "`point`");
    refused(
        r#"{"transform": {"columns": {"a": {"rar": "keep"}}}}"#,
        "`rare`",
    );
    refused(
        r#"{"transform": {"rare": {"merge": {"under": 0.1, "name": "x"}}}}"#,
        "`below`",
    );
    refused(r#"{"transform": {"point": 0}}"#, "`transform.point` = 0");
    refused(
        r#"{"transform": {"columns": {"a": {"rare": {"merge": {"below": 1, "name": "x"}}}}}}"#,
        "`transform.columns.a.rare.below` = 1",
    );
    refused(
        r#"{"transform": {"columns": {"a": {"rare": {"merge": {"below": 0.1, "name": ""}}}}}}"#,
        "`transform.columns.a.rare.name`",
    );
    refused(
        r#"{"transform": {"columns": {"a": {"mixture": {"components": 0}}}}}"#,
        "`transform.columns.a.mixture.components` = 0",
    );
}

#[test]
fn values_that_many_rows_share_are_modes_without_width() {
    let mut values = normal(1, 500);
    values[..200].fill(0.0);
    let table = Table::new(vec![Column::continuous("x", values)]).expect("a table");
    let transform =
        TableTransform::fit(&table, &TransformSettings::default()).expect("a transform");
    let Some((_, TableCode::Number(code))) = transform.columns().next() else {
        panic!("a column of numbers");
    };
    assert_eq!(code.points, [0.0]);
}

#[test]
fn generated_numbers_keep_decimals_and_bounds() {
    let settings = TableSettings::default();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.csv");
    let rows: String = (0..200)
        .map(|i| format!("{}.{:02},{}\n", i % 17, i % 100, 20 + i))
        .collect();
    std::fs::write(&path, rows).expect("a file");
    let table = settings.read(&path).expect("a table");
    let transform =
        TableTransform::fit(&table, &TransformSettings::default()).expect("a transform");
    let numbers = Stream::new(1, "network").uniform(1_000 * transform.width(), -1.0, 1.0);
    let made = transform.decode_values(&numbers).expect("a table");
    for (column, bounds) in made.columns().iter().zip([(0.0, 16.99), (20.0, 219.0)]) {
        let Cells::Numbers(values) = &column.cells else {
            panic!("numbers");
        };
        assert!(values.iter().all(|x| (bounds.0..=bounds.1).contains(x)));
        let tens = 10f64.powi(i32::from(column.schema.decimals.expect("known")));
        assert!(
            values
                .iter()
                .all(|x| ((x * tens).round() / tens - x).abs() == 0.0)
        );
    }
}

#[test]
fn another_table_is_refused_and_unknown_values_are_near_ones() {
    let table = |name: &str, values: Vec<f64>, names: [&str; 2]| {
        let codes = (0..values.len() as u32).map(|i| i % 2).collect();
        let columns = vec![
            Column::continuous(name, values),
            Column::categorical("c", codes, names),
        ];
        Table::new(columns).expect("a table")
    };
    let fitted = table("x", normal(1, 50), ["a", "b"]);
    let transform =
        TableTransform::fit(&fitted, &TransformSettings::default()).expect("a transform");
    let stream = &mut Stream::new(1, "modes");
    let error = transform.encode(&table("y", normal(1, 4), ["a", "b"]), stream);
    let error = error.expect_err("another column").to_string();
    assert!(
        error.contains("y (continuous)") && error.contains("fitted to x"),
        "{error}"
    );
    let other = table("x", vec![1e9, f64::NAN, -1e9, 0.1], ["a", "new"]);
    let again = transform
        .encode(&other, stream)
        .and_then(|coded| transform.decode(&coded));
    let again = again.expect("a table");
    let Cells::Numbers(fitted) = &fitted.columns()[0].cells else {
        panic!("numbers");
    };
    let (low, high) = (
        fitted.iter().copied().fold(f64::NAN, f64::min),
        fitted.iter().copied().fold(f64::NAN, f64::max),
    );
    let Cells::Numbers(values) = &again.columns()[0].cells else {
        panic!("numbers");
    };
    assert!(
        (values[0] - high).abs() < 1.0 && (values[2] - low).abs() < 1.0,
        "{values:?}"
    );
    let numbers = vec![0.0; transform.width() + 1];
    assert!(transform.decode_values(&numbers).is_err());
    let nan = vec![f32::NAN; transform.width()];
    assert!(
        transform
            .decode_values(&nan)
            .expect_err("NaN")
            .to_string()
            .contains("row 0, number 0")
    );
}

/// scikit-learn's variational mixture on fixed data: `tests/golden/table_mixture.py`.
#[derive(Deserialize)]
struct Golden {
    name: String,
    values: Vec<f64>,
    log_likelihood: f64,
}

#[test]
fn mixtures_are_as_likely_as_those_of_scikit_learn() {
    let golden = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/table_mixture.json"
    ));
    let cases: Vec<Golden> = serde_json::from_str(golden).expect("JSON");
    assert!(cases.len() >= 4);
    let default = NormalMixtureConfig::default();
    let whole = NormalMixtureConfig {
        prune: 0.0,
        ..default.clone()
    };
    // Components that are left out carry little.
    for (case, config) in (cases.iter()).flat_map(|case| [(case, &whole), (case, &default)]) {
        let mixture = NormalMixture::fit(&case.values, config);
        let sum: f64 = case.values.iter().map(|x| mixture.log_density(*x)).sum();
        let mean = sum / case.values.len() as f64;
        let error = (mean - case.log_likelihood).abs() / case.log_likelihood.abs();
        assert!(
            error < 0.01,
            "{}, {config:?}: {mean} and {}",
            case.name,
            case.log_likelihood
        );
    }
}

/// `BURN_GAN_TABLES=DIR cargo test --release real_tables -- --ignored --nocapture`, where DIR holds
/// `adult.csv.gz`, `breast_cancer.csv`, `iris.csv` and `wine_data.csv` of the UCI repository.
#[test]
#[ignore = "needs the tables"]
fn real_tables_come_back() {
    let folder = std::path::PathBuf::from(std::env::var("BURN_GAN_TABLES").expect("a folder"));
    for (name, skip) in [
        ("adult.csv.gz", 0),
        ("breast_cancer.csv", 1),
        ("iris.csv", 1),
        ("wine_data.csv", 1),
    ] {
        let begun = std::time::Instant::now();
        let settings = TableSettings::default().with_skip(skip);
        let table = settings.read(folder.join(name)).expect("a table");
        let read = begun.elapsed();
        let transform = assert_comes_back(table.columns().to_vec());
        println!(
            "{name}: {} rows, {} numbers; read {read:.1?}, all {:.1?}",
            table.rows(),
            transform.width(),
            begun.elapsed()
        );
        for (schema, code) in transform.columns() {
            println!("  {} {} {}", schema.name, schema.kind.word(), code.slots());
            if let (true, TableCode::Number(code)) = (name.starts_with("adult"), code) {
                println!("    {code:?}");
            }
        }
    }
}
