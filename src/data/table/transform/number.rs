//! Numbers as modes and places within them.

use serde::{Deserialize, Serialize};

use super::code::CodedColumn;
use super::mixture::NormalMixture;
use super::settings::TransformSettings;
use crate::data::table::column::ColumnSchema;
use crate::data::table::kind::ColumnKind;
use crate::random::Stream;

/// Places lie within ±0.99, so that a tanh reaches them.
const MOST: f64 = 0.99;
/// A mode reaches so many deviations to both sides of its mean.
const DEVIATIONS: f64 = 4.0;
/// A value is a mode of its own only if so many rows have it.
const ROWS: usize = 10;
/// Positive numbers are taken by their logarithms where the middle nine tenths of them span this
/// factor…
const SPAN: f64 = 1e3;
/// …and any numbers where the sizes of all of them do: beyond it, floats of the scale of the largest
/// would not tell the least.
const SIZES: f64 = 1e9;

/// The scale on which a column of numbers is a mixture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NumberScale {
    /// y = x.
    Linear,
    /// y = sign(x)·ln(1 + |x|/c): for numbers of many orders of magnitude.
    Logarithmic {
        /// c, the least size of a number other than 0.
        unit: f64,
    },
}

impl NumberScale {
    fn forth(self, x: f64) -> f64 {
        match self {
            Self::Linear => x,
            Self::Logarithmic { unit } => (x.abs() / unit).ln_1p().copysign(x),
        }
    }

    fn back(self, y: f64) -> f64 {
        match self {
            Self::Linear => y,
            Self::Logarithmic { unit } => (y.abs().exp_m1() * unit).copysign(y),
        }
    }
}

/// A column of numbers as a one-hot vector of modes and a place within the mode (mode-specific
/// normalisation).
///
/// ```text
/// y = scale(x)
/// k ~ w_k·N(y; μ_k, σ_k²) among the modes with |α_k| ≤ 0.99
/// α_k = (y − μ_k)/(4 σ_k)
/// code: [α_k | one-hot of k]
/// ```
///
/// The one-hot vector has an entry for each component of the column's mixture, then one for the wide
/// mode over the whole column (where a value is too far from every component), one for each value that
/// many rows share (its α is 0), and one for a missing value (α 0). Back: the scale's inverse of
/// α·4σ_k + μ_k, within the bounds of the data, rounded to its decimals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberCode {
    /// The scale of the mixture.
    pub scale: NumberScale,
    /// The components; none where every value is one of `points`.
    pub mixture: Option<NormalMixture>,
    /// Whether the last component is the wide one.
    pub wide: bool,
    /// Values that are modes of their own.
    pub points: Vec<f64>,
    /// Whether a value may be missing.
    pub missing: bool,
    /// The least and the largest value.
    pub bounds: Option<(f64, f64)>,
    /// The least size of a value other than 0; below half of it a number is 0.
    pub least: f64,
}

impl NumberCode {
    pub(super) fn fit(schema: &ColumnSchema, values: &[f64], settings: &TransformSettings) -> Self {
        let mut present: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
        present.sort_unstable_by(f64::total_cmp);
        let missing = present.len() < values.len();
        let bounds = present.first().copied().zip(present.last().copied());
        let least = present
            .iter()
            .map(|x| x.abs())
            .filter(|size| *size > 0.0)
            .fold(f64::INFINITY, f64::min);
        let least = if least.is_finite() { least } else { 0.0 };
        let share = settings.point * present.len() as f64;
        let mut points = Vec::new();
        let mut others = Vec::with_capacity(present.len());
        for equal in present.chunk_by(|a, b| a == b) {
            let many = equal.len() >= ROWS && equal.len() as f64 >= share;
            if many || equal.len() == present.len() {
                points.push(equal[0]);
            } else {
                others.extend_from_slice(equal);
            }
        }
        let scale = match schema.kind {
            ColumnKind::Date => NumberScale::Linear,
            _ => scale_of(&others),
        };
        let mut code = Self {
            scale,
            mixture: None,
            wide: false,
            points,
            missing,
            bounds,
            least,
        };
        if !others.is_empty() {
            code.fit_mixture(&others, settings);
        }
        code
    }

