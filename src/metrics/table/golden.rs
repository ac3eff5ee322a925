//! Scores against SciPy and scikit-learn: `tests/golden/table_scores.py`.

use serde::Deserialize;

use super::association::{correlation_ratio, cramers_v, pearson};
use super::shapes::{kolmogorov_smirnov, total_variation};
use super::*;
use crate::data::table::{Cells, Column, MISSING, Table};
use crate::metrics::Score;
use crate::random::Stream;

#[derive(Deserialize)]
struct Rows {
    x: Vec<Option<f64>>,
    y: Vec<f64>,
    c: Vec<Option<u32>>,
    d: Vec<u32>,
}

#[derive(Deserialize)]
struct Golden {
    real: Rows,
    generated: Rows,
    test: Rows,
    ks_x: f64,
    ks_y: f64,
    tv_c: f64,
    tv_d: f64,
    pearson: [f64; 2],
    cramers_v: [f64; 2],
    correlation_ratio: [f64; 2],
    copies: f64,
    median_distance: f64,
    accuracy: [f64; 2],
    balanced_accuracy: [f64; 2],
    f1: [f64; 2],
}

fn golden() -> Golden {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/table_scores.json"
    ));
    serde_json::from_str(text).expect("JSON")
}

fn table(rows: &Rows) -> Table {
    let x = rows.x.iter().map(|x| x.unwrap_or(f64::NAN)).collect();
    let c = rows.c.iter().map(|c| c.unwrap_or(MISSING)).collect();
    Table::new(vec![
        Column::continuous("x", x),
        Column::continuous("y", rows.y.clone()),
        Column::categorical("c", c, ["a", "b", "c", "d"]),
        Column::categorical("d", rows.d.clone(), ["no", "yes"]),
    ])
    .expect("a table")
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs(),
        "{found} and {expected}"
    );
}

#[test]
fn distances_and_associations_are_those_of_scipy() {
    let golden = golden();
    let tables = [table(&golden.real), table(&golden.generated)];
    let shapes = column_shapes(&tables[0], &tables[1]).expect("shapes");
    let expected = [golden.ks_x, golden.ks_y, golden.tv_c, golden.tv_d];
    for (column, expected) in shapes.columns.iter().zip(expected) {
        near(column.distance, expected);
    }
    near(shapes.score, 1.0 - expected.iter().sum::<f64>() / 4.0);
    for (place, table) in tables.iter().enumerate() {
        let cells: Vec<&Cells> = table.columns().iter().map(|column| &column.cells).collect();
        let [
            Cells::Numbers(x),
            Cells::Numbers(y),
            Cells::Codes(c),
            Cells::Codes(d),
        ] = cells[..]
        else {
            panic!("two columns of numbers and two of names");
        };
        near(pearson(x, y), golden.pearson[place]);
        near(cramers_v(c, d), golden.cramers_v[place]);
        near(correlation_ratio(c, y), golden.correlation_ratio[place]);
    }
    let trends = pair_trends(&tables[0], &tables[1]).expect("pairs");
    assert_eq!(trends.pairs.len(), 6);
    near(trends.pairs[0].real, golden.pearson[0]);
    near(trends.pairs[5].generated, golden.cramers_v[1]);
}

#[test]
fn a_classifier_learns_what_that_of_scikit_learn_does() {
    let golden = golden();
    let utility = Utility::new("d");
    let [real, test, generated] = [&golden.real, &golden.test, &golden.generated].map(table);
    let scores = utility.measure(&real, &test, &generated).expect("scores");
    for (place, found) in [scores.real, scores.synthetic].iter().enumerate() {
        near(found.accuracy, golden.accuracy[place]);
        near(found.balanced_accuracy, golden.balanced_accuracy[place]);
        near(found.f1, golden.f1[place]);
    }
}

#[test]
fn copies_and_distances_are_those_of_the_script() {
    let golden = golden();
    let [real, test, generated] = [&golden.real, &golden.test, &golden.generated].map(table);
    let found = closest_records(&real, &test, &generated).expect("distances");
    near(found.copies, golden.copies);
    // In single precision.
    let error = (found.median_distance - golden.median_distance).abs();
    assert!(
        error < 1e-5,
        "{} and {}",
        found.median_distance,
        golden.median_distance
    );
}

