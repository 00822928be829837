//! Twins of the features over all symbols.

use super::{Past, correlation, covariance, deviation, mean, numbered, over, realised};

/// `here` holds the symbols whose kline of the bar is there; the first is Bitcoin.
pub(crate) fn twin(name: &str, own: &Past, here: &[Option<Past>]) -> Option<f64> {
    over_market(name, own, here).or_else(|| over_bitcoin(name, own, here[0].as_ref()))
}

fn over_market(name: &str, own: &Past, here: &[Option<Past>]) -> Option<f64> {
    let all = |value: &dyn Fn(&Past) -> f64| -> Vec<f64> {
        here.iter().flatten().map(value).filter(|value| value.is_finite()).collect()
    };
    let (stem, window) = numbered(name);
    let returns = || all(&|past| past.log_return(window));
    let volumes = |past: &Past, count| mean(&past.last(count, |bar| bar.volume));
    let volume_ratio = |past: &Past| over(volumes(past, 4), volumes(past, 96));
    Some(match stem {
        "market_return" => mean(&returns()),
        "excess_return" => own.log_return(window) - mean(&returns()),
        "breadth" => mean(&returns().iter().map(|r| f64::from(u8::from(*r > 0.0))).collect::<Vec<_>>()),
        "dispersion" => deviation(&returns()),
        "return_rank" => {
            let mine = own.log_return(window);
            let score = |other: &f64| {
                if *other < mine {
                    1.0
                } else if *other == mine {
                    0.5
                } else {
                    0.0
                }
            };
            let (count, points) = (returns().len() as f64, returns().iter().map(score).sum::<f64>());
            match count {
                _ if mine.is_nan() => f64::NAN,
                1.0 => 0.5,
                // Less the half point against itself.
                _ => (points - 0.5) / (count - 1.0),
            }
        }
        "market_volatility" => mean(&all(&|past| realised(past, window))),
        "relative_volatility" => over(realised(own, window), mean(&all(&|past| realised(past, window)))),
        "market_volume_ratio_4" => mean(&all(&volume_ratio)),
        "relative_volume_4" => over(volume_ratio(own), mean(&all(&volume_ratio))),
        _ => return None,
    })
}

fn over_bitcoin(name: &str, own: &Past, bitcoin: Option<&Past>) -> Option<f64> {
    let (stem, window) = numbered(name);
    let known = [
        "bitcoin_return",
        "bitcoin_beta",
        "bitcoin_correlation",
        "residual_return",
        "bitcoin_leads",
        "bitcoin_lags",
    ];
    if !known.contains(&stem) {
        return None;
    }
    let Some(bitcoin) = bitcoin else { return Some(f64::NAN) };
    let beta = |window| {
        let (x, y) = (bitcoin.returns(window), own.returns(window));
        over(covariance(&x, &y), covariance(&x, &x))
    };
    let follows = |first: &Past, second: &Past| correlation(&first.returns(97)[..96], &second.returns(96));
    Some(match stem {
        "bitcoin_return" => bitcoin.log_return(window),
        "bitcoin_beta" => beta(window),
        "bitcoin_correlation" => correlation(&bitcoin.returns(96), &own.returns(96)),
        "residual_return" => own.log_return(window) - beta(96) * bitcoin.log_return(window),
        "bitcoin_leads" => follows(bitcoin, own),
        _ => follows(own, bitcoin),
    })
}
