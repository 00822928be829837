//! Fetching the trades of one bar page by page and making its kline of them, as a state machine. Pure: time, chance and
//! answers come in.

use kline::{BarTime, Interval, Symbol};
use tokio::time::Instant;

use super::tries::Tries;
use super::{PAGE_ROWS, RestCall, RestClient, RestReply, Step};
use crate::trades::{BarTrades, TradedKline};
use crate::{ExchangeLimits, MarketError, WeightBudget};

/// Most pages of one bar: 200,000 aggregated trades, a weight of 800. A bar with more has no kline made of them.
const PAGES_MAX: usize = 200;

/// A bar whose kline is to be made of its trades. It has to have ended by the exchange's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TradedBar {
    /// The market.
    pub symbol: Symbol,
    /// The bar.
    pub bar: BarTime,
    /// The last trade of the bar before, where it is known.
    pub after: Option<i64>,
}

/// The fetching of one bar's trades: from the bar's opening, then by number, until one of a later bar has come or the
/// exchange has no more. Faults that may pass are tried again with growing waits.
#[derive(Debug)]
pub struct TradePaging {
    wanted: TradedBar,
    interval: Interval,
    trades: BarTrades,
    pages: usize,
    /// Whether the last page was the last one of all.
    no_more: bool,
    tries: Tries,
}

impl TradePaging {
    /// Nothing fetched yet.
    #[must_use]
    pub fn new(wanted: TradedBar, interval: Interval, limits: &ExchangeLimits) -> Self {
        let trades = BarTrades::from_opening(interval, wanted.bar, wanted.after);
        Self { wanted, interval, trades, pages: 0, no_more: false, tries: Tries::new(limits) }
    }

    /// What to do at `now`.
    pub fn step(&mut self, now: Instant, budget: &mut WeightBudget) -> Step {
        if self.no_more || self.trades.has_ended() {
            return Step::Done;
        }
        if let Some(until) = self.tries.wait(now) {
            return Step::Wait(until);
        }
        let call = self.call();
        match budget.reserve(call.weight(), now) {
            Some(wait) => Step::Wait(now + wait),
            None => Step::Ask(call),
        }
    }

    /// Takes what came of the last call; `when` is the time, and a chance uniform in 0 to 1 that shortens the wait after
    /// a failure.
    ///
    /// # Errors
    /// The last [`MarketError`] once the tries are used up, or at once when trying again cannot help: trades are missing, or
    /// there are too many.
    pub fn answered(
        &mut self,
        outcome: Result<RestReply, MarketError>,
        address: &str,
        budget: &mut WeightBudget,
        when: (Instant, f64),
    ) -> Result<(), MarketError> {
        let taken = outcome.and_then(|reply| {
            budget.heed(&reply, when.0);
            self.take(reply, address)
        });
        match taken {
            Ok(()) => {
                self.tries.succeeded();
                Ok(())
            }
            Err(error) => self.tries.failed(error, when),
        }
    }

    /// The kline, `None` if nothing was traded.
    ///
    /// # Errors
    /// [`MarketError::Trades`] if the trades make no kline.
    pub fn into_kline(self) -> Result<Option<TradedKline>, MarketError> {
        let TradedBar { symbol, bar, .. } = self.wanted;
        self.trades.kline(self.no_more).map_err(|source| MarketError::Trades { symbol, bar, source })
    }

    fn call(&self) -> RestCall {
        let TradedBar { symbol, bar, .. } = self.wanted;
        match self.trades.next_id() {
            Some(id) => RestCall::agg_trades_from(symbol, id),
            None => RestCall::agg_trades_since(symbol, bar.open_time(self.interval)),
        }
    }

    fn take(&mut self, reply: RestReply, address: &str) -> Result<(), MarketError> {
        let TradedBar { symbol, bar, .. } = self.wanted;
        let call = self.call();
        let page = call.read_agg_trades(&call.judge(reply, address)?, symbol)?;
        self.pages += 1;
        self.no_more = page.len() < PAGE_ROWS;
        for trade in &page {
            self.trades.take(trade).map_err(|source| MarketError::Trades { symbol, bar, source })?;
        }
        if self.pages >= PAGES_MAX && !self.no_more && !self.trades.has_ended() {
            return Err(MarketError::TooManyTrades { symbol, bar, limit: PAGES_MAX * PAGE_ROWS });
        }
        Ok(())
    }
}

