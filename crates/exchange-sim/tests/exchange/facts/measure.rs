//! What is measured of a market.

use std::collections::BTreeMap;

use kline::{Interval, Kline, Symbol};

const STEP: i64 = Interval::M15.milliseconds();
/// The lags, in bars, at which memory is measured.
pub(crate) const LAGS: [usize; 5] = [1, 4, 16, 96, 672];

/// The facts of ten pairs' klines; values that are not per pair are means over the pairs.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Standard deviation of the 15-minute log return, per pair in order of name.
    pub(crate) volatility: Vec<f64>,
    /// Median over pairs of the kurtosis of returns (normal: 3).
    pub(crate) kurtosis: f64,
    /// Mean absolute return over the standard deviation (normal: 0.798).
    pub(crate) peakedness: f64,
    /// Share of returns beyond four standard deviations (normal: 0.00006).
    pub(crate) beyond_four: f64,
    /// Autocorrelation of absolute returns at [`LAGS`].
    pub(crate) clustering: [f64; 5],
    /// Autocorrelation of returns at lags 1 and 2.
    pub(crate) return_memory: [f64; 2],
    /// Mean correlation between two pairs' returns.
    pub(crate) correlation: f64,
    /// The least of them.
    pub(crate) least_correlation: f64,
    /// Mean correlation between two pairs' absolute returns.
    pub(crate) volatility_correlation: f64,
    /// Mean absolute return by hour over its mean.
    pub(crate) hours: Vec<f64>,
    /// Mean absolute return of Saturday and Sunday over that of the week.
    pub(crate) weekend: f64,
    /// Correlation of log volume with the absolute return.
    pub(crate) volume_on_return: f64,
    /// Correlation of log volume with the log range.
    pub(crate) volume_on_range: f64,
    /// Standard deviation of log volume.
    pub(crate) volume_spread: f64,
    /// Autocorrelation of log volume at [`LAGS`].
    pub(crate) volume_memory: [f64; 5],
    /// Parkinson's volatility over the close-to-close one.
    pub(crate) parkinson: f64,
    /// Share of bars that close where they opened.
    pub(crate) unchanged: f64,
}

/// How takers of one pair trade.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flow {
    /// Mean of the taker's share of volume.
    pub(crate) mean: f64,
    /// Its standard deviation.
    pub(crate) spread: f64,
    /// Its correlation with the bar's own return.
    pub(crate) on_return: f64,
    /// Its correlation with the next bar's return.
    pub(crate) on_next_return: f64,
    /// Its autocorrelation at lag 1.
    pub(crate) memory: f64,
}

/// One pair's columns on a common grid; what is missing is NaN.
struct Columns {
    change: Vec<f64>,
    log_volume: Vec<f64>,
    range: Vec<f64>,
    unchanged: f64,
}

impl Columns {
    fn of(klines: &[Kline], from: i64, bars: usize) -> Self {
        let mut close = vec![f64::NAN; bars];
        let mut log_volume = vec![f64::NAN; bars];
        let mut range = vec![f64::NAN; bars];
        let mut unchanged = 0.0;
        for kline in klines {
            let at = usize::try_from((kline.open_time - from) / STEP).expect("inside the grid");
            close[at] = kline.close.ln();
            unchanged += f64::from(u8::from(kline.close == kline.open)) / klines.len() as f64;
            if kline.volume > 0.0 {
                log_volume[at] = kline.volume.ln();
            }
            range[at] = (kline.high / kline.low).ln();
        }
        let mut change = vec![f64::NAN; bars];
        for at in 1..bars {
            change[at] = close[at] - close[at - 1];
        }
        Self { change, log_volume, range, unchanged }
    }

    fn absolute(&self) -> Vec<f64> {
        self.change.iter().map(|x| x.abs()).collect()
    }

    fn log_range(&self) -> Vec<f64> {
        self.range.iter().map(|x| if *x > 0.0 { x.ln() } else { f64::NAN }).collect()
    }
}

