//! Something of a user's own in the settings: a name there, its functions in the program.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A name with a value of a type that settings know nothing of.
///
/// It serialises as the name alone; what is read back has no value until one is bound. Two are
/// equal if their names are.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(super) struct Named {
    name: String,
    value: Option<Arc<dyn Any + Send + Sync>>,
}

impl Named {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: None,
        }
    }

    pub(super) fn bind<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.value = Some(Arc::new(value));
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The bound value, if it is a `T`.
    pub(super) fn get<T: Any>(&self) -> Option<&T> {
        self.value.as_ref()?.downcast_ref()
    }

    /// Refuses a name without a value; `way_out` is the function that binds one.
    pub(super) fn validate(&self, field: &str, way_out: &str) -> Result<()> {
        match self.value {
            Some(_) => Ok(()),
            None => Err(Error::setting(
                field,
                &self.name,
                format!(
                    "was read from settings and has no functions; give it them with `{way_out}`"
                ),
            )),
        }
    }
}

impl From<String> for Named {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<Named> for String {
    fn from(named: Named) -> Self {
        named.name
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}