/// Fetches a bar's trades, as [`TradePaging`] does, and makes its kline of them; `None` if nothing was traded. Safe to cancel.
///
/// # Errors
/// The last [`MarketError`] once the tries are used up, or at once when trying again cannot help.
pub async fn kline_of_trades(
    client: &RestClient,
    wanted: TradedBar,
    interval: Interval,
) -> Result<Option<TradedKline>, MarketError> {
    let mut paging = TradePaging::new(wanted, interval, client.limits());
    loop {
        match client.with_budget(|budget, now| paging.step(now, budget)) {
            Step::Wait(until) => tokio::time::sleep_until(until).await,
            Step::Ask(call) => {
                let outcome = client.send(&call).await;
                client.with_budget(|budget, now| {
                    paging.answered(outcome, client.address(), budget, (now, rand::random()))
                })?;
            }
            Step::Done => return paging.into_kline(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: i64 = 1_800_000;

    /// Rows of so many aggregates of one trade each from a number on, one a moment.
    fn page(from: i64, count: i64, since: i64) -> RestReply {
        let row = |id: i64| {
            let time = since + id - from;
            format!(r#"{{"a":{id},"p":"10.5","q":"0.25","f":{id},"l":{id},"T":{time},"m":false,"M":true}}"#)
        };
        let rows: Vec<String> = (from..from + count).map(row).collect();
        RestReply { status: 200, body: format!("[{}]", rows.join(",")).into_bytes(), ..RestReply::default() }
    }

    fn paging(after: Option<i64>) -> TradePaging {
        let bar = BarTime::from_open(OPEN, Interval::M15).expect("on the grid");
        let wanted = TradedBar { symbol: "BTCUSDT".parse().expect("a symbol"), bar, after };
        TradePaging::new(wanted, Interval::M15, &ExchangeLimits::default())
    }

    /// Answers call after call; the queries that were asked, and what came of the last answer.
    fn run(paging: &mut TradePaging, replies: Vec<RestReply>) -> (Vec<String>, Result<(), MarketError>) {
        let (mut budget, mut now) = (WeightBudget::new(6_000), Instant::now());
        let (mut asked, mut taken) = (Vec::new(), Ok(()));
        for reply in replies {
            while let Step::Wait(until) = paging.step(now, &mut budget) {
                now = until;
            }
            let Step::Ask(call) = paging.step(now, &mut budget) else { break };
            asked.push(call.path_and_query());
            taken = paging.answered(Ok(reply), "x", &mut budget, (now, 0.5));
            if taken.is_err() {
                break;
            }
        }
        (asked, taken)
    }

    #[test]
    fn pages_follow_by_number_until_a_later_bar_begins() {
        let mut paging = paging(Some(4));
        // The last trades of the third page lie in the next bar.
        let replies =
            vec![page(5, 1_000, OPEN), page(1_005, 1_000, OPEN + 1_000), page(2_005, 1_000, OPEN + 899_500)];
        let (asked, taken) = run(&mut paging, replies);
        assert_eq!(taken, Ok(()));
        let query = "/api/v3/aggTrades?symbol=BTCUSDT&";
        assert_eq!(
            asked,
            [
                format!("{query}startTime=1800000&limit=1000"),
                format!("{query}fromId=1005&limit=1000"),
                format!("{query}fromId=2005&limit=1000"),
            ]
        );
        let made = paging.into_kline().ok().flatten().expect("a kline");
        assert_eq!((made.kline.trades, made.kline.volume), (Some(2_500), 625.0));
        assert_eq!(made.trade_ids.last, 2_504);
    }

    #[test]
    fn a_short_page_is_the_last_and_an_empty_one_is_no_kline() {
        let mut short = paging(None);
        assert_eq!(run(&mut short, vec![page(5, 3, OPEN)]).1, Ok(()));
        assert_eq!(short.into_kline().ok().flatten().and_then(|made| made.kline.trades), Some(3));
        let mut none = paging(None);
        assert_eq!(run(&mut none, vec![page(5, 0, OPEN)]).1, Ok(()));
        assert_eq!(none.into_kline(), Ok(None));
    }

    #[test]
    fn missing_trades_end_it_at_once_and_a_failing_server_is_asked_again() {
        let mut paging_after = paging(Some(3));
        let taken = run(&mut paging_after, vec![page(5, 3, OPEN)]).1;
        assert!(matches!(taken, Err(MarketError::Trades { .. })), "{taken:?}");
        let down = RestReply { status: 503, ..RestReply::default() };
        let mut again = paging(None);
        let (asked, taken) = run(&mut again, vec![down, page(5, 3, OPEN)]);
        assert_eq!((asked.len(), taken), (2, Ok(())));
        assert!(again.into_kline().is_ok_and(|made| made.is_some()));
    }

    #[test]
    fn a_bar_of_too_many_trades_is_given_up() {
        let replies = (0..300).map(|number| page(1 + number * 1_000, 1_000, OPEN + number * 1_000)).collect();
        let (asked, taken) = run(&mut paging(None), replies);
        assert_eq!(asked.len(), PAGES_MAX);
        assert!(matches!(taken, Err(MarketError::TooManyTrades { limit: 200_000, .. })), "{taken:?}");
    }
}