#[test]
fn the_same_rows_have_perfect_scores_and_none_in_common_the_worst() {
    let real = table(&golden().real);
    let shapes = column_shapes(&real, &real).expect("shapes");
    let pairs = pair_trends(&real, &real).expect("pairs");
    assert!((shapes.score - 1.0).abs() < 1e-12 && (pairs.score - 1.0).abs() < 1e-12);
    assert!(pairs.difference < 1e-12);
    assert_eq!(kolmogorov_smirnov(&[1.0, 2.0], &[3.0]), 1.0);
    assert_eq!(kolmogorov_smirnov(&[f64::NAN], &[3.0]), 1.0);
    assert_eq!(kolmogorov_smirnov(&[f64::NAN], &[f64::NAN]), 0.0);
    let a = Column::categorical("c", vec![0, 0, MISSING], ["a"]);
    let b = Column::categorical("c", vec![0, 0, 0], ["b"]);
    assert!((total_variation(&a.shares(), &b.shares()) - 1.0).abs() < 1e-12);
    let constant = [7.0; 5];
    assert_eq!(pearson(&constant, &[1.0, 2.0, 3.0, 4.0, 5.0]), 0.0);
    assert_eq!(cramers_v(&[0; 4], &[0, 1, 0, 1]), 0.0);
    assert_eq!(correlation_ratio(&[0, 1, 0, 1, 0], &constant), 0.0);
}

#[test]
fn missing_numbers_count_in_the_shape_of_their_column() {
    let nan = f64::NAN;
    // Nothing is blank where a quarter is, and the numbers are the same.
    let real = [1.0, 2.0, 3.0, nan];
    assert_eq!(kolmogorov_smirnov(&real, &[1.0, 2.0, 3.0]), 0.25);
    assert_eq!(kolmogorov_smirnov(&[1.0, 2.0, 3.0], &real), 0.25);
    // Half blank on both sides: half of what the numbers by themselves differ by.
    assert_eq!(kolmogorov_smirnov(&[1.0, nan], &[2.0, nan]), 0.5);
    // No row of the second has a 1, which three quarters of the first have.
    let (a, b) = ([1.0, 1.0, 1.0, 2.0], [nan, 2.0, 3.0, 4.0]);
    assert_eq!(kolmogorov_smirnov(&a, &b), 0.75);
    // Every row of the first is a 1 or blank, none of the second is.
    assert_eq!(kolmogorov_smirnov(&[nan, nan, 1.0, 1.0], &[2.0; 4]), 1.0);

    let table = |x: &[f64]| Table::new(vec![Column::continuous("x", x.to_vec())]).expect("a table");
    let shapes = column_shapes(&table(&real), &table(&[3.0, 1.0, 2.0])).expect("shapes");
    assert_eq!(shapes.score, 0.75);
}

#[test]
fn trees_see_what_no_line_does() {
    // Whether two numbers have one sign.
    let rows = |seed: u64| {
        let mut stream = Stream::new(seed, "rows");
        let mut numbers = || -> Vec<f64> {
            stream
                .uniform(400, -1.0, 1.0)
                .iter()
                .map(|x| f64::from(*x))
                .collect()
        };
        let (x, y) = (numbers(), numbers());
        let same = x
            .iter()
            .zip(&y)
            .map(|(x, y)| u32::from(x * y > 0.0))
            .collect();
        let target = Column::categorical("t", same, ["other", "same"]);
        Table::new(vec![
            Column::continuous("x", x),
            Column::continuous("y", y),
            target,
        ])
        .expect("a table")
    };
    let accuracy = |utility: Utility| {
        let scores = utility
            .measure(&rows(1), &rows(2), &rows(3))
            .expect("scores");
        scores.synthetic.accuracy
    };
    let forest = TableClassifier::Forest {
        trees: 20,
        depth: 8,
    };
    let boosted = TableClassifier::Boosted {
        trees: 20,
        depth: 4,
        rate: 0.3,
    };
    let of = |classifier| Utility::new("t").with_classifier(classifier);
    assert!(accuracy(Utility::new("t")) < 0.65);
    assert!(accuracy(of(forest)) > 0.85);
    assert!(accuracy(of(boosted)) > 0.85);
    // Whatever the threads, the same.
    let measure = || (of(boosted).measure(&rows(1), &rows(2), &rows(3))).expect("scores");
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    assert_eq!(measure(), one.expect("a thread").install(measure));
}

