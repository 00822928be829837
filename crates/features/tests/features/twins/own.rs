//! Twins of the windowed features of one symbol.

use std::f64::consts::{LN_2, PI};

use kline::KlineFields;

use super::{Past, correlation, deviation, mean, numbered, over, realised, sum};

pub(crate) fn twin(name: &str, past: &Past) -> Option<f64> {
    returns(name, past)
        .or_else(|| volatility(name, past))
        .or_else(|| momentum(name, past))
        .or_else(|| bands(name, past))
        .or_else(|| flow(name, past))
        .or_else(|| candle(name, past))
        .or_else(|| calendar(name, past))
}

fn returns(name: &str, past: &Past) -> Option<f64> {
    Some(match numbered(name) {
        ("log_return", 1) => past.log_return(1),
        ("return", bars) if bars > 0 => past.log_return(bars),
        ("log_return_1_lag", lag) => past.returns(lag + 1)[0],
        _ => return None,
    })
}

fn volatility(name: &str, past: &Past) -> Option<f64> {
    let day = || past.returns(96);
    let squares = |returns: &[f64]| sum(&returns.iter().map(|r| r * r).collect::<Vec<_>>());
    let (stem, window) = numbered(name);
    Some(match (stem, name) {
        ("realised_volatility", _) => realised(past, window),
        ("volatility_ratio_4" | "volatility_ratio_16", _) => {
            let short = if stem.ends_with("_4") { 4 } else { 16 };
            over(realised(past, short), realised(past, 96))
        }
        ("volatility_ratio_96", _) => over(realised(past, 96), realised(past, 672)),
        ("downside_share", _) => {
            let fell: Vec<f64> = day().into_iter().filter(|r| *r < 0.0 || r.is_nan()).collect();
            over(squares(&fell), squares(&day()))
        }
        ("volatility_of_volatility", _) => {
            let sizes: Vec<f64> = day().iter().map(|r| r.abs()).collect();
            over(deviation(&sizes), mean(&sizes))
        }
        ("parkinson", _) => {
            let terms = past.last(window, |bar| (bar.high / bar.low).ln().powi(2) / (4.0 * LN_2));
            mean(&terms).sqrt()
        }
        ("garman_klass", _) => mean(&past.last(window, garman_klass)).max(0.0).sqrt() + nan_of(past, window),
        ("rogers_satchell", _) => {
            mean(&past.last(window, rogers_satchell)).max(0.0).sqrt() + nan_of(past, window)
        }
        ("yang_zhang", _) => yang_zhang(past, window),
        ("jump_share", _) => {
            let returns = day();
            let bipower: f64 = returns.windows(2).map(|pair| pair[0].abs() * pair[1].abs()).sum();
            let realised = squares(&returns);
            if realised == 0.0 {
                0.0
            } else {
                (1.0 - PI / 2.0 * bipower / realised).max(0.0) + realised * 0.0
            }
        }
        ("largest_move_share", _) => {
            let largest = day().iter().fold(0.0f64, |largest, r| largest.max(r * r));
            over(largest, squares(&day()))
        }
        ("seasonal_volatility", _) => seasonal_volatility(past),
        ("seasonal_volatility_ratio", _) => over(seasonal_volatility(past), realised(past, 672)),
        ("seasonal_volume_ratio", _) => {
            let week = past.last(672, |bar| bar.volume);
            let same: Vec<f64> = (0..7).flat_map(|day| week[day * 96..day * 96 + 4].to_vec()).collect();
            over(mean(&same), mean(&week))
        }
        _ => return None,
    })
}

/// Zero, or NaN while the window is not full (`f64::max` forgets a NaN).
fn nan_of(past: &Past, window: usize) -> f64 {
    past.last(window, |bar| bar.close)[0] * 0.0
}

fn garman_klass(bar: &KlineFields) -> f64 {
    0.5 * (bar.high / bar.low).ln().powi(2) - (2.0 * LN_2 - 1.0) * (bar.close / bar.open).ln().powi(2)
}

fn rogers_satchell(bar: &KlineFields) -> f64 {
    (bar.high / bar.close).ln() * (bar.high / bar.open).ln()
        + (bar.low / bar.close).ln() * (bar.low / bar.open).ln()
}

