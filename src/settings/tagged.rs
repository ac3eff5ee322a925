//! A deserialiser of enums whose variant stands in a field beside the variant's own.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};

use super::nearest::{unknown, unknown_value};

/// Reads `{"schedule": "cosine", "floor": 0.1}`, the tag anywhere, into an enum whose derived code
/// expects `{"cosine": {"floor": 0.1}}`: it says which names the variant has.
///
/// serde's own internally tagged enums read a variant without settings as one that may have any.
pub(crate) struct Tagged<D> {
    pub(crate) deserializer: D,
    /// The type, for messages.
    pub(crate) name: &'static str,
    pub(crate) tag: &'static str,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Tagged<D> {
    type Error = D::Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserializer.deserialize_map(Entries {
            name: self.name,
            tag: self.tag,
            variants,
            visitor,
        })
    }

    // Derived code of an enum asks for nothing else.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserializer.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        self.deserializer.is_human_readable()
    }
}

/// The tag and the fields, in any order.
struct Entries<V> {
    name: &'static str,
    tag: &'static str,
    variants: &'static [&'static str],
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Entries<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the settings of `{}` with their `{}`",
            self.name, self.tag
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<V::Value, A::Error> {
        let mut variant = None;
        let mut fields: Vec<(String, Value)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == self.tag {
                if variant.replace(map.next_value::<String>()?).is_some() {
                    return Err(Error::duplicate_field(self.tag));
                }
            } else if fields.iter().any(|(known, _)| *known == key) {
                return Err(Error::custom(format!("duplicate field `{key}`")));
            } else {
                fields.push((key, map.next_value()?));
            }
        }
        let Some(variant) = variant else {
            return Err(Error::custom(format!(
                "missing field `{}`, which says which one it is: {}",
                self.tag,
                self.variants.join(", ")
            )));
        };
        let Some(known) = self.variants.iter().find(|known| **known == variant) else {
            let problem = unknown_value(&variant, self.variants, self.tag);
            return Err(Error::custom(problem));
        };
        self.visitor.visit_enum(Chosen {
            variant: known,
            fields,
            error: PhantomData,
        })
    }
}

/// The variant that the tag names, with its fields.
struct Chosen<E> {
    variant: &'static str,
    fields: Vec<(String, Value)>,
    error: PhantomData<E>,
}

impl<'de, E: Error> EnumAccess<'de> for Chosen<E> {
    type Error = E;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), E> {
        Ok((seed.deserialize(self.variant.into_deserializer())?, self))
    }
}

impl<E: Error> Chosen<E> {
    fn refuse_others_than(&self, known: &[&str]) -> Result<(), E> {
        for (key, _) in &self.fields {
            if !known.contains(&key.as_str()) {
                return Err(E::custom(unknown(key, known, self.variant)));
            }
        }
        Ok(())
    }
}

impl<'de, E: Error> VariantAccess<'de> for Chosen<E> {
    type Error = E;

    fn unit_variant(self) -> Result<(), E> {
        self.refuse_others_than(&[])
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        self.refuse_others_than(fields)?;
        visitor.visit_map(MapDeserializer::new(self.fields.into_iter()))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _seed: S) -> Result<S::Value, E> {
        Err(E::invalid_type(Unexpected::NewtypeVariant, &"named fields"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, _visitor: V) -> Result<V::Value, E> {
        Err(E::invalid_type(Unexpected::TupleVariant, &"named fields"))
    }
}

/// A field's value, kept until the tag is known.
enum Value {
    None,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Fields(Vec<(String, Value)>),
}

/// How deep lists and settings may lie within a tagged one: the parts of a prior lie 2 deep.
const DEPTH: usize = 8;

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Nested(0).deserialize(deserializer)
    }
}

/// Reads a value so many levels deep; another format than JSON may have no bound of its own.
#[derive(Clone, Copy)]
struct Nested(usize);

impl Nested {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.0 < DEPTH {
            true => Ok(Self(self.0 + 1)),
            false => Err(E::custom(format!("nested more than {DEPTH} deep"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a word, a list, settings or nothing")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(deeper)? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut fields = Vec::new();
        while let Some(name) = map.next_key()? {
            fields.push((name, map.next_value_seed(deeper)?));
        }
        Ok(Value::Fields(fields))
    }
}

impl<'de, E: Error> IntoDeserializer<'de, E> for Value {
    type Deserializer = ValueDeserializer<E>;

    fn into_deserializer(self) -> ValueDeserializer<E> {
        ValueDeserializer(self, PhantomData)
    }
}

struct ValueDeserializer<E>(Value, PhantomData<E>);

impl<'de, E: Error> Deserializer<'de> for ValueDeserializer<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.0 {
            Value::None => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Unsigned(value) => visitor.visit_u64(value),
            Value::Signed(value) => visitor.visit_i64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::Text(value) => visitor.visit_string(value),
            Value::List(list) => visitor.visit_seq(SeqDeserializer::new(list.into_iter())),
            Value::Fields(fields) => visitor.visit_map(MapDeserializer::new(fields.into_iter())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.0 {
            Value::None => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
