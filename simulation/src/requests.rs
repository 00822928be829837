//! The client's requests to the virtual exchange: the pure parts of the REST client, without the HTTP.

use std::collections::VecDeque;
use std::time::Duration;

use exchange_sim::{Answer, VirtualExchange};
use kline::{Interval, Kline, Milliseconds};
use market::live::Missing;
use market::trades::TradedKline;
use market::{
    ExchangeLimits, MarketError, Paging, RestCall, RestReply, Step, TradePaging, TradedBar, WeightBudget,
};
use tokio::time::Instant;

/// For messages.
const ADDRESS: &str = "virtual://exchange";

/// What a finished piece of work brings.
#[derive(Debug)]
pub(crate) enum Brought {
    /// The clock.
    Told(Result<Milliseconds, MarketError>),
    /// Ranges, in their order.
    Fetched(Vec<Result<Vec<Kline>, MarketError>>),
    /// Bars made of trades, in their order.
    Traded(Vec<Result<Option<TradedKline>, MarketError>>),
}

/// A call under way: what will have come of it, and when.
#[derive(Debug)]
struct Flight {
    lands: Instant,
    outcome: Result<RestReply, MarketError>,
}

#[derive(Debug)]
enum Job {
    Time(Option<Flight>),
    Ranges {
        waiting: VecDeque<Missing>,
        present: Option<Box<(Paging, Option<Flight>)>>,
        results: Vec<Result<Vec<Kline>, MarketError>>,
    },
    Trades {
        waiting: VecDeque<TradedBar>,
        present: Option<Box<(TradePaging, Option<Flight>)>>,
        results: Vec<Result<Option<TradedKline>, MarketError>>,
    },
}

/// One job at a time, as the feed asks for it.
#[derive(Debug)]
pub(crate) struct Requests {
    limits: ExchangeLimits,
    interval: Interval,
    budget: WeightBudget,
    told: Milliseconds,
    job: Option<Job>,
    /// When the present job goes on.
    wakes: Option<Instant>,
    chance: u64,
}

impl Requests {
    pub(crate) fn new(limits: &ExchangeLimits, interval: Interval, seed: u64) -> Self {
        let budget = WeightBudget::new(limits.request_weight_per_minute);
        Self { limits: limits.clone(), interval, budget, told: 0, job: None, wakes: None, chance: seed }
    }

    pub(crate) fn ask_time(&mut self, now: Instant) {
        (self.job, self.wakes) = (Some(Job::Time(None)), Some(now));
    }

    pub(crate) fn fetch(&mut self, ranges: Vec<Missing>, now: Instant) {
        let job = Job::Ranges { waiting: ranges.into(), present: None, results: Vec::new() };
        (self.job, self.wakes) = (Some(job), Some(now));
    }

    pub(crate) fn fetch_trades(&mut self, bars: Vec<TradedBar>, now: Instant) {
        let job = Job::Trades { waiting: bars.into(), present: None, results: Vec::new() };
        (self.job, self.wakes) = (Some(job), Some(now));
    }

    /// When there is something to do.
    pub(crate) const fn wakes(&self) -> Option<Instant> {
        self.wakes
    }

    /// Goes on with the job; what it brought once it is done.
    pub(crate) fn advance(&mut self, now: Instant, exchange: &mut VirtualExchange) -> Option<Brought> {
        if self.wakes.is_none_or(|wakes| now < wakes) {
            return None;
        }
        let brought = match self.job.take()? {
            Job::Time(flight) => self.time(flight, now, exchange),
            Job::Ranges { waiting, present, results } => {
                self.ranges(waiting, present, results, now, exchange)
            }
            Job::Trades { waiting, present, results } => {
                self.trades(waiting, present, results, now, exchange)
            }
        };
        if self.job.is_none() {
            self.wakes = None;
        }
        brought
    }

    fn time(
        &mut self,
        flight: Option<Flight>,
        now: Instant,
        exchange: &mut VirtualExchange,
    ) -> Option<Brought> {
        let call = RestCall::time();
        let Some(flight) = flight else {
            if let Some(wait) = self.budget.reserve(call.weight(), now) {
                self.wakes = Some(now + wait);
                self.job = Some(Job::Time(None));
            } else {
                let flight = self.send(&call, now, exchange);
                self.wakes = Some(flight.lands);
                self.job = Some(Job::Time(Some(flight)));
            }
            return None;
        };
        let told = flight.outcome.and_then(|reply| {
            self.budget.heed(&reply, now);
            call.read_time(&call.judge(reply, ADDRESS)?)
        });
        if let Ok(told) = told {
            self.told = self.told.max(told);
        }
        Some(Brought::Told(told))
    }