fn yang_zhang(past: &Past, window: usize) -> f64 {
    let n = window as f64;
    let sample = |values: &[f64]| deviation(values).powi(2) * n / (n - 1.0);
    let gaps = sample(&pairs(past, window, |before, bar| (bar.open / before.close).ln()));
    let bodies = sample(&past.last(window, |bar| (bar.close / bar.open).ln()));
    let inner = mean(&past.last(window, rogers_satchell)).max(0.0);
    let k = 0.34 / (1.34 + (n + 1.0) / (n - 1.0));
    (gaps + k * bodies + (1.0 - k) * inner).sqrt()
}

/// The window of 672 returns begins 671 bars ago: the bars just after this time of day seven days before.
fn seasonal_volatility(past: &Past) -> f64 {
    let week = past.returns(672);
    let same: Vec<f64> = (0..7).flat_map(|day| week[day * 96..day * 96 + 4].to_vec()).collect();
    mean(&same.iter().map(|r| r * r).collect::<Vec<_>>()).sqrt()
}

fn high(past: &Past, window: usize) -> f64 {
    past.last(window, |bar| bar.high).into_iter().fold(f64::NEG_INFINITY, f64::max) + nan_of(past, window)
}

fn low(past: &Past, window: usize) -> f64 {
    past.last(window, |bar| bar.low).into_iter().fold(f64::INFINITY, f64::min) + nan_of(past, window)
}

fn close(past: &Past) -> f64 {
    past.bars[past.bars.len() - 1].close
}

fn earlier(past: &Past, bars: usize) -> Past {
    let count = past.bars.len().saturating_sub(bars);
    Past { bars: past.bars[..count].to_vec(), first: past.first }
}

fn typical(bar: &KlineFields) -> f64 {
    (bar.high + bar.low + bar.close) / 3.0
}

fn fast_stochastic(past: &Past) -> f64 {
    if past.bars.len() < 14 {
        return f64::NAN;
    }
    100.0 * over(close(past) - low(past, 14), high(past, 14) - low(past, 14))
}

fn slow_stochastic(past: &Past) -> f64 {
    mean(&[0, 1, 2].map(|bars| fast_stochastic(&earlier(past, bars))))
}

fn slope(values: &[f64]) -> f64 {
    let places: Vec<f64> = (0..values.len()).map(|place| place as f64).collect();
    super::covariance(&places, values) / super::covariance(&places, &places)
}

/// Pairs of a bar and the one before it, oldest first.
fn pairs(past: &Past, count: usize, value: impl Fn(&KlineFields, &KlineFields) -> f64) -> Vec<f64> {
    match past.bars.len().checked_sub(count + 1) {
        Some(from) => past.bars[from..].windows(2).map(|pair| value(&pair[0], &pair[1])).collect(),
        None => vec![f64::NAN; count],
    }
}

fn momentum(name: &str, past: &Past) -> Option<f64> {
    Some(match name {
        "roc_12" => 100.0 * (close(past) / past.last(13, |bar| bar.close)[0] - 1.0),
        "stochastic_k_14_3" => slow_stochastic(past),
        "stochastic_d_14_3_3" => mean(&[0, 1, 2].map(|bars| slow_stochastic(&earlier(past, bars)))),
        "williams_r_28" => -100.0 * over(high(past, 28) - close(past), high(past, 28) - low(past, 28)),
        "cci_20" => {
            let window = past.last(20, typical);
            let distance =
                mean(&window.iter().map(|value| (value - mean(&window)).abs()).collect::<Vec<_>>());
            // A flat window may leave a rounding error over a rounding error.
            let noise = distance < 1e-13 * window[19];
            if noise { 0.0 } else { (window[19] - mean(&window)) / (0.015 * distance) }
        }
        "momentum_z_16_96" => {
            let closes = past.last(112, |bar| bar.close);
            let moves: Vec<f64> = closes.windows(17).map(|window| (window[16] / window[0]).ln()).collect();
            over(past.log_return(16) - mean(&moves), deviation(&moves))
        }
        "efficiency_ratio_10" => efficiency(past, 10),
        "efficiency_ratio_96" => efficiency(past, 96),
        "aroon_up_25" => aroon(past, |bar| bar.high),
        "aroon_down_25" => aroon(past, |bar| -bar.low),
        "aroon_oscillator_25" => aroon(past, |bar| bar.high) - aroon(past, |bar| -bar.low),
        "ultimate_oscillator_7_14_28" => ultimate(past),
        "linear_regression_slope_16" => slope(&past.last(16, |bar| bar.close)) / close(past),
        "linear_regression_slope_96" => slope(&past.last(96, |bar| bar.close)) / close(past),
        "linear_regression_r_squared_96" => {
            let values = past.last(96, |bar| bar.close);
            let places: Vec<f64> = (0..96).map(f64::from).collect();
            if deviation(&values) < 1e-13 * values[95] { 0.0 } else { correlation(&places, &values).powi(2) }
        }
        "sma_distance_50" => close(past) / mean(&past.last(50, |bar| bar.close)) - 1.0,
        "wma_distance_16" => {
            let window = past.last(16, |bar| bar.close);
            let weighted: f64 = window.iter().zip(1..).map(|(value, weight)| value * f64::from(weight)).sum();
            close(past) / (weighted / 136.0) - 1.0
        }
        _ => return None,
    })
}

