//! The values that the rows are made of.

use forest::{Model, Split};

/// Where the libraries' zeros begin: LightGBM takes everything up to it as zero.
const ZERO_BAND: f64 = 1e-35_f32 as f64;

/// How often the values of every feature are shuffled anew.
pub(super) const SHUFFLES: usize = 2;

/// In rows with infinite values one cell in so many is.
pub(super) const INFINITE_EVERY: usize = 4;

/// Every value of every feature that is worth standing on.
pub(super) struct Pool {
    /// Finite in single precision, or NaN; a list a feature.
    finite: Vec<Vec<f64>>,
    /// The others.
    infinite: Vec<Vec<f64>>,
}

impl Pool {
    /// Of all splits of all models, and the special values.
    pub(super) fn of(models: &[Model]) -> Self {
        let width = models.first().map_or(0, Model::feature_count);
        let mut values = vec![specials(); width];
        for split in models.iter().flat_map(Model::splits) {
            if let Some(values) = values.get_mut(split.feature()) {
                values.extend(split.stands());
            }
        }
        let (mut finite, mut infinite) = (Vec::with_capacity(width), Vec::with_capacity(width));
        for mut values in values {
            values.sort_by(f64::total_cmp);
            values.dedup_by_key(|value| value.to_bits());
            let (large, small) = values.into_iter().partition(|value| (*value as f32).is_infinite());
            finite.push(small);
            infinite.push(large);
        }
        Self { finite, infinite }
    }

    pub(super) fn width(&self) -> usize {
        self.finite.len()
    }

    pub(super) fn finite(&self) -> &[Vec<f64>] {
        &self.finite
    }

    pub(super) fn infinite(&self) -> &[Vec<f64>] {
        &self.infinite
    }

    /// So many rows have every finite value of every feature in each shuffle.
    pub(super) fn mixed_rows(&self) -> usize {
        SHUFFLES * longest(&self.finite)
    }

    /// So many rows have every infinite value of every feature in each shuffle.
    pub(super) fn infinite_rows(&self) -> usize {
        SHUFFLES * INFINITE_EVERY * longest(&self.infinite)
    }
}

/// Distinct pairs of a feature and a threshold.
pub(super) fn thresholds(model: &Model) -> usize {
    let pair = |split: Split<'_>| Some((split.feature(), split.threshold()?.to_bits()));
    let mut pairs: Vec<(usize, u64)> = model.splits().filter_map(pair).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs.len()
}

fn longest(lists: &[Vec<f64>]) -> usize {
    lists.iter().map(Vec::len).max().unwrap_or(0)
}

/// NaN, zeros, the border of LightGBM's zero, subnormal numbers of both widths, and large and infinite ones.
fn specials() -> Vec<f64> {
    let single = ZERO_BAND as f32;
    let subnormal = f32::from_bits(1);
    let positive = [
        0.0,
        1.0,
        ZERO_BAND,
        ZERO_BAND.next_up(),
        ZERO_BAND.next_down(),
        f64::from(single.next_up()),
        f64::from(single.next_down()),
        f64::from_bits(1),
        f64::MIN_POSITIVE,
        f64::MIN_POSITIVE.next_down(),
        f64::from(subnormal),
        f64::from(subnormal) / 2.0,
        f64::from(f32::MIN_POSITIVE),
        f64::from(f32::MIN_POSITIVE.next_down()),
        1e30,
        f64::from(f32::MAX),
        1e300,
        f64::MAX,
        f64::INFINITY,
    ];
    positive.into_iter().flat_map(|value| [value, -value]).chain([f64::NAN]).collect()
}
