//! The klines that the exchange knows of, and what of them is visible at a given time.

mod trades;

use std::collections::BTreeMap;

use kline::{Interval, Kline, Milliseconds, Symbol};

use crate::aggregate::aggregate;
use crate::decimals::Decimals;
use crate::faults::{FaultPlan, Untruth};
use crate::listing::{Calendar, Status};
use crate::path;
use crate::synthetic::{self, Market};
use crate::trades as of_bars;
use crate::{ExchangeConfig, ExchangeError, MarketSource};

pub(crate) use trades::Asked;

/// How far ahead of the clock the synthetic market is made, in milliseconds.
const AHEAD: Milliseconds = 86_400_000;

/// Every pair's klines, past and to come: what is true, and for a while what is answered in its place.
#[derive(Debug)]
pub(crate) struct Tape {
    interval: Interval,
    series: BTreeMap<Symbol, Series>,
    market: Option<Market>,
    calendar: Calendar,
    untruths: BTreeMap<(Symbol, Milliseconds), Untruth>,
}

/// One pair's klines.
#[derive(Debug)]
struct Series {
    klines: Vec<Kline>,
    /// For each kline the id of its first trade.
    first_trades: Vec<i64>,
    next_trade: i64,
    /// For each kline the id of its first aggregated trade.
    first_aggregates: Vec<i64>,
    next_aggregate: i64,
    decimals: Decimals,
}

/// A kline as the exchange shows it at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candle {
    pub(crate) kline: Kline,
    pub(crate) closed: bool,
    /// The ids of the bar's first and last trade; -1 when there was none or the number is not known.
    pub(crate) trade_ids: (i64, i64),
}

impl Tape {
    /// Takes up the configured source; what the plan halts is not on it. Making a synthetic market's past takes
    /// about a second.
    pub(crate) fn new(config: &ExchangeConfig, plan: &FaultPlan) -> Result<Self, ExchangeError> {
        match &config.market {
            MarketSource::Recorded(klines) => Self::recorded(klines, config, plan),
            MarketSource::Synthetic { seed, history_days } => {
                Self::synthetic(*seed, *history_days, config, plan)
            }
        }
    }

    fn recorded(
        recorded: &BTreeMap<Symbol, Vec<Kline>>,
        config: &ExchangeConfig,
        plan: &FaultPlan,
    ) -> Result<Self, ExchangeError> {
        let interval = config.interval;
        let first = recorded.values().filter_map(|klines| klines.first()).map(|kline| kline.open_time).min();
        let last = recorded.values().filter_map(|klines| klines.last()).map(|kline| kline.open_time).max();
        let (Some(first), Some(last)) = (first, last) else {
            return Err(ExchangeError::NoKlines(interval));
        };
        let start = config.start;
        if start < first || start >= last + interval.milliseconds() {
            return Err(ExchangeError::StartOutside { start, first, last });
        }
        let traded = |(_, klines): &(&Symbol, &Vec<Kline>)| !klines.is_empty();
        let symbols = recorded.iter().filter(traded).map(|(symbol, _)| *symbol).collect();
        let mut calendar = Calendar::new(config, plan, symbols)?;
        calendar.delist(recorded);
        calendar.extend_to(last + Interval::D1.milliseconds());
        let mut series = BTreeMap::new();
        for (symbol, klines) in recorded.iter().filter(traded) {
            if let Some(pair) = klines.windows(2).find(|pair| pair[1].open_time <= pair[0].open_time) {
                return Err(ExchangeError::Unordered { symbol: *symbol, open_time: pair[1].open_time });
            }
            let mut one = Series::new(Decimals::of(klines));
            let traded = klines.iter().filter(|kline| calendar.trades(*symbol, kline.open_time));
            traded.for_each(|kline| one.push(*kline));
            series.insert(*symbol, one);
        }
        Ok(Self { interval, series, market: None, calendar, untruths: BTreeMap::new() })
    }

