//! Heads, conditions, packs; training by a trainer.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::*;
use crate::Gan;
use crate::data::table::{
    Column, Head, RowFilter, Table, TableConditions, TableDraws, TableTransform, TransformSettings,
};
use crate::network::{Discriminator, Generator, Vectors};
use crate::objective::{Objective, Term};
use crate::random::Stream;
use crate::sampling::TableSampler;
use crate::step::OptimizerConfig;
use crate::testing::{Cpu, for_each_backend, on_wgpu, values};
use crate::train::{Trainer, TrainerConfig};

fn config() -> TabularGeneratorConfig {
    let heads = [
        Head::Tanh,
        Head::OneHot(3),
        Head::OneHot(2),
        Head::Tanh,
        Head::OneHot(4),
    ];
    TabularGeneratorConfig {
        conditioned: vec![2, 4],
        ..TabularGeneratorConfig::new(heads)
            .with_latent(5)
            .with_hidden([16, 16])
    }
}

fn rows_are_places_and_one_hot_vectors<B: Backend>() {
    let device = Default::default();
    let config = config();
    assert_eq!((config.width(), config.prior().dimensions()), (11, 5 + 9));
    let generator = config.init_conditional::<B>(&device).expect("a generator");
    let latent = config
        .prior()
        .draw::<B>(64, &mut Stream::new(1, "latent"), &device);
    let condition = Vectors::new(Tensor::zeros([64, 6], &device));
    let rows = generator.generate(latent.clone(), &condition);
    assert_eq!(rows.dims(), [64, 11]);
    let rows = values(rows);
    for row in rows.chunks(11) {
        for place in [0, 6] {
            assert!((-1.0..=1.0).contains(&row[place]));
        }
        for entries in [1..4, 4..6, 7..11] {
            let sum: f64 = row[entries].iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{row:?}");
        }
    }
    // Entries are drawn with about the probabilities of untrained logits, not all alike.
    let firsts = rows
        .chunks(11)
        .filter(|row| row[1] > row[2] && row[1] > row[3])
        .count();
    assert!((5..55).contains(&firsts), "{firsts}");
    let logs = generator
        .generate_with_log_probabilities(latent, &condition)
        .log_probabilities
        .expect("it knows them");
    assert_eq!(logs.dims(), [64, 6]);
    for row in values(logs).chunks(6) {
        for entries in [0..2, 2..6] {
            let sum: f64 = row[entries].iter().map(|log| log.exp()).sum();
            assert!((sum - 1.0).abs() < 1e-5, "{row:?}");
        }
    }
}

fn the_largest_entry_is_drawn_by_its_probability<B: Backend>() {
    let device = Default::default();
    let config = TabularGeneratorConfig::new([Head::OneHot(3)])
        .with_latent(1)
        .with_hidden([]);
    let generator = config.init::<B>(&device).expect("a generator");
    let count = 4_000;
    let mut latents = values(config.prior().draw::<B>(
        count,
        &mut Stream::new(2, "latent"),
        &device,
    ));
    // One z for all: one distribution.
    latents.iter_mut().step_by(4).for_each(|z| *z = 0.7);
    let latents: Vec<f32> = latents.iter().map(|x| *x as f32).collect();
    let latents = Tensor::<B, 2>::from_data(TensorData::new(latents, [count, 4]), &device);
    let logits = values(generator.logits(latents.clone().narrow(0, 0, 1)).0);
    let all: f64 = logits.iter().map(|l| l.exp()).sum();
    let rows = values(generator.generate(latents, &()));
    let mut hits = [0_usize; 3];
    for row in rows.chunks(3) {
        let largest = (0..3).max_by(|a, b| row[*a].total_cmp(&row[*b]));
        hits[largest.expect("three")] += 1;
    }
    for (hits, logit) in hits.iter().zip(&logits) {
        let (share, p) = (*hits as f64 / count as f64, logit.exp() / all);
        // Five standard errors.
        assert!(
            (share - p).abs() < 5.0 * (p * (1.0 - p) / count as f64).sqrt(),
            "{share} {p}"
        );
    }
}

