//! The aggregated trades of the tape's bars. They tell the true klines, also while something untrue is answered for one.

use kline::{Milliseconds, Symbol};

use super::{Series, Tape};
use crate::trades::{Trade, of_bar};

/// Which trades are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The first ones of this id and later.
    FromId(i64),
    /// The first ones in a time, both ends included.
    Between(Milliseconds, Milliseconds),
    /// The last ones up to a time, included.
    Until(Milliseconds),
}

impl Tape {
    /// At most `limit` of a pair's trades that have happened at `now`, in order.
    pub(crate) fn trades(&self, symbol: Symbol, asked: Asked, limit: usize, now: Milliseconds) -> Vec<Trade> {
        let Some(series) = self.series.get(&symbol) else {
            return Vec::new();
        };
        let of = |at: usize| series.trades(at, self.interval).into_iter();
        let opened = series.klines.partition_point(|kline| kline.open_time <= now);
        let happened = |trade: &Trade| trade.time <= now;
        match asked {
            Asked::FromId(id) => {
                let first = series.first_aggregates.partition_point(|first| *first <= id).saturating_sub(1);
                let from = (first..opened).flat_map(of).filter(happened);
                from.filter(|trade| trade.id >= id).take(limit).collect()
            }
            Asked::Between(from, to) => {
                let first = series.klines.partition_point(|kline| kline.close_time < from);
                let trades = (first..opened).flat_map(of).filter(happened);
                let inside = trades.skip_while(|trade| trade.time < from);
                inside.take_while(|trade| trade.time <= to).take(limit).collect()
            }
            Asked::Until(to) => {
                let opened = series.klines.partition_point(|kline| kline.open_time <= to.min(now));
                let trades = (0..opened).rev().flat_map(|at| of(at).rev()).filter(happened);
                let mut last: Vec<Trade> = trades.filter(|trade| trade.time <= to).take(limit).collect();
                last.reverse();
                last
            }
        }
    }

    /// The pair's trades of one moment.
    pub(crate) fn trades_at(&self, symbol: Symbol, time: Milliseconds) -> Vec<Trade> {
        self.trades(symbol, Asked::Between(time, time), usize::MAX, time)
    }
}

impl Series {
    fn trades(&self, at: usize, interval: kline::Interval) -> Vec<Trade> {
        let (Some(kline), Some(aggregate), Some(trade)) =
            (self.klines.get(at), self.first_aggregates.get(at), self.first_trades.get(at))
        else {
            return Vec::new();
        };
        of_bar(kline, interval, self.decimals, (*aggregate, *trade))
    }
}
