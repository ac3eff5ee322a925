//! A generator of rows: residual layers, a tanh or a Gumbel-softmax for each output.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax, tanh};
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::PlainVectors;
use crate::data::table::{Head, TableConditions};
use crate::error::{Error, Result, check};
use crate::latent::{Latent, Part};
use crate::models::Conditional;
use crate::network::{Generated, Generator};
use crate::nn::{Activation, BatchNorm, BatchNormConfig, Linear, LinearConfig};
use crate::settings::settings;
use crate::sizes;

/// Uniform draws keep so far from 0 and 1, where Gumbel noise would be infinite.
const EDGE: f32 = 1e-6;

settings! {
/// Settings of a [`TabularGenerator`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TabularGeneratorConfig {
    /// Normal components of the latent; 128 by default.
    pub latent: usize,
    /// The outputs, one after the other ([`TableTransform::heads`](crate::data::table::TableTransform::heads)).
    pub heads: Vec<Head>,
    /// Of which outputs the condition's vector has entries, in its order; none by default.
    pub conditioned: Vec<usize>,
    /// Widths of the residual layers; 256, 256 by default.
    pub hidden: Vec<usize>,
    /// The temperature τ of the Gumbel-softmax; 0.2 by default.
    pub temperature: f64,
}
}

impl TabularGeneratorConfig {
    /// A generator of rows of these outputs.
    pub fn new(heads: impl Into<Vec<Head>>) -> Self {
        Self {
            latent: 128,
            heads: heads.into(),
            conditioned: Vec::new(),
            hidden: vec![256, 256],
            temperature: 0.2,
        }
    }

    /// Widths of the residual layers.
    pub fn with_hidden(mut self, hidden: impl Into<Vec<usize>>) -> Self {
        self.hidden = hidden.into();
        self
    }

    /// Normal components of the latent.
    pub fn with_latent(mut self, latent: usize) -> Self {
        self.latent = latent;
        self
    }

    /// The columns that rows are conditioned on.
    pub fn with_conditions(mut self, conditions: &TableConditions) -> Self {
        self.conditioned = conditions.heads();
        self
    }

    /// The numbers of a row.
    pub fn width(&self) -> usize {
        self.heads.iter().map(Head::width).sum()
    }

    /// The uniform components of the latent, one for each entry of a one-hot vector.
    fn uniform(&self) -> usize {
        let one_hot = self.heads.iter().filter(|head| **head != Head::Tanh);
        one_hot.map(Head::width).sum()
    }

    /// The length of the condition's vector.
    fn conditions(&self) -> usize {
        self.conditioned
            .iter()
            .filter_map(|head| Some(self.heads.get(*head)?.width()))
            .sum()
    }

    /// The prior: normal noise, and beside it the uniform numbers that Gumbel noise is made of, so that
    /// a latent decides its row.
    pub fn prior(&self) -> Latent {
        let noise = Latent::parts([Part::normal(self.latent)]);
        match self.uniform() {
            0 => noise,
            dimensions => noise.with_part(Part::Uniform {
                dimensions,
                low: EDGE,
                high: 1.0 - EDGE,
            }),
        }
    }

    /// Makes a generator that is conditioned on nothing.
    ///
    /// # Errors
    /// If a size is 0 or too large, the temperature is not above 0, or rows are conditioned.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<TabularGenerator<B>> {
        if !self.conditioned.is_empty() {
            let problem = "is for a generator of `init_conditional`";
            return Err(Error::setting(
                "conditioned",
                format!("{:?}", self.conditioned),
                problem,
            ));
        }
        self.network(device)
    }

    /// Makes a generator that is conditioned on [`Vectors`](crate::network::Vectors) with the entries
    /// of the columns in [`conditioned`](Self::conditioned).
    ///
    /// # Errors
    /// As [`init`](Self::init), or if rows are not conditioned, or on what is no one-hot vector.
    pub fn init_conditional<B: Backend>(
        &self,
        device: &B::Device,
    ) -> Result<Conditional<B, PlainVectors<B>, TabularGenerator<B>>> {
        check::at_least("conditioned.len()", self.conditioned.len(), 1)?;
        for head in &self.conditioned {
            if !matches!(self.heads.get(*head), Some(Head::OneHot(_))) {
                return Err(Error::setting(
                    "conditioned",
                    head,
                    "is no one-hot vector of `heads`",
                ));
            }
        }
        Ok(Conditional::new(PlainVectors::new(), self.network(device)?))
    }

    fn network<B: Backend>(&self, device: &B::Device) -> Result<TabularGenerator<B>> {
        sizes::size("latent", self.latent)?;
        check::at_least("heads.len()", self.heads.len(), 1)?;
        for head in &self.heads {
            sizes::size("heads", head.width())?;
        }
        check::at_most("hidden.len()", self.hidden.len(), sizes::REPEATS)?;
        check::positive("temperature", self.temperature)?;
        let (inputs, outputs) = (self.latent + self.conditions(), self.width());
        let mut shapes = Vec::new();
        let mut width = inputs;
        for hidden in &self.hidden {
            sizes::size("hidden", *hidden)?;
            shapes.push(vec![width, *hidden]);
            width += hidden;
        }
        shapes.push(vec![width, outputs]);
        sizes::network("hidden", &shapes)?;
        let mut blocks = Vec::new();
        let mut width = inputs;
        for hidden in &self.hidden {
            blocks.push(Residual {
                linear: LinearConfig::new(width, *hidden).init(device),
                norm: BatchNormConfig::new(*hidden).init(device),
            });
            width += hidden;
        }
        Ok(TabularGenerator {
            blocks,
            last: LinearConfig::new(width, outputs).init(device),
            normal: self.latent,
            uniform: self.uniform(),
            heads: self.heads.iter().map(Head::width).collect(),
            tanh: self.heads.iter().map(|head| *head == Head::Tanh).collect(),
            conditioned: self.conditioned.clone(),
            temperature: self.temperature,
        })
    }
}