    fn fit_mixture(&mut self, values: &[f64], settings: &TransformSettings) {
        let scaled: Vec<f64> = values.iter().map(|x| self.scale.forth(*x)).collect();
        let mixture = NormalMixture::fit(&scaled, &settings.mixture);
        let far = |y: &&f64| (0..mixture.len()).all(|k| place(&mixture, k, **y).is_none());
        let outside = scaled.iter().filter(far).count();
        self.mixture = Some(mixture);
        if outside > 0 {
            self.add_wide(&scaled, outside as f64 / scaled.len() as f64);
        }
    }

    /// A component whose places are the whole column.
    fn add_wide(&mut self, scaled: &[f64], share: f64) {
        let Some(mixture) = &mut self.mixture else {
            return;
        };
        let (low, high) = (scaled[0], scaled[scaled.len() - 1]);
        // Halves first: the sum of two large numbers might be infinite.
        let (middle, half) = (0.5 * low + 0.5 * high, 0.5 * high - 0.5 * low);
        let half = half.max(middle.abs() * 1e-12).max(f64::MIN_POSITIVE);
        let rest = 1.0 - share.min(0.5);
        mixture
            .weights
            .iter_mut()
            .for_each(|weight| *weight *= rest);
        mixture.weights.push(1.0 - rest);
        mixture.means.push(middle);
        mixture
            .deviations
            .push(half * (1.0 + 1e-9) / (DEVIATIONS * MOST));
        self.wide = true;
    }

    /// Whether the parts of a stored code go together.
    pub(super) fn is_consistent(&self) -> bool {
        let mixture = self.mixture.as_ref().is_none_or(|mixture| {
            let count = mixture.weights.len();
            let finite = |values: &[f64]| values.iter().all(|x| x.is_finite());
            count > 0
                && mixture.means.len() == count
                && mixture.deviations.len() == count
                && finite(&mixture.means)
                && mixture.weights.iter().all(|w| (0.0..=1.0).contains(w))
                && mixture
                    .deviations
                    .iter()
                    .all(|d| *d >= 0.0 && d.is_finite())
        });
        let scale = match self.scale {
            NumberScale::Linear => true,
            NumberScale::Logarithmic { unit } => unit > 0.0 && unit.is_finite(),
        };
        let bounds = self.bounds.is_none_or(|(low, high)| low <= high);
        let sorted = self.points.is_sorted_by(|a, b| a < b);
        mixture
            && scale
            && bounds
            && sorted
            && self.points.iter().all(|x| x.is_finite())
            && (self.bounds.is_some() || (self.mixture.is_none() && self.points.is_empty()))
    }

    /// The modes with places.
    pub fn components(&self) -> usize {
        self.mixture.as_ref().map_or(0, NormalMixture::len)
    }

    /// The length of the one-hot vector, at least 1.
    pub fn slots(&self) -> usize {
        (self.components() + self.points.len() + usize::from(self.missing)).max(1)
    }

    /// Whether there is a place before it.
    pub fn has_place(&self) -> bool {
        self.mixture.is_some()
    }

    fn missing_slot(&self) -> u32 {
        (self.components() + self.points.len()) as u32
    }

    pub(super) fn encode(&self, values: &[f64], stream: &mut Stream) -> CodedColumn {
        let mut coded = CodedColumn::with_capacity(values.len(), self.has_place());
        for value in values {
            let (slot, place) = self.code(*value, stream);
            coded.push(slot, place);
        }
        coded
    }

    /// The mode of a value, and its place there.
    fn code(&self, value: f64, stream: &mut Stream) -> (u32, f64) {
        let Some((low, high)) = self.bounds.filter(|_| !value.is_nan()) else {
            // Where the fitted column has no missing value, one of another table is the first mode's.
            let last = self.slots() as u32 - 1;
            return (
                if self.missing { self.missing_slot() } else { 0 }.min(last),
                0.0,
            );
        };
        let value = value.clamp(low, high);
        let components = self.components() as u32;
        if let Ok(point) = self
            .points
            .binary_search_by(|point| point.total_cmp(&value))
        {
            return (components + point as u32, 0.0);
        }
        let Some(mixture) = &self.mixture else {
            // A value of another table, between points.
            let distance = |point: &f64| (point - value).abs();
            let near = (0..self.points.len())
                .min_by(|a, b| distance(&self.points[*a]).total_cmp(&distance(&self.points[*b])));
            return (components + near.unwrap_or_default() as u32, 0.0);
        };
        let y = self.scale.forth(value);
        let wide = self.wide.then(|| mixture.len() - 1);
        // The wide component is for values that no other one reaches.
        let within: Vec<(usize, f64)> = (0..mixture.len())
            .filter(|k| Some(*k) != wide)
            .filter_map(|k| Some((k, place(mixture, k, y)?)))
            .collect();
        let drawn = match within.len() {
            0 => None,
            1 => Some(within[0]),
            _ => draw(mixture, &within, y, stream),
        };
        let (slot, place) = drawn.unwrap_or_else(|| match wide {
            Some(wide) => (
                wide,
                place(mixture, wide, y).unwrap_or(MOST.copysign(y - mixture.means[wide])),
            ),
            None => nearest(mixture, y),
        });
        (slot as u32, place)
    }

