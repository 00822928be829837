//! Another future, another past: klines with everything changed on one side of a bar.

use features::BLOCK;
use kline::{BarTime, Interval, Kline};

use super::Klines;
use crate::random::{Random, purpose_of};

/// Another future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Future {
    /// Every kline of every symbol says something else.
    Otherwise,
    /// There are no more klines.
    None,
    /// Half of the klines are missing, each symbol's own half, and the others say something else.
    Holes,
    /// One symbol goes on as it did, the others do not.
    OneAsBefore,
}

impl Future {
    pub(super) const ALL: [Self; 4] = [Self::Otherwise, Self::Holes, Self::None, Self::OneAsBefore];

    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Otherwise => "other prices and volumes",
            Self::None => "no klines",
            Self::Holes => "missing klines",
            Self::OneAsBefore => "other klines of all symbols but one",
        }
    }
}

/// Another past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    /// Everything before the bar, and at it everything but its close.
    Whole,
    /// Only what is too old to move the volatility that scales the directions.
    Old,
}

impl Past {
    pub(super) const ALL: [Self; 2] = [Self::Whole, Self::Old];

    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Whole => "everything earlier",
            Self::Old => "everything much earlier",
        }
    }
}

/// The klines with another future after `bar`.
pub(super) fn after(klines: &Klines, interval: Interval, bar: BarTime, future: Future, seed: u64) -> Klines {
    let purpose = [0xaf7e4, bar.milliseconds().cast_unsigned(), future as u64];
    let kept = Random::of(seed, &purpose).below(klines.len());
    let mut changed = klines.clone();
    for (place, (symbol, series)) in changed.iter_mut().enumerate() {
        let mut random = Random::of(seed, &[purpose.as_slice(), &[purpose_of(*symbol)]].concat());
        let start = series.partition_point(|kline| kline.close_time <= bar.milliseconds());
        let mut tail = series.split_off(start);
        match future {
            Future::None => continue,
            Future::OneAsBefore if place == kept => {}
            Future::Otherwise | Future::Holes | Future::OneAsBefore => {
                if future == Future::Holes {
                    tail.retain(|_| random.chance(0.5));
                }
                say_otherwise(&mut tail, interval, &mut random);
            }
        }
        series.append(&mut tail);
    }
    changed
}

/// The klines with another past before `bar`.
pub(super) fn before(klines: &Klines, interval: Interval, bar: BarTime, past: Past, seed: u64) -> Klines {
    let purpose = [0xbef04e, bar.milliseconds().cast_unsigned(), past as u64];
    let until = match past {
        Past::Whole => bar,
        // No generation of a recursion is older than two blocks when it is read.
        Past::Old => bar.plus(-2 * BLOCK, interval),
    };
    let mut changed = klines.clone();
    for (symbol, series) in &mut changed {
        let mut random = Random::of(seed, &[purpose.as_slice(), &[purpose_of(*symbol)]].concat());
        let end = series.partition_point(|kline| kline.close_time < until.milliseconds());
        let mut tail = series.split_off(end);
        series.retain(|_| !random.chance(0.05));
        say_otherwise(series, interval, &mut random);
        if past == Past::Whole
            && let Some(first) = tail.first_mut().filter(|kline| kline.bar_time(interval) == bar)
        {
            *first = same_close(first, interval, &mut random);
        }
        series.append(&mut tail);
    }
    changed
}

/// Another walk from another price, other volumes; sometimes a column is lost.
fn say_otherwise(klines: &mut [Kline], interval: Interval, random: &mut Random) {
    let mut factor = random.between(0.5, 2.0);
    for kline in klines {
        factor *= random.between(0.97, 1.03);
        let mut fields = **kline;
        fields.open *= factor * random.between(0.98, 1.02);
        fields.close *= factor * random.between(0.98, 1.02);
        fields.high = fields.open.max(fields.close) * random.between(1.0, 1.03);
        fields.low = fields.open.min(fields.close) * random.between(0.97, 1.0);
        fields.volume = (fields.volume + 1.0) * random.between(0.0, 5.0);
        let quote_volume = fields.volume * fields.close;
        fields.quote_volume = (!random.chance(0.1)).then_some(quote_volume);
        fields.trades = (!random.chance(0.1)).then_some(random.below(10_000) as u64);
        fields.taker_base = (!random.chance(0.1)).then_some(fields.volume * random.unit());
        fields.taker_quote = (!random.chance(0.1)).then_some(quote_volume * random.unit());
        *kline = Kline::new(interval, fields).unwrap_or(*kline);
    }
}

fn same_close(kline: &Kline, interval: Interval, random: &mut Random) -> Kline {
    let mut klines = [*kline];
    say_otherwise(&mut klines, interval, random);
    let [mut fields] = klines.map(|kline| *kline);
    fields.close = kline.close;
    fields.high = fields.high.max(fields.close);
    fields.low = fields.low.min(fields.close);
    Kline::new(interval, fields).unwrap_or(*kline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;

    fn klines() -> Klines {
        let series = |price: f64| {
            let kline = |bar: i64| {
                let fields = KlineFields { volume: 2.0, ..KlineFields::flat(bar * 900_000, price) };
                Kline::new(Interval::M15, fields).expect("valid")
            };
            (0..1_200).map(kline).collect::<Vec<_>>()
        };
        let symbol = |name: &str| name.parse().expect("a symbol");
        Klines::from([(symbol("BTCUSDT"), series(10.0)), (symbol("ETHUSDT"), series(20.0))])
    }

    #[test]
    fn one_side_of_the_bar_stays_and_the_other_does_not() {
        let klines = klines();
        let bar = klines.values().next().expect("a series")[1_100].bar_time(Interval::M15);
        let same = |changed: &Klines, side: &dyn Fn(&&Kline) -> bool| {
            klines.iter().all(|(symbol, series)| {
                let (a, b) = (series.iter().filter(side), changed[symbol].iter().filter(side));
                a.clone().count() == b.clone().count() && a.zip(b).all(|(a, b)| a.same_bits(b))
            })
        };
        let (past, future) = (
            |kline: &&Kline| kline.close_time <= bar.milliseconds(),
            |kline: &&Kline| kline.close_time > bar.milliseconds(),
        );
        for way in Future::ALL {
            let changed = after(&klines, Interval::M15, bar, way, 7);
            assert!(same(&changed, &past) && !same(&changed, &future), "{way:?}");
        }
        for way in Past::ALL {
            let changed = before(&klines, Interval::M15, bar, way, 7);
            assert!(!same(&changed, &past) && same(&changed, &future), "{way:?}");
            let at = |klines: &Klines| {
                let of = |series: &Vec<Kline>| {
                    series.iter().find(|one| one.bar_time(Interval::M15) == bar).copied()
                };
                klines.values().filter_map(of).map(|kline| kline.close).collect::<Vec<f64>>()
            };
            assert_eq!(at(&klines), at(&changed));
        }
    }
}
