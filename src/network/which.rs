//! Which of the two networks.

use serde::Serialize;

use crate::settings::settings;

settings! {
/// Which of the two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// The generator.
    Generator,
    /// The discriminator.
    Discriminator,
}
}
