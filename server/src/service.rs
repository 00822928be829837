//! The answers, before any wire. Both faces, gRPC and REST, only translate what is here.

mod features;
mod follow;
mod gaps;
pub mod inference;
mod journal;
mod models;
mod predict;
mod scorecard;
mod selection;
mod status;
mod subscribe;

use std::sync::Arc;

use kline::{Interval, Symbol};
use tokio::sync::Semaphore;

use crate::champion::ChampionHandle;
use crate::follow::change::FollowHandle;
use crate::journaling::Journaling;
use crate::reason::{Reason, Refusal, shorten};
use crate::state::Shared;
use crate::stores::Stores;

pub use features::{FeatureAnswer, FeatureValue};
pub use journal::VerificationStep;
pub use models::Promotion;
pub use predict::{Answered, BATCH_SYMBOLS_MAX, BatchAnswer};
pub use scorecard::{Scorecard, ScorecardRequest};
pub use selection::Selection;
pub use status::Status;
pub use subscribe::{Announcement, RESUME_BARS_MAX, Subscription, SubscriptionRequest};

/// The application: what every face asks.
#[derive(Debug, Clone)]
pub struct Service {
    /// The interval that is served.
    pub interval: Interval,
    shared: Arc<Shared>,
    champion: ChampionHandle,
    followers: FollowHandle,
    stores: Stores,
    journaling: Journaling,
    heartbeat: std::time::Duration,
    limits: Limits,
    statistics: Arc<inference::InferStatistics>,
}

/// How much of what takes long may run at once.
#[derive(Debug, Clone)]
struct Limits {
    verifications: Arc<Semaphore>,
    replays: Arc<Semaphore>,
    scorecards: Arc<Semaphore>,
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
        (champion, followers): (ChampionHandle, FollowHandle),
        stores: Stores,
        journaling: Journaling,
        heartbeat: std::time::Duration,
    ) -> Self {
        let limits = Limits {
            verifications: Arc::new(Semaphore::new(journal::VERIFICATIONS_MAX)),
            replays: Arc::new(Semaphore::new(journal::REPLAYS_MAX)),
            scorecards: Arc::new(Semaphore::new(scorecard::SCORECARDS_MAX)),
            inferences: Arc::new(Semaphore::new(inference::REQUESTS_MAX)),
            inference_streams: Arc::new(Semaphore::new(inference::STREAMS_MAX)),
            scorings: Arc::new(Semaphore::new(inference::SCORINGS_MAX)),
        };
        let statistics = Arc::default();
        Self { interval, shared, champion, followers, stores, journaling, heartbeat, limits, statistics }
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

    /// Runs a store's work off the async threads.
    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Stores) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let stores = self.stores.clone();
        let done = tokio::task::spawn_blocking(move || work(&stores)).await;
        done.unwrap_or_else(|error| {
            Err(Refusal::new(Reason::Internal, format!("a store's task failed: {error}")))
        })
    }
}