    fn synthetic(
        seed: u64,
        history_days: u32,
        config: &ExchangeConfig,
        plan: &FaultPlan,
    ) -> Result<Self, ExchangeError> {
        let interval = config.interval;
        if interval < synthetic::BASE {
            return Err(ExchangeError::Interval(interval));
        }
        let from = Interval::D1.floor(config.start - i64::from(history_days) * Interval::D1.milliseconds());
        let market = Market::new(seed, from)?;
        let decimals = |symbol: Symbol| {
            let (price, volume) = synthetic::decimals(symbol.as_str()).unwrap_or((8, 8));
            Decimals { price, volume }
        };
        let series: BTreeMap<Symbol, Series> =
            market.symbols().map(|symbol| (symbol, Series::new(decimals(symbol)))).collect();
        let calendar = Calendar::new(config, plan, series.keys().copied().collect())?;
        let mut tape = Self { interval, series, market: Some(market), calendar, untruths: BTreeMap::new() };
        tape.extend_to(config.start);
        Ok(tape)
    }

    /// Whether the synthetic market should be made further before the clock passes `time`.
    pub(crate) fn must_extend(&self, time: Milliseconds) -> bool {
        self.market.as_ref().is_some_and(|market| market.next_open_time() <= time + AHEAD / 2)
    }

    /// Makes the synthetic market until well after `time`; a recorded one stays as it is.
    pub(crate) fn extend_to(&mut self, time: Milliseconds) {
        let Some(market) = &mut self.market else {
            return;
        };
        let parts =
            usize::try_from(self.interval.milliseconds() / synthetic::BASE.milliseconds()).unwrap_or(1);
        while market.next_open_time() <= time + AHEAD {
            let mut bars: BTreeMap<Symbol, Vec<Kline>> = BTreeMap::new();
            for _ in 0..parts {
                for (symbol, kline) in market.next_bar() {
                    bars.entry(symbol).or_default().push(kline);
                }
            }
            self.calendar.extend_to(market.next_open_time());
            for (symbol, bar) in bars {
                let whole = if parts == 1 { bar.first().copied() } else { aggregate(self.interval, &bar) };
                if let (Some(series), Some(kline)) = (self.series.get_mut(&symbol), whole)
                    && self.calendar.trades(symbol, kline.open_time)
                {
                    series.push(kline);
                }
            }
        }
    }