fn efficiency(past: &Past, window: usize) -> f64 {
    let closes = past.last(window + 1, |bar| bar.close);
    let way: f64 = closes.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    over((closes[window] - closes[0]).abs(), way)
}

fn aroon(past: &Past, value: impl Fn(&KlineFields) -> f64) -> f64 {
    let window = past.last(26, value);
    let best = window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let at = window.iter().rposition(|value| *value == best);
    at.filter(|_| !window[0].is_nan()).map_or(f64::NAN, |at| 4.0 * at as f64)
}

fn true_range(before: &KlineFields, bar: &KlineFields) -> f64 {
    bar.high.max(before.close) - bar.low.min(before.close)
}

fn ultimate(past: &Past) -> f64 {
    let share = |window| {
        let ranges = sum(&pairs(past, window, true_range));
        let pressure = sum(&pairs(past, window, |before, bar| bar.close - bar.low.min(before.close)));
        if ranges < 1e-14 { 0.0 } else { pressure / ranges }
    };
    100.0 * (4.0 * share(7) + 2.0 * share(14) + share(28)) / 7.0
}

fn bands(name: &str, past: &Past) -> Option<f64> {
    let closes = || past.last(20, |bar| bar.close);
    let (stem, window) = numbered(name);
    Some(match stem {
        "bollinger_position" => {
            let noise = deviation(&closes()) < 1e-13 * close(past);
            if noise { 0.0 } else { (close(past) - mean(&closes())) / (2.0 * deviation(&closes())) }
        }
        "bollinger_width" => 4.0 * deviation(&closes()) / mean(&closes()),
        "donchian_position" => {
            let (high, low) = (high(past, window), low(past, window));
            over(close(past) - (high + low) / 2.0, (high - low) / 2.0)
        }
        "bars_since_high" => since(past, window, |bar| bar.high, high(past, window)),
        "bars_since_low" => since(past, window, |bar| bar.low, low(past, window)),
        "donchian_width" => (high(past, window) / low(past, window)).ln(),
        _ => return None,
    })
}

fn since(past: &Past, window: usize, value: impl Fn(&KlineFields) -> f64, extreme: f64) -> f64 {
    let back = past.last(window, value).into_iter().rev().position(|value| value == extreme);
    back.map_or(f64::NAN, |back| back as f64)
}

