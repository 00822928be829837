//! Fetching a range of closed klines, page by page.

use std::time::Duration;

use kline::{Interval, Kline, Milliseconds, Symbol};

use crate::backoff::Backoff;
use crate::{BackfillProgress, MarketError, RestClient};

/// Rows of one page: the most that the exchange gives at once.
pub const PAGE_ROWS: usize = 1_000;

/// Fetches the closed klines that open in `from..to_exclusive` (milliseconds), in order. Bars that the exchange does
/// not have are simply absent; bars that have not closed yet end the answer. Faults that may pass are tried again
/// with growing waits; `progress` is called after every page. Safe to cancel.
///
/// # Errors
/// The last [`MarketError`] once the tries are used up, or at once when trying again cannot help.
pub async fn backfill(
    client: &RestClient,
    symbol: Symbol,
    interval: Interval,
    from: Milliseconds,
    to_exclusive: Milliseconds,
    mut progress: impl FnMut(BackfillProgress),
) -> Result<Vec<Kline>, MarketError> {
    let step = interval.milliseconds();
    let start = interval.floor(from.max(0).saturating_add(step - 1));
    let bars = |until: Milliseconds| u64::try_from((until - start) / step).unwrap_or(0);
    let bars_total = bars(interval.floor(to_exclusive.saturating_add(step - 1)));
    let mut next = start;
    let mut klines: Vec<Kline> = Vec::new();
    while next < to_exclusive {
        let page = page(client, symbol, interval, next, to_exclusive).await?;
        let full = page.len() >= PAGE_ROWS;
        if let Some(last) = page.last() {
            next = last.open_time + step;
        }
        klines.extend(page);
        if !full {
            break;
        }
        progress(BackfillProgress { symbol, bars_done: bars(next), bars_total });
    }
    progress(BackfillProgress { symbol, bars_done: bars_total, bars_total });
    Ok(klines)
}

/// One page, tried again while that may help.
async fn page(
    client: &RestClient,
    symbol: Symbol,
    interval: Interval,
    from: Milliseconds,
    to_exclusive: Milliseconds,
) -> Result<Vec<Kline>, MarketError> {
    let mut backoff = Backoff::new(client.limits().backoff);
    loop {
        let error = match client.klines(symbol, interval, from, to_exclusive).await {
            Ok(klines) => return Ok(klines),
            Err(error) => error,
        };
        let wait = match &error {
            // The budget keeps still for as long as the exchange asks.
            MarketError::RateLimited { .. } => {
                backoff.next_wait(1.0);
                Duration::ZERO
            }
            _ => backoff.next_wait(rand::random()),
        };
        if !error.is_retryable() || backoff.attempt() >= client.limits().request_attempts {
            return Err(error);
        }
        tracing::warn!(%symbol, %error, wait_ms = wait.as_millis(), "a back-fill request failed, trying again");
        tokio::time::sleep(wait).await;
    }
}
