//! Which symbols the exchange trades: asked for again and again, since symbols come, go and are renamed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kline::{Milliseconds, Symbol};
use market::binance::rest::TradingStatus;
use market::{MarketError, RestClient};
use tokio_util::sync::CancellationToken;

use crate::state::Shared;
use crate::telemetry::metrics as names;

/// What the exchange says about a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// It is known and has this status.
    Listed(TradingStatus),
    /// The exchange does not know it.
    Unlisted,
}

impl Listing {
    /// Whether klines come.
    #[must_use]
    pub const fn is_traded(self) -> bool {
        matches!(self, Self::Listed(TradingStatus::Trading))
    }

    /// For people and programs: `trading`, `halt`, `break`, `other`, `unlisted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listed(TradingStatus::Trading) => "trading",
            Self::Listed(TradingStatus::Halt) => "halt",
            Self::Listed(TradingStatus::Break) => "break",
            Self::Listed(TradingStatus::Other) => "other",
            Self::Unlisted => "unlisted",
        }
    }
}

/// What the exchange last said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listings {
    known: BTreeMap<Symbol, Listing>,
    successors: BTreeMap<Symbol, Symbol>,
}

impl Listings {
    /// Nothing is known but what has been renamed.
    #[must_use]
    pub fn new(successors: BTreeMap<Symbol, Symbol>) -> Self {
        Self { known: BTreeMap::new(), successors }
    }

    /// What the exchange says about a symbol; `None` before it was asked.
    #[must_use]
    pub fn of(&self, symbol: Symbol) -> Option<Listing> {
        self.known.get(&symbol).copied()
    }

    /// Whether a symbol is known not to be traded.
    #[must_use]
    pub fn is_stopped(&self, symbol: Symbol) -> bool {
        self.of(symbol).is_some_and(|listing| !listing.is_traded())
    }

    /// What a symbol is called now.
    #[must_use]
    pub fn successor(&self, symbol: Symbol) -> Option<Symbol> {
        self.successors.get(&symbol).copied()
    }
}

/// Asks the exchange for as long as the server runs.
pub async fn watch(client: RestClient, shared: Arc<Shared>, every: Duration, stop: CancellationToken) {
    let symbols: Vec<Symbol> = shared.latest.symbols().to_vec();
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            asked = ask(&client, &symbols) => asked,
        };
        match asked {
            Ok((known, time)) => {
                shared.hear_exchange_time(time);
                take(&shared, known);
            }
            Err(error) => tracing::warn!(%error, "the exchange does not say which symbols it trades"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// What the exchange says about each symbol, and its clock.
async fn ask(
    client: &RestClient,
    symbols: &[Symbol],
) -> Result<(BTreeMap<Symbol, Listing>, Milliseconds), MarketError> {
    let info = match client.exchange_info(symbols).await {
        // One unknown name makes it refuse them all: then all of its markets are asked for.
        Err(MarketError::Refused { .. }) => client.exchange_info(&[]).await?,
        answer => answer?,
    };
    let listed: BTreeMap<Symbol, TradingStatus> =
        info.symbols.iter().map(|market| (market.symbol, market.status)).collect();
    let listing =
        |symbol: &Symbol| listed.get(symbol).map_or(Listing::Unlisted, |status| Listing::Listed(*status));
    Ok((symbols.iter().map(|symbol| (*symbol, listing(symbol))).collect(), info.server_time))
}

/// Shows what has changed.
fn take(shared: &Shared, known: BTreeMap<Symbol, Listing>) {
    let before = shared.listings.load();
    for (symbol, listing) in &known {
        names::show_listing(*symbol, listing.is_traded());
        let changed = before.of(*symbol) != Some(*listing);
        if changed && (before.of(*symbol).is_some() || !listing.is_traded()) {
            let successor = before.successor(*symbol).map(|successor| successor.to_string());
            tracing::warn!(%symbol, listing = listing.as_str(), successor, "the exchange has changed what it says about a symbol");
            names::count_alarm("listing_changed");
        }
    }
    let listings = Listings { known, successors: before.successors.clone() };
    shared.listings.store(Arc::new(listings));
    shared.refresh_serving();
}
