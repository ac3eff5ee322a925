//! The shape of images.

use serde::Serialize;

use crate::settings::settings;

settings! {
/// An image's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ImageShape {
    /// Colour channels.
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}
}

impl ImageShape {
    /// `[channels, height, width]`.
    pub fn new([channels, height, width]: [usize; 3]) -> Self {
        Self {
            channels,
            height,
            width,
        }
    }
}
