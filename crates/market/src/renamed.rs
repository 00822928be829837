//! Markets that live on under another name: the old series and the new one are one series with a hole where they meet.

use std::collections::BTreeMap;

use kline::{BarTime, Interval, Kline, Symbol};

/// Old names and new ones, exchanged one to one. Source: Binance, "Binance Will Support the Polygon (MATIC) Token Swap & Rebranding
/// Plan to Polygon Ecosystem Token (POL)": MATICUSDT ended on 2024-09-10 03:00 UTC, POLUSDT began on 2024-09-13 10:00.
pub const RENAMED: [(&str, &str); 1] = [("MATICUSDT", "POLUSDT")];

/// Where two series meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joint {
    /// The old name.
    pub old: Symbol,
    /// The new name, under which both stand.
    pub new: Symbol,
    /// The last bar of the old name.
    pub last: BarTime,
    /// The first bar of the new name.
    pub first: BarTime,
    /// Bars between them.
    pub missing_bars: i64,
}

/// [`RENAMED`] as symbols.
pub fn renamed() -> impl Iterator<Item = (Symbol, Symbol)> {
    RENAMED.iter().filter_map(|(old, new)| Some((old.parse().ok()?, new.parse().ok()?)))
}

/// What a market was called before it was renamed.
#[must_use]
pub fn predecessor(symbol: Symbol) -> Option<Symbol> {
    renamed().find(|(_, new)| *new == symbol).map(|(old, _)| old)
}

/// Puts each renamed market's old klines before its new ones, under the new name; the old name is gone then. Bars that both
/// have are the new name's. A market whose new name is not there stays as it is. Answers where series meet.
pub fn stitch(klines: &mut BTreeMap<Symbol, Vec<Kline>>, interval: Interval) -> Vec<Joint> {
    let mut joints = Vec::new();
    for (old, new) in renamed() {
        let Some(first) = klines.get(&new).and_then(|klines| klines.first()) else { continue };
        let first = first.bar_time(interval);
        let Some(mut series) = klines.remove(&old) else { continue };
        series.retain(|kline| kline.bar_time(interval) < first);
        let Some(last) = series.last().map(|kline| kline.bar_time(interval)) else { continue };
        joints.push(Joint { old, new, last, first, missing_bars: first.steps_since(last, interval) - 1 });
        if let Some(continued) = klines.get_mut(&new) {
            series.append(continued);
            *continued = series;
        }
    }
    joints
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;

    const M15: Interval = Interval::M15;

    fn series(bars: std::ops::Range<i64>, price: f64) -> Vec<Kline> {
        let kline = |bar| Kline::new(M15, KlineFields::flat(bar * 900_000, price)).expect("valid");
        bars.map(kline).collect()
    }

    fn named(name: &str) -> Symbol {
        name.parse().expect("a symbol")
    }

    #[test]
    fn the_old_series_stands_before_the_new_one_and_the_hole_is_told() {
        let (old, new) = (named("MATICUSDT"), named("POLUSDT"));
        let mut klines = BTreeMap::from([
            (old, series(0..10, 1.0)),
            (new, series(14..20, 2.0)),
            (named("BTCUSDT"), series(0..20, 3.0)),
        ]);
        let joints = stitch(&mut klines, M15);
        assert_eq!(joints.len(), 1);
        assert_eq!((joints[0].old, joints[0].new, joints[0].missing_bars), (old, new, 4));
        assert!(!klines.contains_key(&old));
        let opens: Vec<i64> = klines[&new].iter().map(|kline| kline.open_time / 900_000).collect();
        assert_eq!(opens, (0..10).chain(14..20).collect::<Vec<i64>>());
        assert_eq!(klines[&named("BTCUSDT")].len(), 20);
        assert_eq!(stitch(&mut klines, M15), [], "once is enough");
    }

    #[test]
    fn of_bars_that_both_have_the_new_names_hold_and_a_lone_name_stays() {
        let (old, new) = (named("MATICUSDT"), named("POLUSDT"));
        let mut both = BTreeMap::from([(old, series(0..10, 1.0)), (new, series(8..12, 2.0))]);
        assert_eq!(stitch(&mut both, M15)[0].missing_bars, 0);
        assert_eq!(both[&new].iter().filter(|kline| kline.close == 2.0).count(), 4);
        assert_eq!(both[&new].len(), 12);
        let mut lone = BTreeMap::from([(old, series(0..10, 1.0))]);
        assert_eq!(stitch(&mut lone, M15), []);
        assert_eq!(lone[&old].len(), 10);
    }
}