    /// Every pair that is known at `now`, how finely it is quoted, and its status.
    pub(crate) fn listed(&self, now: Milliseconds) -> impl Iterator<Item = (Symbol, Decimals, Status)> + '_ {
        let known = move |(symbol, series): (&Symbol, &Series)| {
            Some((*symbol, series.decimals, self.calendar.status(*symbol, now)?))
        };
        self.series.iter().filter_map(known)
    }

    /// Every pair, whether it is known yet or not, in order.
    pub(crate) fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.series.keys().copied()
    }

    /// Whether the pair is known at `now`.
    pub(crate) fn has(&self, symbol: Symbol, now: Milliseconds) -> bool {
        self.series.contains_key(&symbol) && self.calendar.status(symbol, now).is_some()
    }

    /// The pair's true klines that open in `[from, to)` and have closed at `now`.
    pub(crate) fn truth(
        &self,
        symbol: Symbol,
        (from, to): (Milliseconds, Milliseconds),
        now: Milliseconds,
    ) -> &[Kline] {
        let Some(series) = self.series.get(&symbol) else {
            return &[];
        };
        let first = series.klines.partition_point(|kline| kline.open_time < from);
        let end = series.klines.partition_point(|kline| kline.open_time < to && kline.close_time < now);
        series.klines.get(first..end).unwrap_or_default()
    }

    /// The pair's true bar that opens at `open_time`, and how finely it is quoted.
    pub(crate) fn whole(&self, symbol: Symbol, open_time: Milliseconds) -> Option<(&Kline, Decimals)> {
        let series = self.series.get(&symbol)?;
        let at = series.klines.binary_search_by_key(&open_time, |kline| kline.open_time).ok()?;
        Some((series.klines.get(at)?, series.decimals))
    }

    /// Answers something else in place of a closed bar, until the untruth's time.
    pub(crate) fn tell(&mut self, symbol: Symbol, untruth: Untruth) {
        self.untruths.insert((symbol, untruth.kline.open_time), untruth);
    }

    /// Answers the truth again.
    pub(crate) fn correct(&mut self, symbol: Symbol, open_time: Milliseconds) {
        self.untruths.remove(&(symbol, open_time));
    }

    /// The close time of the first bar of any pair that closes at `time` or later.
    pub(crate) fn next_close(&self, time: Milliseconds) -> Option<Milliseconds> {
        let next = |series: &Series| {
            let at = series.klines.partition_point(|kline| kline.close_time < time);
            series.klines.get(at).map(|kline| kline.close_time)
        };
        self.series.values().filter_map(next).min()
    }

    /// The pair's bar of `interval` that opens at `open_time`, as it stands at `now`.
    pub(crate) fn candle(
        &self,
        symbol: Symbol,
        interval: Interval,
        open_time: Milliseconds,
        now: Milliseconds,
    ) -> Option<Candle> {
        let series = self.series.get(&symbol)?;
        let close_time = open_time + interval.milliseconds() - 1;
        let from = series.klines.partition_point(|kline| kline.open_time < open_time);
        let kline = if interval == self.interval {
            let whole = series.klines.get(from).filter(|whole| whole.open_time == open_time)?;
            if now < open_time {
                return None;
            }
            self.shown(symbol, whole, series.decimals, now)
        } else {
            let to = series.klines.partition_point(|kline| kline.open_time <= now.min(close_time));
            let parts = series.klines.get(from..to)?.iter();
            let parts: Option<Vec<Kline>> =
                parts.map(|whole| self.shown(symbol, whole, series.decimals, now)).collect();
            aggregate(interval, &parts?)
        }?;
        let first = series.first_trades.get(from).copied().unwrap_or(-1);
        let trade_ids = match kline.trades.and_then(|trades| i64::try_from(trades).ok()) {
            Some(trades) if trades > 0 => (first, first + trades - 1),
            _ => (-1, -1),
        };
        Some(Candle { kline, closed: now > close_time, trade_ids })
    }

    /// A bar of the source's length that has opened, as it stands at `now`: forming, untrue or true.
    fn shown(&self, symbol: Symbol, whole: &Kline, decimals: Decimals, now: Milliseconds) -> Option<Kline> {
        if now <= whole.close_time {
            return path::forming(whole, self.interval, decimals, now);
        }
        let untruth = self.untruths.get(&(symbol, whole.open_time)).filter(|untruth| now < untruth.until);
        Some(untruth.map_or(*whole, |untruth| untruth.kline))
    }

    /// The pair's bars that open in `[from, to]` and have opened at `now`: the first `limit` if `from` is given,
    /// else the last `limit`, in order of time. The last one may be forming.
    pub(crate) fn candles(
        &self,
        symbol: Symbol,
        interval: Interval,
        (from, to): (Option<Milliseconds>, Option<Milliseconds>),
        limit: usize,
        now: Milliseconds,
    ) -> Vec<Candle> {
        let Some(series) = self.series.get(&symbol) else {
            return Vec::new();
        };
        let first = from.map_or(0, |from| series.klines.partition_point(|kline| kline.open_time < from));
        let end = to.map_or(now, |to| to.min(now));
        let last = series.klines.partition_point(|kline| kline.open_time <= end);
        let inside = |open: &Milliseconds| from.is_none_or(|from| *open >= from);
        let opens = series
            .klines
            .get(first..last)
            .unwrap_or_default()
            .iter()
            .map(|kline| interval.floor(kline.open_time));
        let mut chosen: Vec<Milliseconds> = Vec::new();
        let mut take = |open: Milliseconds| {
            if chosen.last() != Some(&open) {
                chosen.push(open);
            }
            chosen.len() <= limit
        };
        if from.is_some() {
            let _ = opens.filter(inside).all(&mut take);
            chosen.truncate(limit);
        } else {
            let _ = opens.rev().all(&mut take);
            chosen.truncate(limit);
            chosen.reverse();
        }
        chosen.into_iter().filter_map(|open| self.candle(symbol, interval, open, now)).collect()
    }
}