fn packs_of_rows_are_judged_with_their_conditions<B: Backend>() {
    let device = Default::default();
    let config = TabularDiscriminatorConfig::new(11)
        .with_hidden([8])
        .with_dropout(0.0)
        .with_pack(5);
    let discriminator = config
        .init_conditional::<B>(6, &device)
        .expect("a discriminator");
    let rows = Tensor::<B, 2>::ones([20, 11], &device);
    let judge = |condition: Tensor<B, 2>| {
        let verdict = discriminator.discriminate(rows.clone(), &Vectors::new(condition));
        assert_eq!(verdict.logits.dims(), [4, 1]);
        values(verdict.logits)
    };
    let zeros = judge(Tensor::zeros([20, 6], &device));
    let mut one = vec![0.0_f32; 120];
    one[7 * 6 + 2] = 1.0;
    let one = judge(Tensor::from_data(TensorData::new(one, [20, 6]), &device));
    let changed: Vec<bool> = zeros.iter().zip(&one).map(|(a, b)| a != b).collect();
    assert_eq!(changed, [false, true, false, false]);
}

for_each_backend!(
    rows_are_places_and_one_hot_vectors,
    the_largest_entry_is_drawn_by_its_probability,
    packs_of_rows_are_judged_with_their_conditions,
    merged_names_are_a_value_that_rows_are_drawn_of,
);
on_wgpu!(Wgpu; rows_are_places_and_one_hot_vectors);

type Tape = burn::backend::Autodiff<Cpu>;

/// Numbers around −2 where the name is a, around 3 where it is b; a rare c at 8; whole numbers that have
/// nothing to do with it.
fn table() -> Table {
    let noise = Stream::new(4, "values").normal(600);
    let codes: Vec<u32> = (0..600)
        .map(|i| if i % 20 == 0 { 2 } else { i % 2 })
        .collect();
    let numbers = codes
        .iter()
        .zip(noise)
        .map(|(code, x)| [-2.0, 3.0, 8.0][*code as usize] + 0.3 * f64::from(x));
    let numbers = numbers.collect();
    Table::new(vec![
        Column::continuous("x", numbers),
        Column::categorical("c", codes, ["a", "b", "c"]),
        Column::integer("k", (0..600).map(|i| f64::from(i / 20 % 5)).collect()),
    ])
    .expect("a table")
}

