//! A discriminator of packs of rows.

use burn::tensor::backend::Backend;
use serde::Serialize;

use super::PlainVectors;
use crate::error::{Result, check};
use crate::models::{Conditional, MlpDiscriminator, MlpDiscriminatorConfig};
use crate::network::Packed;
use crate::settings::settings;
use crate::sizes;

/// CTGAN's discriminator of packs of rows, each row beside its condition.
pub type TabularDiscriminator<B> =
    Packed<B, Conditional<B, PlainVectors<B>, MlpDiscriminator<B, 2>>>;

settings! {
/// Settings of a discriminator of rows.
///
/// It is an [`MlpDiscriminator`] with leaky ReLU (0.2) and dropout behind each layer, that judges packs
/// of rows together ([`Packed`]): a batch must be divisible by the pack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TabularDiscriminatorConfig {
    /// The numbers of a row.
    pub width: usize,
    /// Widths of the hidden layers; 256, 256 by default.
    pub hidden: Vec<usize>,
    /// The probability that a hidden unit is dropped; 0.5 by default.
    pub dropout: f64,
    /// Rows that are judged together; 10 by default.
    pub pack: usize,
}
}

impl TabularDiscriminatorConfig {
    /// A discriminator of rows of so many numbers.
    pub fn new(width: usize) -> Self {
        Self {
            width,
            hidden: vec![256, 256],
            dropout: 0.5,
            pack: 10,
        }
    }

    /// Widths of the hidden layers.
    pub fn with_hidden(mut self, hidden: impl Into<Vec<usize>>) -> Self {
        self.hidden = hidden.into();
        self
    }

    /// The probability that a hidden unit is dropped.
    pub fn with_dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// Rows that are judged together.
    pub fn with_pack(mut self, pack: usize) -> Self {
        self.pack = pack;
        self
    }

    /// With room for so many numbers of a condition beside each row.
    fn inner(&self, conditions: usize) -> Result<MlpDiscriminatorConfig> {
        sizes::size("width", self.width)?;
        check::at_least("pack", self.pack, 1)?;
        check::at_most("pack", self.pack, sizes::REPEATS)?;
        let config = MlpDiscriminatorConfig::new([self.width + conditions]);
        Ok(config
            .with_hidden(self.hidden.clone())
            .with_dropout(self.dropout)
            .with_pack(self.pack))
    }

    /// Makes a discriminator that is conditioned on nothing.
    ///
    /// # Errors
    /// If a size is 0 or too large, or the dropout is not in [0, 1).
    pub fn init<B: Backend>(
        &self,
        device: &B::Device,
    ) -> Result<Packed<B, MlpDiscriminator<B, 2>>> {
        let inner = self.inner(0)?.init(device)?;
        Ok(Packed::new(inner, self.pack))
    }

    /// Makes a discriminator that is conditioned on [`Vectors`](crate::network::Vectors) of so many
    /// numbers ([`TableConditions::width`](crate::data::table::TableConditions::width)).
    ///
    /// # Errors
    /// As [`init`](Self::init), or if vectors have no numbers.
    pub fn init_conditional<B: Backend>(
        &self,
        conditions: usize,
        device: &B::Device,
    ) -> Result<TabularDiscriminator<B>> {
        sizes::size("conditions", conditions)?;
        let inner = self.inner(conditions)?.init(device)?;
        let inner = Conditional::new(PlainVectors::new(), inner);
        Ok(Packed::new(inner, self.pack))
    }
}
