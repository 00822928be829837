//! One seed: an exchange with faults, a node that is killed now and then, and the loop over virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use exchange_sim::{
    Delivered, Delivery, ExchangeConfig, FaultKind, FaultPlan, LineId as Wire, VirtualExchange,
};
use forecast::testkit::tiny_bundle;
use forecast::{Bundle, Forecaster};
use kline::Milliseconds;
use market::live::{Action, Input, LineId, refused_handshake};
use market::{ExchangeLimits, ExchangeSettings, MarketError};
use tokio::time::Instant;

use crate::node::{Node, Setting};
use crate::past::{DAY_BARS, INTERVAL, Past};
use crate::record::Record;
use crate::requests::{Brought, Requests, reply};
use crate::verdict::{self, Verdict};

/// What one seed runs.
#[derive(Debug, Clone)]
pub struct Plan {
    /// All choices follow from it.
    pub seed: u64,
    /// How many days.
    pub days: usize,
    /// The faults.
    pub kinds: Vec<FaultKind>,
    /// Episodes of each kind a day.
    pub per_day: f64,
    /// How often a day the process is killed.
    pub kills_per_day: f64,
    /// Whether bars are asked for again and compared. Without it a correction that no socket tells is never heard of.
    pub audits: bool,
}

/// After the last fault so many days pass without one: what was wrong must be right by then.
const CALM_DAYS: usize = 1;

/// So many turns without a moment passing are a loop that does not end.
const TURNS_MAX: u32 = 100_000;

/// Runs one seed to its end and judges it.
///
/// # Errors
/// An exchange that cannot be made: too little past, an unknown symbol.
pub fn run(past: &Past, plan: &Plan) -> Result<Verdict> {
    let bars = Forecaster::HISTORY_BARS + 1 + (plan.days + CALM_DAYS) * DAY_BARS;
    let room = past.bars().checked_sub(bars).context("the market is shorter than the days of one seed")?;
    let first =
        usize::try_from(plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20).unwrap_or(0) % (room + 1);
    let klines = past.cut(first..first + bars);
    let start = klines
        .values()
        .filter_map(|klines| klines.get(Forecaster::HISTORY_BARS))
        .map(|kline| kline.open_time)
        .min()
        .context("the market is empty")?;
    let mut world = World::new(past, plan, klines, start)?;
    let end =
        start + i64::try_from((plan.days + CALM_DAYS) * DAY_BARS).unwrap_or(0) * INTERVAL.milliseconds();
    world.run(end);
    Ok(verdict::judge(&world.setting, &world.exchange, &world.record, start, end - 1))
}

struct World {
    exchange: VirtualExchange,
    setting: Setting,
    record: Record,
    node: Node,
    requests: Requests,
    /// The exchange's connection of each of the feed's, and the other way round.
    wires: BTreeMap<LineId, Wire>,
    start: Milliseconds,
    epoch: Instant,
    /// When the process is killed next.
    kill_at: Milliseconds,
    kill_every: f64,
    kills_end: Milliseconds,
    chance: u64,
    deliveries: Vec<Delivery>,
}

impl World {
    fn new(
        past: &Past,
        plan: &Plan,
        klines: BTreeMap<kline::Symbol, Vec<kline::Kline>>,
        start: Milliseconds,
    ) -> Result<Self> {
        let symbols = past.symbols();
        let bundle: Arc<Bundle> = Arc::new(tiny_bundle(5, &symbols, INTERVAL).build()?);
        let mut exchange = ExchangeSettings::at("http://127.0.0.1", "ws://127.0.0.1", symbols, INTERVAL);
        exchange.limits = limits();
        if !plan.audits {
            exchange.limits.audit_bars = 0;
        }
        let setting = Setting { exchange, bundle };
        let mut record = Record::default();
        for (symbol, klines) in &klines {
            for kline in &klines[..Forecaster::HISTORY_BARS] {
                record.store(*symbol, kline.bar_time(INTERVAL), *kline, start);
            }
        }
        let mut config = ExchangeConfig::recorded(klines, start);
        config.ping_interval = Duration::from_secs(180);
        config.forming_every = Some(300_000);
        let day = INTERVAL.milliseconds() * i64::try_from(DAY_BARS).unwrap_or(1);
        let last = start + day * i64::try_from(plan.days).unwrap_or(0);
        let faults = FaultPlan {
            seed: plan.seed,
            kinds: plan.kinds.clone(),
            per_day: plan.per_day,
            until: Some(last),
        };
        let exchange = VirtualExchange::new(config, faults)?;
        let epoch = Instant::now();
        let node = Node::start(&setting, &mut record, start, epoch, plan.seed);
        let requests = Requests::new(&setting.exchange.limits, INTERVAL, plan.seed);
        let mut world = Self {
            exchange,
            setting,
            record,
            node,
            requests,
            wires: BTreeMap::new(),
            start,
            epoch,
            kill_at: Milliseconds::MAX,
            kill_every: if plan.kills_per_day > 0.0 { day as f64 / plan.kills_per_day } else { 0.0 },
            kills_end: last,
            chance: plan.seed ^ 0x5851_f42d_4c95_7f2d,
            deliveries: Vec::new(),
        };
        world.plan_kill(start);
        Ok(world)
    }

    fn instant(&self, at: Milliseconds) -> Instant {
        self.epoch + Duration::from_millis((at - self.start).max(0).cast_unsigned())
    }

