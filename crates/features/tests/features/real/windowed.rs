//! Windowed indicators, as the engine's rows have them.

use features::{Catalogue, FeatureEngine};
use kline::Interval;
use ta_lib::{Core, MAType};

use super::klines::Piece;
use super::{Bound, Tally, answers};
use crate::support::{STEP, step};

/// 1e-9 of what the unit is a share of: hundredths of 100, ratios of 1.
const HUNDREDTHS: Bound = Bound::Absolute(1e-7);
const RATIO: Bound = Bound::Absolute(1e-9);

/// The columns that are compared. TA-Lib keeps running sums in most, so that it is the one that errs.
pub(super) const COLUMNS: [(&str, Bound); 18] = [
    ("roc_12", Bound::Bits),
    ("aroon_up_25", Bound::Bits),
    ("aroon_down_25", Bound::Bits),
    ("aroon_oscillator_25", Bound::Bits),
    ("donchian_position_20", Bound::Bits),
    ("donchian_position_96", Bound::Bits),
    ("williams_r_28", HUNDREDTHS),
    ("stochastic_k_14_3", HUNDREDTHS),
    ("stochastic_d_14_3_3", HUNDREDTHS),
    ("ultimate_oscillator_7_14_28", HUNDREDTHS),
    ("mfi_14", HUNDREDTHS),
    ("cci_20", HUNDREDTHS),
    ("sma_distance_50", RATIO),
    ("wma_distance_16", RATIO),
    ("bollinger_position_20", RATIO),
    ("bollinger_width_20", RATIO),
    ("linear_regression_slope_16", RATIO),
    ("linear_regression_slope_96", RATIO),
];

pub(super) fn compare(core: &Core, piece: &Piece, tally: &mut Tally) {
    let ours = rows(piece);
    let theirs = [momentum(core, piece), averages(core, piece)].concat();
    for (name, theirs) in theirs {
        let at = COLUMNS.iter().position(|(column, _)| *column == name).expect("a column");
        tally.compare(name, COLUMNS[at].1, &ours[at], &theirs);
    }
}

/// The engine's values of each column.
fn rows(piece: &Piece) -> Vec<Vec<f64>> {
    let catalogue = Catalogue::standard();
    let places = COLUMNS.map(|(name, _)| catalogue.index_of(name).expect("a name of the catalogue"));
    // Not Bitcoin, whose row would be compared with itself.
    let mut engine = FeatureEngine::new(&["ETHUSDT".parse().expect("a symbol")], Interval::M15);
    let mut columns = vec![Vec::with_capacity(piece.klines.len()); places.len()];
    for kline in &piece.klines {
        step(&mut engine, kline.open_time / STEP, &[(0, *kline)]);
        let row = engine.row(0).expect("sealed");
        columns.iter_mut().zip(places).for_each(|(column, place)| column.push(row.values[place]));
    }
    columns
}

fn momentum(core: &Core, piece: &Piece) -> Vec<(&'static str, Vec<f64>)> {
    let Piece { high, low, close, volume, .. } = piece;
    let (bars, end) = (close.len(), close.len() - 1);
    let [roc] = answers(bars, |[out]| core.roc(0, end, close, 12, out));
    let [down, up] = answers(bars, |[down, up]| core.aroon(0, end, high, low, 25, down, up));
    let [oscillator] = answers(bars, |[out]| core.aroonosc(0, end, high, low, 25, out));
    let [williams] = answers(bars, |[out]| core.willr(0, end, high, low, close, 28, out));
    let sma = MAType::SMA;
    let [_, d] = answers(bars, |[k, d]| core.stoch(0, end, high, low, close, 14, 3, sma, 3, sma, k, d));
    // The slow %K is the fast %D, which TA-Lib has from two bars earlier on.
    let [_, k] = answers(bars, |[k, d]| core.stochf(0, end, high, low, close, 14, 3, sma, k, d));
    let [ultimate] = answers(bars, |[out]| core.ultosc(0, end, high, low, close, 7, 14, 28, out));
    let [mfi] = answers(bars, |[out]| core.mfi(0, end, high, low, close, volume, 14, out));
    let [cci] = answers(bars, |[out]| core.cci(0, end, high, low, close, 20, out));
    vec![
        ("roc_12", roc),
        ("aroon_up_25", up),
        ("aroon_down_25", down),
        ("aroon_oscillator_25", oscillator),
        ("williams_r_28", williams),
        ("stochastic_k_14_3", k),
        ("stochastic_d_14_3_3", d),
        ("ultimate_oscillator_7_14_28", ultimate),
        ("mfi_14", mfi),
        ("cci_20", cci),
    ]
}

/// A column out of the closes and one of TA-Lib's.
fn with_close(piece: &Piece, theirs: &[f64], value: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    piece.close.iter().zip(theirs).map(|(close, theirs)| value(*close, *theirs)).collect()
}

fn averages(core: &Core, piece: &Piece) -> Vec<(&'static str, Vec<f64>)> {
    let Piece { high, low, close, .. } = piece;
    let (bars, end) = (close.len(), close.len() - 1);
    let [sma] = answers(bars, |[out]| core.sma(0, end, close, 50, out));
    let [wma] = answers(bars, |[out]| core.wma(0, end, close, 16, out));
    let [upper, middle, lower] = answers(bars, |[upper, middle, lower]| {
        core.bbands(0, end, close, 20, 2.0, 2.0, MAType::SMA, upper, middle, lower)
    });
    let slope = |period: i32| {
        let [slope] = answers(bars, |[out]| core.linearreg_slope(0, end, close, period, out));
        with_close(piece, &slope, |close, slope| slope / close)
    };
    let donchian = |period: i32| -> Vec<f64> {
        let [top] = answers(bars, |[out]| core.max(0, end, high, period, out));
        let [bottom] = answers(bars, |[out]| core.min(0, end, low, period, out));
        (0..bars).map(|at| place(close[at], top[at], bottom[at])).collect()
    };
    vec![
        ("donchian_position_20", donchian(20)),
        ("donchian_position_96", donchian(96)),
        ("sma_distance_50", with_close(piece, &sma, |close, sma| close / sma - 1.0)),
        ("wma_distance_16", with_close(piece, &wma, |close, wma| close / wma - 1.0)),
        ("bollinger_position_20", (0..bars).map(|at| place(close[at], upper[at], lower[at])).collect()),
        ("bollinger_width_20", (0..bars).map(|at| (upper[at] - lower[at]) / middle[at]).collect()),
        ("linear_regression_slope_16", slope(16)),
        ("linear_regression_slope_96", slope(96)),
    ]
}

/// Where a price stands between two others, -1 to 1; 0 where they are the same.
fn place(price: f64, top: f64, bottom: f64) -> f64 {
    if top == bottom { 0.0 } else { ((price - bottom) - (top - price)) / (top - bottom) }
}
