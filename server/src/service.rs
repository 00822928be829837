//! The answers, before any wire. Both faces, gRPC and REST, only translate what is here.

mod explain;
mod features;
mod follow;
mod fresh;
mod gaps;
mod history;
pub mod inference;
mod journal;
mod models;
mod predict;
mod scorecard;
mod status;
mod subscribe;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kline::{Interval, Symbol};
use moka::sync::Cache;
use tokio::sync::{Semaphore, mpsc};

use crate::breaker::{Breaker, Patience};
use crate::champion::ChampionHandle;
use crate::engine_thread::Command;
use crate::follow::change::FollowHandle;
use crate::journaling::Journaling;
use crate::reason::{Reason, Refusal, shorten};
use crate::state::Shared;
use crate::stores::Stores;
use crate::telemetry::metrics as names;
use crate::telemetry::scope;

pub use explain::{EXPLAIN_TOP_MAX, Explanations, largest};
pub use features::{FeatureAnswer, FeatureValue};
pub use fresh::{WAIT_MAX, Wants};
pub use history::{AsOfRequest, HistoryPage, HistoryRequest, PAGE_MAX};
pub use journal::{VerificationStep, read_id};
pub use models::Promotion;
pub use predict::{Answered, BATCH_SYMBOLS_MAX, BatchAnswer};
pub use scorecard::{Scorecard, ScorecardRequest};
pub use status::Status;
pub use subscribe::{Announcement, Delivery, Event, RESUME_BARS_MAX, Subscription, SubscriptionRequest};

/// How many requests may use the store at once.
const STORE_WORKS_MAX: usize = 64;

/// How long a request may wait for that.
const STORE_WAIT: Duration = Duration::from_secs(1);

/// When the store is left alone, and for how long.
const STORE_PATIENCE: Patience =
    Patience { failures: 5, wait: Duration::from_millis(500), wait_max: Duration::from_secs(30) };

/// The application: what every face asks.
#[derive(Debug, Clone)]
pub struct Service {
    /// The interval that is served.
    pub interval: Interval,
    shared: Arc<Shared>,
    champion: ChampionHandle,
    followers: FollowHandle,
    engine: mpsc::Sender<Command>,
    stores: Stores,
    journaling: Journaling,
    heartbeat: Duration,
    subscribers_max: usize,
    limits: Limits,
    explaining: Arc<explain::Explaining>,
    pages: Cache<history::PageKey, HistoryPage>,
    store_breaker: Arc<Breaker>,
    statistics: Arc<inference::InferStatistics>,
    together: Arc<inference::Together>,
}

/// How much of what takes long may run at once.
#[derive(Debug, Clone)]
struct Limits {
    verifications: Arc<Semaphore>,
    replays: Arc<Semaphore>,
    scorecards: Arc<Semaphore>,
    store: Arc<Semaphore>,
    waits: Arc<Semaphore>,
    catch_ups: Arc<Semaphore>,
    nowcasts: Arc<Semaphore>,
    inferences: Arc<Semaphore>,
    inference_streams: Arc<Semaphore>,
    scorings: Arc<Semaphore>,
}

impl Service {
    /// Puts the application together.
    #[must_use]
    pub fn new(
        interval: Interval,
        shared: Arc<Shared>,
        (champion, followers, engine): (ChampionHandle, FollowHandle, mpsc::Sender<Command>),
        stores: Stores,
        journaling: Journaling,
        (heartbeat, subscribers_max, redis): (Duration, usize, Option<&str>),
    ) -> Self {
        let limits = Limits {
            verifications: Arc::new(Semaphore::new(journal::VERIFICATIONS_MAX)),
            replays: Arc::new(Semaphore::new(journal::REPLAYS_MAX)),
            scorecards: Arc::new(Semaphore::new(scorecard::SCORECARDS_MAX)),
            store: Arc::new(Semaphore::new(STORE_WORKS_MAX)),
            catch_ups: Arc::new(Semaphore::new(subscribe::CATCH_UPS_MAX)),
            waits: Arc::new(Semaphore::new(fresh::WAITS_MAX)),
            nowcasts: Arc::new(Semaphore::new(fresh::NOWCASTS_MAX)),
            inferences: Arc::new(Semaphore::new(inference::REQUESTS_MAX)),
            inference_streams: Arc::new(Semaphore::new(inference::STREAMS_MAX)),
            scorings: Arc::new(Semaphore::new(inference::SCORINGS_MAX)),
        };
        let explaining = Arc::new(explain::Explaining::new(redis));
        Self {
            interval,
            shared,
            champion,
            followers,
            engine,
            stores,
            journaling,
            heartbeat,
            subscribers_max,
            limits,
            explaining,
            pages: history::pages(),
            store_breaker: Arc::new(Breaker::new(STORE_PATIENCE)),
            statistics: Arc::default(),
            together: Arc::default(),
        }
    }

    /// The shared snapshots.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The symbol of a name, if it is followed.
    fn symbol(&self, name: &str) -> Result<Symbol, Refusal> {
        let latest = self.shared.latest.load();
        let found = name.parse::<Symbol>().ok().filter(|symbol| latest.has(*symbol));
        found.ok_or_else(|| {
            let known: Vec<&str> = latest.symbols().iter().map(Symbol::as_str).collect();
            let known = known.join(", ");
            let successor =
                name.parse().ok().and_then(|symbol| self.shared.listings.load().successor(symbol));
            let name = shorten(name);
            let hint =
                successor.map(|successor| format!("; it is called {successor} now")).unwrap_or_default();
            let message = format!("symbol {name:?} is not served{hint}, known are {known}");
            let refusal =
                Refusal::new(Reason::UnknownSymbol, message).with("symbol", name).with("known", known);
            match successor {
                Some(successor) => refusal.with("successor", successor),
                None => refusal,
            }
        })
    }

    /// Refuses an interval other than the one that is served; empty means that one.
    fn check_interval(&self, name: &str) -> Result<(), Refusal> {
        if name.is_empty() || name == self.interval.as_str() {
            return Ok(());
        }
        let (name, known) = (shorten(name), self.interval);
        Err(Refusal::new(
            Reason::UnknownInterval,
            format!("interval {name:?} is not served, known is {known}"),
        )
        .with("interval", name)
        .with("known", known))
    }

    /// Runs a store's work off the async threads, a bounded number at once. A store that fails again and again is left alone for
    /// a while.
    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Stores) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        if let Err(wait) = self.store_breaker.admit(Instant::now()) {
            let refusal =
                Refusal::new(Reason::StoreFailed, "the store did not answer a while ago and is left alone");
            return Err(Refusal { retry_after: Some(wait), ..refusal });
        }
        let busy =
            || Refusal::new(Reason::Busy, format!("{STORE_WORKS_MAX} requests to the store are under way"));
        let permit = tokio::time::timeout(STORE_WAIT, self.limits.store.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
        let stores = self.stores.clone();
        let work = scope::part("store", move || work(&stores));
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        let outcome = done.await.unwrap_or_else(|error| {
            Err(Refusal::new(Reason::Internal, format!("a store's task failed: {error}")))
        });
        match &outcome {
            Err(refusal) if refusal.reason == Reason::StoreFailed && refusal.retry_after.is_some() => {
                self.store_breaker.fail(Instant::now());
            }
            _ => {
                self.store_breaker.succeed();
            }
        }
        names::show_breaker("store", self.store_breaker.is_open());
        outcome
    }
}
