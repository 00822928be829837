//! Trailing terciles, exact and incremental.

use serde::{Deserialize, Serialize};

/// The trailing window of the volatility regime's cuts, in bars whatever the step: 30 days of 15-minute steps.
pub const REGIME_WINDOW_BARS: usize = 2_880;

/// How many of them must be known for the cuts to be known.
pub const REGIME_NEEDED_BARS: usize = 1_440;

/// The values of the last [`REGIME_WINDOW_BARS`] bars and their order. Values are not negative and not NaN; a bar
/// without one leaves a hole that still takes its place in the window.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RegimeWindow {
    /// By bar index modulo the window; NaN is a hole.
    by_bar: Vec<f64>,
    /// The known values in ascending order. Made anew by [`Self::complete`].
    #[serde(skip)]
    sorted: Vec<f64>,
    last_index: Option<i64>,
}

impl RegimeWindow {
    pub(crate) fn new() -> Self {
        Self {
            by_bar: vec![f64::NAN; REGIME_WINDOW_BARS],
            sorted: Vec::with_capacity(REGIME_WINDOW_BARS),
            last_index: None,
        }
    }

    /// Makes what a saved window leaves out; whether it has the shape that [`Self::new`] makes.
    pub(crate) fn complete(&mut self) -> bool {
        self.sorted.reserve(REGIME_WINDOW_BARS);
        self.sorted.extend(self.by_bar.iter().copied().filter(|value| !value.is_nan()));
        self.sorted.sort_unstable_by(f64::total_cmp);
        self.by_bar.len() == REGIME_WINDOW_BARS
    }

    /// Takes the value of the bar `index` (NaN if unknown), which must be later than the last one. Bars between
    /// become holes.
    pub(crate) fn push(&mut self, index: i64, value: f64) {
        let window = REGIME_WINDOW_BARS as i64;
        let first = match self.last_index {
            Some(last) => (last + 1).max(index - window + 1),
            None => index,
        };
        for hole in first..index {
            self.replace(hole, f64::NAN);
        }
        self.replace(index, value);
        self.last_index = Some(index);
    }

    fn replace(&mut self, index: i64, value: f64) {
        let slot = index.rem_euclid(REGIME_WINDOW_BARS as i64) as usize;
        let old = std::mem::replace(&mut self.by_bar[slot], value);
        let position = |sorted: &[f64], value: f64| sorted.partition_point(|&other| other < value);
        match (old.is_nan(), value.is_nan()) {
            (true, true) => {}
            (true, false) => {
                let to = position(&self.sorted, value);
                self.sorted.insert(to, value);
            }
            (false, true) => {
                let from = position(&self.sorted, old);
                self.sorted.remove(from);
            }
            (false, false) => {
                // One move of the part between the two places.
                let from = position(&self.sorted, old);
                let to = position(&self.sorted, value);
                if to > from {
                    self.sorted.copy_within(from + 1..to, from);
                    self.sorted[to - 1] = value;
                } else {
                    self.sorted.copy_within(to..from, to + 1);
                    self.sorted[to] = value;
                }
            }
        }
    }

    /// The lower and the upper tercile: order statistics with linear interpolation between neighbours (type 7 of
    /// Hyndman and Fan 1996, as NumPy and pandas do by default). `None` until enough bars are known.
    pub(crate) fn cuts(&self) -> Option<[f64; 2]> {
        if self.sorted.len() < REGIME_NEEDED_BARS {
            return None;
        }
        Some([tercile(&self.sorted, 1), tercile(&self.sorted, 2)])
    }

    /// How many of the window's bars are known.
    pub(crate) fn known(&self) -> usize {
        self.sorted.len()
    }
}

/// The quantile at `third / 3` of values in ascending order, which must not be empty.
fn tercile(sorted: &[f64], third: usize) -> f64 {
    let scaled = (sorted.len() - 1) * third;
    let (below, rest) = (scaled / 3, scaled % 3);
    let low = sorted[below];
    if rest == 0 {
        return low;
    }
    let fraction = rest as f64 / 3.0;
    low + (sorted[below + 1] - low) * fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition: sort what the window holds, interpolate.
    fn naive(history: &[(i64, f64)]) -> Option<[f64; 2]> {
        let last = history.last()?.0;
        let mut known: Vec<f64> = history
            .iter()
            .filter(|(index, value)| *index > last - REGIME_WINDOW_BARS as i64 && !value.is_nan())
            .map(|(_, value)| *value)
            .collect();
        known.sort_by(f64::total_cmp);
        (known.len() >= REGIME_NEEDED_BARS).then(|| {
            [1.0, 2.0].map(|third| {
                let place = (known.len() - 1) as f64 * third / 3.0;
                let below = place.floor() as usize;
                let above = place.ceil() as usize;
                known[below] + (known[above] - known[below]) * (place - below as f64)
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn cuts_are_those_of_a_naive_sort(
            steps in prop::collection::vec((1i64..3, prop::option::weighted(0.9, 0u32..400)), 2_000..4_500),
            jump in 0i64..3_500,
        ) {
            let mut window = RegimeWindow::new();
            let mut history = Vec::new();
            let mut index = 1_000;
            for (position, (step, value)) in steps.iter().enumerate() {
                index += if position == 1_500 { jump.max(1) } else { *step };
                // Few distinct values, so that ties are common.
                let value = value.map_or(f64::NAN, |value| f64::from(value) * 0.01);
                window.push(index, value);
                history.push((index, value));
                if position % 97 == 0 || position + 1 == steps.len() {
                    match (window.cuts(), naive(&history)) {
                        (None, None) => {}
                        (Some(cuts), Some(expected)) => {
                            for (cut, expected) in cuts.into_iter().zip(expected) {
                                prop_assert!((cut - expected).abs() <= 1e-12, "{cut} {expected}");
                            }
                        }
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn cuts_need_half_the_window() {
        let mut window = RegimeWindow::new();
        for index in 0..1_439 {
            window.push(index, 1.0);
        }
        assert_eq!((window.cuts(), window.known()), (None, 1_439));
        window.push(1_439, 1.0);
        assert_eq!(window.cuts(), Some([1.0, 1.0]));
    }
}
