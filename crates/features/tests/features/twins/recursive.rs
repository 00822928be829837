//! Twins of the recursive features: the textbook's recursion, run from the generation's anchor.

use kline::KlineFields;

use super::{Past, mean, over};

pub(crate) fn twin(name: &str, past: &Past) -> Option<f64> {
    let now = past.first + past.bars.len() as i64 - 1;
    let anchor = (now / 512 - 1) * 512;
    let bars =
        usize::try_from(anchor - past.first).ok().and_then(|from| past.bars.get(from..)).unwrap_or(&[]);
    let close = past.bars[past.bars.len() - 1].close;
    let closes: Vec<f64> = bars.iter().map(|bar| bar.close).collect();
    if bars.is_empty() {
        return value(name, past, &past.bars, close).map(|_| f64::NAN);
    }
    value(name, past, bars, close).filter(|_| !closes.is_empty())
}

fn value(name: &str, past: &Past, bars: &[KlineFields], close: f64) -> Option<f64> {
    let closes: Vec<f64> = bars.iter().map(|bar| bar.close).collect();
    let last = |values: Vec<f64>| values.last().copied().unwrap_or(f64::NAN);
    let line = || -> Vec<f64> {
        let fast = ema(closes.get(14..).unwrap_or(&[]), 12);
        fast.iter().zip(ema(&closes, 26)).map(|(fast, slow)| fast - slow).collect()
    };
    Some(match name {
        "ewma_volatility_94" => ewma(&closes, 0.94),
        "ewma_volatility_99" => ewma(&closes, 0.99),
        "scaled_return_1" => over(past.log_return(1), ewma(&closes, 0.94)),
        "scaled_return_4" => over(past.log_return(4), ewma(&closes, 0.94) * 2.0),
        "scaled_return_16" => over(past.log_return(16), ewma(&closes, 0.94) * 4.0),
        "scaled_return_96" => over(past.log_return(96), ewma(&closes, 0.94) * 96f64.sqrt()),
        "ema_distance_20" => close / last(ema(&closes, 20)) - 1.0,
        "ema_distance_96" => close / last(ema(&closes, 96)) - 1.0,
        "ema_distance_200" => close / last(ema(&closes, 200)) - 1.0,
        "rsi_14" => gains(&closes, 14).0,
        "rsi_56" => gains(&closes, 56).0,
        "stochastic_rsi_14" => {
            let counts = closes.len().saturating_sub(13)..=closes.len();
            let values: Vec<f64> = counts.map(|count| gains(&closes[..count], 14).0).collect();
            let (high, low) = extremes(&values);
            if high - low < 1e-9 { 0.0 } else { 100.0 * (last(values) - low) / (high - low) }
        }
        "kama_distance_10" => close / last(kama(&closes)) - 1.0,
        "kama_slope_10" => {
            let [.., before, now] = kama(&closes)[..] else { return Some(f64::NAN) };
            (now / before).ln()
        }
        "cmo_28" => gains(&closes, 28).1,
        "macd_12_26" => last(line()) / close,
        "macd_signal_12_26_9" => last(ema(&line(), 9)) / close,
        "macd_histogram_12_26_9" => (last(line()) - last(ema(&line(), 9))) / close,
        "trix_15" => {
            let triple = ema(&ema(&ema(&closes, 15), 15), 15);
            let [.., before, now] = triple[..] else { return Some(f64::NAN) };
            100.0 * (now - before) / before
        }
        "natr_14" => 100.0 * atr(bars, 14) / close,
        "keltner_position_20" => over(close - last(ema(&closes, 20)), 2.0 * atr(bars, 10)),
        "keltner_width_20" => 4.0 * atr(bars, 10) / last(ema(&closes, 20)),
        "adx_14" => directional(bars, 14)[0],
        "plus_di_14" => directional(bars, 14)[1],
        "minus_di_14" => directional(bars, 14)[2],
        _ => return None,
    })
}

fn ewma(closes: &[f64], decay: f64) -> f64 {
    let squares: Vec<f64> = closes.windows(2).map(|pair| (pair[1] / pair[0]).ln().powi(2)).collect();
    let Some((seed, rest)) = squares.split_first() else { return f64::NAN };
    rest.iter().fold(*seed, |variance, square| variance + (1.0 - decay) * (square - variance)).sqrt()
}

/// The highest and the lowest value; NaN if one is.
fn extremes(values: &[f64]) -> (f64, f64) {
    let nothing = values.iter().sum::<f64>() * 0.0;
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (high + nothing, values.iter().copied().fold(f64::INFINITY, f64::min) + nothing)
}