    fn ranges(
        &mut self,
        mut waiting: VecDeque<Missing>,
        mut present: Option<Box<(Paging, Option<Flight>)>>,
        mut results: Vec<Result<Vec<Kline>, MarketError>>,
        now: Instant,
        exchange: &mut VirtualExchange,
    ) -> Option<Brought> {
        loop {
            let Some(mut paging) = present.take().or_else(|| self.begin(waiting.pop_front()?)) else {
                return Some(Brought::Fetched(results));
            };
            if let Some(flight) = paging.1.take() {
                let chance = (now, self.next_chance());
                let taken = paging.0.answered(flight.outcome, ADDRESS, &mut self.budget, chance);
                if let Err(error) = taken {
                    results.push(Err(error));
                    continue;
                }
                self.told = self.told.max(paging.0.told());
            }
            match paging.0.step(now, &mut self.budget) {
                Step::Done => results.push(Ok(paging.0.into_klines())),
                Step::Wait(until) => {
                    self.wakes = Some(until);
                    present = Some(paging);
                    break;
                }
                Step::Ask(call) => {
                    let flight = self.send(&call, now, exchange);
                    self.wakes = Some(flight.lands);
                    paging.1 = Some(flight);
                    present = Some(paging);
                    break;
                }
            }
        }
        self.job = Some(Job::Ranges { waiting, present, results });
        None
    }

    fn trades(
        &mut self,
        mut waiting: VecDeque<TradedBar>,
        mut present: Option<Box<(TradePaging, Option<Flight>)>>,
        mut results: Vec<Result<Option<TradedKline>, MarketError>>,
        now: Instant,
        exchange: &mut VirtualExchange,
    ) -> Option<Brought> {
        loop {
            let begin = |bar| Box::new((TradePaging::new(bar, self.interval, &self.limits), None));
            let Some(mut paging) = present.take().or_else(|| waiting.pop_front().map(begin)) else {
                return Some(Brought::Traded(results));
            };
            if let Some(flight) = paging.1.take() {
                let chance = (now, self.next_chance());
                if let Err(error) = paging.0.answered(flight.outcome, ADDRESS, &mut self.budget, chance) {
                    results.push(Err(error));
                    continue;
                }
            }
            match paging.0.step(now, &mut self.budget) {
                Step::Done => {
                    results.push(paging.0.into_kline());
                    continue;
                }
                Step::Wait(until) => self.wakes = Some(until),
                Step::Ask(call) => {
                    let flight = self.send(&call, now, exchange);
                    self.wakes = Some(flight.lands);
                    paging.1 = Some(flight);
                }
            }
            self.job = Some(Job::Trades { waiting, present: Some(paging), results });
            return None;
        }
    }

    fn begin(&self, Missing { symbol, from, to }: Missing) -> Option<Box<(Paging, Option<Flight>)>> {
        let range = (from.open_time(self.interval), to.milliseconds() + 1);
        Some(Box::new((Paging::new(symbol, self.interval, range, self.told, &self.limits), None)))
    }

    /// Sends a call and knows at once what will come of it.
    fn send(&self, call: &RestCall, now: Instant, exchange: &mut VirtualExchange) -> Flight {
        match exchange.request(&call.path_and_query()) {
            Some(answer) => {
                let lands = now + Duration::from_millis(answer.after.max(0).cast_unsigned());
                Flight { lands, outcome: Ok(reply(answer)) }
            }
            None => {
                let problem = "no answer in time".to_owned();
                let error = MarketError::Unreachable { address: ADDRESS.to_owned(), problem };
                Flight { lands: now + self.limits.request_timeout, outcome: Err(error) }
            }
        }
    }

    fn next_chance(&mut self) -> f64 {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.chance >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// An answer with the headers that the client looks at.
pub(crate) fn reply(answer: Answer) -> RestReply {
    RestReply {
        status: answer.status,
        used_weight: header(&answer, "x-mbx-used-weight-1m"),
        retry_after: header(&answer, "retry-after").map(Duration::from_secs),
        body: answer.body,
    }
}

fn header<T: std::str::FromStr>(answer: &Answer, name: &str) -> Option<T> {
    let found = answer.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.and_then(|(_, value)| value.trim().parse().ok())
}