    pub(super) fn decode(&self, schema: &ColumnSchema, coded: &CodedColumn) -> Vec<f64> {
        let value = |(slot, place): (u32, f64)| self.value(schema, slot, place);
        coded.iter().map(value).collect()
    }

    /// The value of a mode and a place in it.
    fn value(&self, schema: &ColumnSchema, slot: u32, place: f64) -> f64 {
        let Some((low, high)) = self.bounds else {
            return f64::NAN;
        };
        let slot = slot as usize;
        let components = self.components();
        if slot >= components {
            // Behind the points is the missing value.
            return self
                .points
                .get(slot - components)
                .copied()
                .unwrap_or(f64::NAN);
        }
        let Some(mixture) = &self.mixture else {
            return f64::NAN;
        };
        let y =
            mixture.means[slot] + place.clamp(-1.0, 1.0) * DEVIATIONS * mixture.deviations[slot];
        let x = self.scale.back(y).clamp(low, high);
        let x = match (schema.kind, schema.decimals) {
            (ColumnKind::Integer | ColumnKind::Date, _) => x.round(),
            (_, Some(decimals)) => {
                let tens = 10f64.powi(i32::from(decimals));
                (x * tens).round() / tens
            }
            _ if x.abs() < 0.5 * self.least => 0.0,
            _ => x,
        };
        // Not −0.
        x + 0.0
    }
}

/// The place of a value in a component, if it reaches there.
fn place(mixture: &NormalMixture, component: usize, y: f64) -> Option<f64> {
    let distance = y - mixture.means[component];
    if distance == 0.0 {
        return Some(0.0);
    }
    let place = distance / (DEVIATIONS * mixture.deviations[component]);
    (place.abs() <= MOST).then_some(place)
}

/// One of the components, by its probability given the value.
fn draw(
    mixture: &NormalMixture,
    within: &[(usize, f64)],
    y: f64,
    stream: &mut Stream,
) -> Option<(usize, f64)> {
    let logs = within.iter().map(|(k, _)| mixture.log_joint(*k, y));
    let logs: Vec<f64> = logs.collect();
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shares: Vec<f64> = logs.iter().map(|log| (log - most).exp()).collect();
    let all: f64 = shares.iter().sum();
    let mut left = f64::from(stream.uniform(1, 0.0, 1.0)[0]) * all;
    for (found, share) in within.iter().zip(&shares) {
        left -= share;
        if left < 0.0 {
            return Some(*found);
        }
    }
    within.last().copied()
}

/// The component whose edge is nearest to a value that none reaches, and the place at the edge.
fn nearest(mixture: &NormalMixture, y: f64) -> (usize, f64) {
    let beyond = |k: usize| {
        let reach = DEVIATIONS * MOST * mixture.deviations[k];
        (y - mixture.means[k]).abs() - reach
    };
    let near = (0..mixture.len()).min_by(|a, b| beyond(*a).total_cmp(&beyond(*b)));
    let near = near.unwrap_or_default();
    (near, MOST.copysign(y - mixture.means[near]))
}

/// The scale of sorted values.
fn scale_of(sorted: &[f64]) -> NumberScale {
    let sizes = sorted.iter().map(|x| x.abs()).filter(|size| *size > 0.0);
    let (least, most) = sizes.fold((f64::INFINITY, 0.0_f64), |(least, most), size| {
        (least.min(size), most.max(size))
    });
    if !(most > 0.0) {
        return NumberScale::Linear;
    }
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let (low, high) = (at(0.05), at(0.95));
    let spans = match sorted[0] * sorted[sorted.len() - 1] > 0.0 || sorted[0] > 0.0 {
        true if low > 0.0 => high / low > SPAN,
        true => low / high > SPAN,
        false => false,
    };
    match spans || most / least > SIZES {
        true => NumberScale::Logarithmic { unit: least },
        false => NumberScale::Linear,
    }
}
