//! Fetching a range of closed klines.

use kline::{Interval, Kline, Milliseconds, Symbol};

use crate::{BackfillProgress, MarketError, RestClient};

use super::{Paging, Step};

/// Fetches the closed klines that open in `from..to_exclusive` (milliseconds), in order, as [`Paging`] does;
/// `progress` is called after every full page and at the end. Safe to cancel.
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
    let mut paging = Paging::new(symbol, interval, (from, to_exclusive), client.told_time(), client.limits());
    let mut bars_done = 0;
    loop {
        match client.with_budget(|budget, now| paging.step(now, budget)) {
            Step::Wait(until) => tokio::time::sleep_until(until).await,
            Step::Ask(call) => {
                let outcome = client.send(&call).await;
                client.with_budget(|budget, now| {
                    paging.answered(outcome, client.address(), budget, (now, rand::random()))
                })?;
                client.hear_time(paging.told());
            }
            Step::Done => {
                progress(paging.progress());
                return Ok(paging.into_klines());
            }
        }
        let so_far = paging.progress();
        if so_far.bars_done > bars_done && so_far.bars_done < so_far.bars_total {
            bars_done = so_far.bars_done;
            progress(so_far);
        }
    }
}
