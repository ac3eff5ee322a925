//! The papers' tables of channels.

use serde::Serialize;

use crate::settings::settings;

settings! {
/// Whose channels a residual network has: what `with_width` of its settings scales.
///
/// BigGAN's and BigGAN-deep's are multiples of one number, c: 96 and 128 in the paper for images of which
/// the shorter side can be halved to 4 pixels four times or more (64 pixels and up), channels of the generator
/// from the smallest map to the full size:
///
/// ```text
/// doublings   generator                          discriminator
/// 4           16 16 8 4 2                        1 2 4 8 16
/// 5           16 16 8 4 2 1                      1 2 4 8 16 16
/// 6           16 16 8 8 4 2 1                    1 2 4 8 8 16 16
/// more        with another 16 for each
/// ```
///
/// Smaller images have 256 channels at every size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResNetTable {
    /// SNGAN's.
    #[default]
    Sngan,
    /// BigGAN's.
    Biggan,
    /// BigGAN-deep's; the discriminator's first number is that of the convolution before the blocks.
    BigganDeep,
}
}

/// The width that stands for the papers' channels, but in SNGAN's discriminator.
pub(super) const PAPERS_WIDTH: usize = 256;

impl ResNetTable {
    /// BigGAN's channels of the smallest map and after each of so many doublings.
    pub(super) fn upwards(self, doublings: usize, width: usize) -> Vec<usize> {
        let times: &[usize] = match doublings {
            0..4 => return vec![width; doublings + 1],
            4 => &[16, 16, 8, 4, 2],
            5 => &[16, 16, 8, 4, 2, 1],
            _ => &[16, 16, 8, 8, 4, 2, 1],
        };
        let one = match self {
            Self::Sngan | Self::Biggan => 96,
            Self::BigganDeep => 128,
        };
        // A whole number, so that the multiples stay what they are.
        let one = width.saturating_mul(one).div_ceil(PAPERS_WIDTH);
        // Larger than the paper's: the widest maps once more.
        let more = std::iter::repeat_n(16, (doublings + 1).saturating_sub(times.len()));
        let all = more.chain(times.iter().copied());
        all.map(|times| times * one).collect()
    }

    /// BigGAN's channels after each block of the discriminator: the generator's in the other direction.
    pub(super) fn downwards(self, doublings: usize, width: usize) -> Vec<usize> {
        let mut channels = self.upwards(doublings, width);
        channels.reverse();
        if doublings == 4 {
            // Half as wide but for the smallest map.
            let all = channels.iter_mut().take(doublings);
            all.for_each(|channels| *channels /= 2);
        }
        channels
    }
}