impl Facts {
    pub(crate) fn measure(market: &BTreeMap<Symbol, Vec<Kline>>) -> Self {
        let from = market.values().filter_map(|k| k.first()).map(|k| k.open_time).min().expect("klines");
        let to = market.values().filter_map(|k| k.last()).map(|k| k.open_time).max().expect("klines");
        let bars = usize::try_from((to - from) / STEP + 1).expect("not too many");
        let pairs: Vec<Columns> = market.values().map(|klines| Columns::of(klines, from, bars)).collect();
        let each =
            |value: &dyn Fn(&Columns) -> f64| pairs.iter().map(value).sum::<f64>() / pairs.len() as f64;
        let changes: Vec<&[f64]> = pairs.iter().map(|pair| pair.change.as_slice()).collect();
        let absolutes: Vec<Vec<f64>> = pairs.iter().map(Columns::absolute).collect();
        let absolute_slices: Vec<&[f64]> = absolutes.iter().map(Vec::as_slice).collect();
        let (correlation, least_correlation) = cross_correlation(&changes);
        let mut kurtoses: Vec<f64> = pairs.iter().map(|pair| kurtosis(&pair.change)).collect();
        kurtoses.sort_by(f64::total_cmp);
        let mean_absolute: Vec<f64> =
            (0..bars).map(|at| mean(&absolutes.iter().map(|pair| pair[at]).collect::<Vec<_>>())).collect();
        Self {
            volatility: pairs.iter().map(|pair| deviation(&pair.change)).collect(),
            kurtosis: kurtoses[kurtoses.len() / 2],
            peakedness: each(&|pair| mean(&pair.absolute()) / deviation(&pair.change)),
            beyond_four: each(&|pair| {
                let limit = 4.0 * deviation(&pair.change);
                mean(
                    &pair
                        .change
                        .iter()
                        .map(|x| if x.is_nan() { *x } else { f64::from(x.abs() > limit) })
                        .collect::<Vec<_>>(),
                )
            }),
            clustering: LAGS.map(|lag| each(&|pair| memory(&pair.absolute(), lag))),
            return_memory: [1, 2].map(|lag| each(&|pair| memory(&pair.change, lag))),
            correlation,
            least_correlation,
            volatility_correlation: cross_correlation(&absolute_slices).0,
            hours: profile(&mean_absolute, from, 3_600_000, 24),
            // Days since the epoch modulo 7: Thursday is 0, so Saturday 2 and Sunday 3.
            weekend: profile(&mean_absolute, from, 86_400_000, 7)[2..4].iter().sum::<f64>() / 2.0,
            volume_on_return: each(&|pair| correlate(&pair.log_volume, &pair.absolute())),
            volume_on_range: each(&|pair| correlate(&pair.log_volume, &pair.log_range())),
            volume_spread: each(&|pair| deviation(&pair.log_volume)),
            volume_memory: LAGS.map(|lag| each(&|pair| memory(&pair.log_volume, lag))),
            parkinson: each(&|pair| {
                let squares: Vec<f64> = pair.range.iter().map(|x| x * x).collect();
                (mean(&squares) / (4.0 * std::f64::consts::LN_2)).sqrt() / deviation(&pair.change)
            }),
            unchanged: each(&|pair| pair.unchanged),
        }
    }

