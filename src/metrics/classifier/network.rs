//! A small network as classifier.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use serde::Serialize;

use super::super::distances::blocks;
use super::super::features::Features;
use super::Labelled;
use super::standard::Standard;
use crate::divergence::log_sigmoid;
use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;
use crate::sizes;

/// Rows that are classified at once.
const ROWS: usize = 512;

settings! {
/// A network of fully connected layers with ReLU between, on standardised features.
///
/// Trained with the cross-entropy, each set with half the weight, by Adam from He's initial weights;
/// training ends when the loss on validation samples has not fallen for
/// [`patience`](Self::patience) epochs, and the weights of the best epoch are taken. All on the
/// host, in double precision, with random numbers of the given stream: no backend, and the same
/// result on every machine within rounding.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct NetworkClassifier {
    /// The widths of the hidden layers; two of 64 by default.
    pub hidden: Vec<usize>,
    /// The rate of Adam (β₁ 0.9, β₂ 0.999, ε 1e-8); 0.001 by default.
    pub learning_rate: f64,
    /// The samples in a step; 128 by default.
    pub batch: usize,
    /// The most epochs; 100 by default.
    pub epochs: usize,
    /// The epochs that validation may go without a gain; 10 by default.
    pub patience: usize,
}
}

impl Default for NetworkClassifier {
    fn default() -> Self {
        Self {
            hidden: vec![64, 64],
            learning_rate: 1e-3,
            batch: 128,
            epochs: 100,
            patience: 10,
        }
    }
}

impl NetworkClassifier {
    /// Checks the settings.
    ///
    /// # Errors
    /// If there are no hidden layers or more than 16, if a size is 0, or if the rate is not above 0.
    pub fn validate(&self) -> Result<()> {
        check::at_least("hidden", self.hidden.len(), 1)?;
        check::at_most("hidden", self.hidden.len(), 16)?;
        for width in &self.hidden {
            check::at_least("hidden", *width, 1)?;
            check::at_most("hidden", *width, 1 << 14)?;
        }
        check::positive("learning_rate", self.learning_rate)?;
        check::at_least("batch", self.batch, 1)?;
        check::at_most("batch", self.batch, sizes::BATCH)?;
        check::at_least("epochs", self.epochs, 1)?;
        check::at_least("patience", self.patience, 1)
    }

    /// # Errors
    /// If all samples are equal, or if the weights became infinite.
    pub(in super::super) fn train(
        &self,
        metric: &str,
        training: &Labelled,
        validation: &Labelled,
        stream: &mut Stream,
    ) -> Result<Trained> {
        let Some(standard) = Standard::of(training) else {
            return Err(Error::data(
                metric,
                "all samples are equal, so that there is nothing to tell real ones from generated \
                 ones by; look at what made the features",
            ));
        };
        let mut model = Model::new(training.real.dimensions(), &self.hidden, stream);
        let mut adam = Adam::new(model.parameters.len(), self.learning_rate);
        let mut best = (f64::INFINITY, 0, model.parameters.clone());
        let mut epochs = 0;
        for epoch in 1..=self.epochs {
            epochs = epoch;
            for rows in stream.permutation(training.count()).chunks(self.batch) {
                let gradient = model.gradient(training, rows, &standard);
                adam.step(&mut model.parameters, &gradient);
            }
            let loss = model.loss(validation, &standard);
            if !loss.is_finite() {
                return Err(Error::data(
                    metric,
                    format!(
                        "the classifier's loss became {loss} in epoch {epoch}; take a lower \
                         `learning_rate` than {}",
                        self.learning_rate
                    ),
                ));
            }
            if loss < best.0 {
                best = (loss, epoch, model.parameters.clone());
            } else if epoch - best.1 >= self.patience {
                break;
            }
        }
        model.parameters = best.2;
        Ok(Trained {
            standard,
            model,
            epochs,
            best_epoch: best.1,
        })
    }
}

/// A trained network.
#[derive(Debug)]
pub(in super::super) struct Trained {
    standard: Standard,
    model: Model,
    /// How many epochs it was trained for.
    pub epochs: usize,
    /// The epoch whose weights it has.
    pub best_epoch: usize,
}

impl Trained {
    /// The logit of each row: above 0 for "real".
    pub(in super::super) fn logits(&self, features: &Features) -> Vec<f64> {
        self.model.logits(features, &self.standard)
    }
}

/// Where a layer's weights `[inputs, outputs]` begin among all parameters; its bias lies behind.
#[derive(Debug, Clone, Copy)]
struct Layer {
    inputs: usize,
    outputs: usize,
    start: usize,
}

#[derive(Debug)]
struct Model {
    layers: Vec<Layer>,
    parameters: Vec<f64>,
}