impl Series {
    fn new(decimals: Decimals) -> Self {
        Self {
            klines: Vec::new(),
            first_trades: Vec::new(),
            next_trade: 1,
            first_aggregates: Vec::new(),
            next_aggregate: 1,
            decimals,
        }
    }

    fn push(&mut self, kline: Kline) {
        self.first_trades.push(self.next_trade);
        let trades = kline.trades.and_then(|trades| i64::try_from(trades).ok()).unwrap_or(0);
        self.next_trade = self.next_trade.saturating_add(trades);
        self.first_aggregates.push(self.next_aggregate);
        self.next_aggregate = self.next_aggregate.saturating_add(of_bars::told(&kline));
        self.klines.push(kline);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;

    const STEP: i64 = 900_000;

    fn tape(bars: &[i64]) -> (Tape, Symbol) {
        let symbol: Symbol = "BTCUSDT".parse().expect("a name");
        let kline = |bar: &i64| {
            let mut fields = KlineFields::flat(bar * STEP, 10.25);
            (fields.volume, fields.quote_volume, fields.trades) = (1.5, Some(15.0), Some(3));
            Kline::new(Interval::M15, fields).expect("valid by construction")
        };
        let klines = BTreeMap::from([(symbol, bars.iter().map(kline).collect())]);
        let tape = Tape::new(&ExchangeConfig::recorded(klines, bars[0] * STEP), &FaultPlan::none())
            .expect("a valid source");
        (tape, symbol)
    }

    #[test]
    fn a_page_holds_the_first_bars_after_a_start_and_the_last_without_one() {
        let (tape, symbol) = tape(&[4, 5, 6, 8, 9]);
        let opens = |range, limit, now| -> Vec<i64> {
            let candles = tape.candles(symbol, Interval::M15, range, limit, now);
            candles.iter().map(|candle| candle.kline.open_time / STEP).collect()
        };
        assert_eq!(opens((None, None), 2, 9 * STEP), [8, 9]);
        assert_eq!(opens((None, None), 2, 9 * STEP - 1), [6, 8]);
        assert_eq!(opens((Some(4 * STEP + 1), None), 2, 9 * STEP), [5, 6]);
        assert_eq!(opens((Some(5 * STEP), Some(6 * STEP - 1)), 500, 9 * STEP), [5]);
        assert_eq!(opens((None, Some(7 * STEP)), 500, 9 * STEP), [4, 5, 6]);
        let hours = tape.candles(symbol, Interval::H1, (None, None), 10, 9 * STEP);
        let volumes: Vec<f64> = hours.iter().map(|candle| candle.kline.volume).collect();
        assert_eq!(volumes, [4.5, 1.5], "the second hour has one closed bar and one that just opened");
        assert!(hours[0].closed && !hours[1].closed);
    }

    #[test]
    fn trade_ids_follow_one_another_over_bars() {
        let (tape, symbol) = tape(&[4, 5, 6]);
        let ids = |bar: i64, now: i64| {
            tape.candle(symbol, Interval::M15, bar * STEP, now).map(|candle| candle.trade_ids)
        };
        assert_eq!(ids(4, 7 * STEP), Some((1, 3)));
        assert_eq!(ids(5, 7 * STEP), Some((4, 6)));
        assert_eq!(ids(6, 6 * STEP), Some((-1, -1)), "no trade yet");
        assert_eq!(ids(7, 9 * STEP), None);
    }
}
