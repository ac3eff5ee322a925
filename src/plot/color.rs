//! The palette.

use plotters::style::RGBColor;

/// A colour of the palette by Okabe and Ito (2008), chosen so that people with any form of colour
/// vision can tell its members apart. Its yellow is left out: thin lines of it vanish on white.
///
/// ```
/// use burn_gan::plot::Color;
///
/// assert_eq!(Color::nth(0), Color::Blue);
/// assert_eq!(Color::nth(7), Color::nth(0));
/// assert_eq!(Color::Vermillion.rgb(), [213, 94, 0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Color {
    /// Blue, the first colour of a chart.
    Blue,
    /// Vermillion, a red-orange.
    Vermillion,
    /// Bluish green.
    Green,
    /// Orange.
    Orange,
    /// Reddish purple.
    Purple,
    /// Sky blue.
    SkyBlue,
    /// Black.
    Black,
    /// Grey: for references that should stand back; never picked by [`nth`](Color::nth).
    Grey,
}

impl Color {
    /// The colours that series take by default, in this order.
    const ORDER: [Self; 7] = [
        Self::Blue,
        Self::Vermillion,
        Self::Green,
        Self::Orange,
        Self::Purple,
        Self::SkyBlue,
        Self::Black,
    ];

    /// The colour of a chart's series number `index`, counted from 0; the eighth starts again.
    pub fn nth(index: usize) -> Self {
        Self::ORDER[index % Self::ORDER.len()]
    }

    /// Red, green and blue, each 0 to 255.
    pub fn rgb(self) -> [u8; 3] {
        match self {
            Self::Blue => [0, 114, 178],
            Self::Vermillion => [213, 94, 0],
            Self::Green => [0, 158, 115],
            Self::Orange => [230, 159, 0],
            Self::Purple => [204, 121, 167],
            Self::SkyBlue => [86, 180, 233],
            Self::Black => [0, 0, 0],
            Self::Grey => [150, 150, 150],
        }
    }

    pub(super) fn plotters(self) -> RGBColor {
        let [r, g, b] = self.rgb();
        RGBColor(r, g, b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_colours_are_all_different() {
        let mut seen: Vec<[u8; 3]> = (0..7).map(|i| Color::nth(i).rgb()).collect();
        seen.push(Color::Grey.rgb());
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 8);
    }
}
