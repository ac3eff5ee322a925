//! JSON that keeps the order of fields and says which numbers are not finite.
//!
//! `serde_json` writes NaN and infinities as `null`, and a `serde_json::Value` sorts its fields
//! (its feature `preserve_order` would change that for everybody in a program); a report and a log
//! must do neither.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    /// Null, a boolean, a finite number or text.
    Leaf(Value),
    List(Vec<Json>),
    /// Fields in their order.
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(crate) const NULL: Self = Self::Leaf(Value::Null);

    pub(crate) fn text(text: &str) -> Self {
        Self::Leaf(Value::from(text))
    }

    pub(crate) fn integer(value: u64) -> Self {
        Self::Leaf(Value::from(value))
    }

    /// An object of these fields.
    pub(crate) fn object<const COUNT: usize>(fields: [(&str, Self); COUNT]) -> Self {
        Self::Object(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// A finite number, or the name of one that is not.
    pub(crate) fn number(value: f64) -> Self {
        if value.is_nan() {
            Self::text("NaN")
        } else if value.is_infinite() {
            Self::text(if value > 0.0 { "inf" } else { "-inf" })
        } else {
            Self::Leaf(Value::from(value))
        }
    }

    /// The value as text: a field to a line, indented by two spaces, and a list that holds neither
    /// lists nor objects (a curve's point) on one line.
    pub(crate) fn pretty(&self) -> String {
        let mut text = String::new();
        self.print(0, &mut text);
        text
    }

    fn print(&self, depth: usize, text: &mut String) {
        let line = |text: &mut String, depth: usize| {
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", depth));
        };
        match self {
            Self::Leaf(value) => text.push_str(&value.to_string()),
            Self::List(items) if items.iter().all(|item| matches!(item, Self::Leaf(_))) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index > 0 { ", " } else { "" });
                    item.print(depth, text);
                }
                text.push(']');
            }
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    text.push(if index > 0 { ',' } else { '[' });
                    line(text, depth + 1);
                    item.print(depth + 1, text);
                }
                line(text, depth);
                text.push(']');
            }
            Self::Object(fields) if fields.is_empty() => text.push_str("{}"),
            Self::Object(fields) => {
                for (index, (name, value)) in fields.iter().enumerate() {
                    text.push(if index > 0 { ',' } else { '{' });
                    line(text, depth + 1);
                    text.push_str(&Value::from(name.as_str()).to_string());
                    text.push_str(": ");
                    value.print(depth + 1, text);
                }
                line(text, depth);
                text.push('}');
            }
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Leaf(value) => value.serialize(serializer),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => {
                serializer.collect_map(fields.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

/// Depth to which values are read, which a thread's stack holds.
const DEEPEST: usize = 128;

/// Any value as JSON, by way of MessagePack, which keeps the order of fields and every float.
///
/// # Errors
/// If the value can't be serialised, is nested too deeply, or a map's key is no scalar.
pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Json, String> {
    let mut bytes = Vec::new();
    let serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    let written = value.serialize(&mut serializer.with_human_readable());
    written.map_err(|error| error.to_string())?;
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(&bytes);
    deserializer.set_max_depth(DEEPEST);
    Json::deserialize(&mut deserializer).map_err(|error| error.to_string())
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Reads whatever comes.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what JSON can say")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::NULL)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Leaf(Value::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Leaf(Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::integer(value))
    }

    fn visit_f32<E: serde::de::Error>(self, value: f32) -> Result<Json, E> {
        // By way of its shortest text: 0.1_f32 is 0.1 in the report, not 0.10000000149011612.
        let shortest = value.to_string().parse().map_err(E::custom)?;
        Ok(Json::number(shortest))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::number(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::text(text))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Json, E> {
        let items = bytes.iter().map(|byte| Json::integer(u64::from(*byte)));
        Ok(Json::List(items.collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some((key, value)) = map.next_entry::<Json, Json>()? {
            let key = match key {
                Json::Leaf(Value::String(text)) => text,
                Json::Leaf(scalar) if !scalar.is_null() => scalar.to_string(),
                _ => {
                    return Err(serde::de::Error::custom(
                        "a map's key must be text, a number or a boolean",
                    ));
                }
            };
            fields.push((key, value));
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    enum Choice {
        Plain,
        Newtype(f32),
        Tuple(u8, f64),
        Struct { z: Option<f64>, a: char },
    }

    #[derive(Serialize)]
    struct Everything {
        z: Vec<Choice>,
        unit: (),
        pair: (bool, i64),
        map: BTreeMap<u32, f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<u8>,
    }

    #[test]
    fn order_is_kept_and_floats_tell_the_truth_at_any_depth() {
        let value = Everything {
            z: vec![
                Choice::Plain,
                Choice::Newtype(0.1),
                Choice::Tuple(7, f64::NAN),
                Choice::Struct {
                    z: Some(f64::NEG_INFINITY),
                    a: 'x',
                },
                Choice::Newtype(f32::INFINITY),
            ],
            unit: (),
            pair: (true, -3),
            map: BTreeMap::from([(2, 0.5), (10, f64::INFINITY)]),
            left_out: None,
        };
        // No text in it has a space.
        let text: String = of(&value).unwrap().pretty().split_whitespace().collect();
        assert_eq!(
            text,
            r#"{"z":["Plain",{"Newtype":0.1},{"Tuple":[7,"NaN"]},{"Struct":{"z":"-inf","a":"x"}},{"Newtype":"inf"}],"unit":null,"pair":[true,-3],"map":{"2":0.5,"10":"inf"}}"#
        );
    }

    #[test]
    fn finite_values_are_what_serde_json_makes_of_them() {
        let values = (
            1.5_f64,
            "text",
            vec![0_u64, u64::MAX],
            Some(-1_i8),
            [-0.5_f32, 16777216.0],
        );
        let ours: Value = serde_json::from_str(&of(&values).unwrap().pretty()).unwrap();
        assert_eq!(ours, serde_json::to_value(&values).unwrap());
    }

    #[test]
    fn the_text_says_the_value_and_keeps_a_point_on_its_line() {
        let value = Json::object([
            ("a \"b\"", Json::text("line\n<é>")),
            ("none", Json::Object(Vec::new())),
            (
                "points",
                Json::List(vec![
                    Json::List(vec![Json::integer(1), Json::number(f64::NAN)]),
                    Json::List(Vec::new()),
                    Json::object([("deep", Json::List(vec![Json::NULL]))]),
                ]),
            ),
        ]);
        let text = value.pretty();
        assert_eq!(
            text,
            r#"{
  "a \"b\"": "line\n<é>",
  "none": {},
  "points": [
    [1, "NaN"],
    [],
    {
      "deep": [null]
    }
  ]
}"#
        );
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["a \"b\""], "line\n<é>");
    }

    #[test]
    fn keys_that_json_cannot_have_are_refused() {
        assert!(of(&BTreeMap::from([(Some(1), 1), (None, 2)])).is_err());
        assert!(of(&BTreeMap::from([((1, 2), 1)])).is_err());
        assert!(of(&BTreeMap::from([(true, 1)])).is_ok());
    }
}
