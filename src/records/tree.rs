//! What MessagePack bytes hold, before anybody believes it.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Modules are nested less deeply, and a stack holds more.
const DEEPEST: usize = 128;

/// A value. Its size is that of the bytes: a length that is only claimed ends the reading.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node<'a> {
    Nil,
    Flag(bool),
    Integer(i128),
    Number(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    List(Vec<Node<'a>>),
    /// Names are different from each other.
    Map(Vec<(&'a str, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads bytes to their end.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
        reader.set_max_depth(DEEPEST);
        let node = Self::deserialize(&mut reader).map_err(|error| error.to_string())?;
        match IgnoredAny::deserialize(&mut reader) {
            Err(rmp_serde::decode::Error::InvalidMarkerRead(_)) => Ok(node),
            _ => Err("bytes follow its end".to_owned()),
        }
    }

    /// The path of the first number that is not finite.
    pub(crate) fn finite(&self) -> Result<(), String> {
        self.finite_at("")
    }

    fn finite_at(&self, path: &str) -> Result<(), String> {
        let join = |name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        match self {
            Self::Number(value) if !value.is_finite() => Err(format!("`{path}` is not finite")),
            Self::List(nodes) => {
                let mut nodes = nodes.iter().enumerate();
                nodes.try_for_each(|(index, node)| node.finite_at(&join(&index.to_string())))
            }
            Self::Map(entries) => {
                let mut entries = entries.iter();
                entries.try_for_each(|(name, node)| node.finite_at(&join(name)))
            }
            _ => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a record")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Nil)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Node::Flag(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Node::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Node::Text(value))
    }

    fn visit_borrowed_bytes<E>(self, value: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Node::Bytes(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = HashSet::new();
        let mut entries = Vec::new();
        while let Some((name, node)) = map.next_entry::<&str, Node<'_>>()? {
            if !names.insert(name) {
                return Err(A::Error::custom(format!("it has two `{name}`")));
            }
            entries.push((name, node));
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    struct Sample {
        list: Vec<f32>,
        nothing: Option<u8>,
        words: &'static str,
        flag: bool,
        far: i64,
    }

    fn sample() -> Vec<u8> {
        let sample = Sample {
            list: vec![1.5, f32::NAN],
            nothing: None,
            words: "text",
            flag: true,
            far: -7,
        };
        rmp_serde::to_vec_named(&sample).expect("bytes")
    }

    #[test]
    fn values_are_read_as_they_were_written() {
        let bytes = sample();
        let node = Node::read(&bytes).expect("a value");
        let Node::Map(entries) = node else {
            panic!("{node:?}");
        };
        let [("list", Node::List(list)), rest @ ..] = entries.as_slice() else {
            panic!("{entries:?}");
        };
        assert_eq!(list[0], Node::Number(1.5));
        assert!(matches!(list[1], Node::Number(value) if value.is_nan()));
        let expected = [
            ("nothing", Node::Nil),
            ("words", Node::Text("text")),
            ("flag", Node::Flag(true)),
            ("far", Node::Integer(-7)),
        ];
        assert_eq!(rest, expected);
    }

    #[test]
    fn what_is_cut_short_goes_on_or_claims_too_much_is_an_error() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(Node::read(&bytes[..length]).is_err(), "{length}");
        }
        let longer = [bytes.as_slice(), &[0xc0]].concat();
        assert!(Node::read(&longer).is_err());
        // Lists, maps, texts and bytes of 2³² − 1 that are not there.
        for marker in [0xdd, 0xdf, 0xdb, 0xc6] {
            assert!(Node::read(&[marker, 0xff, 0xff, 0xff, 0xff, 0x01]).is_err());
        }
        // Lists in lists, maps in maps.
        assert!(Node::read(&[0x91; 1_000_000]).is_err());
        assert!(Node::read(&[0x81, 0xa1, b'a'].repeat(300_000)).is_err());
        let twice = [0x82, 0xa1, b'a', 0x01, 0xa1, b'a', 0x02];
        let error = Node::read(&twice).expect_err("one name twice");
        assert!(error.contains("two `a`"), "{error}");
    }
}
