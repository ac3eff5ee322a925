//! A user's own loss in the settings, by name.

use std::any::type_name;

use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{AdversarialLoss, LossInfo};
use crate::error::Result;
use crate::objective::named::Named;
use crate::settings::numbers::Numbers;

/// A user's own [`AdversarialLoss`] under a name.
///
/// Settings hold the name; the functions are bound in the program. Read from stored settings, a
/// custom loss has a name only: [`bind`](Self::bind) gives it its functions again. Two are equal
/// if their names are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomLoss(Named);

impl Numbers for CustomLoss {}

/// What is bound.
type Functions<B> = Box<dyn AdversarialLoss<B>>;

impl CustomLoss {
    /// A loss under a name.
    pub fn new<B: Backend>(
        name: impl Into<String>,
        loss: impl AdversarialLoss<B> + 'static,
    ) -> Self {
        Self(Named::new(name)).bind(loss)
    }

    /// Gives a loss that was read from settings its functions.
    pub fn bind<B: Backend>(self, loss: impl AdversarialLoss<B> + 'static) -> Self {
        let functions: Functions<B> = Box::new(loss);
        Self(self.0.bind(functions))
    }

    /// The name that settings know it by.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// # Panics
    /// If the loss was bound on another backend, or not at all.
    pub(super) fn functions<B: Backend>(&self) -> &dyn AdversarialLoss<B> {
        match self.0.get::<Functions<B>>() {
            Some(functions) => functions.as_ref(),
            None => panic!(
                "the custom loss `{}` has no functions for the backend {}",
                self.name(),
                type_name::<B>()
            ),
        }
    }
}

impl LossInfo for CustomLoss {
    fn label(&self) -> String {
        self.name().into()
    }

    fn validate(&self) -> Result<()> {
        self.0.validate("custom", "CustomLoss::bind")
    }
}
