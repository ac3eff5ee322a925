//! A user's own change in the settings, by name.

use std::any::type_name;

use burn::backend::Autodiff;
use serde::{Deserialize, Serialize};

use super::{OnBothLevels, SampleAugment};
use crate::error::Result;
use crate::objective::named::Named;
use crate::pair::{LiftedSample, Pair};
use crate::settings::numbers::Numbers;

/// A user's own [`SampleAugment`] under a name.
///
/// Settings hold the name; read from stored settings it has no functions until
/// [`bind`](Self::bind) gives them. Two are equal if their names are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomAugment(Named);

impl Numbers for CustomAugment {}

/// What is bound.
type Functions<P> = Box<dyn OnBothLevels<P>>;

impl CustomAugment {
    /// A change under a name, for a pair of networks.
    pub fn new<P: Pair>(
        name: impl Into<String>,
        augment: impl SampleAugment<P::Backend, P::Sample>
        + SampleAugment<Autodiff<P::Backend>, LiftedSample<P>>
        + 'static,
    ) -> Self {
        Self(Named::new(name)).bind::<P>(augment)
    }

    /// Gives a change that was read from settings its functions.
    pub fn bind<P: Pair>(
        self,
        augment: impl SampleAugment<P::Backend, P::Sample>
        + SampleAugment<Autodiff<P::Backend>, LiftedSample<P>>
        + 'static,
    ) -> Self {
        let functions: Functions<P> = Box::new(augment);
        Self(self.0.bind(functions))
    }

    /// The name that settings know it by.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    pub(super) fn validate(&self) -> Result<()> {
        self.0.validate("custom", "CustomAugment::bind")
    }

    /// # Panics
    /// If the change was bound for another pair, or not at all.
    pub(super) fn functions<P: Pair>(&self) -> &dyn OnBothLevels<P> {
        match self.0.get::<Functions<P>>() {
            Some(functions) => functions.as_ref(),
            None => panic!(
                "the custom augmentation `{}` has no functions for {}",
                self.name(),
                type_name::<P>()
            ),
        }
    }
}