/// Kaufman's averages from the 11th price on, seeded with the 10th: the squared smoothing constant lies between those of
/// EMA(2) and EMA(30) as the efficiency ratio says.
fn kama(closes: &[f64]) -> Vec<f64> {
    let Some(mut average) = closes.get(9).copied() else { return Vec::new() };
    let mut averages = Vec::new();
    for window in closes.windows(11) {
        let way: f64 = window.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
        // A price that stands is taken for a straight way.
        let efficiency = if way == 0.0 { 1.0 } else { (window[10] - window[0]).abs() / way };
        let (fast, slow) = (2.0 / 3.0, 2.0 / 31.0);
        average += (efficiency * (fast - slow) + slow).powi(2) * (window[10] - average);
        averages.push(average);
    }
    averages
}

/// Averages from the first `period` inputs on.
fn ema(inputs: &[f64], period: usize) -> Vec<f64> {
    if inputs.len() < period {
        return Vec::new();
    }
    let weight = 2.0 / (period as f64 + 1.0);
    let mut averages = vec![mean(&inputs[..period])];
    for input in &inputs[period..] {
        let last = averages[averages.len() - 1];
        averages.push(weight * input + (1.0 - weight) * last);
    }
    averages
}

/// Wilder's average: the mean of the first `period` values, then 1/period of each new one.
fn wilder(values: &[f64], period: usize) -> f64 {
    if values.len() < period {
        return f64::NAN;
    }
    let n = period as f64;
    values[period..].iter().fold(mean(&values[..period]), |average, value| average + (value - average) / n)
}

/// RSI and CMO.
fn gains(closes: &[f64], period: usize) -> (f64, f64) {
    let changes: Vec<f64> = closes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let up = wilder(&changes.iter().map(|change| change.max(0.0)).collect::<Vec<_>>(), period);
    let down = wilder(&changes.iter().map(|change| (-change).max(0.0)).collect::<Vec<_>>(), period);
    if up + down < 1e-14 { (0.0, 0.0) } else { (100.0 * up / (up + down), 100.0 * (up - down) / (up + down)) }
}

fn ranges(bars: &[KlineFields]) -> Vec<f64> {
    bars.windows(2).map(|pair| pair[1].high.max(pair[0].close) - pair[1].low.min(pair[0].close)).collect()
}

fn atr(bars: &[KlineFields], period: usize) -> f64 {
    wilder(&ranges(bars), period)
}

/// ADX, +DI and -DI.
fn directional(bars: &[KlineFields], period: usize) -> [f64; 3] {
    let movement = |up: bool| -> Vec<f64> {
        let moves = |pair: &[KlineFields]| {
            let (rise, fall) = (pair[1].high - pair[0].high, pair[0].low - pair[1].low);
            let (this, other) = if up { (rise, fall) } else { (fall, rise) };
            if this > 0.0 && this > other { this } else { 0.0 }
        };
        bars.windows(2).map(moves).collect()
    };
    let (plus, minus, range) = (movement(true), movement(false), ranges(bars));
    if range.len() < 2 * period {
        return [f64::NAN; 3];
    }
    // Wilder's sums begin with one value less than the period.
    let smooth = |values: &[f64]| -> Vec<f64> {
        let mut sum: f64 = values[..period - 1].iter().sum();
        values[period - 1..]
            .iter()
            .map(|value| {
                sum = sum * (1.0 - 1.0 / period as f64) + value;
                sum
            })
            .collect()
    };
    let (plus, minus, range) = (smooth(&plus), smooth(&minus), smooth(&range));
    let indicator = |movement: f64, range: f64| if range < 1e-14 { 0.0 } else { 100.0 * movement / range };
    let both: Vec<(f64, f64)> = (0..range.len())
        .map(|at| (indicator(plus[at], range[at]), indicator(minus[at], range[at])))
        .collect();
    let dx: Vec<Option<f64>> = both
        .iter()
        .map(|(up, down)| (up + down >= 1e-14).then(|| 100.0 * (up - down).abs() / (up + down)))
        .collect();
    let seed = dx[..period].iter().flatten().sum::<f64>() / period as f64;
    let adx = dx[period..].iter().flatten().fold(seed, |adx, dx| adx + (dx - adx) / period as f64);
    let (up, down) = both[both.len() - 1];
    [adx, up, down]
}
