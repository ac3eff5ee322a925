//! A user's own term in the settings, by name.

use std::any::type_name;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CostTerm, TermInfo};
use crate::error::Result;
use crate::network::Network;
use crate::objective::named::Named;
use crate::pair::Pair;
use crate::settings::numbers::Numbers;

/// A user's own [`CostTerm`].
///
/// Settings hold its name; read from stored settings it has no functions until [`bind`](Self::bind)
/// gives them. Two are equal if their names are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CustomTerm {
    named: Named,
    #[serde(skip, default = "unbound")]
    info: Arc<dyn TermInfo>,
}

impl Numbers for CustomTerm {}

/// What is bound.
type Functions<P> = Arc<dyn CostTerm<P>>;

impl PartialEq for CustomTerm {
    fn eq(&self, other: &Self) -> bool {
        self.named == other.named
    }
}

impl CustomTerm {
    /// A term of a pair of networks.
    pub fn new<P: Pair>(term: impl CostTerm<P> + 'static) -> Self {
        let name = term.name().to_owned();
        let unbound = Self {
            named: Named::new(name),
            info: unbound(),
        };
        unbound.bind(term)
    }

    /// Gives a term that was read from settings its functions; its name stays.
    pub fn bind<P: Pair>(self, term: impl CostTerm<P> + 'static) -> Self {
        let functions: Functions<P> = Arc::new(term);
        Self {
            info: functions.clone(),
            named: self.named.bind(functions),
        }
    }

    /// The name that settings know it by.
    pub fn name(&self) -> &str {
        self.named.name()
    }

    /// What is known of the term without networks; nothing, of one without functions.
    pub(super) fn info(&self) -> &dyn TermInfo {
        self.info.as_ref()
    }

    pub(super) fn validate(&self) -> Result<()> {
        self.named.validate("kind.custom", "CustomTerm::bind")?;
        self.info
            .validate()
            .map_err(|error| error.within(&format!("kind.custom.{}", self.name())))
    }

    /// # Panics
    /// If the term was bound for another pair, or not at all.
    pub(super) fn functions<P: Pair>(&self) -> &dyn CostTerm<P> {
        match self.named.get::<Functions<P>>() {
            Some(term) => term.as_ref(),
            None => panic!(
                "the custom term `{}` has no functions for {}",
                self.name(),
                type_name::<P>()
            ),
        }
    }
}

/// In the place of functions that are not there.
#[derive(Debug)]
struct Unbound;

impl TermInfo for Unbound {
    fn name(&self) -> &str {
        "custom"
    }

    fn acts_on(&self, _network: Network) -> bool {
        true
    }
}

fn unbound() -> Arc<dyn TermInfo> {
    Arc::new(Unbound)
}
