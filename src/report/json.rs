//! JSON that keeps the order of fields and says which numbers are not finite.
//!
//! `serde_json` writes NaN and infinities as `null`, and a `serde_json::Value` sorts its fields; a
//! report must do neither.

use serde::ser::{self, Error as _};
use serde::{Serialize, Serializer};
use serde_json::{Error, Value};

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
    pub(super) const NULL: Self = Self::Leaf(Value::Null);

    pub(super) fn text(text: &str) -> Self {
        Self::Leaf(Value::from(text))
    }

    pub(super) fn integer(value: u64) -> Self {
        Self::Leaf(Value::from(value))
    }

    /// An object of these fields.
    pub(super) fn object<const COUNT: usize>(fields: [(&str, Self); COUNT]) -> Self {
        Self::Object(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// A finite number, or the name of one that is not.
    pub(super) fn number(value: f64) -> Self {
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
    pub(super) fn pretty(&self) -> String {
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

    /// `{name: value}`: how serde shows the variant of an enum that holds something.
    fn tagged(name: &str, value: Json) -> Self {
        Self::Object(vec![(name.to_owned(), value)])
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

/// Any value as JSON.
pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Json, Error> {
    value.serialize(ToJson)
}

/// The serializer behind [`of`].
#[derive(Debug, Clone, Copy)]
struct ToJson;

/// A list under construction, and the enum variant it belongs to.
#[derive(Debug, Clone)]
struct Items {
    variant: Option<&'static str>,
    items: Vec<Json>,
}

/// An object under construction, the enum variant it belongs to, and a key that waits for its value.
#[derive(Debug, Clone)]
struct Fields {
    variant: Option<&'static str>,
    fields: Vec<(String, Json)>,
    key: Option<String>,
}

/// Scalars other than floats are as `serde_json` has them.
macro_rules! leaf {
    ($($method:ident: $kind:ty),* $(,)?) => {
        $(fn $method(self, value: $kind) -> Result<Json, Error> {
            serde_json::to_value(value).map(Json::Leaf)
        })*
    };
}

impl Serializer for ToJson {
    type Ok = Json;
    type Error = Error;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    leaf! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_char: char,
        serialize_str: &str,
    }

    fn serialize_f32(self, value: f32) -> Result<Json, Error> {
        // By way of its shortest text: 0.1_f32 is 0.1 in the report, not 0.10000000149011612.
        let shortest = value.to_string().parse().map_err(Error::custom)?;
        Ok(Json::number(shortest))
    }

    fn serialize_f64(self, value: f64) -> Result<Json, Error> {
        Ok(Json::number(value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Json, Error> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<Json, Error> {
        Ok(Json::NULL)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Json, Error> {
        of(value)
    }

    fn serialize_unit(self) -> Result<Json, Error> {
        Ok(Json::NULL)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Json, Error> {
        Ok(Json::NULL)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Json, Error> {
        Ok(Json::text(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Json, Error> {
        of(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Json, Error> {
        Ok(Json::tagged(variant, of(value)?))
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Items, Error> {
        Ok(Items::new(None))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Items, Error> {
        Ok(Items::new(None))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Items, Error> {
        Ok(Items::new(None))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Items, Error> {
        Ok(Items::new(Some(variant)))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Fields, Error> {
        Ok(Fields::new(None))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Fields, Error> {
        Ok(Fields::new(None))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Fields, Error> {
        Ok(Fields::new(Some(variant)))
    }
}

impl Items {
    fn new(variant: Option<&'static str>) -> Self {
        Self {
            variant,
            items: Vec::new(),
        }
    }

    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.items.push(of(value)?);
        Ok(())
    }

    fn finish(self) -> Json {
        let list = Json::List(self.items);
        match self.variant {
            Some(variant) => Json::tagged(variant, list),
            None => list,
        }
    }
}

impl Fields {
    fn new(variant: Option<&'static str>) -> Self {
        Self {
            variant,
            fields: Vec::new(),
            key: None,
        }
    }

    fn push<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.fields.push((name.to_owned(), of(value)?));
        Ok(())
    }

    fn finish(self) -> Json {
        let object = Json::Object(self.fields);
        match self.variant {
            Some(variant) => Json::tagged(variant, object),
            None => object,
        }
    }
}

/// The four traits for lists differ in their method's name alone.
macro_rules! items {
    ($($name:ident: $method:ident),* $(,)?) => {
        $(impl ser::$name for Items {
            type Ok = Json;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.push(value)
            }

            fn end(self) -> Result<Json, Error> {
                Ok(self.finish())
            }
        })*
    };
}

items! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

/// So do the two for structs.
macro_rules! fields {
    ($($name:ident),* $(,)?) => {
        $(impl ser::$name for Fields {
            type Ok = Json;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.push(name, value)
            }

            fn end(self) -> Result<Json, Error> {
                Ok(self.finish())
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Fields {
    type Ok = Json;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = Some(match of(key)? {
            Json::Leaf(Value::String(text)) => text,
            Json::Leaf(scalar) if !scalar.is_null() => scalar.to_string(),
            _ => {
                return Err(Error::custom(
                    "a map's key must be text, a number or a boolean",
                ));
            }
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        match self.key.take() {
            Some(key) => self.push(&key, value),
            None => Err(Error::custom("a map's value came before its key")),
        }
    }

    fn end(self) -> Result<Json, Error> {
        Ok(self.finish())
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
