//! The transformations as matrices.
//!
//! Geometry is a matrix of homogeneous places, from a pixel of the output `(X, Y, 1)`, X to the right
//! and Y down, to where it comes from. Colour is one of homogeneous colours `(r, g, b, 1)`, from a
//! pixel to what becomes of it; a grey pixel is r.

use std::f64::consts::PI;

/// A transformation that moves pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Geometric {
    XFlip,
    Rotation90,
    IntegerTranslation,
    IsotropicScaling,
    Rotation,
    AnisotropicScaling,
    FractionalTranslation,
}

/// A transformation of each pixel's colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chromatic {
    Brightness,
    Contrast,
    LumaFlip,
    Hue,
    Saturation,
}

type Matrix<const K: usize> = [[f64; K]; K];

/// 1 on the diagonal.
pub(super) fn identity<const K: usize>() -> Matrix<K> {
    std::array::from_fn(|i| std::array::from_fn(|j| if i == j { 1.0 } else { 0.0 }))
}

/// a·b.
pub(super) fn product<const K: usize>(a: Matrix<K>, b: Matrix<K>) -> Matrix<K> {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..K).map(|l| a[i][l] * b[l][j]).sum()))
}

impl Geometric {
    /// Where pixels come from in an image `[height, width]`. The numbers are those that were drawn:
    /// coins and quarter turns from U[0, 1), angles from U[−1, 1), shifts from U[−1, 1) or N(0, 1),
    /// scales from N(0, 1).
    pub(super) fn source(self, drawn: [f64; 2], [height, width]: [usize; 2]) -> Matrix<3> {
        let [first, second] = drawn;
        let mut turned = [[1.0, 0.0], [0.0, 1.0]];
        let mut moved = [0.0, 0.0];
        match self {
            Self::XFlip if first >= 0.5 => turned[0][0] = -1.0,
            Self::XFlip => {}
            Self::Rotation90 => {
                let turns = if height == width {
                    (4.0 * first) as usize
                } else {
                    2 * (2.0 * first) as usize
                };
                turned = [
                    [[1.0, 0.0], [0.0, 1.0]],
                    [[0.0, -1.0], [1.0, 0.0]],
                    [[-1.0, 0.0], [0.0, -1.0]],
                    [[0.0, 1.0], [-1.0, 0.0]],
                ][turns];
            }
            Self::IntegerTranslation => {
                moved = [(first, width), (second, height)]
                    .map(|(drawn, side)| -(0.125 * drawn * side as f64).round());
            }
            Self::IsotropicScaling => {
                let scale = (-0.2 * first).exp2();
                turned = [[scale, 0.0], [0.0, scale]];
            }
            Self::Rotation => {
                let (sin, cos) = (PI * first).sin_cos();
                turned = [[cos, sin], [-sin, cos]];
            }
            Self::AnisotropicScaling => {
                let scale = (0.2 * first).exp2();
                turned = [[1.0 / scale, 0.0], [0.0, scale]];
            }
            Self::FractionalTranslation => {
                moved = [(first, width), (second, height)]
                    .map(|(drawn, side)| -0.125 * drawn * side as f64);
            }
        }
        let centre = [width, height].map(|side| (side as f64 - 1.0) / 2.0);
        let row = |axis: usize| {
            let [a, b] = turned[axis];
            let about = centre[axis] - a * centre[0] - b * centre[1];
            [a, b, about + moved[axis]]
        };
        [row(0), row(1), [0.0, 0.0, 1.0]]
    }
}

impl Chromatic {
    /// What becomes of a colour, of a grey one where `grey`. The number is the one that was drawn:
    /// a coin from U[0, 1), an angle from U[−1, 1), the others from N(0, 1).
    pub(super) fn matrix(self, drawn: f64, grey: bool) -> Matrix<4> {
        let channels = if grey { 1 } else { 3 };
        let mut matrix = identity::<4>();
        match self {
            Self::Brightness => {
                for row in &mut matrix[..channels] {
                    row[3] = 0.2 * drawn;
                }
            }
            Self::Contrast => {
                for (channel, row) in matrix[..channels].iter_mut().enumerate() {
                    row[channel] = (0.5 * drawn).exp2();
                }
            }
            Self::LumaFlip if drawn < 0.5 => {}
            Self::LumaFlip if grey => matrix[0][0] = -1.0,
            Self::LumaFlip => along_grey(&mut matrix, -1.0, [1.0, 0.0]),
            Self::Hue | Self::Saturation if grey => {}
            Self::Hue => {
                let (sin, cos) = (PI * drawn).sin_cos();
                along_grey(&mut matrix, 1.0, [cos, sin]);
            }
            Self::Saturation => along_grey(&mut matrix, 1.0, [drawn.exp2(), 0.0]),
        }
        matrix
    }
}

/// With v the grey axis, times `along` on it and `across` beside it, the second number for what is
/// turned around it:
///
/// ```text
/// M = along·v·vᵀ + across₀·(I − v·vᵀ) + across₁·[v]ₓ        v = (1, 1, 1)/√3
/// ```
fn along_grey(matrix: &mut Matrix<4>, along: f64, across: [f64; 2]) {
    for (i, row) in matrix[..3].iter_mut().enumerate() {
        for (j, entry) in row[..3].iter_mut().enumerate() {
            let own = if i == j { 1.0 } else { 0.0 };
            // [v]ₓ of (1, 1, 1): −1 to the right of the diagonal, 1 after that.
            let turned = match (3 + j - i) % 3 {
                1 => -1.0,
                2 => 1.0,
                _ => 0.0,
            };
            *entry = along / 3.0 + across[0] * (own - 1.0 / 3.0) + across[1] * turned / 3f64.sqrt();
        }
    }
}
