//! How good the klines are: gaps, duplicates, outliers, bars without trades, missing columns.

use std::collections::BTreeMap;

use kline::{BarTime, Interval, Kline, Symbol};
use market::renamed::Joint;
use serde::Serialize;

/// Returns beyond so many robust standard deviations count as outliers.
const OUTLIER_DEVIATIONS: f64 = 25.0;

/// A normal distribution's standard deviation over its median absolute deviation.
const MAD_TO_DEVIATION: f64 = 1.482_602_218_505_602;

/// What was found in one symbol's klines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SymbolQuality {
    /// The market.
    pub symbol: Symbol,
    /// How many klines there are.
    pub bars: usize,
    /// The first kline's opening, in milliseconds.
    pub from: i64,
    /// The last kline's closing, in milliseconds.
    pub until: i64,
    /// Holes in the series.
    pub gaps: usize,
    /// Bars that the holes lack.
    pub missing_bars: i64,
    /// The longest hole, in bars.
    pub longest_gap_bars: i64,
    /// Klines that are not later than the one before them; they are left out.
    pub duplicates: usize,
    /// Bars without volume.
    pub zero_volume_bars: usize,
    /// Returns beyond 25 robust standard deviations (1.4826 times the median absolute return).
    pub outliers: usize,
    /// Bars that lack quote volume, trades or the takers' part.
    pub bars_without_flow: usize,
    /// What the market was called before, if it was renamed: the klines of both names stand here.
    pub continues: Option<Continued>,
    /// From 0 to 1: the share of bars that are there, minus duplicates, bars without volume and outliers, each
    /// as a share of the bars.
    pub score: f64,
}

/// Where a renamed market's series goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Continued {
    /// The old name.
    pub name: Symbol,
    /// Its last bar.
    pub until: BarTime,
    /// Bars that are missing between the two names; they count as a gap.
    pub missing_bars: i64,
}

/// Examines every symbol's klines. Missing flow columns are reported, but don't lower the score: features
/// that need them are NaN, not wrong.
#[must_use]
pub fn assess(
    klines: &BTreeMap<Symbol, Vec<Kline>>,
    joints: &[Joint],
    interval: Interval,
) -> Vec<SymbolQuality> {
    let continued = |symbol: Symbol| {
        let joint = joints.iter().find(|joint| joint.new == symbol)?;
        Some(Continued { name: joint.old, until: joint.last, missing_bars: joint.missing_bars })
    };
    let assessed = klines.iter().filter_map(|(symbol, klines)| {
        let found = assess_symbol(*symbol, klines, interval)?;
        Some(SymbolQuality { continues: continued(*symbol), ..found })
    });
    assessed.collect()
}

fn assess_symbol(symbol: Symbol, klines: &[Kline], interval: Interval) -> Option<SymbolQuality> {
    let (first, last) = (klines.first()?, klines.last()?);
    let mut found = SymbolQuality {
        symbol,
        bars: klines.len(),
        from: first.open_time,
        until: last.close_time,
        gaps: 0,
        missing_bars: 0,
        longest_gap_bars: 0,
        duplicates: 0,
        zero_volume_bars: klines.iter().filter(|kline| kline.volume == 0.0).count(),
        outliers: 0,
        continues: None,
        bars_without_flow: klines.iter().filter(|kline| lacks_flow(kline)).count(),
        score: 0.0,
    };
    let mut returns = Vec::with_capacity(klines.len());
    for pair in klines.windows(2) {
        let steps = (pair[1].open_time - pair[0].open_time) / interval.milliseconds();
        match steps {
            1 => returns.push(libm::log(pair[1].close / pair[0].close).abs()),
            2.. => {
                found.gaps += 1;
                found.missing_bars += steps - 1;
                found.longest_gap_bars = found.longest_gap_bars.max(steps - 1);
            }
            _ => found.duplicates += 1,
        }
    }
    found.outliers = outliers(&mut returns);
    let bars = found.bars as f64;
    let there = bars / (bars + found.missing_bars as f64);
    let faults = (found.duplicates + found.zero_volume_bars + found.outliers) as f64 / bars;
    found.score = (there - faults).clamp(0.0, 1.0);
    Some(found)
}

fn lacks_flow(kline: &Kline) -> bool {
    kline.quote_volume.is_none()
        || kline.trades.is_none()
        || kline.taker_base.is_none()
        || kline.taker_quote.is_none()
}

/// How many absolute returns lie beyond the bound; the order of `returns` is changed.
fn outliers(returns: &mut [f64]) -> usize {
    if returns.is_empty() {
        return 0;
    }
    let middle = returns.len() / 2;
    let (_, median, _) = returns.select_nth_unstable_by(middle, f64::total_cmp);
    let bound = OUTLIER_DEVIATIONS * MAD_TO_DEVIATION * *median;
    // A market that hardly moves has a median of zero, which says nothing about its moves.
    if bound > 0.0 { returns.iter().filter(|value| **value > bound).count() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;

    fn series(bars: &[(i64, f64)]) -> BTreeMap<Symbol, Vec<Kline>> {
        let kline = |&(bar, price): &(i64, f64)| {
            let fields = KlineFields { volume: 1.0, ..KlineFields::flat(bar * 900_000, price) };
            Kline::new(Interval::M15, fields).expect("valid by construction")
        };
        BTreeMap::from([("BTCUSDT".parse().expect("a symbol"), bars.iter().map(kline).collect())])
    }

    #[test]
    fn gaps_repeats_and_wild_moves_are_counted() {
        let mut bars: Vec<(i64, f64)> = (0..100).map(|bar| (bar, 100.0 + 0.1 * (bar % 2) as f64)).collect();
        bars[50].1 = 140.0;
        bars.extend([(110, 100.0), (111, 100.1), (111, 100.1), (115, 100.0)]);
        let found = &assess(&series(&bars), &[], Interval::M15)[0];
        assert_eq!((found.gaps, found.missing_bars, found.longest_gap_bars), (2, 10 + 3, 10));
        assert_eq!((found.duplicates, found.outliers), (1, 2));
        assert!(found.score < 1.0 && found.score > 0.8, "{}", found.score);
    }

    #[test]
    fn a_whole_series_scores_one() {
        let bars: Vec<(i64, f64)> = (0..100).map(|bar| (bar, 100.0 + 0.1 * (bar % 3) as f64)).collect();
        assert_eq!(assess(&series(&bars), &[], Interval::M15)[0].score, 1.0);
    }
}
