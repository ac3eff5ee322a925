//! How settings are read: a name that means nothing is refused, with the name that was meant.
//!
//! serde passes over names that it does not know, so that a slip of the pen trains with the
//! default and says nothing. Its `deny_unknown_fields` is no cure: enums with a tag let extra names
//! of a variant without settings pass, and the message is a list. So all settings of this crate are
//! read by way of the macro [`settings!`], at every depth and from every format of serde's.

mod nearest;
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
/// The derived `Deserialize` is that of a copy, `Mirror`; it reads through [`Strict`] or [`Tagged`],
/// which know from it what names there are.
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

            $crate::settings::settings!(@enum $name $($tag)?);
        };
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
