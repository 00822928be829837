//! Twins of the features over bars of higher timeframes and over whole days: each such bar is cut out of the past.

use kline::KlineFields;

use super::{Past, mean, numbered, over, realised};

pub(crate) fn twin(name: &str, past: &Past) -> Option<f64> {
    let (stem, steps) = numbered(name);
    let close = past.bars[past.bars.len() - 1].close;
    // The closed higher bars, and the base bars of the one that runs.
    let (closed, running) = cut(past, steps.max(1));
    Some(match stem {
        "higher_return" => match &closed[..] {
            [.., (_, before), (_, last)] => (last / before).ln(),
            _ => f64::NAN,
        },
        "higher_range" => (high(last(&closed)) / low(last(&closed))).ln(),
        "higher_close_location" => {
            let (high, low) = (high(last(&closed)), low(last(&closed)));
            over(2.0 * closed.last().map_or(f64::NAN, |(_, close)| *close) - high - low, high - low)
        }
        "running_return" | "running_range" if running.as_ref().is_some_and(Vec::is_empty) => 0.0,
        "running_return" => (close / closed.last().map_or(f64::NAN, |(_, close)| *close)).ln(),
        "running_range" => (high(running.as_deref()) / low(running.as_deref())).ln(),
        _ => match name {
            "realised_volatility_month" => month(past),
            "volatility_ratio_day_month" => over(realised(past, 96), month(past)),
            _ => return None,
        },
    })
}

/// The base bars of a higher bar, unless it was joined midway, and its close.
type Closed = (Option<Vec<KlineFields>>, f64);

/// The higher bars that have closed, and the one that runs: its base bars unless it was joined midway.
fn cut(past: &Past, steps: usize) -> (Vec<Closed>, Option<Vec<KlineFields>>) {
    let mut closed = Vec::new();
    let mut at = past.first;
    let end = past.first + past.bars.len() as i64;
    let steps = steps as i64;
    loop {
        let next = (at.div_euclid(steps) + 1) * steps;
        let from = (at - past.first) as usize;
        let whole = at.rem_euclid(steps) == 0;
        if next > end {
            let running = past.bars[from..].to_vec();
            return (closed, (whole || running.is_empty()).then_some(running));
        }
        let bars = past.bars[from..(next - past.first) as usize].to_vec();
        let close = bars[bars.len() - 1].close;
        closed.push((whole.then_some(bars), close));
        at = next;
    }
}

fn last(closed: &[Closed]) -> Option<&[KlineFields]> {
    closed.last().and_then(|(bars, _)| bars.as_deref())
}

fn high(bars: Option<&[KlineFields]>) -> f64 {
    bars.map_or(f64::NAN, |bars| bars.iter().map(|bar| bar.high).fold(f64::NEG_INFINITY, f64::max))
}

fn low(bars: Option<&[KlineFields]>) -> f64 {
    bars.map_or(f64::NAN, |bars| bars.iter().map(|bar| bar.low).fold(f64::INFINITY, f64::min))
}

/// From the squared returns themselves: those of 30 days up to the last bar of a day.
fn month(past: &Past) -> f64 {
    let end = past.first + past.bars.len() as i64;
    let after_last_day = end.div_euclid(96) * 96 - past.first;
    let until = usize::try_from(after_last_day).unwrap_or(0);
    let closes: Vec<f64> = past.bars[..until].iter().map(|bar| bar.close).collect();
    let Some(from) = closes.len().checked_sub(30 * 96 + 1) else { return f64::NAN };
    let squares: Vec<f64> = closes[from..].windows(2).map(|pair| (pair[1] / pair[0]).ln().powi(2)).collect();
    mean(&squares).sqrt()
}
