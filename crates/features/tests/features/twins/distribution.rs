//! Twins of the features of the distribution of log returns.

use super::{Past, mean, numbered, over, sum};

pub(crate) fn twin(name: &str, past: &Past) -> Option<f64> {
    let returns = past.returns(96);
    let average = mean(&returns);
    let moment =
        |power: i32| mean(&returns.iter().map(|value| (value - average).powi(power)).collect::<Vec<_>>());
    let (stem, _) = numbered(name);
    Some(match stem {
        "skewness" => over(moment(3), moment(2).powf(1.5)),
        "kurtosis" if moment(2) == 0.0 => 0.0,
        "kurtosis" => moment(4) / moment(2).powi(2) - 3.0,
        "autocorrelation_1" => {
            let products: Vec<f64> =
                returns.windows(2).map(|pair| (pair[0] - average) * (pair[1] - average)).collect();
            over(sum(&products), 96.0 * moment(2))
        }
        "variance_ratio_4" => variance_ratio(&returns, 4),
        "variance_ratio_16" => variance_ratio(&returns, 16),
        _ => return None,
    })
}

/// Lo and MacKinlay's equations for overlapping returns, in the paper's order.
fn variance_ratio(returns: &[f64], q: usize) -> f64 {
    let (n, steps, average) = (returns.len() as f64, q as f64, mean(returns));
    let single = returns.iter().map(|value| (value - average).powi(2)).sum::<f64>() / (n - 1.0);
    let m = steps * (n - steps + 1.0) * (1.0 - steps / n);
    let long = returns.windows(q).map(|window| (sum(window) - steps * average).powi(2)).sum::<f64>() / m;
    over(long, single)
}
