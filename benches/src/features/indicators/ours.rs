//! Ours, put together from the kernels of the engine, in TA-Lib's definitions.

use features::recursions::{AverageTrueRange, DirectionalMovement, Ema, HighLowClose, Macd, WilderGains};
use features::window::terms::{Highest, Lowest, Powers, Total};
use features::window::{Recursion as _, RollingWindow, Sliding, sum_of};

use super::{Bar, Contender, Step};

const fn ours(indicator: &'static str, start: fn() -> anyhow::Result<Step>) -> Contender {
    Contender { library: "ours", indicator, start }
}

pub(super) const CONTENDERS: [Contender; 12] = [
    ours("SMA 20", || {
        let mut sliding = Windowed::<Total>::new(20);
        each(move |bar| {
            sliding.push(bar.close);
            sliding.sliding.mean()
        })
    }),
    ours("EMA 20", || {
        let mut ema = Ema::new(20);
        each(move |bar| {
            ema.update(bar.close);
            ema.value()
        })
    }),
    ours("RSI 14", || {
        let mut gains = WilderGains::for_rsi(14);
        each(move |bar| {
            gains.update(bar.close);
            gains.rsi()
        })
    }),
    ours("MACD", || {
        let mut macd = Macd::new(12, 26, 9);
        each(move |bar| {
            macd.update(bar.close);
            macd.line() - macd.signal()
        })
    }),
    ours("BBANDS 20", || {
        let mut sliding = Windowed::<Powers>::new(20);
        each(move |bar| {
            sliding.push(bar.close);
            let moments = sliding.sliding.moments();
            moments.mean + 2.0 * moments.standard_deviation()
        })
    }),
    ours("ATR 14", || {
        let mut range = AverageTrueRange::new(14);
        each(move |bar| {
            range.update(prices(bar));
            range.value()
        })
    }),
    ours("ADX 14", || {
        let mut movement = DirectionalMovement::new(14);
        each(move |bar| {
            movement.update(prices(bar));
            movement.adx()
        })
    }),
    ours("STOCH", || {
        let (mut high, mut low) = (Windowed::<Highest>::new(5), Windowed::<Lowest>::new(5));
        let (mut fast, mut slow) = ([f64::NAN; 3], [f64::NAN; 3]);
        each(move |bar| {
            high.push(bar.high);
            low.push(bar.low);
            let lowest = low.sliding.lowest();
            let unit = (high.sliding.highest() - lowest) / 100.0;
            fast = [fast[1], fast[2], if unit == 0.0 { 0.0 } else { (bar.close - lowest) / unit }];
            slow = [slow[1], slow[2], (fast[0] + fast[1] + fast[2]) / 3.0];
            (slow[0] + slow[1] + slow[2]) / 3.0
        })
    }),
    ours("CCI 20", || {
        let mut sliding = Windowed::<Powers>::new(20);
        each(move |bar| {
            let typical = (bar.high + bar.low + bar.close) / 3.0;
            sliding.push(typical);
            let mean = sliding.sliding.moments().mean;
            let deviation = sum_of(sliding.values.last(20), |value| (value - mean).abs());
            let distance = typical - mean;
            if distance == 0.0 || deviation == 0.0 { 0.0 } else { distance / (0.015 * (deviation / 20.0)) }
        })
    }),
    ours("MFI 14", || {
        let (mut rising, mut falling) = (Windowed::<Total>::new(14), Windowed::<Total>::new(14));
        let mut previous = f64::NAN;
        each(move |bar| {
            let typical = (bar.high + bar.low + bar.close) / 3.0;
            let (change, value) = (typical - previous, typical * bar.volume);
            previous = typical;
            rising.push(if change.is_nan() {
                f64::NAN
            } else if change > 0.0 {
                value
            } else {
                0.0
            });
            falling.push(if change < 0.0 { value } else { 0.0 });
            let (up, down) = (rising.sliding.sum(), falling.sliding.sum());
            if up + down < 1.0 { 0.0 } else { 100.0 * (up / (up + down)) }
        })
    }),
    ours("OBV", || {
        let (mut balance, mut previous) = (0.0, f64::NAN);
        each(move |bar| {
            balance += if bar.close > previous || previous.is_nan() {
                bar.volume
            } else if bar.close < previous {
                -bar.volume
            } else {
                0.0
            };
            previous = bar.close;
            balance
        })
    }),
    ours("WILLR 14", || {
        let (mut high, mut low) = (Windowed::<Highest>::new(14), Windowed::<Lowest>::new(14));
        each(move |bar| {
            high.push(bar.high);
            low.push(bar.low);
            let highest = high.sliding.highest();
            let unit = (highest - low.sliding.lowest()) / -100.0;
            if unit == 0.0 { 0.0 } else { (highest - bar.close) / unit }
        })
    }),
];

fn prices(bar: &Bar) -> HighLowClose {
    HighLowClose { high: bar.high, low: bar.low, close: bar.close }
}

fn each(mut step: impl FnMut(&Bar) -> f64 + 'static) -> anyhow::Result<Step> {
    Ok(Box::new(move |bars, out| out.extend(bars.iter().map(&mut step))))
}

/// A sliding summary with the values that it is made of.
struct Windowed<T: features::window::sliding::Terms<Item = f64>> {
    values: RollingWindow,
    sliding: Sliding<T>,
    index: i64,
}

impl<T: features::window::sliding::Terms<Item = f64>> Windowed<T> {
    fn new(window: usize) -> Self {
        Self { values: RollingWindow::new(window), sliding: Sliding::new(window), index: -1 }
    }

    fn push(&mut self, value: f64) {
        self.index += 1;
        self.values.push(value);
        let values = &self.values;
        self.sliding.push(self.index, |back| values.at(back));
    }
}