    /// The first whole millisecond at which an instant is past.
    fn time(&self, instant: Instant) -> Milliseconds {
        let passed = instant.saturating_duration_since(self.epoch);
        let whole = i64::try_from(passed.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
        self.start.saturating_add(whole)
    }

    fn run(&mut self, end: Milliseconds) {
        let mut now = self.start;
        self.input(Input::Wake, now);
        let mut turns = 0;
        while now < end {
            let wakes = [Some(self.node.wake_at()), self.requests.wakes()];
            let due = wakes.into_iter().flatten().map(|instant| self.time(instant)).min().unwrap_or(end);
            let next = due.min(self.exchange.next_at()).min(self.kill_at).max(now);
            turns = if next > now { 0 } else { turns + 1 };
            if turns > TURNS_MAX {
                self.record.faults.push(format!("time stands still at {now}: {:?}", self.node));
                return;
            }
            now = next.min(end);
            let mut deliveries = std::mem::take(&mut self.deliveries);
            self.exchange.advance(now, &mut deliveries);
            for delivery in deliveries.drain(..) {
                self.deliver(&delivery);
            }
            self.deliveries = deliveries;
            if now >= self.kill_at {
                self.kill(now);
            }
            let instant = self.instant(now);
            match self.requests.advance(instant, &mut self.exchange) {
                Some(Brought::Told(told)) => self.input(Input::Told(told), now),
                Some(Brought::Fetched(results)) => self.input(Input::Fetched(results), now),
                Some(Brought::Traded(results)) => self.input(Input::Traded(results), now),
                None => {}
            }
            if self.node.wake_at() <= instant {
                self.input(Input::Wake, now);
            }
        }
    }

    fn deliver(&mut self, Delivery { at, line, what }: &Delivery) {
        let Some(id) = self.wires.iter().find(|(_, wire)| *wire == line).map(|(id, _)| *id) else { return };
        match what {
            Delivered::Text(text) => self.input(Input::Text(id, text.as_bytes()), *at),
            Delivered::Ping => {
                self.exchange.pong(*line);
                self.input(Input::Alive(id), *at);
            }
            Delivered::Closed { reason, .. } => self.ended(id, reason, *at),
            Delivered::Reset => self.ended(id, "connection reset", *at),
        }
    }

    fn ended(&mut self, id: LineId, reason: &str, at: Milliseconds) {
        self.wires.remove(&id);
        self.input(Input::Ended(id, MarketError::Socket(reason.to_owned())), at);
    }

    /// Gives the node an input and does what it says.
    fn input(&mut self, input: Input<'_>, at: Milliseconds) {
        let now = self.instant(at);
        let mut actions = self.node.take(input, &mut self.record, (at, now));
        while !actions.is_empty() {
            for action in std::mem::take(&mut actions) {
                let input = match action {
                    Action::Connect(id) => Some(self.connect(id)),
                    Action::Close(id) => {
                        if let Some(wire) = self.wires.remove(&id) {
                            self.exchange.disconnect(wire);
                        }
                        None
                    }
                    Action::Send(id, text) => {
                        if let Some(wire) = self.wires.get(&id) {
                            self.exchange.send(*wire, &text);
                        }
                        None
                    }
                    Action::AskTime => {
                        self.requests.ask_time(now);
                        None
                    }
                    Action::Fetch(ranges) => {
                        self.requests.fetch(ranges, now);
                        None
                    }
                    Action::FetchTrades(bars) => {
                        self.requests.fetch_trades(bars, now);
                        None
                    }
                    Action::Tell(_) => None,
                };
                if let Some(input) = input {
                    actions.extend(self.node.take(input, &mut self.record, (at, now)));
                }
            }
        }
    }

    fn connect(&mut self, id: LineId) -> Input<'static> {
        let settings = &self.setting.exchange;
        let path = market::binance::stream::combined_address("", &settings.symbols, settings.interval);
        match self.exchange.connect(&path) {
            Ok(wire) => {
                self.wires.insert(id, wire);
                Input::Opened(id)
            }
            Err(answer) => {
                let reply = reply(answer);
                Input::Ended(id, refused_handshake(&settings.websocket_url, reply.status, reply.retry_after))
            }
        }
    }

    /// The process is gone with all that is not durable, and another one starts.
    fn kill(&mut self, at: Milliseconds) {
        for (_, wire) in std::mem::take(&mut self.wires) {
            self.exchange.disconnect(wire);
        }
        let now = self.instant(at);
        let seed = self.next_chance();
        self.requests = Requests::new(&self.setting.exchange.limits, INTERVAL, seed);
        self.node = Node::start(&self.setting, &mut self.record, at, now, seed);
        self.plan_kill(at);
        self.input(Input::Wake, at);
    }

    fn plan_kill(&mut self, at: Milliseconds) {
        if self.kill_every <= 0.0 {
            return;
        }
        // Exponential waits: kills come at any moment, also soon after one another.
        let chance = (self.next_chance() >> 11) as f64 / (1_u64 << 53) as f64;
        let wait = -(1.0 - chance).ln() * self.kill_every;
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let next = at.saturating_add(1 + wait as i64);
        self.kill_at = if next < self.kills_end { next } else { Milliseconds::MAX };
    }

    fn next_chance(&mut self) -> u64 {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.chance
    }
}

/// The usual limits, with clocks that are looked at less often where nothing depends on it: virtual time is not free.
fn limits() -> ExchangeLimits {
    ExchangeLimits {
        silent_socket: Duration::from_secs(400),
        deaf_socket: Duration::from_secs(900),
        quiet_socket: Duration::from_secs(330),
        clock_check: Duration::from_secs(330),
        audit_every: Duration::from_secs(3_600),
        ..ExchangeLimits::default()
    }
}
