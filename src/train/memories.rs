//! What observers keep in a checkpoint.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// Values that observers store in a checkpoint, each under a name of its own.
///
/// ```
/// use burn_gan::train::Memories;
///
/// let mut memories = Memories::default();
/// memories.put("history", &vec![0.5, f64::NAN])?;
/// let readings: Vec<f64> = memories.get("history")?.expect("it was put there");
/// assert_eq!(readings[0], 0.5);
/// assert!(readings[1].is_nan());
/// assert_eq!(memories.get::<u32>("somebody else")?, None);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memories(BTreeMap<String, Memory>);

/// One value: bytes as they are, which as a list of numbers would take twice the space.
#[derive(Debug, Clone, PartialEq)]
struct Memory(Vec<u8>);

impl Serialize for Memory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Memory;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Memory, E> {
                Ok(Memory(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Reader)
    }
}

impl Memories {
    /// Stores a value.
    ///
    /// # Errors
    /// If the value can't be serialised, or one of this name is stored already: two observers that
    /// shared a name would go on with each other's memory.
    pub fn put(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        if self.0.contains_key(name) {
            return Err(taken(name));
        }
        let bytes = rmp_serde::to_vec_named(value)
            .map_err(|error| Error::data(format!("memory `{name}`"), error.to_string()))?;
        self.0.insert(name.to_owned(), Memory(bytes));
        Ok(())
    }

    /// All of them, by name, as they are stored.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let values = self.0.iter();
        values.map(|(name, memory)| (name.as_str(), memory.0.as_slice()))
    }

    /// Adds what another observer stored.
    ///
    /// # Errors
    /// If a name of its is taken; nothing is added then.
    pub(super) fn add(&mut self, others: Self) -> Result<()> {
        if let Some(name) = others.0.keys().find(|name| self.0.contains_key(*name)) {
            return Err(taken(name));
        }
        self.0.extend(others.0);
        Ok(())
    }

    /// Takes over what a later save has, in the place of values of the same names.
    pub(super) fn update(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// The value of this name; `None` where nobody stored one.
    ///
    /// # Errors
    /// If another kind of value is stored there.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let read = |memory: &Memory| {
            rmp_serde::from_slice(&memory.0)
                .map_err(|error| Error::data(format!("memory `{name}`"), error.to_string()))
        };
        self.0.get(name).map(read).transpose()
    }
}

fn taken(name: &str) -> Error {
    Error::setting(
        "memory",
        name,
        "is stored twice in one checkpoint; give each observer a name of its own (`with_name`)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(name: &str, value: u32) -> Memories {
        let mut memories = Memories::default();
        memories.put(name, &value).expect("a number can be stored");
        memories
    }

    #[test]
    fn a_name_that_is_stored_twice_is_refused() {
        let mut memories = holding("history", 1);
        let error = memories.put("history", &2).expect_err("taken");
        assert!(error.to_string().contains("`memory` = history"), "{error}");

        let mut two = holding("history", 2);
        two.put("charts", &3).expect("another name");
        let error = memories.add(two).expect_err("taken");
        assert!(error.to_string().contains("`memory` = history"), "{error}");
        // What was there stays, and nothing else came.
        assert_eq!(memories, holding("history", 1));
        memories.add(holding("charts", 4)).expect("another name");
        memories.update(holding("history", 5));
        assert_eq!(memories.get("history").expect("a number"), Some(5));
        assert_eq!(memories.get("charts").expect("a number"), Some(4));
    }

    #[test]
    fn another_kind_of_value_is_an_error_that_names_it() {
        let mut memories = Memories::default();
        memories
            .put("grid", &"a text")
            .expect("a text can be stored");
        let error = memories.get::<Vec<f64>>("grid").expect_err("no list");
        assert!(error.to_string().contains("memory `grid`"), "{error}");
    }
}
