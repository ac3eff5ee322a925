//! How settings are read: a name that means nothing is refused, with the name that was meant.
//!
//! serde passes over names that it does not know, so that a slip of the pen trains with the
//! default and says nothing. Its `deny_unknown_fields` is no cure: enums with a tag let extra names
//! of a variant without settings pass, and the message is a list. So all settings of this crate are
//! read by way of the macro [`settings!`], at every depth and from every format of serde's.

mod nearest;
pub(crate) mod numbers;
mod strict;
mod tagged;
#[cfg(test)]
mod tests;

pub(crate) use nearest::nearest;
pub(crate) use strict::{Strict, foreign, foreign_option};
pub(crate) use tagged::Tagged;

/// Defines a type of settings and how it is read.
///
/// It takes a struct of named fields or an enum, derives and all, without `Deserialize`, which it
/// adds. serde's attributes stand beside it as usual (on variants of enums they do not). An enum
/// whose variant stands in a field beside the variant's own begins with `#[tag = "…"]`.
///
/// ```text
/// settings! {
/// /// What is minimised.
/// #[derive(Debug, Clone, PartialEq, Serialize)]
/// #[serde(default)]
/// pub struct Objective {
///     /// …
///     pub loss: Loss,
/// }
/// }
/// ```
///
/// The derived `Deserialize` is that of a copy, `Mirror`; it reads through [`Strict`] or
/// [`Tagged`], which know from it what names there are. The floating-point numbers in it, at every
/// depth, are handed out by [`Numbers`](numbers::Numbers).
macro_rules! settings {
    (
        $(#[doc = $doc:literal])*
        #[derive($($derive:tt)*)]
        $(#[serde($($serde:tt)*)])?
        $vis:vis struct $name:ident { $($body:tt)* }
    ) => {
        $(#[doc = $doc])*
        #[derive($($derive)*)]
        $(#[serde($($serde)*)])?
        $vis struct $name { $($body)* }

        const _: () = {
            type Target = $name;

            #[derive(::serde::Deserialize)]
            #[serde(remote = "Target", bound = "")]
            $(#[serde($($serde)*)])?
            #[allow(dead_code)]
            struct Mirror { $($body)* }

            $crate::settings::settings!(@numbers $name { $($body)* });
            $crate::settings::settings!(@read $name, deserializer => $crate::settings::Strict {
                deserializer,
                name: stringify!($name),
            });
        };
    };
    (
        $(#[tag = $tag:literal])?
        $(#[doc = $doc:literal])*
        #[derive($($derive:tt)*)]
        $(#[serde($($serde:tt)*)])?
        $(#[non_exhaustive $($empty:tt)*])?
        $vis:vis enum $name:ident {
            $(
                $(#[$($attribute:tt)*])*
                $variant:ident $({ $($fields:tt)* })? $(( $($inner:tt)* ))?
            ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive($($derive)*)]
        $(#[serde(tag = $tag)])?
        $(#[serde($($serde)*)])?
        $(#[non_exhaustive $($empty)*])?
        $vis enum $name {
            $(
                $(#[$($attribute)*])*
                $variant $({ $($fields)* })? $(( $($inner)* ))?
            ),*
        }

        const _: () = {
            type Target = $name;

            #[derive(::serde::Deserialize)]
            #[serde(remote = "Target", bound = "")]
            $(#[serde($($serde)*)])?
            #[allow(dead_code)]
            enum Mirror {
                $( $variant $({ $($fields)* })? $(( $($inner)* ))? ),*
            }

            $crate::settings::settings!(@numbers [$($tag)?] $name {
                $( $variant $({ $($fields)* })? $(( $($inner)* ))? ),*
            });
            $crate::settings::settings!(@enum $name $($tag)?);
        };
    };
    (@numbers $name:ident {
        $( $(#[$($attribute:tt)*])* $field_vis:vis $field:ident : $field_type:ty ),* $(,)?
    }) => {
        impl $crate::settings::numbers::Numbers for $name {
            #[allow(unused_variables)]
            fn numbers(
                &mut self,
                name: $crate::settings::numbers::Name<'_>,
                found: $crate::settings::numbers::Found<'_>,
            ) {
                let Self { $($field),* } = self;
                $crate::settings::settings!(@fields [name found] $($field)*);
            }
        }
    };
    // `$tag` is in brackets, which may be empty.
    (@numbers $tag:tt $name:ident {
        $( $variant:ident $({ $($fields:tt)* })? $(( $($inner:tt)* ))? ),*
    }) => {
        impl $crate::settings::numbers::Numbers for $name {
            #[allow(irrefutable_let_patterns, unused_variables)]
            fn numbers(
                &mut self,
                name: $crate::settings::numbers::Name<'_>,
                found: $crate::settings::numbers::Found<'_>,
            ) {
                let settings = self;
                $(
                    $crate::settings::settings!(
                        @variant [settings name found] $tag
                        $variant $({ $($fields)* })? $(( $($inner)* ))?
                    );
                )*
            }
        }
    };
    (@fields [$outer:ident $found:ident] $($field:ident)*) => {
        $(
            let name = $crate::settings::numbers::Name::Field(&$outer, stringify!($field));
            $crate::settings::numbers::Numbers::numbers($field, name, $found);
        )*
    };
    (@variant [$settings:ident $outer:ident $found:ident] $tag:tt $variant:ident) => {};
    (@variant [$settings:ident $outer:ident $found:ident] [] $variant:ident {
        $( $(#[$($attribute:tt)*])* $field:ident : $field_type:ty ),* $(,)?
    }) => {
        if let Self::$variant { $($field),* } = &mut *$settings {
            let outer = $crate::settings::numbers::Name::Variant(&$outer, stringify!($variant));
            $crate::settings::settings!(@fields [outer $found] $($field)*);
        }
    };
    // What is in a variant with a tag stands beside the tag.
    (@variant [$settings:ident $outer:ident $found:ident] [$tag:literal] $variant:ident {
        $( $(#[$($attribute:tt)*])* $field:ident : $field_type:ty ),* $(,)?
    }) => {
        if let Self::$variant { $($field),* } = &mut *$settings {
            $crate::settings::settings!(@fields [$outer $found] $($field)*);
        }
    };
    (@variant [$settings:ident $outer:ident $found:ident] [] $variant:ident ( $inner:ty )) => {
        if let Self::$variant(inner) = &mut *$settings {
            let name = $crate::settings::numbers::Name::Variant(&$outer, stringify!($variant));
            $crate::settings::numbers::Numbers::numbers(inner, name, $found);
        }
    };
    (@enum $name:ident) => {
        $crate::settings::settings!(@read $name, deserializer => $crate::settings::Strict {
            deserializer,
            name: stringify!($name),
        });
    };
    (@enum $name:ident $tag:literal) => {
        $crate::settings::settings!(@read $name, deserializer => $crate::settings::Tagged {
            deserializer,
            name: stringify!($name),
            tag: $tag,
        });
    };
    (@read $name:ident, $deserializer:ident => $through:expr) => {
        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                $deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                Mirror::deserialize($through)
            }
        }
    };
}
pub(crate) use settings;