impl Model {
    fn new(inputs: usize, hidden: &[usize], stream: &mut Stream) -> Self {
        let mut layers = Vec::new();
        let mut parameters = Vec::new();
        let mut inputs = inputs;
        for outputs in hidden.iter().copied().chain([1]) {
            let start = parameters.len();
            layers.push(Layer {
                inputs,
                outputs,
                start,
            });
            let deviation = (2.0 / inputs as f64).sqrt();
            let weights = stream.normal(inputs * outputs).into_iter();
            parameters.extend(weights.map(|x| deviation * f64::from(x)));
            parameters.resize(parameters.len() + outputs, 0.0);
            inputs = outputs;
        }
        Self { layers, parameters }
    }

    fn weights(&self, layer: &Layer) -> MatRef<'_, f64> {
        let weights = &self.parameters[layer.start..][..layer.inputs * layer.outputs];
        MatRef::from_row_major_slice(weights, layer.inputs, layer.outputs)
    }

    /// The outputs of each layer, ReLU taken, of `count` rows.
    fn forward(&self, input: Vec<f64>, count: usize) -> Vec<Vec<f64>> {
        let mut outputs = vec![input];
        for (index, layer) in self.layers.iter().enumerate() {
            let input = MatRef::from_row_major_slice(&outputs[index], count, layer.inputs);
            let bias = &self.parameters[layer.start + layer.inputs * layer.outputs..];
            let mut output = bias[..layer.outputs].repeat(count);
            let matrix = MatMut::from_row_major_slice_mut(&mut output, count, layer.outputs);
            matmul(
                matrix,
                Accum::Add,
                input,
                self.weights(layer),
                1.0,
                Par::Seq,
            );
            if index + 1 < self.layers.len() {
                output.iter_mut().for_each(|x| *x = x.max(0.0));
            }
            outputs.push(output);
        }
        outputs
    }

    fn logits(&self, features: &Features, standard: &Standard) -> Vec<f64> {
        let parts: Vec<Vec<f64>> = blocks(features.count(), ROWS)
            .into_par_iter()
            .map(|rows| {
                let count = rows.len();
                let input = rows.flat_map(|row| standard.row(features.row(row)));
                self.forward(input.collect(), count)
                    .pop()
                    .unwrap_or_default()
            })
            .collect();
        parts.concat()
    }

    /// The cross-entropy, each set with half the weight.
    fn loss(&self, data: &Labelled, standard: &Standard) -> f64 {
        let mean = |features: &Features, sign: f64| {
            let logits = self.logits(features, standard);
            let losses = logits.iter().map(|logit| -log_sigmoid(sign * logit));
            losses.sum::<f64>() / features.count() as f64
        };
        0.5 * (mean(&data.real, 1.0) + mean(&data.generated, -1.0))
    }

    /// The gradient of the mean loss of these rows.
    fn gradient(&self, data: &Labelled, rows: &[usize], standard: &Standard) -> Vec<f64> {
        let count = rows.len();
        let input = rows.iter().flat_map(|row| standard.row(data.row(*row)));
        let outputs = self.forward(input.collect(), count);
        let mut gradient = vec![0.0; self.parameters.len()];
        // With respect to the outputs of the layer, before its ReLU.
        let mut upper: Vec<f64> = (rows.iter().zip(&outputs[self.layers.len()]))
            .map(|(row, logit)| {
                let sign = data.sign(*row);
                let wrong = 1.0 / (1.0 + (sign * logit).exp());
                -sign * wrong * data.weight(*row) / count as f64
            })
            .collect();
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let Layer {
                inputs,
                outputs: width,
                start,
            } = *layer;
            let own = &mut gradient[start..][..(inputs + 1) * width];
            let (weights, bias) = own.split_at_mut(inputs * width);
            for row in upper.chunks_exact(width) {
                bias.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
            let input = MatRef::from_row_major_slice(&outputs[index], count, inputs);
            let above = MatRef::from_row_major_slice(&upper, count, width);
            let weights = MatMut::from_row_major_slice_mut(weights, inputs, width);
            matmul(
                weights,
                Accum::Replace,
                input.transpose(),
                above,
                1.0,
                Par::Seq,
            );
            if index > 0 {
                let mut lower = vec![0.0; count * inputs];
                let matrix = MatMut::from_row_major_slice_mut(&mut lower, count, inputs);
                let weights = self.weights(layer).transpose();
                matmul(matrix, Accum::Replace, above, weights, 1.0, Par::Seq);
                for (x, output) in lower.iter_mut().zip(&outputs[index]) {
                    *x = if *output > 0.0 { *x } else { 0.0 };
                }
                upper = lower;
            }
        }
        gradient
    }
}

struct Adam {
    rate: f64,
    steps: i32,
    means: Vec<(f64, f64)>,
}

