//! What is done to inputs.

pub mod bytes;
pub mod json;
pub mod msgpack;
pub mod sealed;
pub mod text;
