//! What goes into the Forecaster and what comes out.

use std::sync::Arc;

use kline::{BarTime, Kline, Milliseconds, Symbol};
use serde::{Deserialize, Serialize};

use crate::{Bundle, BundleDigest, BundleError, JournalRecord, Prediction, Renewed, Source};

/// What a bundle is taken up as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its predictions are published.
    Champion,
    /// Its predictions are only journalled and scored.
    Challenger,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A kline arrived.
    Kline {
        /// The market.
        symbol: Symbol,
        /// The kline.
        kline: Kline,
        /// Whether it is final; a forming one is only kept for nowcasts.
        closed: bool,
        /// Where it came from.
        source: Source,
        /// The exchange's time when it was sent, if that is known: for the answer's provenance only, no time passes by it.
        heard: Option<Milliseconds>,
    },
    /// Exchange time has passed this point.
    Time(Milliseconds),
    /// A verified bundle is to answer from the last sealed bar on. As champion it replaces the present one; as
    /// challenger it is added.
    TakeUp {
        /// As what.
        role: Role,
        /// The bundle.
        bundle: Arc<Bundle>,
    },
    /// A bundle's bands and how far its probabilities are believed were renewed from what has come true
    /// ([`renew`](crate::renew)): bars of those blocks are answered with them. Best told before the bundle is taken up, and before the first bar of a block; a block that is known
    /// already stays as it was served.
    Renew {
        /// The bundle.
        bundle: BundleDigest,
        /// What its answers get, by block.
        renewed: Renewed,
    },
    /// The champion, or all challengers, stop answering. What they predicted is still resolved.
    Drop {
        /// Which.
        role: Role,
    },
}

/// One thing to do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// A prediction of the champion, to be published.
    Publish(Arc<Prediction>),
    /// A record for the journal; a prediction's record comes before its `Publish`.
    Journal(JournalRecord),
    /// A closed kline that is new or corrected, for the store.
    StoreKline {
        /// The market.
        symbol: Symbol,
        /// The kline.
        kline: Kline,
    },
    /// Klines that are missing, to be fetched and fed back as events.
    Fetch {
        /// The market.
        symbol: Symbol,
        /// The first missing bar.
        from: BarTime,
        /// The last missing bar.
        to: BarTime,
    },
    /// Something that a person should know.
    Alarm(Alarm),
}

/// Something that a person should know; nothing has stopped because of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Alarm {
    /// A kline of a symbol that is not followed was not used.
    #[error("symbol {symbol} is not followed; its kline at bar {bar} was not used; add it to the symbols")]
    UnknownSymbol {
        /// The market.
        symbol: Symbol,
        /// Its bar.
        bar: BarTime,
    },
    /// A kline lies more than 30 days ahead of event time and was not used.
    #[error(
        "kline of {symbol} at bar {bar} lies more than 30 days ahead of event time and was not used; check the source's and this machine's clock"
    )]
    FromTheFuture {
        /// The market.
        symbol: Symbol,
        /// Its bar.
        bar: BarTime,
    },
    /// A late or corrected kline lies before the bars that can be replayed.
    #[error(
        "kline of {symbol} at bar {bar} is older than the {horizon} bars that can be replayed; it goes to the store only, restart to take it in"
    )]
    TooOld {
        /// The market.
        symbol: Symbol,
        /// Its bar.
        bar: BarTime,
        /// How many bars can be replayed.
        horizon: usize,
    },
    /// A bar was sealed without some symbols.
    #[error("bar {bar} was sealed {waited_ms} ms after its end without {}", list(missing))]
    SealedIncomplete {
        /// The bar.
        bar: BarTime,
        /// How long after the bar's end, in milliseconds of event time.
        waited_ms: i64,
        /// The active symbols whose kline has not arrived.
        missing: Vec<Symbol>,
    },
    /// A late or corrected kline made the state go back and replay.
    #[error(
        "{symbol} at bar {bar} was {what}; {replayed} bars were replayed and {amended} predictions amended"
    )]
    Replayed {
        /// The market of the earliest change.
        symbol: Symbol,
        /// The earliest changed bar.
        bar: BarTime,
        /// Late or corrected.
        what: Change,
        /// How many bars were replayed.
        replayed: usize,
        /// How many predictions were changed or newly made.
        amended: usize,
    },
    /// A restart has said what the process before it had not said.
    #[error(
        "{amended} predictions of the {replayed} bars from {bar} on had not been journalled, or were made from other klines; they are made now"
    )]
    CaughtUp {
        /// The first bar that was looked at.
        bar: BarTime,
        /// How many bars were looked at.
        replayed: usize,
        /// How many predictions were made or changed.
        amended: usize,
    },
    /// A bundle was not taken up; whatever answered before goes on.
    #[error("bundle {digest} was not taken up: {reason}")]
    BundleRefused {
        /// The bundle.
        digest: BundleDigest,
        /// Why, and what to do.
        reason: Arc<BundleError>,
    },
    /// Some followed symbols are not in the bundle and get no predictions from it.
    #[error(
        "bundle {digest} was not trained on {}; they get no predictions; train a bundle with them",
        list(symbols)
    )]
    SymbolsNotInBundle {
        /// The bundle.
        digest: BundleDigest,
        /// The symbols.
        symbols: Vec<Symbol>,
    },
    /// Some symbols of the market that the bundle was trained on are not followed.
    #[error(
        "bundle {digest} was trained on a market that also has {}; they are not followed, so that the features over all symbols are of the others only; follow them too",
        list(symbols)
    )]
    MarketIncomplete {
        /// The bundle.
        digest: BundleDigest,
        /// The symbols.
        symbols: Vec<Symbol>,
    },
    /// The feature engine did not take a kline that should follow its state.
    #[error("the feature engine did not take the kline of {symbol} at bar {bar}: {problem}")]
    EngineRefused {
        /// The market.
        symbol: Symbol,
        /// Its bar.
        bar: BarTime,
        /// The engine's words.
        problem: String,
    },
}

/// How a kline changed a bar that was already sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was missing before.
    Late,
    /// It had other values before.
    Corrected,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Late => "late",
            Self::Corrected => "corrected",
        })
    }
}

impl Alarm {
    /// A short name for metrics: one of a closed set.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UnknownSymbol { .. } => "unknown_symbol",
            Self::FromTheFuture { .. } => "from_the_future",
            Self::TooOld { .. } => "too_old",
            Self::SealedIncomplete { .. } => "sealed_incomplete",
            Self::Replayed { .. } => "replayed",
            Self::CaughtUp { .. } => "caught_up",
            Self::BundleRefused { .. } => "bundle_refused",
            Self::SymbolsNotInBundle { .. } => "symbols_not_in_bundle",
            Self::MarketIncomplete { .. } => "market_incomplete",
            Self::EngineRefused { .. } => "engine_refused",
        }
    }
}

fn list(symbols: &[Symbol]) -> String {
    symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ")
}
