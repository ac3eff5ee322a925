//! A deserialiser that refuses names that a struct or a variant has not.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};

use super::nearest::{unknown, unknown_value};
use crate::text::visible;

/// Reads one struct or enum; what stands in its fields is read as it is.
///
/// serde's derived code asks for a struct or a variant with the names that it knows: each name that
/// comes is looked up in them.
pub(crate) struct Strict<D> {
    pub(crate) deserializer: D,
    /// The type, for messages.
    pub(crate) name: &'static str,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Fields {
            group: self.name,
            known: fields,
            visitor,
        };
        self.deserializer
            .deserialize_struct(self.name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Variants {
            group: self.name,
            known: variants,
            visitor,
        };
        if self.deserializer.is_human_readable() {
            // Formats for people write a word, or an object of one field. Read as such, a second
            // field can be named; `deserialize_enum` of JSON would complain of a comma.
            return self.deserializer.deserialize_any(visitor);
        }
        self.deserializer
            .deserialize_enum(self.name, variants, visitor)
    }

    // What else there is, derived code of structs and enums does not ask for.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserializer.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        self.deserializer.is_human_readable()
    }
}

/// The fields of a struct, or of a variant.
struct Fields<V> {
    group: &'static str,
    known: &'static [&'static str],
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Fields<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings of `{}`", self.group)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(KnownKeys {
            group: self.group,
            known: self.known,
            map,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(seq)
    }
}

struct KnownKeys<A> {
    group: &'static str,
    known: &'static [&'static str],
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for KnownKeys<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(key) = self.map.next_key::<String>()? else {
            return Ok(None);
        };
        if !self.known.contains(&key.as_str()) {
            return Err(Error::custom(unknown(&key, self.known, self.group)));
        }
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.map.size_hint()
    }
}

/// The variants of an enum.
struct Variants<V> {
    group: &'static str,
    known: &'static [&'static str],
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Variants<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of `{}`", self.group)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<V::Value, E> {
        self.visit_enum(name.into_deserializer())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visit_enum(OnlyField(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(KnownVariants {
            group: self.group,
            known: self.known,
            data,
        })
    }
}

/// A variant as an object of one field.
struct OnlyField<A>(A);

impl<'de, A: MapAccess<'de>> OnlyField<A> {
    fn end<T>(mut self, value: T) -> Result<T, A::Error> {
        match self.0.next_key::<String>()? {
            None => Ok(value),
            Some(second) => Err(Error::custom(format!(
                "unknown setting `{}` beside another choice; one of them is to be named",
                visible(&second)
            ))),
        }
    }
}

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for OnlyField<A> {
    type Error = A::Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        mut self,
        seed: S,
    ) -> Result<(S::Value, Self), A::Error> {
        match self.0.next_key_seed(seed)? {
            Some(name) => Ok((name, self)),
            None => Err(Error::custom("nothing is named; one choice is to be")),
        }
    }
}

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for OnlyField<A> {
    type Error = A::Error;

    fn unit_variant(mut self) -> Result<(), A::Error> {
        self.0.next_value::<()>()?;
        self.end(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        mut self,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        let value = self.0.next_value_seed(seed)?;
        self.end(value)
    }

    fn tuple_variant<V: Visitor<'de>>(
        mut self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let value = self.0.next_value_seed(TupleSeed { length, visitor })?;
        self.end(value)
    }

    fn struct_variant<V: Visitor<'de>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let value = self.0.next_value_seed(StructSeed { fields, visitor })?;
        self.end(value)
    }
}

/// Reads a struct by a visitor.
struct StructSeed<V> {
    fields: &'static [&'static str],
    visitor: V,
}

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for StructSeed<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_struct("", self.fields, self.visitor)
    }
}

/// Reads a tuple by a visitor.
struct TupleSeed<V> {
    length: usize,
    visitor: V,
}

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for TupleSeed<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_tuple(self.length, self.visitor)
    }
}

struct KnownVariants<A> {
    group: &'static str,
    known: &'static [&'static str],
    data: A,
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for KnownVariants<A> {
    type Error = A::Error;
    type Variant = Contents<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (name, variant) = self.data.variant::<String>()?;
        let Some(known) = self.known.iter().find(|known| **known == name) else {
            let problem = unknown_value(&name, self.known, self.group);
            return Err(Error::custom(problem));
        };
        let value = seed.deserialize(name.into_deserializer())?;
        let contents = Contents {
            group: known,
            variant,
        };
        Ok((value, contents))
    }
}

/// What is in a variant.
struct Contents<A> {
    group: &'static str,
    variant: A,
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Contents<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.variant.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.variant.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.variant.tuple_variant(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = Fields {
            group: self.group,
            known: fields,
            visitor,
        };
        self.variant.struct_variant(fields, visitor)
    }
}

/// Reads a type of another crate's, burn's `Initializer` say, as strictly: `deserialize_with`.
pub(crate) fn foreign<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Foreign::deserialize(deserializer).map(|value| value.0)
}

/// [`foreign`], where there may be none.
pub(crate) fn foreign_option<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer).map(|value: Option<Foreign<T>>| value.map(|value| value.0))
}

struct Foreign<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Foreign<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::any::type_name::<T>();
        let name = name.rsplit_once("::").map_or(name, |(_, last)| last);
        T::deserialize(Strict { deserializer, name }).map(Self)
    }
}