fn flow(name: &str, past: &Past) -> Option<f64> {
    let volumes = |count| past.last(count, |bar| bar.volume);
    let z_score = |values: Vec<f64>| {
        let noise = deviation(&values) <= 1e-13 * mean(&values).abs();
        if noise { 0.0 } else { (values[values.len() - 1] - mean(&values)) / deviation(&values) }
    };
    let trades = |bar: &KlineFields| bar.trades.map_or(f64::NAN, |trades| trades as f64);
    let value = |bar: &KlineFields| typical(bar) * bar.volume;
    let (stem, window) = numbered(name);
    Some(match stem {
        "volume_z" => z_score(volumes(window)),
        "volume_ratio_4" | "volume_ratio_96" => {
            let short = if stem.ends_with("_4") { 4 } else { 96 };
            over(mean(&volumes(short)), mean(&volumes(window)))
        }
        "volume_spread" => over(deviation(&volumes(96)), mean(&volumes(96))),
        "volume_return_correlation" => correlation(&volumes(96), &past.returns(96)),
        "obv_slope" => {
            let signed =
                pairs(past, window, |before, bar| (bar.close - before.close).signum_or_zero() * bar.volume);
            let balance: Vec<f64> = (1..=window).map(|count| sum(&signed[..count])).collect();
            over(slope(&balance), mean(&volumes(window)))
        }
        "mfi" => {
            let rises = |before: &KlineFields, bar: &KlineFields| {
                let (from, to) = (typical(before), typical(bar));
                if (to - from).abs() <= 1e-14 * (to + from) { 0.0 } else { (to - from).signum() }
            };
            let up = sum(&pairs(past, 14, |a, b| if rises(a, b) > 0.0 { value(b) } else { 0.0 }));
            let down = sum(&pairs(past, 14, |a, b| if rises(a, b) < 0.0 { value(b) } else { 0.0 }));
            100.0 * over(up, up + down)
        }
        "chaikin_money_flow" => {
            let flow = past
                .last(20, |bar| over(2.0 * bar.close - bar.low - bar.high, bar.high - bar.low) * bar.volume);
            over(sum(&flow), sum(&volumes(20)))
        }
        "vwap_distance" => {
            let average = sum(&past.last(window, value)) / sum(&volumes(window));
            if sum(&volumes(window)) == 0.0 { 0.0 } else { (close(past) / average).ln() }
        }
        "amihud_ratio_4" => {
            let terms =
                pairs(past, 96, |before, bar| over((bar.close / before.close).ln().abs(), value(bar)));
            over(mean(&terms[92..]), mean(&terms))
        }
        "taker_imbalance" => {
            let bought = past.last(window, |bar| bar.taker_base.unwrap_or(f64::NAN));
            over(2.0 * sum(&bought), sum(&volumes(window)))
                + if sum(&volumes(window)) == 0.0 { 0.0 } else { -1.0 }
                + sum(&bought) * 0.0
        }
        "trades_z" => z_score(past.last(96, trades)),
        "trade_size_z" => z_score(past.last(96, |bar| over(bar.volume, trades(bar)))),
        _ => return None,
    })
}

trait Sign {
    fn signum_or_zero(self) -> f64;
}

impl Sign for f64 {
    fn signum_or_zero(self) -> f64 {
        if self == 0.0 { 0.0 } else { self.signum() }
    }
}

fn candle(name: &str, past: &Past) -> Option<f64> {
    let bar = past.bars[past.bars.len() - 1];
    let range = bar.high - bar.low;
    let rose = || pairs(past, 16, |before, bar| (bar.close - before.close).signum_or_zero());
    Some(match name {
        "body_share" => over(bar.close - bar.open, range),
        "upper_wick_share" => over(bar.high - bar.open.max(bar.close), range),
        "lower_wick_share" => over(bar.open.min(bar.close) - bar.low, range),
        "close_location" => over(2.0 * bar.close - bar.high - bar.low, range),
        "range_1" => (bar.high / bar.low).ln(),
        "opening_gap" => (bar.open / past.last(2, |bar| bar.close)[0]).ln(),
        "streak_16" => {
            let signs = rose();
            let same = signs.iter().rev().take_while(|sign| **sign == signs[15] && **sign != 0.0).count();
            if signs[0].is_nan() { f64::NAN } else { same as f64 * signs[15] }
        }
        "up_share_16" => {
            mean(&rose().iter().map(|sign| if *sign < 0.0 { 0.0 } else { *sign }).collect::<Vec<_>>())
        }
        _ => return None,
    })
}

fn calendar(name: &str, past: &Past) -> Option<f64> {
    let minutes = (past.bars[past.bars.len() - 1].close_time + 1) / 60_000;
    let day = minutes as f64 / 1_440.0 * 2.0 * PI;
    // Monday, 5 January 1970.
    let from_monday = (minutes - 4 * 1_440).rem_euclid(7 * 1_440);
    let week = from_monday as f64 / (7.0 * 1_440.0) * 2.0 * PI;
    Some(match name {
        "hour_sin" => (day % (2.0 * PI)).sin(),
        "hour_cos" => (day % (2.0 * PI)).cos(),
        "half_day_sin" => (2.0 * day % (2.0 * PI)).sin(),
        "half_day_cos" => (2.0 * day % (2.0 * PI)).cos(),
        "day_of_week_sin" => week.sin(),
        "day_of_week_cos" => week.cos(),
        "is_weekend" => f64::from(u8::from(from_monday >= 5 * 1_440)),
        "minute_of_hour" => (minutes % 60) as f64 / 60.0,
        "funding_clock" => (minutes % 480) as f64 / 480.0,
        _ => return None,
    })
}
