//! A deserialiser of enums whose variant stands in a field beside the variant's own.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, Unexpected,
    VariantAccess, Visitor,
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
        let mut fields: Vec<(String, Scalar)> = Vec::new();
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
    fields: Vec<(String, Scalar)>,
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

/// A field's value, kept until the tag is known. Tagged settings hold no settings of their own.
enum Scalar {
    None,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a word or nothing")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::None)
    }

    fn visit_none<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }
}

impl<'de, E: Error> IntoDeserializer<'de, E> for Scalar {
    type Deserializer = ScalarDeserializer<E>;

    fn into_deserializer(self) -> ScalarDeserializer<E> {
        ScalarDeserializer(self, PhantomData)
    }
}

struct ScalarDeserializer<E>(Scalar, PhantomData<E>);

impl<'de, E: Error> Deserializer<'de> for ScalarDeserializer<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.0 {
            Scalar::None => visitor.visit_unit(),
            Scalar::Bool(value) => visitor.visit_bool(value),
            Scalar::Unsigned(value) => visitor.visit_u64(value),
            Scalar::Signed(value) => visitor.visit_i64(value),
            Scalar::Float(value) => visitor.visit_f64(value),
            Scalar::Text(value) => visitor.visit_string(value),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.0 {
            Scalar::None => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
