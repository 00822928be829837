//! Predictions as they are made: what a subscriber wants, and where it begins.

mod subscription;

use std::collections::VecDeque;
use std::sync::Arc;

use forecast::{BundleDigest, Prediction};
use kline::{BarTime, Symbol};

pub use subscription::Subscription;

use super::Service;
use crate::access::Lease;
use crate::reason::{Reason, Refusal};
use crate::resume::ResumeToken;
use crate::selection::Selection;
use crate::stores::Stores;
use crate::subscribers::Published;

/// How many bars a subscription that is resumed by a bar gets from the journal at most: the latest.
pub const RESUME_BARS_MAX: i64 = 1_000;

/// How many predictions are read from the journal at once: some 80 kB, which a subscriber that does not read holds.
const PAGE: u32 = 16;

/// How many subscribers may read the journal at the same moment; the others wait their turn.
pub(super) const CATCH_UPS_MAX: usize = 8;

/// What becomes of a subscriber that does not keep up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// It loses the oldest and is told how many.
    #[default]
    Bounded,
    /// It gets what it missed from the journal.
    Lossless,
    /// It gets the latest of each symbol, and is told how many it did not get.
    Conflating,
}

/// What a subscriber wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionRequest {
    /// The symbols; none means all.
    pub symbols: Vec<String>,
    /// The tasks; none means all.
    pub tasks: Vec<String>,
    /// The interval; empty means the one that is served.
    pub interval: String,
    /// Whether to begin with the latest prediction of each symbol.
    pub latest_first: bool,
    /// Whether to begin with the journalled predictions of later bars than this (milliseconds).
    pub after_bar_time_ms: Option<i64>,
    /// The token of the event to go on after; empty for none.
    pub resume_token: String,
    /// What becomes of it when it does not keep up.
    pub delivery: Delivery,
    /// Whether nowcasts are wanted too.
    pub nowcasts: bool,
}

/// What a subscriber is told.
#[derive(Debug, Clone)]
pub enum Announcement {
    /// A prediction, and how stale it was when it was sent.
    Prediction(Arc<Published>, i64),
    /// So many were lost.
    Lagged(u64),
    /// Nothing happened for a while.
    Heartbeat(Option<BarTime>),
    /// Nothing more will come, and why.
    Ended(Refusal),
}

/// What a subscriber is told, and where it stands then.
#[derive(Debug, Clone)]
pub struct Event {
    /// What.
    pub announcement: Announcement,
    /// The token that goes on after it; empty if there is none yet.
    pub token: Arc<str>,
}

type Key = (Symbol, BarTime, BundleDigest, u32);

fn key(prediction: &Prediction) -> Key {
    (prediction.symbol, prediction.bar_time, prediction.bundle, prediction.revision)
}

/// What comes before what is published from now on.
#[derive(Debug, Default)]
struct Beginning {
    /// To be sent first.
    first: VecDeque<Arc<Published>>,
    /// The journal is read from this number on.
    after: Option<i64>,
    /// What is read there of earlier bars is left out.
    oldest: Option<BarTime>,
}

impl Service {
    /// Opens a subscription: what was asked for of the past first, then everything from now on, nothing twice.
    ///
    /// # Errors
    /// An unknown symbol, task or interval; a token that is none; a stopping server; a store that cannot be read.
    pub async fn subscribe(&self, request: &SubscriptionRequest) -> Result<Subscription, Refusal> {
        self.check_interval(&request.interval)?;
        let selection = Selection::named(&request.tasks)?;
        let token =
            match request.resume_token.as_str() {
                "" => None,
                text => Some(text.parse::<ResumeToken>().map_err(|error| {
                    Refusal::new(Reason::MalformedRequest, error).with("resume_token", "")
                })?),
            };
        let mut wanted = Vec::with_capacity(request.symbols.len());
        for symbol in &request.symbols {
            wanted.push(self.symbol(symbol)?);
        }
        wanted.sort_unstable();
        wanted.dedup();
        let wanted = Some(wanted).filter(|wanted| !wanted.is_empty());
        if self.shared.draining.is_cancelled() {
            return Err(Refusal::new(Reason::Draining, "the server is stopping"));
        }
        if self.shared.subscribers.count() >= self.subscribers_max {
            let message = format!("{} subscriptions are open, more are not allowed", self.subscribers_max);
            return Err(Refusal::new(Reason::Busy, message));
        }
        // First the ring, then the journal: what is published meanwhile is in both, and in neither nothing.
        let listener = self.shared.subscribers.subscribe();
        let nowcasts = request.nowcasts.then(|| self.shared.nowcast_subscribers.subscribe());
        let position = self.shared.subscribers.end();
        let beginning = match (token, request.after_bar_time_ms) {
            (Some(token), _) => self.after_token(token).await?,
            (None, Some(after)) => self.after_bar(after).await?,
            (None, None) if request.latest_first => self.latest_all(position),
            (None, None) => Beginning::default(),
        };
        let first = &beginning.first;
        Ok(Subscription {
            selection,
            wanted,
            shared: self.shared.clone(),
            stores: self.stores.clone(),
            turns: self.limits.catch_ups.clone(),
            interval: self.interval,
            newest: first.iter().map(|made| made.prediction().bar_time).max(),
            sent: first.iter().map(|made| key(made.prediction())).collect(),
            listener,
            nowcasts,
            delivery: request.delivery,
            position: match beginning.after {
                // By a bar, nothing was told yet that a token could go on after.
                Some(_) => token.filter(|_| beginning.oldest.is_none()),
                None => position,
            },
            after: beginning.after,
            oldest: beginning.oldest,
            caught_up_to: 0,
            first: beginning.first,
            pulse: subscription::Pulse::new(self.heartbeat),
            lease: Lease::default(),
        })
    }

    /// The latest prediction of each symbol, as the tables have them.
    fn latest_all(&self, position: Option<ResumeToken>) -> Beginning {
        let latest = self.shared.latest.load();
        let token: Arc<str> = position.map_or_else(|| "".into(), |position| position.to_string().into());
        let stands = latest.symbols().iter().filter_map(|symbol| latest.get(*symbol)?.as_ref().cloned());
        let first = stands.map(|encoded| Arc::new(Published { encoded, place: None, token: token.clone() }));
        Beginning { first: first.collect(), ..Beginning::default() }
    }

    /// Everything that was published after the event of a token; if it is another journal's, of its bar and later ones.
    async fn after_token(&self, token: ResumeToken) -> Result<Beginning, Refusal> {
        if self.with_store(move |stores: &Stores| stores.knows(token)).await? {
            return Ok(Beginning { after: Some(token.number), ..Beginning::default() });
        }
        self.after_bar(token.bar_time_ms - 1).await
    }

    /// Everything about later bars that was published, in the order of its publication.
    async fn after_bar(&self, after: i64) -> Result<Beginning, Refusal> {
        let newest = BarTime::last_closed(self.shared.exchange_time(), self.interval);
        let oldest = newest.plus(-RESUME_BARS_MAX, self.interval);
        let from =
            BarTime::last_closed(after.saturating_add(1), self.interval).plus(1, self.interval).max(oldest);
        let number = self.with_store(move |stores: &Stores| stores.first_number_from(from)).await?;
        Ok(Beginning { after: number.map(|number| number - 1), oldest: Some(from), ..Beginning::default() })
    }
}