/// max(0, norm(W·x + b)), beside x.
#[derive(Module, Debug)]
struct Residual<B: Backend> {
    linear: Linear<B>,
    norm: BatchNorm<B>,
}

/// CTGAN's generator of rows.
///
/// ```text
/// h₀ = [z, c]     h_{i+1} = [relu(norm(W_i·h_i + b_i)), h_i]     l = W·h + b
/// place: tanh(l)     one-hot: softmax((l − ln(−ln u))/τ),  u ~ U(0, 1)
/// ```
///
/// Latents `[batch, latent + one-hot entries]` are those of [`TabularGeneratorConfig::prior`]: z and
/// u side by side, so that the Gumbel noise is the run's and a latent decides its row. Samples are
/// `[batch, width]`, in training and afterwards with the noise; the largest entry of a one-hot vector
/// is then drawn by its probability.
///
/// Xu, Skoularidou, Cuesta-Infante, Veeramachaneni 2019, *Modeling tabular data using conditional GAN*,
/// arXiv:1907.00503, section 4.4.
#[derive(Module, Debug)]
pub struct TabularGenerator<B: Backend> {
    blocks: Vec<Residual<B>>,
    last: Linear<B>,
    normal: usize,
    uniform: usize,
    heads: Vec<usize>,
    tanh: Vec<bool>,
    conditioned: Vec<usize>,
    temperature: f64,
}

impl<B: Backend> TabularGenerator<B> {
    /// Raw outputs, `[batch, width]`, and the uniform part of the latents. Features of a condition
    /// stand behind the latents.
    pub(super) fn logits(&self, latent: Tensor<B, 2>) -> (Tensor<B, 2>, Tensor<B, 2>) {
        let width = latent.dims()[1];
        let prior = self.normal + self.uniform;
        assert!(
            width >= prior,
            "latents of {width} components for a generator of {prior}: draw them from its `prior()`"
        );
        let z = latent.clone().narrow(1, 0, self.normal);
        let uniform = latent.clone().narrow(1, self.normal, self.uniform);
        let mut x = match width - prior {
            0 => z,
            features => Tensor::cat(vec![z, latent.narrow(1, prior, features)], 1),
        };
        for block in &self.blocks {
            let h = block.linear.forward(x.clone());
            let h = block.norm.forward_activated(h, Activation::Relu);
            x = Tensor::cat(vec![h, x], 1);
        }
        (self.last.forward(x), uniform)
    }

    /// Rows of raw outputs and uniform numbers.
    fn rows(&self, logits: Tensor<B, 2>, uniform: Tensor<B, 2>) -> Tensor<B, 2> {
        let gumbel = match self.uniform {
            0 => uniform,
            _ => uniform.log().neg().log().neg(),
        };
        let (mut start, mut drawn) = (0, 0);
        let mut parts = Vec::with_capacity(self.heads.len());
        for (width, is_tanh) in self.heads.iter().zip(&self.tanh) {
            let part = logits.clone().narrow(1, start, *width);
            start += width;
            if *is_tanh {
                parts.push(tanh(part));
                continue;
            }
            let noise = gumbel.clone().narrow(1, drawn, *width);
            drawn += width;
            parts.push(softmax(
                (part + noise).mul_scalar(1.0 / self.temperature),
                1,
            ));
        }
        Tensor::cat(parts, 1)
    }

    /// ln P of the entries of the conditioned outputs, of raw outputs.
    fn log_probabilities(&self, logits: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        if self.conditioned.is_empty() {
            return None;
        }
        let parts = self.conditioned.iter().map(|head| {
            let start: usize = self.heads[..*head].iter().sum();
            log_softmax(logits.clone().narrow(1, start, self.heads[*head]), 1)
        });
        Some(Tensor::cat(parts.collect(), 1))
    }
}

impl<B: Backend> Generator<B> for TabularGenerator<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        let (logits, uniform) = self.logits(latent);
        self.rows(logits, uniform)
    }

    fn generate_with_log_probabilities(
        &self,
        latent: Tensor<B, 2>,
        _condition: &(),
    ) -> Generated<B, Tensor<B, 2>> {
        let (logits, uniform) = self.logits(latent);
        Generated {
            sample: self.rows(logits.clone(), uniform),
            log_probabilities: self.log_probabilities(logits),
        }
    }

    fn output_range(&self) -> Option<(f64, f64)> {
        Some((-1.0, 1.0))
    }
}
