//! A user's own loss in the settings, by name.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

use burn::tensor::backend::Backend;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::AdversarialLoss;
use crate::error::{Error, Result};

/// A user's own [`AdversarialLoss`] under a name.
///
/// Settings hold the name; the functions are bound in the program. Read from stored settings, a
/// custom loss has a name only: [`bind`](Self::bind) gives it its functions again. Two are equal
/// if their names are.
#[derive(Clone)]
pub struct CustomLoss {
    name: String,
    /// An `Arc<dyn AdversarialLoss<B>>` for the backend it was bound on.
    functions: Option<Arc<dyn Any + Send + Sync>>,
}

impl CustomLoss {
    /// A loss under a name.
    pub fn new<B: Backend>(
        name: impl Into<String>,
        loss: impl AdversarialLoss<B> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            functions: None,
        }
        .bind(loss)
    }

    /// Gives a loss that was read from settings its functions.
    pub fn bind<B: Backend>(mut self, loss: impl AdversarialLoss<B> + 'static) -> Self {
        let functions: Arc<dyn AdversarialLoss<B>> = Arc::new(loss);
        self.functions = Some(Arc::new(functions));
        self
    }

    /// The name that settings know it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn validate(&self) -> Result<()> {
        if self.functions.is_none() {
            return Err(Error::setting(
                "loss.custom",
                &self.name,
                "was read from settings and has no functions; give it them with `CustomLoss::bind`",
            ));
        }
        Ok(())
    }

    /// # Panics
    /// If the loss was bound on another backend, or not at all.
    pub(super) fn functions<B: Backend>(&self) -> &dyn AdversarialLoss<B> {
        let bound = self
            .functions
            .as_ref()
            .and_then(|functions| functions.downcast_ref::<Arc<dyn AdversarialLoss<B>>>());
        match bound {
            Some(functions) => functions.as_ref(),
            None => panic!(
                "the custom loss `{}` has no functions for the backend {}",
                self.name,
                type_name::<B>()
            ),
        }
    }
}

impl fmt::Debug for CustomLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CustomLoss").field(&self.name).finish()
    }
}

impl PartialEq for CustomLoss {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Serialize for CustomLoss {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CustomLoss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self {
            name: String::deserialize(deserializer)?,
            functions: None,
        })
    }
}