#[test]
fn a_trained_pair_makes_rows_of_the_value_that_is_asked_for() {
    for objective in [Objective::wgan_gp(), Objective::r3gan(1.0)] {
        let table = table();
        let transform = TableTransform::fit(&table, &TransformSettings::default());
        let transform = transform.expect("a transform");
        let coded = transform
            .encode(&table, &mut Stream::new(1, "modes"))
            .expect("numbers");
        let conditions = TableConditions::of(&transform, &coded).expect("a column of names");
        let width = coded.width();
        let data = TableDraws::new(coded, conditions.clone(), 1, table.digest()).expect("draws");
        let device = Default::default();
        let config = TabularGeneratorConfig::new(transform.heads())
            .with_conditions(&conditions)
            .with_latent(8)
            .with_hidden([32, 32]);
        let generator = config
            .init_conditional::<Tape>(&device)
            .expect("a generator");
        let discriminator = TabularDiscriminatorConfig::new(width)
            .with_hidden([32, 32])
            .with_pack(5)
            .with_dropout(0.0)
            .init_conditional::<Tape>(conditions.width(), &device)
            .expect("a discriminator");
        let gan = Gan::seeded(generator, discriminator, 1, &device);
        let settings = TrainerConfig::new(150, 50, config.prior())
            .with_seed(1)
            .with_objective(objective.with_term(Term::condition_match(1.0)))
            .with_optimizers(OptimizerConfig::adam(2e-3).with_betas(0.5, 0.9));
        let run = Trainer::new(settings, &device)
            .expect("a trainer")
            .run(gan, &data)
            .expect("a run");
        let generator = run.state.sampler();
        for (slot, name) in ["a", "b", "c"].iter().enumerate() {
            let mut stream = Stream::new(5, "samples");
            let latent = config.prior().draw(200, &mut stream, &device);
            let told = Tensor::from_data(
                TensorData::new(conditions.vectors(&[slot; 200]), [200, 3]),
                &device,
            );
            let rows = generator.generate(latent, &Vectors::new(told));
            let rows: Vec<f32> = rows.into_data().iter().collect();
            let made = transform.decode_values(&rows).expect("a table");
            let names = &made.columns()[1];
            let right = (0..200).filter(|row| names.text(*row) == *name).count();
            assert!(right > 160, "{name}: {right} of 200");
        }
        let prior = config.prior();
        let mut sampler =
            TableSampler::conditional(generator, prior, transform, conditions, &device);
        let filter = |text: &str| -> RowFilter { text.parse().expect("a condition") };
        let rare = sampler.draw_where(60, &[filter("c = c")]).expect("rows");
        assert_eq!(rare.rows(), 60);
        assert!((0..60).all(|row| rare.columns()[1].text(row) == "c"));
        // A number was not trained on: rows that have another are drawn again, alone and beside a name that
        // the generator is told.
        for (filters, name) in [(vec!["k = 3"], None), (vec!["k = 3.0", "c = c"], Some("c"))] {
            let filters: Vec<RowFilter> = filters.into_iter().map(filter).collect();
            let rows = sampler.draw_where(25, &filters).expect("rows");
            assert_eq!(rows.rows(), 25);
            let cell = |column: usize, row| rows.columns()[column].text(row);
            assert!((0..25).all(|row| cell(2, row) == "3"));
            assert!((0..25).all(|row| name.is_none_or(|name| cell(1, row) == name)));
        }
        let even = sampler.draw_balanced(31, "c").expect("rows");
        let of = |name: &str| {
            (0..31)
                .filter(|row| even.columns()[1].text(*row) == name)
                .count()
        };
        assert_eq!(["a", "b", "c"].map(of), [11, 10, 10]);
        // In no order of their values.
        assert!(!(0..31).map(|row| even.columns()[1].text(row)).is_sorted());
        for (column, count, words) in [
            ("x", 30, "is a column of numbers"),
            ("d", 30, "is no column of the table"),
            ("c", 2, "`count` = 2"),
        ] {
            let error = sampler
                .draw_balanced(count, column)
                .expect_err("refused")
                .to_string();
            assert!(error.contains(words), "{error}");
        }
        // As often as in the data, 5 %, where nothing is asked for.
        let rows = sampler.draw(1_200).expect("rows");
        let rare = (0..1_200).filter(|row| rows.columns()[1].text(*row) == "c");
        let rare = rare.count();
        assert!((12..180).contains(&rare), "{rare}");
        for (condition, words) in [
            ("c = e", "is no value of the column `c`"),
            ("d = a", "is no column of the table"),
            ("x = 1e9", "ask for fewer values together"),
        ] {
            let drawn = sampler.draw_where(1, &[filter(condition)]);
            let error = drawn.expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}

fn merged_names_are_a_value_that_rows_are_drawn_of<B: Backend>() {
    let codes = (0..100).map(|i| if i < 96 { 0 } else { i % 4 }).collect();
    let table = Table::new(vec![Column::categorical(
        "c",
        codes,
        ["often", "x", "y", "z"],
    )]);
    let json = r#"{"rare": {"merge": {"below": 0.02, "name": "other"}}}"#;
    let settings: TransformSettings = serde_json::from_str(json).expect("settings");
    let transform = TableTransform::fit(&table.expect("a table"), &settings).expect("a transform");
    let device = Default::default();
    let config = TabularGeneratorConfig::new(transform.heads()).with_hidden([8]);
    let generator = config.init::<B>(&device).expect("a generator");
    let mut sampler = TableSampler::new(generator, config.prior(), transform, &device);
    let even = sampler.draw_balanced(40, "c").expect("rows");
    let of = |name: &str| {
        (0..40)
            .filter(|row| even.columns()[0].text(*row) == name)
            .count()
    };
    assert_eq!(["often", "other"].map(of), [20, 20]);
}

#[test]
fn settings_that_make_no_network_are_refused() {
    let device = Default::default();
    let error = |config: TabularGeneratorConfig| {
        config
            .init_conditional::<Cpu>(&device)
            .expect_err("refused")
            .to_string()
    };
    let base = config();
    assert!(
        error(TabularGeneratorConfig {
            conditioned: vec![0],
            ..base.clone()
        })
        .contains("`conditioned` = 0")
    );
    assert!(
        error(TabularGeneratorConfig {
            temperature: f64::NAN,
            ..base.clone()
        })
        .contains("`temperature` = NaN")
    );
    assert!(error(base.clone().with_latent(0)).contains("`latent` = 0"));
    assert!(error(base.clone().with_hidden([1 << 25])).contains("`hidden`"));
    assert!(base.init::<Cpu>(&device).is_err());
    let wide = TabularDiscriminatorConfig::new(3).with_pack(0);
    assert!(
        wide.init::<Cpu>(&device)
            .expect_err("no pack")
            .to_string()
            .contains("`pack` = 0")
    );
}
