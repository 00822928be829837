//! Returns far beyond what is usual, of one symbol by itself and beside the market.

use super::grid::Grid;
use super::robust::deviations;

/// Returns beyond so many robust standard deviations of the days before are outliers. Real quarter hours have fat
/// tails: a normal distribution would never come here.
const OUTLIER_DEVIATIONS: f64 = 25.0;

/// A symbol that is so far from the market ...
const LONE_DEVIATIONS: f64 = 20.0;

/// ... while every other one is nearer than this share of it has moved alone.
const OTHERS_SHARE: f64 = 0.25;

/// The bars whose return is an outlier, in order of time.
pub(super) fn outliers(grid: &Grid, symbol: usize) -> Vec<usize> {
    let found = deviations(grid.returns(symbol), grid.bars_per_day());
    (0..found.len()).filter(|bar| found[*bar].abs() > OUTLIER_DEVIATIONS).collect()
}

/// For every symbol the bars at which it alone moved: its return beyond the median of the others' is 20 robust
/// deviations from what is usual for it, and no other symbol's is a quarter of that.
pub(super) fn lone(grid: &Grid) -> Vec<Vec<usize>> {
    let beyond = grid.beyond_market();
    let found: Vec<Vec<f64>> = beyond.iter().map(|of| deviations(of, grid.bars_per_day())).collect();
    let bars = found.first().map_or(0, Vec::len);
    let mut lone = vec![Vec::new(); found.len()];
    for bar in 0..bars {
        // The farthest symbol and how far the next one is; what is unknown is nowhere.
        let (mut farthest, mut distance, mut next) = (0, 0.0_f64, 0.0_f64);
        for (symbol, of) in found.iter().enumerate() {
            let far = of[bar].abs();
            if far > distance {
                (farthest, distance, next) = (symbol, far, distance);
            } else {
                next = next.max(far);
            }
        }
        if distance > LONE_DEVIATIONS && next < OTHERS_SHARE * distance {
            lone[farthest].push(bar);
        }
    }
    lone
}