#[test]
fn boosted_trees_tell_more_than_two_classes_and_their_settings_are_bounded() {
    // The quarter of the circle that a point lies in, which no class's own number tells.
    let rows = |seed: u64| {
        let points = Stream::new(seed, "points").normal(600);
        let (x, y): (Vec<f64>, Vec<f64>) = (points.chunks(2))
            .map(|point| (f64::from(point[0]), f64::from(point[1])))
            .unzip();
        let quarter = |(x, y): (&f64, &f64)| 2 * u32::from(*x > 0.0) + u32::from(*y > 0.0);
        let quarters = x.iter().zip(&y).map(quarter).collect();
        let target = Column::categorical("q", quarters, ["a", "b", "c", "d"]);
        Table::new(vec![
            Column::continuous("x", x),
            Column::continuous("y", y),
            target,
        ])
        .expect("a table")
    };
    let boosted = |trees, depth, rate| {
        let classifier = TableClassifier::Boosted { trees, depth, rate };
        let utility = Utility::new("q").with_classifier(classifier);
        utility.measure(&rows(1), &rows(2), &rows(3))
    };
    let scores = boosted(20, 3, 0.3).expect("scores");
    assert!(
        scores.real.accuracy > 0.95 && scores.synthetic.accuracy > 0.95,
        "{scores:?}"
    );
    // A tree of one question has two answers.
    let weak = boosted(1, 1, 0.3).expect("scores");
    assert!(weak.real.accuracy < 0.8, "{weak:?}");
    for (trees, depth, rate, words) in [
        (0, 3, 0.3, "`boosted.trees` = 0"),
        (20, 65, 0.3, "`boosted.depth` = 65"),
        (20, 3, f64::NAN, "`boosted.rate` = NaN"),
        (20, 3, 1.5, "`boosted.rate` = 1.5"),
    ] {
        let error = boosted(trees, depth, rate).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn scores_know_where_they_come_from() {
    let golden = golden();
    let [real, test, generated] = [&golden.real, &golden.test, &golden.generated].map(table);
    let scorer = TableScorer::new(real.clone(), test)
        .with_utility(Utility::new("d"))
        .with_seed(4);
    let scores = scorer.score(&generated).expect("scores");
    let names: Vec<&str> = scores.iter().map(|score| score.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "column_shapes",
            "pair_difference",
            "pair_trends",
            "two_sample_accuracy",
            "copies",
            "nearer_than_held_out",
            "accuracy_synthetic",
            "balanced_accuracy_synthetic",
            "f1_synthetic",
        ]
    );
    let accuracy = &scores[6];
    near(accuracy.value(), golden.accuracy[1]);
    near(
        accuracy.real_against_real.expect("real rows").value,
        golden.accuracy[0],
    );
    assert_eq!(accuracy.provenance.real.digest, real.digest());
    assert_eq!(accuracy.provenance.settings["target"], "d");
    assert_eq!(
        (
            accuracy.provenance.seed,
            accuracy.provenance.generated.count
        ),
        (4, generated.rows())
    );
}

#[test]
fn of_many_rows_what_is_costly_takes_some_and_says_so() {
    let golden = golden();
    let [real, test] = [&golden.real, &golden.test].map(table);
    let scorer = TableScorer::new(real.clone(), test).with_utility(Utility::new("d"));
    // Training rows, every one of them: copies of rows that the draw of 60 does not have.
    let [all, some] =
        [&scorer, &scorer.clone().with_rows(60)].map(|scorer| scorer.score(&real).expect("scores"));
    assert!(real.rows() > 60);
    for (all, some) in all.iter().zip(&some) {
        let costly = !["column_shapes", "pair_difference", "pair_trends"].contains(&&*all.name);
        let rows = |score: &Score| score.provenance.settings.get("rows").cloned();
        assert_eq!(rows(all), None, "{}", all.name);
        assert_eq!(rows(some), costly.then(|| 60.into()), "{}", all.name);
        if !costly || all.name == "copies" {
            assert_eq!(all.value(), some.value(), "{}", all.name);
        }
    }
    assert_eq!(some[4].value(), 1.0);
}

#[test]
fn what_can_not_be_measured_is_refused_with_its_cause() {
    let golden = golden();
    let [real, test] = [&golden.real, &golden.test].map(table);
    let narrow = Table::new(vec![real.columns()[0].clone()]).expect("a table");
    let error = column_shapes(&real, &narrow)
        .expect_err("other columns")
        .to_string();
    assert!(
        error.contains("column 2: `y` (numbers)") && error.contains("no more columns"),
        "{error}"
    );
    let error = pair_trends(&narrow, &narrow)
        .expect_err("one column")
        .to_string();
    assert!(error.contains("no pair"), "{error}");
    let measure = |utility: Utility| {
        utility
            .measure(&real, &test, &real)
            .expect_err("refused")
            .to_string()
    };
    assert!(measure(Utility::new("x")).contains("`target` = x: is a column of numbers"));
    assert!(measure(Utility::new("e")).contains("`column` = e"));
    let wrong = TableClassifier::Logistic { ridge: f64::NAN };
    assert!(measure(Utility::new("d").with_classifier(wrong)).contains("`logistic.ridge` = NaN"));
    // One class alone is told without a classifier.
    let one = real.select(
        &(0..real.rows())
            .filter(|row| real.columns()[3].text(*row) == "no")
            .collect::<Vec<_>>(),
    );
    let scores = Utility::new("d")
        .measure(&real, &test, &one)
        .expect("scores");
    assert_eq!(scores.synthetic.balanced_accuracy, 0.5);
}
