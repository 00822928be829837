//! Asks which symbols the exchange trades again and again, since symbols come, go and are renamed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kline::{Milliseconds, Symbol};
use market::binance::rest::TradingStatus;
use market::{MarketError, RestClient};
use tokio_util::sync::CancellationToken;

use crate::listings::Listing;
use crate::state::Shared;
use crate::telemetry::metrics as names;

/// Asks the exchange for as long as the server runs.
pub(super) async fn watch(client: RestClient, shared: Arc<Shared>, every: Duration, stop: CancellationToken) {
    loop {
        let symbols = shared.latest.load().symbols().to_vec();
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
pub(super) async fn ask(
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
    shared.listings.store(Arc::new(before.renewed(known)));
    shared.refresh_serving();
}