    /// The mean of several windows' facts.
    pub(crate) fn average(windows: &[Self]) -> Self {
        let count = windows.len() as f64;
        let of = |value: &dyn Fn(&Self) -> f64| windows.iter().map(value).sum::<f64>() / count;
        let list = |value: &dyn Fn(&Self) -> &[f64]| -> Vec<f64> {
            (0..value(&windows[0]).len()).map(|at| of(&|facts| value(facts)[at])).collect()
        };
        let array =
            |value: &dyn Fn(&Self) -> [f64; 5]| std::array::from_fn(|at| of(&|facts| value(facts)[at]));
        Self {
            volatility: list(&|facts| &facts.volatility),
            kurtosis: of(&|facts| facts.kurtosis),
            peakedness: of(&|facts| facts.peakedness),
            beyond_four: of(&|facts| facts.beyond_four),
            clustering: array(&|facts| facts.clustering),
            return_memory: std::array::from_fn(|at| of(&|facts| facts.return_memory[at])),
            correlation: of(&|facts| facts.correlation),
            least_correlation: of(&|facts| facts.least_correlation),
            volatility_correlation: of(&|facts| facts.volatility_correlation),
            hours: list(&|facts| &facts.hours),
            weekend: of(&|facts| facts.weekend),
            volume_on_return: of(&|facts| facts.volume_on_return),
            volume_on_range: of(&|facts| facts.volume_on_range),
            volume_spread: of(&|facts| facts.volume_spread),
            volume_memory: array(&|facts| facts.volume_memory),
            parkinson: of(&|facts| facts.parkinson),
            unchanged: of(&|facts| facts.unchanged),
        }
    }
}

impl Flow {
    /// Measures the bars that have all columns.
    pub(crate) fn measure(klines: &[Kline]) -> Self {
        let share = |kline: &Kline| kline.taker_base.map_or(f64::NAN, |taker| taker / kline.volume);
        let shares: Vec<f64> = klines.iter().map(share).collect();
        let change: Vec<f64> = klines.iter().map(|kline| (kline.close / kline.open).ln()).collect();
        Self {
            mean: mean(&shares),
            spread: deviation(&shares),
            on_return: correlate(&shares, &change),
            on_next_return: correlate(&shares[..shares.len() - 1], &change[1..]),
            memory: memory(&shares, 1),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    let (sum, count) =
        values.iter().filter(|x| !x.is_nan()).fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
    sum / count
}

fn central_moment(values: &[f64], power: i32) -> f64 {
    let middle = mean(values);
    mean(&values.iter().map(|x| (x - middle).powi(power)).collect::<Vec<_>>())
}

fn deviation(values: &[f64]) -> f64 {
    central_moment(values, 2).sqrt()
}

fn kurtosis(values: &[f64]) -> f64 {
    central_moment(values, 4) / central_moment(values, 2).powi(2)
}

/// Correlation over the places where both are known.
pub(crate) fn correlate(a: &[f64], b: &[f64]) -> f64 {
    let (a, b): (Vec<f64>, Vec<f64>) = a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan()).unzip();
    let (middle_a, middle_b) = (mean(&a), mean(&b));
    let products: Vec<f64> = a.iter().zip(&b).map(|(a, b)| (a - middle_a) * (b - middle_b)).collect();
    mean(&products) / (deviation(&a) * deviation(&b))
}

fn memory(values: &[f64], lag: usize) -> f64 {
    correlate(&values[lag..], &values[..values.len() - lag])
}

/// Mean and least correlation over all couples.
fn cross_correlation(columns: &[&[f64]]) -> (f64, f64) {
    let mut all = Vec::new();
    for (at, a) in columns.iter().enumerate() {
        all.extend(columns[at + 1..].iter().map(|b| correlate(a, b)));
    }
    (mean(&all), all.iter().copied().fold(f64::INFINITY, f64::min))
}

/// Means by phase of a period over the mean of all.
fn profile(values: &[f64], from: i64, period: i64, count: i64) -> Vec<f64> {
    let whole = mean(values);
    let phase = |at: usize| (from + STEP * at as i64).div_euclid(period).rem_euclid(count);
    let of = |wanted: i64| -> Vec<f64> {
        values.iter().enumerate().filter(|(at, _)| phase(*at) == wanted).map(|(_, x)| *x).collect()
    };
    (0..count).map(|wanted| mean(&of(wanted)) / whole).collect()
}