impl Adam {
    fn new(count: usize, rate: f64) -> Self {
        Self {
            rate,
            steps: 0,
            means: vec![(0.0, 0.0); count],
        }
    }

    fn step(&mut self, parameters: &mut [f64], gradient: &[f64]) {
        const BETAS: (f64, f64) = (0.9, 0.999);
        self.steps = self.steps.saturating_add(1);
        let first = 1.0 - BETAS.0.powi(self.steps);
        let second = 1.0 - BETAS.1.powi(self.steps);
        for ((parameter, mean), g) in parameters.iter_mut().zip(&mut self.means).zip(gradient) {
            mean.0 = BETAS.0 * mean.0 + (1.0 - BETAS.0) * g;
            mean.1 = BETAS.1 * mean.1 + (1.0 - BETAS.1) * g * g;
            *parameter -= self.rate * (mean.0 / first) / ((mean.1 / second).sqrt() + 1e-8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::golden::{self, refusal};
    use super::*;

    fn data(seed: f64, shift: f64) -> Labelled {
        Labelled {
            real: golden::features(&[seed, 60.0, 3.0]),
            generated: golden::features(&[seed + 1.0, 40.0, 3.0, 1.0, shift]),
            balanced: true,
        }
    }

    #[test]
    fn the_gradient_is_that_of_differences() {
        let data = data(1.0, 0.5);
        let standard = Standard::of(&data).unwrap();
        let mut model = Model::new(3, &[5, 4], &mut Stream::new(1, "weights"));
        let rows: Vec<usize> = (0..data.count()).collect();
        let gradient = model.gradient(&data, &rows, &standard);
        for (place, slope) in gradient.iter().enumerate() {
            let own = model.parameters[place];
            let mut at = |x: f64| {
                model.parameters[place] = x;
                model.loss(&data, &standard)
            };
            let difference = (at(own + 1e-6) - at(own - 1e-6)) / 2e-6;
            model.parameters[place] = own;
            // Rounding in the difference of losses of about 0.7.
            let near = (slope - difference).abs() < 1e-8;
            assert!(near, "parameter {place}: {slope} and {difference}");
        }
        assert!(gradient.iter().filter(|slope| slope.abs() > 1e-4).count() > 20);
    }

    #[test]
    fn training_finds_what_no_line_can_tell_and_ends_in_time() {
        // A shell around a ball.
        let ball = golden::features(&[3.0, 400.0, 2.0, 0.25]);
        let shell = golden::features(&[4.0, 400.0, 2.0]);
        let outside: Vec<usize> = (0..400)
            .filter(|i| shell.row(*i).iter().map(|x| x * x).sum::<f32>() > 1.0)
            .collect();
        let part = |from: usize, to: usize| Labelled {
            real: ball.select(&(from..to).collect::<Vec<_>>()),
            generated: shell.select(&outside[from..to]),
            balanced: true,
        };
        let settings = NetworkClassifier {
            hidden: vec![16, 16],
            learning_rate: 1e-2,
            batch: 32,
            epochs: 40,
            patience: 5,
        };
        let train = || {
            let stream = &mut Stream::new(2, "network");
            settings
                .train("test", &part(0, 120), &part(120, 160), stream)
                .unwrap()
        };
        let trained = train();
        let asked = part(160, 220);
        let right = trained
            .logits(&asked.real)
            .iter()
            .filter(|x| **x > 0.0)
            .count()
            + trained
                .logits(&asked.generated)
                .iter()
                .filter(|x| **x < 0.0)
                .count();
        assert!(right > 114, "{right} of 120");
        assert!(trained.epochs <= 40 && trained.best_epoch <= trained.epochs);
        assert_eq!(train().model.parameters, trained.model.parameters);
    }

    #[test]
    fn wrong_settings_are_refused() {
        let text = |change: &dyn Fn(&mut NetworkClassifier)| {
            let mut settings = NetworkClassifier::default();
            change(&mut settings);
            refusal(settings.validate())
        };
        assert!(text(&|s| s.hidden = vec![]).contains("`hidden` = 0"));
        assert!(text(&|s| s.hidden = vec![8, 0]).contains("`hidden` = 0"));
        assert!(text(&|s| s.learning_rate = f64::NAN).contains("`learning_rate` = NaN"));
        assert!(text(&|s| s.batch = 0).contains("`batch`"));
        assert!(text(&|s| s.patience = 0).contains("`patience`"));
        let huge = NetworkClassifier {
            learning_rate: 1e300,
            ..NetworkClassifier::default()
        };
        let data = data(1.0, 0.5);
        let text = refusal(huge.train("test", &data, &data, &mut Stream::new(1, "x")));
        assert!(text.contains("take a lower `learning_rate`"), "{text}");
    }
}
